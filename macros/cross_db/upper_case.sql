{#- A text in capitals; a sharp s, which has no usual capital, stays as it is. -#}
{%- macro upper_case(text) -%}
    {{- adapter.dispatch('upper_case')(text) -}}
{%- endmacro -%}

{%- macro default__upper_case(text) -%}
    upper({{ text }})
{%- endmacro -%}

{#- DuckDB knows a capital sharp s, chr(7838), for it. -#}
{%- macro duckdb__upper_case(text) -%}
    replace(upper({{ text }}), chr(7838), chr(223))
{%- endmacro -%}
