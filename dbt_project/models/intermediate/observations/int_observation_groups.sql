{{ config(materialized='view') }}

with

accounts as (

    select * from {{ ref('int_accounts') }}

),

company_attributes as (

    select * from {{ ref('int_company_attributes') }}

),

final as (

    select
        accounts.company_number,
        accounts.accounts_date,
        accounts.observed_on,
        accounts.snapshot_month,
        company_attributes.company_group,
        company_attributes.sic_section,
        {{ size_band('coalesce(accounts.turnover, accounts.total_assets)') }} as size_band
    from accounts
    inner join company_attributes
        on accounts.company_number = company_attributes.company_number

)

select * from final
