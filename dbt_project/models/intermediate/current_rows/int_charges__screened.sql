with

charges as (

    select * from {{ ref('stg_ukltd__charges') }}
    where {{ delivered_by_build_month() }}

),

companies as (

    select company_number from {{ ref('int_companies') }}

),

row_ranks as (

    {{ current_row_ranks(ref('stg_ukltd__charges'), ['company_number', 'charge_number']) }}

),

ranked as (

    select
        charges.*,
        {{ charge_public_date() }} as public_date,
        coalesce(row_ranks.current_row_rank, 1) as current_row_rank
    from charges
    left join row_ranks
        on
            charges.source_file = row_ranks.source_file
            and charges.line_number = row_ranks.line_number

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
