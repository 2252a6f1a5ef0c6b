{#- The select list of a staging model: the delivered columns typed, then where the row comes from. -#}
{%- macro typed_columns(table_name) -%}
    {%- for column in contract_columns(table_name) %}
        {{ parsed(column.name, column.type) }} as {{ column.name }},
    {%- endfor %}
        source_file,
        line_number,
        loaded_at,
        case when source_file like {{ stock_file_pattern() }} escape '^' then 'stock' else 'monthly' end as delivery_kind,
        snapshot_month
{%- endmacro -%}
