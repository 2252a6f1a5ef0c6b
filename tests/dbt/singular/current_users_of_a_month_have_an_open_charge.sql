-- Each company with a charge that is open on the last day of a month counts once in that month, and nobody else.
with

charges as (

    select
        company_number,
        {{ first_of_month('public_date') }} as opened_month,
        case when is_satisfied then {{ first_of_month('satisfied_date') }} end as satisfied_month
    from {{ ref('int_invoice_finance_charges__screened') }}
    where left_out_reason is null

),

months as (

    select month from {{ ref('int_provider_months') }}

),

expected as (

    select
        months.month,
        count(distinct charges.company_number) as users
    from months
    left join charges
        on
            months.month >= charges.opened_month
            and (charges.satisfied_month is null or months.month < charges.satisfied_month)
    group by months.month

),

shown as (

    select
        month,
        sum(current_users) as users
    from {{ ref('provider_figures') }}
    group by month

)

select
    expected.month,
    expected.users as expected_users,
    shown.users
from expected
left join shown
    on expected.month = shown.month
where expected.users <> coalesce(shown.users, 0)
