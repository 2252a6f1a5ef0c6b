{#- Whether a text is a registration number: 8 capital letters or digits. -#}
{%- macro is_company_number(text) -%}
    coalesce({{ regexp_matches(text, '^[A-Z0-9]{8}$') }}, false)
{%- endmacro -%}
