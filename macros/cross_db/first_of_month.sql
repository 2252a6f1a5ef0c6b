{#- The first day of a date's month, as a date. -#}
{%- macro first_of_month(date) -%}
    cast(date_trunc('month', {{ date }}) as date)
{%- endmacro -%}
