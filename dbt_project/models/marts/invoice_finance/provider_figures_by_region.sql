with

provider_months as (

    select * from {{ ref('int_provider_months') }}

),

charges as (

    select * from {{ ref('int_provider_charges') }}

),

user_provider_periods as (

    select * from {{ ref('int_user_provider_periods') }}
    where provider is not null

),

events as (

    select
        opened_month as month,
        provider,
        region,
        case when charge_rank = 1 then 1 else 0 end as new_users,
        1 as new_charges,
        0 as satisfied_charges,
        case when switched_from_provider is not null then 1 else 0 end as switches_in,
        0 as switches_out,
        0 as current_users_change
    from charges

    union all

    select
        closed_month as month,
        provider,
        region,
        0 as new_users,
        0 as new_charges,
        1 as satisfied_charges,
        0 as switches_in,
        0 as switches_out,
        0 as current_users_change
    from charges
    where closed_month is not null

    union all

    select
        opened_month as month,
        switched_from_provider as provider,
        region,
        0 as new_users,
        0 as new_charges,
        0 as satisfied_charges,
        0 as switches_in,
        1 as switches_out,
        0 as current_users_change
    from charges
    where switched_from_provider is not null

    union all

    select
        from_month as month,
        provider,
        region,
        0 as new_users,
        0 as new_charges,
        0 as satisfied_charges,
        0 as switches_in,
        0 as switches_out,
        1 as current_users_change
    from user_provider_periods

    union all

    select
        until_month as month,
        provider,
        region,
        0 as new_users,
        0 as new_charges,
        0 as satisfied_charges,
        0 as switches_in,
        0 as switches_out,
        -1 as current_users_change
    from user_provider_periods
    where until_month is not null

),

events_by_month as (

    select
        month,
        provider,
        region,
        {{ sum_of_counts('new_users') }} as new_users,
        {{ sum_of_counts('new_charges') }} as new_charges,
        {{ sum_of_counts('satisfied_charges') }} as satisfied_charges,
        {{ sum_of_counts('switches_in') }} as switches_in,
        {{ sum_of_counts('switches_out') }} as switches_out,
        {{ sum_of_counts('current_users_change') }} as current_users_change
    from events
    group by month, provider, region

),

provider_regions as (

    select distinct
        provider,
        region
    from events_by_month

),

every_month as (

    select
        provider_months.month,
        provider_regions.provider,
        provider_regions.region,
        coalesce(events_by_month.new_users, 0) as new_users,
        coalesce(events_by_month.new_charges, 0) as new_charges,
        coalesce(events_by_month.satisfied_charges, 0) as satisfied_charges,
        coalesce(events_by_month.switches_in, 0) as switches_in,
        coalesce(events_by_month.switches_out, 0) as switches_out,
        cast(sum(coalesce(events_by_month.current_users_change, 0)) over (
            partition by provider_regions.provider, provider_regions.region
            order by provider_months.month
            rows unbounded preceding
        ) as bigint) as current_users
    from provider_months
    cross join provider_regions
    left join events_by_month
        on
            provider_months.month = events_by_month.month
            and provider_regions.provider = events_by_month.provider
            and provider_regions.region = events_by_month.region

),

with_region_total as (

    select
        every_month.*,
        cast(sum(current_users) over (partition by month, region) as bigint) as current_users_of_region
    from every_month

),

final as (

    select
        month,
        provider,
        region,
        new_users,
        new_charges,
        satisfied_charges,
        switches_in,
        switches_out,
        current_users,
        {{ ratio('current_users', 'current_users_of_region') }} as market_share
    from with_region_total
    where new_users + new_charges + satisfied_charges + switches_in + switches_out + current_users > 0

)

select * from final
