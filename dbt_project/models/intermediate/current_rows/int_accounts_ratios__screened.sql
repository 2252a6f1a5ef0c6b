with

accounts_ratios as (

    select * from {{ ref('stg_ukltd__accounts_ratios') }}
    where {{ delivered_by_build_month() }}

),

accounts as (

    select
        company_number,
        accounts_date
    from {{ ref('int_accounts') }}

),

row_ranks as (

    {{ current_row_ranks(ref('stg_ukltd__accounts_ratios'), ['company_number', 'accounts_date']) }}

),

ranked as (

    select
        accounts_ratios.*,
        coalesce(row_ranks.current_row_rank, 1) as current_row_rank
    from accounts_ratios
    left join row_ranks
        on
            accounts_ratios.source_file = row_ranks.source_file
            and accounts_ratios.line_number = row_ranks.line_number

),

final as (

    select
        ranked.*,
        case
            when not {{ is_company_number('ranked.company_number') }} or ranked.accounts_date is null
                then 'key does not parse'
            when ranked.current_row_rank > 1 then 'replaced by a later row'
            when accounts.company_number is null then 'accounts left out or never delivered'
        end as left_out_reason
    from ranked
    left join accounts
        on
            ranked.company_number = accounts.company_number
            and ranked.accounts_date = accounts.accounts_date

)

select * from final
