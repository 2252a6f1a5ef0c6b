-- What came out of landing is what went into the first step after it, by month.
with

steps as (

    select distinct
        step,
        snapshot_month,
        rows_in,
        rows_out
    from {{ ref('row_accounting') }}

),

landed as (

    select
        snapshot_month,
        sum(rows_out) as row_count
    from steps
    where step like 'landing %'
    group by snapshot_month

),

read_back as (

    select
        snapshot_month,
        sum(rows_in) as row_count
    from steps
    where step like 'current %'
    group by snapshot_month

)

select
    landed.snapshot_month,
    landed.row_count as landed_rows,
    read_back.row_count as rows_read_back
from landed
left join read_back
    on landed.snapshot_month = read_back.snapshot_month
where landed.row_count <> coalesce(read_back.row_count, 0)
