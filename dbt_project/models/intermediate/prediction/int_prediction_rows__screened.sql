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

observation_groups as (

    select * from {{ ref('int_observation_groups') }}

),

similar_groups as (

    select * from {{ ref('int_similar_groups') }}

),

horizon as (

    select horizon_date from {{ ref('int_horizon') }}

),

ranked as (

    select
        observations.*,
        row_number() over (partition by company_number order by accounts_date desc) as recency_rank
    from observations

),

final as (

    select
        ranked.company_number,
        ranked.accounts_date,
        ranked.observed_on,
        ranked.snapshot_month,
        similar_groups.similar_since,
        case
            when ranked.recency_rank > 1 then 'not the latest observation'
            when not company_attributes.is_live then 'company not live'
            when users_and_possible_users.invoice_finance_status = 'user' then 'company is a user'
            when
                ranked.accounts_date
                < {{ add_months('horizon.horizon_date', -1 * var('predict_accounts_months')) }}
                then 'accounts too old'
        end as left_out_reason
    from ranked
    cross join horizon
    inner join company_attributes
        on ranked.company_number = company_attributes.company_number
    inner join observation_groups
        on
            ranked.company_number = observation_groups.company_number
            and ranked.accounts_date = observation_groups.accounts_date
    left join users_and_possible_users
        on ranked.company_number = users_and_possible_users.company_number
    left join similar_groups
        on
            observation_groups.company_group = similar_groups.company_group
            and observation_groups.sic_section = similar_groups.sic_section
            and observation_groups.size_band = similar_groups.size_band

)

select * from final
