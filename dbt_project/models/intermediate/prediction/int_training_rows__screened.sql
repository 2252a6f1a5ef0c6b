with

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

observation_groups as (

    select * from {{ ref('int_observation_groups') }}

),

similar_groups as (

    select * from {{ ref('int_similar_groups') }}

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
        end as unfit_reason,
        {{ sample_key('observations') }} as sample_key
    from observations
    inner join observation_groups
        on
            observations.company_number = observation_groups.company_number
            and observations.accounts_date = observation_groups.accounts_date
    left join similar_groups
        on
            observation_groups.company_group = similar_groups.company_group
            and observation_groups.sic_section = similar_groups.sic_section
            and observation_groups.size_band = similar_groups.size_band

),

ranked as (

    select
        labelled.*,
        row_number() over (
            partition by unfit_reason, label
            order by sample_key, company_number, accounts_date
        ) as sample_rank,
        count(*) over (partition by unfit_reason, label) as population
    from labelled

),

final as (

    select
        company_number,
        accounts_date,
        observed_on,
        snapshot_month,
        similar_since,
        label,
        case
            when unfit_reason is not null then cast(null as double)
            when label = 1 or population <= {{ var('non_user_rows') }} then cast(1 as double)
            else {{ ratio('population', var('non_user_rows')) }}
        end as sample_weight,
        case
            when unfit_reason is not null then unfit_reason
            when label = 0 and sample_rank > {{ var('non_user_rows') }} then 'not in the sample of not-users'
        end as left_out_reason
    from ranked

)

select * from final
