with

charges as (

    select * from {{ ref('int_charges_to_review') }}

),

spellings as (

    select
        normalised_name,
        person_entitled,
        row_number() over (
            partition by normalised_name
            order by count(*) desc, person_entitled asc
        ) as spelling_rank
    from charges
    group by normalised_name, person_entitled

),

latest_charges as (

    select
        normalised_name,
        company_number,
        charge_number,
        row_number() over (
            partition by normalised_name
            order by public_date desc nulls last, company_number asc, charge_number asc
        ) as charge_rank
    from charges

),

figures as (

    select
        normalised_name,
        count(*) as charges,
        count(distinct company_number) as companies,
        min(public_date) as first_public_date,
        max(public_date) as last_public_date
    from charges
    group by normalised_name

),

final as (

    select
        figures.normalised_name,
        spellings.person_entitled,
        figures.charges,
        figures.companies,
        figures.first_public_date,
        figures.last_public_date,
        latest_charges.company_number as example_company_number,
        latest_charges.charge_number as example_charge_number
    from figures
    inner join spellings
        on
            figures.normalised_name = spellings.normalised_name
            and spellings.spelling_rank = 1
    inner join latest_charges
        on
            figures.normalised_name = latest_charges.normalised_name
            and latest_charges.charge_rank = 1

)

select * from final
