{#- A date so many months later (earlier if negative); the day is kept and stays within the month. -#}
{%- macro add_months(date, months) -%}
    {{- adapter.dispatch('add_months')(date, months) -}}
{%- endmacro -%}

{%- macro default__add_months(date, months) -%}
    date_add('month', {{ months }}, {{ date }})
{%- endmacro -%}

{%- macro duckdb__add_months(date, months) -%}
    cast({{ date }} + to_months({{ months }}) as date)
{%- endmacro -%}
