{#-
    The columns of a mart as its YAML describes them, as a list of {name, kind, description}, in that order. The kind
    says how people write a value: what `config.meta.kind` names, else what the type says.
-#}
{%- macro described_columns(mart) -%}
    {%- set kinds = {
        'varchar': 'text', 'date': 'date', 'boolean': 'flag', 'integer': 'whole', 'bigint': 'whole', 'double': 'number'
    } -%}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- set marts = graph.nodes.values()
            | selectattr('resource_type', 'equalto', 'model') | selectattr('name', 'equalto', mart) | list -%}
        {%- for column in marts[0].columns.values() -%}
            {%- do columns.append({
                'name': column.name,
                'kind': column.config.meta.get('kind', kinds[column.data_type]),
                'description': column.description.split() | join(' ')
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(columns) -}}
{%- endmacro -%}
