{#-
    The delivered columns of a table of the contract, as a list of {name, type, required}, read from the source
    definitions: columns that landing adds are left out.
-#}
{%- macro contract_columns(table_name) -%}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- set tables = graph.sources.values()
            | selectattr('source_name', 'equalto', 'ukltd') | selectattr('name', 'equalto', table_name) | list -%}
        {%- if tables | length != 1 -%}
            {{ exceptions.raise_compiler_error('the contract has no table ' ~ table_name) }}
        {%- endif -%}
        {%- for column in tables[0].columns.values() if not column.config.meta.get('added_by_landing') -%}
            {%- do columns.append({
                'name': column.name,
                'type': column.data_type,
                'required': column.config.meta.get('required', false),
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(columns) -}}
{%- endmacro -%}
