with

horizon as (

    select * from {{ ref('int_horizon') }}

),

final as (

    select
        horizon_date,
        snapshot_month
    from horizon

)

select * from final
