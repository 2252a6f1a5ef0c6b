with

accounts as (

    select * from {{ ref('int_accounts') }}

),

-- read a second time: engines keep a relation that is named twice, and this one is wide
accounts_before as (

    select * from {{ ref('int_accounts') }}

),

previous_accounts as (

    select * from {{ ref('int_previous_accounts') }}

),

final as (

    select
        accounts.company_number,
        accounts.accounts_date,
        accounts.observed_on,
        previous_accounts.previous_accounts_date,
        previous_accounts.months_since_previous,
        accounts.filed_date,
        accounts.weeks,
        accounts.consolidated,
        accounts.accounts_type,
        {{ lagged_amounts(money_columns() + ['employees'], 'accounts', 'previous') }}
    from accounts
    left join previous_accounts
        on
            accounts.company_number = previous_accounts.company_number
            and accounts.accounts_date = previous_accounts.accounts_date
    left join accounts_before as previous
        on
            previous_accounts.company_number = previous.company_number
            and previous_accounts.previous_accounts_date = previous.accounts_date

)

select * from final
