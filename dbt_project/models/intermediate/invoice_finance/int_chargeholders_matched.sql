with

chargeholders as (

    select * from {{ ref('int_chargeholders') }}

),

reviewed_names as (

    select * from {{ ref('int_reviewed_names') }}

),

normalised as (

    select
        company_number,
        charge_number,
        person_number,
        person_entitled,
        {{ normalised_name('person_entitled') }} as normalised_name
    from chargeholders

),

final as (

    select
        normalised.company_number,
        normalised.charge_number,
        normalised.person_number,
        normalised.person_entitled,
        normalised.normalised_name,
        reviewed_names.provider,
        reviewed_names.certainty
    from normalised
    left join reviewed_names
        on normalised.normalised_name = reviewed_names.normalised_name

)

select * from final
