with

landed_files as (

    select * from {{ ref('stg_landing__landed_files') }}

),

expected_volumes as (

    select * from {{ ref('expected_sample_volumes') }}

),

with_previous as (

    select
        file,
        delivery,
        delivery_kind,
        snapshot_month,
        landed_rows,
        rejected_lines,
        is_sample,
        lag(landed_rows) over (
            partition by file, delivery_kind
            order by snapshot_month
        ) as previous_landed_rows,
        max(snapshot_month) over () as latest_snapshot_month
    from landed_files

),

-- how much larger this sample is than the one whose rows were recorded
sample_scale as (

    select
        expected_volumes.file,
        {{ ratio('landed_files.landed_rows', 'expected_volumes.expected_rows') }} as scale
    from landed_files
    inner join expected_volumes
        on
            landed_files.file = expected_volumes.file
            and landed_files.delivery = expected_volumes.delivery
    where landed_files.is_sample and landed_files.delivery_kind = 'stock'

),

with_expected as (

    select
        with_previous.*,
        cast(
            round(
                expected_volumes.expected_rows
                * case when expected_volumes.scaled_by is null then 1 else sample_scale.scale end
            ) as bigint
        ) as expected_rows
    from with_previous
    left join expected_volumes
        on
            with_previous.is_sample
            and with_previous.file = expected_volumes.file
            and with_previous.delivery = expected_volumes.delivery
    left join sample_scale
        on expected_volumes.scaled_by = sample_scale.file

),

final as (

    select
        file,
        delivery,
        delivery_kind,
        snapshot_month,
        snapshot_month = latest_snapshot_month as is_latest_month,
        landed_rows,
        rejected_lines,
        previous_landed_rows,
        100 * {{ ratio('landed_rows - previous_landed_rows', 'previous_landed_rows') }} as change_percent,
        is_sample,
        expected_rows,
        100 * {{ ratio('landed_rows - expected_rows', 'expected_rows') }} as deviation_percent
    from with_expected

)

select * from final
