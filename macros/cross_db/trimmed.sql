{#- A text without the blanks around it; nothing but blanks is null. -#}
{%- macro trimmed(text) -%}
    {{- adapter.dispatch('trimmed')(text) -}}
{%- endmacro -%}

{%- macro default__trimmed(text) -%}
    nullif(trim({{ text }}), '')
{%- endmacro -%}

{#- DuckDB's trim takes off spaces only, Trino's every white space. -#}
{%- macro duckdb__trimmed(text) -%}
    nullif(trim({{ text }}, e' \t\r\n\x0B\x0C\x1C\x1D\x1E\x1F'), '')
{%- endmacro -%}
