with

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

observation_groups as (

    select * from {{ ref('int_observation_groups') }}

),

final as (

    select
        observation_groups.company_group,
        observation_groups.sic_section,
        observation_groups.size_band,
        min(observations.first_charge_date) as similar_since,
        count(*) as becomes_user_rows
    from observations
    inner join observation_groups
        on
            observations.company_number = observation_groups.company_number
            and observations.accounts_date = observation_groups.accounts_date
    where observations.status = 'becomes_user'
    group by
        observation_groups.company_group,
        observation_groups.sic_section,
        observation_groups.size_band

)

select * from final
