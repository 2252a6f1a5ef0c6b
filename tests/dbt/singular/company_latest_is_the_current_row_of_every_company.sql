-- Two ways to the same status: the end of the history, and the current row.
with

company_latest as (

    select * from {{ ref('company_latest') }}

),

companies as (

    select * from {{ ref('int_companies') }}

)

select
    companies.company_number,
    company_latest.company_number as latest_company_number,
    companies.legal_status,
    company_latest.legal_status as latest_legal_status,
    companies.dissolution_date,
    company_latest.dissolution_date as latest_dissolution_date
from companies
full outer join company_latest
    on companies.company_number = company_latest.company_number
where
    companies.company_number is null
    or company_latest.company_number is null
    or companies.legal_status is distinct from company_latest.legal_status
    or companies.dissolution_date is distinct from company_latest.dissolution_date
