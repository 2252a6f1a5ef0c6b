{#- Whether a text is a registration number: 8 capital letters or digits; real ones begin with letters, and some end in one. -#}
{%- macro is_company_number(text) -%}
    coalesce({{ regexp_matches(text, '^[A-Z0-9]{8}$') }}, false)
{%- endmacro -%}
