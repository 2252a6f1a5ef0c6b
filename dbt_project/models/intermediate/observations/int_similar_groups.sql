with

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

final as (

    select
        company_group,
        sic_section,
        size_band,
        min(first_charge_date) as similar_since,
        count(*) as becomes_user_rows
    from observations
    where status = 'becomes_user'
    group by company_group, sic_section, size_band

)

select * from final
