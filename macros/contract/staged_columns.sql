{#-
    The third of staging's three select lists: the typed columns, what of the row did not parse, where the row comes
    from, and a fingerprint of the rules that typed it (see months_to_type).
-#}
{%- macro staged_columns(table_name) -%}
    {%- for column in contract_columns(table_name) %}
        {{ column.name }},
    {%- endfor %}
        {{ unparseable_text(contract_columns(table_name)) }} as unparseable_text,
        source_file,
        line_number,
        loaded_at,
        delivery_kind,
        '{{ typing_version(table_name) }}' as typing_version,
        snapshot_month
{%- endmacro -%}
