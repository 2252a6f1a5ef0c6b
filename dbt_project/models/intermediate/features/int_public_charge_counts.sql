{#- Charges that have nothing to do with invoice finance, as they were known when the accounts became public. -#}

with

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

charges as (

    select * from {{ ref('int_charges_matched') }}
    where is_public and invoice_finance_match = 'none'

),

final as (

    select
        observations.company_number,
        observations.accounts_date,
        count(*) as other_charges,
        {{ count_where('charges.satisfied_date is null or charges.satisfied_date > observations.observed_on') }}
            as other_charges_outstanding,
        max(charges.public_date) as last_other_charge_public_date
    from observations
    inner join charges
        on
            observations.company_number = charges.company_number
            and observations.observed_on >= charges.public_date
    group by observations.company_number, observations.accounts_date

)

select * from final
