with

observations as (

    select * from {{ ref('int_observation_groups') }}

),

users_and_possible_users as (

    select * from {{ ref('int_users_and_possible_users') }}

),

horizon as (

    select horizon_date from {{ ref('int_horizon') }}

),

final as (

    select
        observations.company_number,
        observations.accounts_date,
        observations.observed_on,
        observations.snapshot_month,
        observations.company_group,
        observations.sic_section,
        observations.size_band,
        case
            when users_and_possible_users.first_charge_date <= observations.observed_on then 'user'
            when users_and_possible_users.first_charge_date <= {{ add_months('observations.observed_on', 12) }}
                then 'becomes_user'
            when users_and_possible_users.invoice_finance_status = 'possible user' then 'unknown'
            when {{ add_months('observations.observed_on', 12) }} > horizon.horizon_date then 'unknown'
            else 'not_user'
        end as status,
        users_and_possible_users.first_charge_date
    from observations
    cross join horizon
    left join users_and_possible_users
        on observations.company_number = users_and_possible_users.company_number

)

select * from final
