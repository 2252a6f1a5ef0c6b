{#- md5 of a text in UTF-8, as 32 lower-case hexadecimal digits. -#}
{%- macro md5_hex(text) -%}
    {{- adapter.dispatch('md5_hex')(text) -}}
{%- endmacro -%}

{%- macro default__md5_hex(text) -%}
    lower(to_hex(md5(to_utf8({{ text }}))))
{%- endmacro -%}

{%- macro duckdb__md5_hex(text) -%}
    md5({{ text }})
{%- endmacro -%}
