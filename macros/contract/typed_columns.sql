{#-
    The second of staging's three select lists: each text as a value of its contract type, and where that can fail, the
    text beside it as it was delivered.
-#}
{%- macro typed_columns(table_name) -%}
    {%- for column in contract_columns(table_name) %}
        {{ parsed(column.name, column.type) }} as {{ column.name }},
        {%- if column.type != 'varchar' %}
        {{ column.name }} as {{ column.name }}_as_delivered,
        {%- endif %}
    {%- endfor %}
        source_file,
        line_number,
        loaded_at,
        {{ delivery_kind('source_file') }} as delivery_kind,
        snapshot_month
{%- endmacro -%}
