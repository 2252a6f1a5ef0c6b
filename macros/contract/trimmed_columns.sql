{#-
    The first of staging's three select lists: each delivered text without the white space around it, null where there
    is nothing else. In a select of its own, so that an engine trims a text once, however often it is read.
-#}
{%- macro trimmed_columns(table_name) -%}
    {%- for column in contract_columns(table_name) %}
        {{ trimmed(column.name) }} as {{ column.name }},
    {%- endfor %}
        source_file,
        line_number,
        loaded_at,
        snapshot_month
{%- endmacro -%}
