with

charges as (

    select * from {{ ref('stg_ukltd__charges') }}
    where {{ delivered_by_build_month() }}

),

companies as (

    select company_number from {{ ref('int_companies') }}

),

ranked as (

    select
        charges.*,
        {{ charge_public_date() }} as public_date,
        {{ current_row_rank(['company_number', 'charge_number']) }} as current_row_rank
    from charges

),

final as (

    select
        ranked.*,
        case
            when not {{ is_company_number('ranked.company_number') }} or ranked.charge_number is null
                then 'key does not parse'
            when ranked.current_row_rank > 1 then 'replaced by a later row'
            when companies.company_number is null then 'company never delivered'
        end as left_out_reason
    from ranked
    left join companies
        on ranked.company_number = companies.company_number

)

select * from final
