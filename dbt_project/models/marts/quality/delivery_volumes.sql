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
        ) as landed_rows_before,
        lag(snapshot_month) over (
            partition by file, delivery_kind
            order by snapshot_month
        ) as snapshot_month_before,
        max(snapshot_month) over () as latest_snapshot_month
    from landed_files

),

-- changes of one month are no measure for those of several
with_comparable as (

    select
        with_previous.*,
        case
            when
                delivery_kind = 'stock'
                or {{ calendar_months_between(
                    "cast(snapshot_month_before || '-01' as date)",
                    "cast(snapshot_month || '-01' as date)"
                ) }} = 1
                then landed_rows_before
        end as previous_landed_rows
    from with_previous

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
        with_comparable.*,
        cast(
            round(
                expected_volumes.expected_rows
                * case when expected_volumes.scaled_by is null then 1 else sample_scale.scale end
            ) as bigint
        ) as expected_rows
    from with_comparable
    left join expected_volumes
        on
            with_comparable.is_sample
            and with_comparable.file = expected_volumes.file
            and with_comparable.delivery = expected_volumes.delivery
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
