with

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

company_attributes as (

    select * from {{ ref('int_company_attributes') }}

),

users_and_possible_users as (

    select * from {{ ref('int_users_and_possible_users') }}

),

similar_groups as (

    select * from {{ ref('int_similar_groups') }}

),

horizon as (

    select horizon_date from {{ ref('int_horizon') }}

),

latest_observations as (

    select
        company_number,
        max(accounts_date) as accounts_date
    from {{ ref('int_observation_statuses') }}
    group by company_number

),

final as (

    select
        observations.company_number,
        observations.accounts_date,
        observations.observed_on,
        observations.snapshot_month,
        similar_groups.similar_since,
        case
            when observations.accounts_date < latest_observations.accounts_date then 'not the latest observation'
            when not company_attributes.is_live then 'company not live'
            when users_and_possible_users.invoice_finance_status = 'user' then 'company is a user'
            when
                observations.accounts_date
                < {{ add_months('horizon.horizon_date', -1 * var('predict_accounts_months')) }}
                then 'accounts too old'
        end as left_out_reason
    from observations
    cross join horizon
    inner join latest_observations
        on observations.company_number = latest_observations.company_number
    inner join company_attributes
        on observations.company_number = company_attributes.company_number
    left join users_and_possible_users
        on observations.company_number = users_and_possible_users.company_number
    left join similar_groups
        on
            observations.company_group = similar_groups.company_group
            and observations.sic_section = similar_groups.sic_section
            and observations.size_band = similar_groups.size_band

)

select * from final
