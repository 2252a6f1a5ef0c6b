{{ config(materialized='view') }}

with

companies as (

    select
        company_number,
        snapshot_month
    from {{ ref('int_companies') }}

),

invoice_finance_companies as (

    select * from {{ ref('int_invoice_finance_companies') }}

),

final as (

    select
        companies.company_number,
        companies.snapshot_month,
        case
            when invoice_finance_companies.company_number is null then 'no invoice-finance charge'
            when invoice_finance_companies.invoice_finance_status = 'possible user' then 'possible matches only'
        end as left_out_reason
    from companies
    left join invoice_finance_companies
        on companies.company_number = invoice_finance_companies.company_number

)

select * from final
