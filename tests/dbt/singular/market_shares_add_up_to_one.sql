-- Wherever there is a current user: by month in the country, by month and region in each region.
with

totals as (

    select
        month,
        'country' as region,
        sum(current_users) as current_users,
        sum(market_share) as market_share
    from {{ ref('provider_figures') }}
    group by month

    union all

    select
        month,
        region,
        sum(current_users) as current_users,
        sum(market_share) as market_share
    from {{ ref('provider_figures_by_region') }}
    group by month, region

)

select * from totals
where
    abs(coalesce(market_share, 0) - case when current_users > 0 then 1 else 0 end) > 1e-9
