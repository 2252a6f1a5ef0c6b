with

charges as (

    select * from {{ ref('int_charges_matched') }}
    where is_public and invoice_finance_match in ('certain', 'possible')

),

first_certain_charge as (

    select
        company_number,
        provider,
        row_number() over (partition by company_number order by public_date, charge_number) as charge_rank
    from charges
    where invoice_finance_match = 'certain'

),

companies as (

    select
        company_number,
        min(case when invoice_finance_match = 'certain' then public_date end) as first_charge_date,
        sum(case when invoice_finance_match = 'certain' then 1 else 0 end) as certain_charges,
        sum(case when invoice_finance_match = 'certain' and not is_satisfied then 1 else 0 end) as unsatisfied_charges
    from charges
    group by company_number

),

final as (

    select
        companies.company_number,
        case when companies.certain_charges > 0 then 'user' else 'possible user' end as invoice_finance_status,
        companies.first_charge_date,
        first_certain_charge.provider,
        companies.unsatisfied_charges > 0 as is_current_user,
        companies.certain_charges as charges
    from companies
    left join first_certain_charge
        on
            companies.company_number = first_certain_charge.company_number
            and first_certain_charge.charge_rank = 1

)

select * from final
