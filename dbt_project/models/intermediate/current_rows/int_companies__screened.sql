with

companies as (

    select * from {{ ref('stg_ukltd__companies') }}
    where {{ delivered_by_build_month() }}

),

row_ranks as (

    {{ current_row_ranks(ref('stg_ukltd__companies'), ['company_number']) }}

),

ranked as (

    select
        companies.*,
        coalesce(row_ranks.current_row_rank, 1) as current_row_rank
    from companies
    left join row_ranks
        on
            companies.source_file = row_ranks.source_file
            and companies.line_number = row_ranks.line_number

),

final as (

    select
        ranked.*,
        case
            when not {{ is_company_number('company_number') }} then 'key does not parse'
            when current_row_rank > 1 then 'replaced by a later row'
        end as left_out_reason
    from ranked

)

select * from final
