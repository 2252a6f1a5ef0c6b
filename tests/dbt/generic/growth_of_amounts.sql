{#-
    For each amount x (all money columns and employees, if not told): x_growth times |x_previous| is x less x_previous,
    and x_growth is null exactly where x or x_previous is null or x_previous is 0.
-#}
{% test growth_of_amounts(model, amounts=none, key=none) %}

    {%- set conditions = [] -%}
    {%- for amount in amounts or money_columns() + ['employees'] -%}
        {%- set now = 'cast(' ~ amount ~ ' as double)' -%}
        {%- set previous = 'nullif(cast(' ~ amount ~ '_previous as double), 0)' -%}
        {%- do conditions.append(
            'case when ' ~ amount ~ '_growth is null then ' ~ now ~ ' is null or ' ~ previous ~ ' is null else '
            ~ 'coalesce(abs(' ~ amount ~ '_growth * abs(' ~ previous ~ ') - (' ~ now ~ ' - ' ~ previous ~ '))'
            ~ ' <= 1e-9 * (abs(' ~ now ~ ') + abs(' ~ previous ~ ')), false) end'
        ) -%}
    {%- endfor -%}

    {{ share_that_holds(model, conditions | join('\n        and '), 1, key) }}

{% endtest %}
