{#- A text on one line: control characters and every kind of blank collapsed to single spaces, none around it. -#}
{%- macro single_spaced(text) -%}
    trim({{ regexp_replace_all(text, '[\\p{Cc}\\p{Z}]+', ' ') }})
{%- endmacro -%}
