with

chargeholders as (

    select * from {{ ref('stg_ukltd__chargeholders') }}
    where {{ delivered_by_build_month() }}

),

charges as (

    select
        company_number,
        charge_number
    from {{ ref('int_charges') }}

),

row_ranks as (

    {{ current_row_ranks(ref('stg_ukltd__chargeholders'), ['company_number', 'charge_number', 'person_number']) }}

),

ranked as (

    select
        chargeholders.*,
        coalesce(row_ranks.current_row_rank, 1) as current_row_rank
    from chargeholders
    left join row_ranks
        on
            chargeholders.source_file = row_ranks.source_file
            and chargeholders.line_number = row_ranks.line_number

),

final as (

    select
        ranked.*,
        case
            when
                not {{ is_company_number('ranked.company_number') }}
                or ranked.charge_number is null
                or ranked.person_number is null
                then 'key does not parse'
            when ranked.current_row_rank > 1 then 'replaced by a later row'
            when charges.company_number is null then 'charge left out or never delivered'
        end as left_out_reason
    from ranked
    left join charges
        on
            ranked.company_number = charges.company_number
            and ranked.charge_number = charges.charge_number

)

select * from final
