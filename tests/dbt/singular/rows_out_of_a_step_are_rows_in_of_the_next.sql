-- By month, from the delivered text to the marts: first of all, staging reads what landing counted, file by file.
with

row_accounting as (

    select distinct
        step,
        snapshot_month,
        rows_in,
        rows_out
    from {{ ref('row_accounting') }}

),

chain as (

    {% for step in row_accounting_steps() %}
        select
            '{{ step.step }}' as step,
            '{{ step.follows }}' as step_before
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

handed_on as (

    select
        chain.step_before,
        chain.step,
        row_accounting.snapshot_month,
        row_accounting.rows_out
    from chain
    inner join row_accounting
        on chain.step_before = row_accounting.step

),

taken_over as (

    select
        chain.step_before,
        chain.step,
        row_accounting.snapshot_month,
        row_accounting.rows_in
    from chain
    inner join row_accounting
        on chain.step = row_accounting.step

),

landed_and_forgotten as (

    select
        row_accounting.step as step_before,
        cast(null as varchar) as step,
        row_accounting.snapshot_month,
        row_accounting.rows_out,
        cast(null as bigint) as rows_in
    from row_accounting
    left join chain
        on row_accounting.step = chain.step_before
    where row_accounting.step like 'landing %' and chain.step is null

)

select
    coalesce(handed_on.step_before, taken_over.step_before) as step_before,
    coalesce(handed_on.step, taken_over.step) as step,
    coalesce(handed_on.snapshot_month, taken_over.snapshot_month) as snapshot_month,
    handed_on.rows_out as rows_out_of_step_before,
    taken_over.rows_in as rows_in_of_step
from handed_on
full outer join taken_over
    on
        handed_on.step = taken_over.step
        and handed_on.snapshot_month = taken_over.snapshot_month
where coalesce(handed_on.rows_out, 0) <> coalesce(taken_over.rows_in, 0)

union all

select * from landed_and_forgotten
