with

invoice_finance_companies as (

    select * from {{ ref('int_invoice_finance_companies') }}

),

final as (

    select
        company_number,
        first_charge_date,
        provider,
        is_current_user,
        charges
    from invoice_finance_companies
    where invoice_finance_status = 'user'

)

select * from final
