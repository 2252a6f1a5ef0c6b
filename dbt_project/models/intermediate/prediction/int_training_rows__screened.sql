with

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

similar_groups as (

    select * from {{ ref('int_similar_groups') }}

),

not_user_sample as (

    select * from {{ ref('int_not_user_sample') }}

),

labelled as (

    select
        observations.company_number,
        observations.accounts_date,
        observations.observed_on,
        observations.snapshot_month,
        similar_groups.similar_since,
        case observations.status when 'becomes_user' then 1 when 'not_user' then 0 end as label,
        case
            when observations.status not in ('becomes_user', 'not_user') then 'status ' || observations.status
            when similar_groups.similar_since is null then 'not in a similar group'
        end as unfit_reason
    from observations
    left join similar_groups
        on
            observations.company_group = similar_groups.company_group
            and observations.sic_section = similar_groups.sic_section
            and observations.size_band = similar_groups.size_band

),

final as (

    select
        labelled.company_number,
        labelled.accounts_date,
        labelled.observed_on,
        labelled.snapshot_month,
        labelled.similar_since,
        labelled.label,
        case
            when labelled.unfit_reason is not null then cast(null as double)
            when labelled.label = 1 or not_user_sample.population <= {{ var('non_user_rows') }} then cast(1 as double)
            else {{ ratio('not_user_sample.population', var('non_user_rows')) }}
        end as sample_weight,
        case
            when labelled.unfit_reason is not null then labelled.unfit_reason
            when labelled.label = 1 or {{ sample_key('labelled') }} <= not_user_sample.last_sample_key
                then cast(null as varchar)
            else 'not in the sample of not-users'
        end as left_out_reason
    from labelled
    cross join not_user_sample

)

select * from final
