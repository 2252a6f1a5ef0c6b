{#- A pattern whose last $ is the end of the text and nothing else; Trino's $ is also there before a line feed at the end. -#}
{%- macro whole_text_pattern(pattern) -%}
    {{- pattern[:-1] ~ '\\z' if pattern.endswith('$') else pattern -}}
{%- endmacro -%}
