{#-
    The first of staging's three select lists: each delivered text that stays a text, without the white space around it,
    null where there is nothing else; in a select of its own, so that an engine trims it once, however often it is read.
    The others come as delivered: `parsed` trims those of them that need it.
-#}
{%- macro trimmed_columns(table_name) -%}
    {%- for column in contract_columns(table_name) %}
        {%- if column.type == 'varchar' %}
        {{ trimmed(column.name) }} as {{ column.name }},
        {%- else %}
        {{ column.name }},
        {%- endif %}
    {%- endfor %}
        source_file,
        line_number,
        loaded_at,
        snapshot_month
{%- endmacro -%}
