with

landed_files as (

    select * from {{ ref('stg_landing__landed_files') }}

),

final as (

    select
        'landing ' || file as step,
        snapshot_month,
        {{ sum_of_counts('lines') }} as rows_in
    from landed_files
    group by file, snapshot_month

    {% for step in row_accounting_steps() %}
        union all

        select
            '{{ step.step }}' as step,
            snapshot_month,
            count(*) as rows_in
        from {{ ref(step.reads) }}
        where {{ step.reads_where | default('true') }}
        group by snapshot_month
    {% endfor %}

)

select * from final
