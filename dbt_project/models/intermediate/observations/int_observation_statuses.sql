with

accounts as (

    select * from {{ ref('int_accounts') }}

),

users_and_possible_users as (

    select * from {{ ref('int_users_and_possible_users') }}

),

horizon as (

    select horizon_date from {{ ref('int_horizon') }}

),

final as (

    select
        accounts.company_number,
        accounts.accounts_date,
        accounts.observed_on,
        accounts.snapshot_month,
        case
            when users_and_possible_users.first_charge_date <= accounts.observed_on then 'user'
            when users_and_possible_users.first_charge_date <= {{ add_months('accounts.observed_on', 12) }}
                then 'becomes_user'
            when users_and_possible_users.invoice_finance_status = 'possible user' then 'unknown'
            when {{ add_months('accounts.observed_on', 12) }} > horizon.horizon_date then 'unknown'
            else 'not_user'
        end as status,
        users_and_possible_users.first_charge_date
    from accounts
    cross join horizon
    left join users_and_possible_users
        on accounts.company_number = users_and_possible_users.company_number

)

select * from final
