with

companies as (

    select * from {{ ref('stg_ukltd__companies') }}
    where {{ delivered_by_build_month() }}

),

ranked as (

    select
        companies.*,
        {{ current_row_rank(['company_number']) }} as current_row_rank
    from companies

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
