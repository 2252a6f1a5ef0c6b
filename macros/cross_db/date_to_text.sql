{#- A date as YYYY-MM-DD. -#}
{%- macro date_to_text(date) -%}
    cast({{ date }} as varchar)
{%- endmacro -%}
