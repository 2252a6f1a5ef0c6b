{#-
    For a select: one query a table, counting its values that did not parse, by column and month. The relations that it
    reads bear the tables' names and have a column unparseable_text.
-#}
{%- macro unparseable_values(table_names) -%}
    {%- set queries = [] -%}
    {%- for table_name in table_names -%}
        {%- set from_value = "substr(unparseable_text, strpos(unparseable_text, mark) + length(mark))" -%}
        {%- set query %}
    select
        '{{ table_name }}' as table_name,
        column_name,
        snapshot_month,
        expected_type,
        count(*) as unparseable_values,
        min(substr({{ from_value }}, 1, strpos({{ from_value }}, '|') - 1)) as example
    from {{ table_name }}
    cross join (
        values
        {%- for column in contract_columns(table_name) if column.type != 'varchar' %}
        ('{{ column.name }}', '{{ column.type }}', '|{{ column.name }}='){{ ',' if not loop.last }}
        {%- endfor %}
    ) as typed_columns (column_name, expected_type, mark)
    where strpos(unparseable_text, mark) > 0
    group by column_name, expected_type, snapshot_month
        {%- endset -%}
        {%- do queries.append(query) -%}
    {%- endfor -%}
    {{- queries | join('\n\n    union all\n') -}}
{%- endmacro -%}
