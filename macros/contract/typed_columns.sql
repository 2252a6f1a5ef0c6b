{#- The select list of a staging model: the delivered columns typed, then where the row comes from. -#}
{%- macro typed_columns(table_name) -%}
    {%- for column in contract_columns(table_name) %}
        {{ parsed(column.name, column.type) }} as {{ column.name }},
    {%- endfor %}
        source_file,
        line_number,
        loaded_at,
        {{ delivery_kind('source_file') }} as delivery_kind,
        snapshot_month
{%- endmacro -%}
