{#- Whether a pattern matches anywhere in the text. -#}
{%- macro regexp_matches(text, pattern) -%}
    {{- adapter.dispatch('regexp_matches')(text, pattern) -}}
{%- endmacro -%}

{%- macro default__regexp_matches(text, pattern) -%}
    regexp_like({{ text }}, '{{ whole_text_pattern(pattern) }}')
{%- endmacro -%}

{%- macro duckdb__regexp_matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro -%}
