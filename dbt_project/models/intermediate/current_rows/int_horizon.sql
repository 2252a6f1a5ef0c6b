with

landed_files as (

    select * from {{ ref('stg_landing__landed_files') }}

),

latest_delivery as (

    select max(snapshot_month) as snapshot_month from landed_files

),

final as (

    select
        cast(snapshot_month || '-01' as date) as horizon_date,
        snapshot_month
    from latest_delivery

)

select * from final
