{{ config(materialized='view') }}

with

charges as (

    select * from {{ ref('int_charges_matched') }}

),

final as (

    select
        charges.*,
        case
            when public_date is null then 'no public date'
            when not is_public then 'public on or after the horizon'
            when invoice_finance_match = 'possible' then 'possible match only'
            when invoice_finance_match = 'none' then 'no invoice financier entitled'
        end as left_out_reason
    from charges

)

select * from final
