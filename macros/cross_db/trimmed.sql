{#- A text without the white space around it; nothing but white space is null. -#}
{%- macro trimmed(text) -%}
    {{- adapter.dispatch('trimmed')(text) -}}
{%- endmacro -%}

{%- macro default__trimmed(text) -%}
    nullif(trim({{ text }}), '')
{%- endmacro -%}

{#-
    DuckDB's trim takes off spaces only, unless told; these are all that Trino's takes off. Told, it is slow, so that a
    text of ASCII with nothing to take off, as nearly all are, is left alone.
-#}
{%- macro duckdb__trimmed(text) -%}
    {%- set beyond_ascii = '\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u2028\u2029\u205f\u3000' -%}
    case
        when regexp_matches({{ text }}, '^[!-~]([ -~]*[!-~])?$') then {{ text }}
        else nullif(trim({{ text }}, e' \t\r\n\x0B\x0C\x1C\x1D\x1E\x1F{{ beyond_ascii }}'), '')
    end
{%- endmacro -%}
