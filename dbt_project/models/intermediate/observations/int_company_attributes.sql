with

companies as (

    select * from {{ ref('int_companies') }}

),

company_types as (

    select * from {{ ref('int_lookup_codes') }}
    where lookup = 'company_types'

),

legal_statuses as (

    select * from {{ ref('int_lookup_codes') }}
    where lookup = 'legal_statuses'

),

other_company_types as (

    select * from {{ ref('other_company_types') }}

),

sic07_divisions as (

    select * from {{ ref('sic07_divisions') }}

),

postcode_areas as (

    select * from {{ ref('postcode_areas') }}

),

with_postcode_area as (

    select
        companies.*,
        {{ postcode_area('postcode') }} as postcode_area
    from companies

),

final as (

    select
        companies.company_number,
        companies.company_name,
        companies.incorporation_date,
        {{ company_group('other_company_types', 'company_types') }} as company_group,
        coalesce(sic07_divisions.section, 'unknown') as sic_section,
        coalesce(sic07_divisions.section_name, 'unknown') as sic_section_name,
        coalesce(sic07_divisions.division_name, 'unknown') as line_of_business,
        coalesce(postcode_areas.postcode_area, 'unknown') as postcode_area,
        coalesce(postcode_areas.region, 'unknown') as region,
        {{ is_live('companies', 'legal_statuses') }} as is_live
    from with_postcode_area as companies
    left join company_types
        on companies.company_type = company_types.code
    left join legal_statuses
        on companies.legal_status = legal_statuses.code
    left join other_company_types
        on companies.company_type = other_company_types.company_type
    left join sic07_divisions
        on substr(companies.sic07_code, 1, 2) = sic07_divisions.division
    left join postcode_areas
        on companies.postcode_area = postcode_areas.postcode_area

)

select * from final
