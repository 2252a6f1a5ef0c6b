-- Count, charges, charges a user, and current users at the end of the last month; by country and by region alike.
with

horizon as (

    select horizon_date from {{ ref('int_horizon') }}

),

expected as (

    select
        count(*) as users,
        coalesce(sum(charges), 0) as charges,
        avg(charges) as average_charges,
        coalesce(sum(case when is_current_user then 1 else 0 end), 0) as current_users
    from {{ ref('users') }}

),

{% for figures in ['provider_figures', 'provider_figures_by_region'] %}

    {{ figures }}_total as (

        select
            coalesce(sum(figures.new_users), 0) as users,
            coalesce(sum(figures.new_charges), 0) as charges,
            {{ ratio('sum(figures.new_charges)', 'sum(figures.new_users)') }} as average_charges,
            coalesce(sum(
                case
                    when figures.month = {{ add_months('horizon.horizon_date', -1) }} then figures.current_users
                end
            ), 0) as current_users
        from {{ ref(figures) }} as figures
        cross join horizon

    ),

{% endfor %}

totals as (

    {% for figures in ['provider_figures', 'provider_figures_by_region'] %}
        select
            '{{ figures }}' as figures,
            {{ figures }}_total.*
        from {{ figures }}_total
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    totals.figures,
    totals.users,
    totals.charges,
    totals.average_charges,
    totals.current_users,
    expected.users as expected_users,
    expected.charges as expected_charges,
    expected.average_charges as expected_average_charges,
    expected.current_users as expected_current_users
from totals
cross join expected
where
    totals.users <> expected.users
    or totals.charges <> expected.charges
    or coalesce(abs(totals.average_charges - expected.average_charges) > 1e-9, false)
    or totals.current_users <> expected.current_users
