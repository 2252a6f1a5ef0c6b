with

provider_figures_by_region as (

    select * from {{ ref('provider_figures_by_region') }}

),

by_provider as (

    select
        month,
        provider,
        {{ sum_of_counts('new_users') }} as new_users,
        {{ sum_of_counts('new_charges') }} as new_charges,
        {{ sum_of_counts('satisfied_charges') }} as satisfied_charges,
        {{ sum_of_counts('switches_in') }} as switches_in,
        {{ sum_of_counts('switches_out') }} as switches_out,
        {{ sum_of_counts('current_users') }} as current_users
    from provider_figures_by_region
    group by month, provider

),

with_country_total as (

    select
        by_provider.*,
        cast(sum(current_users) over (partition by month) as bigint) as current_users_of_country
    from by_provider

),

final as (

    select
        month,
        provider,
        new_users,
        new_charges,
        satisfied_charges,
        switches_in,
        switches_out,
        current_users,
        {{ ratio('current_users', 'current_users_of_country') }} as market_share
    from with_country_total

)

select * from final
