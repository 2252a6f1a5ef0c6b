{#-
    One query a column of the tables that can fail to parse: its values that are neither blank nor of their contract
    type, counted by snapshot month.
-#}
{%- macro unparseable_values(table_names) -%}
    {%- set queries = [] -%}
    {%- for table_name in table_names -%}
        {%- for column in contract_columns(table_name) if column.type != 'varchar' -%}
            {%- set query %}
    select
        '{{ table_name }}' as table_name,
        '{{ column.name }}' as column_name,
        snapshot_month,
        '{{ column.type }}' as expected_type,
        count(*) as unparseable_values,
        min({{ trimmed(column.name) }}) as example
    from {{ table_name }}
    where {{ trimmed(column.name) }} is not null and {{ parsed(column.name, column.type) }} is null
    group by snapshot_month
            {%- endset -%}
            {%- do queries.append(query) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- queries | join('\n\n    union all\n') -}}
{%- endmacro -%}
