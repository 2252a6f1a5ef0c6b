{#-
    For a select: one query a column of the tables that can fail to parse, counting its values that did not, by month.
    The relations that it reads bear the tables' names and have a column unparseable_text.
-#}
{%- macro unparseable_values(table_names) -%}
    {%- set queries = [] -%}
    {%- for table_name in table_names -%}
        {%- for column in contract_columns(table_name) if column.type != 'varchar' -%}
            {%- set mark = '|' ~ column.name ~ '=' -%}
            {%- set from_value = "substr(unparseable_text, strpos(unparseable_text, '" ~ mark ~ "') + " ~ mark | length ~ ")" -%}
            {%- set query %}
    select
        '{{ table_name }}' as table_name,
        '{{ column.name }}' as column_name,
        snapshot_month,
        '{{ column.type }}' as expected_type,
        count(*) as unparseable_values,
        min(substr({{ from_value }}, 1, strpos({{ from_value }}, '|') - 1)) as example
    from {{ table_name }}
    where strpos(unparseable_text, '{{ mark }}') > 0
    group by snapshot_month
            {%- endset -%}
            {%- do queries.append(query) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- queries | join('\n\n    union all\n') -}}
{%- endmacro -%}
