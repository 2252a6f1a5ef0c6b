{#-
    The columns whose codes are looked up, as a list of {entity, column, code, lookup, missing_from}: those that bear
    `config.meta.lookup` in the contract, and the two of which seeds know more. `code` is what is looked up, in SQL;
    `missing_from` says where a code would have to be added.
-#}
{%- macro lookup_columns() -%}
    {%- set columns = [] -%}
    {%- if execute -%}
        {%- set entities = delivered_entities() -%}
        {%- for table in graph.sources.values() | selectattr('source_name', 'equalto', 'ukltd') -%}
            {%- for column in table.columns.values() if column.config.meta.get('lookup') -%}
                {%- set lookup_file = column.config.meta.lookup -%}
                {%- if lookup_file not in entities -%}
                    {{ exceptions.raise_compiler_error(column.name ~ ': staging has no lookup ' ~ lookup_file) }}
                {%- endif -%}
                {%- set lookup = entities[lookup_file] -%}
                {%- do columns.append({
                    'entity': entities[table.config.meta.file],
                    'column': column.name,
                    'code': column.name,
                    'lookup': lookup,
                    'missing_from': 'delivered lookup ' ~ lookup_file
                        ~ (' and seed other_company_types' if lookup == 'company_types' else ''),
                }) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do columns.extend([
            {
                'entity': 'companies',
                'column': 'sic07_code',
                'code': 'substr(sic07_code, 1, 2)',
                'lookup': 'sic07_divisions',
                'missing_from': 'seed sic07_divisions',
            },
            {
                'entity': 'companies',
                'column': 'postcode',
                'code': 'coalesce(' ~ postcode_area('postcode') ~ ', postcode)',
                'lookup': 'postcode_areas',
                'missing_from': 'seed postcode_areas',
            },
        ]) -%}
    {%- endif -%}
    {{- return(columns) -}}
{%- endmacro -%}
