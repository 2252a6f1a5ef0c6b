with

users_and_possible_users as (

    select * from {{ ref('int_users_and_possible_users') }}

),

final as (

    select
        company_number,
        first_charge_date,
        provider,
        is_current_user,
        charges
    from users_and_possible_users
    where invoice_finance_status = 'user'

)

select * from final
