with

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

similar_groups as (

    select * from {{ ref('int_similar_groups') }}

),

not_user_rows as (

    select
        observations.company_number,
        observations.accounts_date
    from observations
    inner join similar_groups
        on
            observations.company_group = similar_groups.company_group
            and observations.sic_section = similar_groups.sic_section
            and observations.size_band = similar_groups.size_band
    where observations.status = 'not_user'

),

population as (

    select count(*) as population from not_user_rows

),

sampled as (

    select {{ sample_key('not_user_rows') }} as sample_key
    from not_user_rows
    order by sample_key
    limit {{ var('non_user_rows') }}

),

last_sampled as (

    select max(sample_key) as last_sample_key from sampled

),

final as (

    select
        population.population,
        last_sampled.last_sample_key
    from population
    cross join last_sampled

)

select * from final
