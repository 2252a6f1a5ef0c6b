-- By the month of first_charge_date; the first month of the figures has those before it, too.
with

first_month as (

    select min(month) as month
    from {{ ref('int_provider_months') }}

),

expected as (

    select
        case
            when users.first_charge_date < first_month.month then first_month.month
            else {{ first_of_month('users.first_charge_date') }}
        end as month,
        users.provider,
        count(*) as new_users
    from {{ ref('users') }} as users
    cross join first_month
    group by 1, 2

),

shown as (

    select
        month,
        provider,
        new_users
    from {{ ref('provider_figures') }}
    where new_users > 0

)

select
    expected.month as expected_month,
    expected.provider as expected_provider,
    expected.new_users as expected_new_users,
    shown.month,
    shown.provider,
    shown.new_users
from expected
full outer join shown
    on
        expected.month = shown.month
        and expected.provider = shown.provider
where coalesce(expected.new_users, 0) <> coalesce(shown.new_users, 0)
