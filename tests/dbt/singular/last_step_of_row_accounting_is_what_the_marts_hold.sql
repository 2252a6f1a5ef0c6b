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
        'charges to invoice finance charges' as step,
        coalesce(sum(charges), 0) as row_count
    from {{ ref('users') }}

)

select
    held.step,
    held.row_count,
    accounted.row_count as accounted_row_count
from held
left join accounted
    on held.step = accounted.step
where held.row_count <> coalesce(accounted.row_count, 0)
