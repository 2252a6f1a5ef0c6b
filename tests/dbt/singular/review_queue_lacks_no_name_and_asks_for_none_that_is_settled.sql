-- The names are told a second time, from the chargeholders and the list as they were delivered and filed.
with

reviewed as (

    select
        {{ normalised_name('person_entitled') }} as normalised_name,
        max(case when certainty in ('certain', 'no') then 1 else 0 end) as is_settled
    from {{ ref('person_entitled_adjusted') }}
    group by {{ normalised_name('person_entitled') }}

),

named as (

    select
        {{ normalised_name('holders.person_entitled') }} as normalised_name,
        count(distinct charges.company_number || '|' || cast(charges.charge_number as varchar)) as charges,
        count(distinct charges.company_number) as companies
    from {{ ref('int_chargeholders') }} as holders
    inner join {{ ref('int_charges') }} as charges
        on
            holders.company_number = charges.company_number
            and holders.charge_number = charges.charge_number
    cross join {{ ref('int_horizon') }} as horizon
    where coalesce(charges.public_date < horizon.horizon_date, true)
    group by {{ normalised_name('holders.person_entitled') }}

),

expected as (

    select named.*
    from named
    left join reviewed
        on named.normalised_name = reviewed.normalised_name
    where named.normalised_name <> '' and coalesce(reviewed.is_settled, 0) = 0

),

queued as (

    select distinct
        normalised_name,
        charges,
        companies
    from {{ ref('review_queue') }}

)

select
    coalesce(expected.normalised_name, queued.normalised_name) as normalised_name,
    expected.charges as expected_charges,
    queued.charges as queued_charges,
    expected.companies as expected_companies,
    queued.companies as queued_companies
from expected
full outer join queued
    on expected.normalised_name = queued.normalised_name
where
    expected.normalised_name is null
    or queued.normalised_name is null
    or expected.charges <> queued.charges
    or expected.companies <> queued.companies
