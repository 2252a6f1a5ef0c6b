{#- For each amount x: x, x_previous and x_growth, for a select list. -#}
{%- macro lagged_amounts(amounts, now, previous) -%}
    {%- for amount in amounts %}
        {{ now }}.{{ amount }},
        {{ previous }}.{{ amount }} as {{ amount }}_previous,
        {{ growth(now ~ '.' ~ amount, previous ~ '.' ~ amount) }} as {{ amount }}_growth{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro -%}
