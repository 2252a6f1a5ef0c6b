with

rows_in_by_step as (

    select * from {{ ref('int_rows_in_by_step') }}

),

outcomes_by_step as (

    select * from {{ ref('int_outcomes_by_step') }}

),

accounts as (

    select
        company_number,
        accounts_date,
        snapshot_month
    from {{ ref('int_accounts') }}

),

rows_of_marts as (

    {% for step in row_accounting_steps() | selectattr('ends_in_mart', 'defined') %}
        select
            '{{ step.step }}' as step,
            company_number,
            accounts_date,
            {{ step.reason }} as left_out_reason
        from {{ ref(step.ends_in_mart) }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- marts do not say in which delivery a row came, its accounts do
outcomes_in_marts as (

    select
        rows_of_marts.step,
        accounts.snapshot_month,
        rows_of_marts.left_out_reason,
        count(*) as row_count
    from rows_of_marts
    inner join accounts
        on
            rows_of_marts.company_number = accounts.company_number
            and rows_of_marts.accounts_date = accounts.accounts_date
    group by rows_of_marts.step, accounts.snapshot_month, rows_of_marts.left_out_reason

),

outcomes as (

    select * from outcomes_by_step
    union all
    select * from outcomes_in_marts

),

rows_out_by_step as (

    select
        step,
        snapshot_month,
        {{ sum_of_counts('case when left_out_reason is null then row_count else 0 end') }} as rows_out
    from outcomes
    group by step, snapshot_month

),

left_out as (

    select
        step,
        snapshot_month,
        left_out_reason as reason,
        row_count as rows_left_out
    from outcomes
    where left_out_reason is not null and row_count > 0

),

-- full, so that rows that came from nowhere are seen as well
rows_in_and_out as (

    select
        coalesce(rows_in_by_step.step, rows_out_by_step.step) as step,
        coalesce(rows_in_by_step.snapshot_month, rows_out_by_step.snapshot_month) as snapshot_month,
        coalesce(rows_in_by_step.rows_in, 0) as rows_in,
        coalesce(rows_out_by_step.rows_out, 0) as rows_out
    from rows_in_by_step
    full outer join rows_out_by_step
        on
            rows_in_by_step.step = rows_out_by_step.step
            and rows_in_by_step.snapshot_month = rows_out_by_step.snapshot_month

),

final as (

    select
        rows_in_and_out.step,
        rows_in_and_out.snapshot_month,
        rows_in_and_out.rows_in,
        rows_in_and_out.rows_out,
        coalesce(left_out.reason, 'none') as reason,
        coalesce(left_out.rows_left_out, 0) as rows_left_out
    from rows_in_and_out
    left join left_out
        on
            rows_in_and_out.step = left_out.step
            and rows_in_and_out.snapshot_month = left_out.snapshot_month

)

select * from final
