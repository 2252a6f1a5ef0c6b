with

landed_files as (

    select * from {{ ref('stg_landing__landed_files') }}

),

landing_outcomes as (

    {% for column, reason in {
        'landed_rows': 'cast(null as varchar)',
        'header_lines': "'header line'",
        'blank_lines': "'blank line'",
        'rejected_lines': "'rejected line'",
    }.items() %}
        select
            'landing ' || file as step,
            snapshot_month,
            {{ reason }} as left_out_reason,
            {{ column }} as row_count
        from landed_files
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        step,
        snapshot_month,
        left_out_reason,
        {{ sum_of_counts('row_count') }} as row_count
    from landing_outcomes
    group by step, snapshot_month, left_out_reason

    {% for step in row_accounting_steps() if step.ends_in %}
        union all

        select
            '{{ step.step }}' as step,
            snapshot_month,
            left_out_reason,
            count(*) as row_count
        from {{ ref(step.ends_in) }}
        where {{ step.ends_in_where | default('true') }}
        group by snapshot_month, left_out_reason
    {% endfor %}

)

select * from final
