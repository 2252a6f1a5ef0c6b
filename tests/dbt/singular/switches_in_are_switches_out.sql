-- By month and region, and in all as many as a company has charges by another provider than the one before.
with

by_region as (

    select
        month,
        region,
        sum(switches_in) as switches_in,
        sum(switches_out) as switches_out
    from {{ ref('provider_figures_by_region') }}
    group by month, region

),

ordered_charges as (

    select
        company_number,
        provider,
        row_number() over (partition by company_number order by public_date, charge_number) as position
    from {{ ref('int_invoice_finance_charges__screened') }}
    where left_out_reason is null

),

expected as (

    select count(*) as switches
    from ordered_charges as this_one
    inner join ordered_charges as one_before
        on
            this_one.company_number = one_before.company_number
            and this_one.position = one_before.position + 1
            and this_one.provider <> one_before.provider

),

shown as (

    select coalesce(sum(switches_in), 0) as switches
    from {{ ref('provider_figures') }}

)

select
    cast(month as varchar) || ' ' || region as what,
    switches_in as one_count,
    switches_out as another_count
from by_region
where switches_in <> switches_out
union all
select
    'all' as what,
    expected.switches as one_count,
    shown.switches as another_count
from expected
cross join shown
where expected.switches <> shown.switches
