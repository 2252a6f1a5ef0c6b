with

accounts as (

    select * from {{ ref('stg_ukltd__accounts') }}
    where {{ delivered_by_build_month() }}

),

companies as (

    select company_number from {{ ref('int_companies') }}

),

horizon as (

    select horizon_date from {{ ref('int_horizon') }}

),

row_ranks as (

    {{ current_row_ranks(ref('stg_ukltd__accounts'), ['company_number', 'accounts_date']) }}

),

ranked as (

    select
        accounts.*,
        {{ accounts_observed_on() }} as observed_on,
        coalesce(row_ranks.current_row_rank, 1) as current_row_rank
    from accounts
    left join row_ranks
        on
            accounts.source_file = row_ranks.source_file
            and accounts.line_number = row_ranks.line_number

),

final as (

    select
        ranked.*,
        case
            when not {{ is_company_number('ranked.company_number') }} or ranked.accounts_date is null
                then 'key does not parse'
            when ranked.current_row_rank > 1 then 'replaced by a later row'
            when companies.company_number is null then 'company never delivered'
            when ranked.accounts_date >= horizon.horizon_date or ranked.observed_on >= horizon.horizon_date
                then 'dated on or after the horizon'
        end as left_out_reason
    from ranked
    cross join horizon
    left join companies
        on ranked.company_number = companies.company_number

)

select * from final
