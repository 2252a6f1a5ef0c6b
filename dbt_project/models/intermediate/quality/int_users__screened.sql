{{ config(materialized='view') }}

with

companies as (

    select
        company_number,
        snapshot_month
    from {{ ref('int_companies') }}

),

users_and_possible_users as (

    select * from {{ ref('int_users_and_possible_users') }}

),

final as (

    select
        companies.company_number,
        companies.snapshot_month,
        case
            when users_and_possible_users.company_number is null then 'no invoice-finance charge'
            when users_and_possible_users.invoice_finance_status = 'possible user' then 'possible matches only'
        end as left_out_reason
    from companies
    left join users_and_possible_users
        on companies.company_number = users_and_possible_users.company_number

)

select * from final
