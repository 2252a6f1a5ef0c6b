with

company_attributes as (

    select * from {{ ref('int_company_attributes') }}

),

latest_periods as (

    select * from {{ ref('company_history') }}
    where is_current

),

periods as (

    select
        company_number,
        count(*) as status_periods
    from {{ ref('company_history') }}
    group by company_number

),

final as (

    select
        latest_periods.company_number,
        company_attributes.company_name,
        company_attributes.company_group,
        company_attributes.sic_section_name as sector,
        company_attributes.line_of_business,
        company_attributes.region,
        company_attributes.postcode_area,
        company_attributes.incorporation_date,
        latest_periods.legal_status,
        latest_periods.legal_status_description,
        latest_periods.dissolution_date,
        latest_periods.is_live,
        latest_periods.valid_from as status_since,
        periods.status_periods
    from latest_periods
    inner join periods
        on latest_periods.company_number = periods.company_number
    left join company_attributes
        on latest_periods.company_number = company_attributes.company_number

)

select * from final
