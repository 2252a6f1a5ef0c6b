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

ranked as (

    select
        chargeholders.*,
        {{ current_row_rank(['company_number', 'charge_number', 'person_number']) }} as current_row_rank
    from chargeholders

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
