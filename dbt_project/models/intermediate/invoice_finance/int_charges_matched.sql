with

charges as (

    select * from {{ ref('int_charges') }}

),

chargeholders as (

    select * from {{ ref('int_chargeholders_matched') }}

),

horizon as (

    select horizon_date from {{ ref('int_horizon') }}

),

certain_holders as (

    select
        company_number,
        charge_number,
        provider,
        row_number() over (partition by company_number, charge_number order by person_number) as holder_rank
    from chargeholders
    where certainty = 'certain'

),

matches as (

    select
        company_number,
        charge_number,
        max(case when certainty = 'certain' then 1 else 0 end) as certain_matches,
        max(case when certainty = 'possible' then 1 else 0 end) as possible_matches
    from chargeholders
    group by company_number, charge_number

),

final as (

    select
        charges.company_number,
        charges.charge_number,
        charges.snapshot_month,
        charges.public_date,
        charges.satisfied_date,
        certain_holders.provider,
        case
            when matches.certain_matches = 1 then 'certain'
            when matches.possible_matches = 1 then 'possible'
            else 'none'
        end as invoice_finance_match,
        coalesce(charges.public_date < horizon.horizon_date, false) as is_public,
        coalesce(charges.satisfied_date < horizon.horizon_date, false) as is_satisfied
    from charges
    cross join horizon
    left join matches
        on
            charges.company_number = matches.company_number
            and charges.charge_number = matches.charge_number
    left join certain_holders
        on
            charges.company_number = certain_holders.company_number
            and charges.charge_number = certain_holders.charge_number
            and certain_holders.holder_rank = 1

)

select * from final
