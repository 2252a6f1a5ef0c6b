with

chargeholders as (

    select * from {{ ref('int_chargeholders_matched') }}

),

charges as (

    select * from {{ ref('int_charges_matched') }}

),

unsettled as (

    select
        normalised_name,
        company_number,
        charge_number,
        min({{ single_spaced('person_entitled') }}) as person_entitled
    from chargeholders
    where normalised_name <> '' and (certainty is null or certainty = 'possible')
    group by normalised_name, company_number, charge_number

),

final as (

    select
        unsettled.normalised_name,
        unsettled.company_number,
        unsettled.charge_number,
        unsettled.person_entitled,
        charges.public_date
    from unsettled
    inner join charges
        on
            unsettled.company_number = charges.company_number
            and unsettled.charge_number = charges.charge_number
    where charges.public_date is null or charges.is_public

)

select * from final
