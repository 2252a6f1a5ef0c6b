{#- A date so many days later (earlier if negative). -#}
{%- macro add_days(date, days) -%}
    {{- adapter.dispatch('add_days')(date, days) -}}
{%- endmacro -%}

{%- macro default__add_days(date, days) -%}
    date_add('day', {{ days }}, {{ date }})
{%- endmacro -%}

{%- macro duckdb__add_days(date, days) -%}
    cast({{ date }} + to_days({{ days }}) as date)
{%- endmacro -%}
