-- Rows in are counted where they come from, the rest where they went. A row that is neither kept nor left out for a
-- reason, or that comes out twice, shows here.
with

row_accounting as (

    select * from {{ ref('row_accounting') }}

)

select
    step,
    snapshot_month,
    min(rows_in) as rows_in,
    min(rows_out) as rows_out,
    sum(rows_left_out) as rows_left_out
from row_accounting
group by step, snapshot_month
having
    min(rows_in) <> min(rows_out) + sum(rows_left_out)
    or min(rows_in) <> max(rows_in)
    or min(rows_out) <> max(rows_out)
