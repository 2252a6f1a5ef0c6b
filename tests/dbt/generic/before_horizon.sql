{#- Fails for each row dated on or after the horizon of the build. -#}
{% test before_horizon(model, column_name) %}

    select
        tested.{{ column_name }},
        horizon.horizon_date,
        count(*) as row_count
    from {{ model }} as tested
    cross join {{ ref('int_horizon') }} as horizon
    where tested.{{ column_name }} >= horizon.horizon_date
    group by tested.{{ column_name }}, horizon.horizon_date

{% endtest %}
