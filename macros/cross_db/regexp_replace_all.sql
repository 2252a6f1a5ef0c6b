{#- Every match of a pattern replaced; DuckDB replaces the first one only unless told. -#}
{%- macro regexp_replace_all(text, pattern, replacement) -%}
    {{- adapter.dispatch('regexp_replace_all')(text, pattern, replacement) -}}
{%- endmacro -%}

{%- macro default__regexp_replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ whole_text_pattern(pattern) }}', '{{ replacement }}')
{%- endmacro -%}

{%- macro duckdb__regexp_replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro -%}
