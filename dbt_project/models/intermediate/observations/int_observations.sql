with

accounts as (

    select * from {{ ref('int_accounts') }}

),

invoice_finance_companies as (

    select * from {{ ref('int_invoice_finance_companies') }}

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
            when invoice_finance_companies.first_charge_date <= accounts.observed_on then 'user'
            when invoice_finance_companies.first_charge_date <= {{ add_months('accounts.observed_on', 12) }}
                then 'becomes_user'
            when invoice_finance_companies.invoice_finance_status = 'possible user' then 'unknown'
            when {{ add_months('accounts.observed_on', 12) }} > horizon.horizon_date then 'unknown'
            else 'not_user'
        end as status,
        invoice_finance_companies.first_charge_date
    from accounts
    cross join horizon
    left join invoice_finance_companies
        on accounts.company_number = invoice_finance_companies.company_number

)

select * from final
