with

accounted as (

    select
        step,
        sum(rows_out) as row_count
    from (
        select distinct
            step,
            snapshot_month,
            rows_out
        from {{ ref('row_accounting') }}
    ) as steps
    group by step

),

held as (

    select
        'delivered companies to company history' as step,
        count(*) as row_count
    from {{ ref('company_history') }}

    union all

    select
        'current companies' as step,
        count(*) as row_count
    from {{ ref('company_latest') }}

    union all

    select
        'companies to users' as step,
        count(*) as row_count
    from {{ ref('users') }}

    union all

    select
        'charges to invoice finance charges' as step,
        coalesce(sum(charges), 0) as row_count
    from {{ ref('users') }}

    union all

    select
        'accounts to users_not_users' as step,
        count(*) as row_count
    from {{ ref('users_not_users') }}

    union all

    select
        'accounts to lagged_financials' as step,
        count(*) as row_count
    from {{ ref('lagged_financials') }}

    union all

    select
        'observations to train on' as step,
        count(*) as row_count
    from {{ ref('to_train') }}

    union all

    select
        'observations to predict' as step,
        count(*) as row_count
    from {{ ref('to_predict') }}

    union all

    select
        'to_predict to eligible companies' as step,
        count(*) as row_count
    from {{ ref('to_predict') }}
    where is_eligible

)

select
    held.step,
    held.row_count,
    accounted.row_count as accounted_row_count
from held
left join accounted
    on held.step = accounted.step
where held.row_count <> coalesce(accounted.row_count, 0)
