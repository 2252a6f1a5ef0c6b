with

accounts as (

    select
        company_number,
        accounts_date,
        observed_on
    from {{ ref('int_accounts') }}

),

with_row_before as (

    select
        company_number,
        accounts_date,
        observed_on,
        lag(accounts_date) over (partition by company_number order by accounts_date) as accounts_date_before,
        lag(observed_on) over (partition by company_number order by accounts_date) as observed_on_before
    from accounts

),

final as (

    select
        company_number,
        accounts_date,
        accounts_date_before as previous_accounts_date,
        cast({{ calendar_months_between('accounts_date_before', 'accounts_date') }} as integer)
            as months_since_previous
    from with_row_before
    where
        observed_on_before <= observed_on
        and accounts_date_before between
        {{ add_months('accounts_date', -15) }} and {{ add_months('accounts_date', -9) }}

)

select * from final
