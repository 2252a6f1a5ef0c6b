with

charges as (

    select
        company_number,
        charge_number,
        public_date,
        provider,
        is_satisfied,
        left_out_reason is null as is_invoice_finance
    from {{ ref('int_invoice_finance_charges__screened') }}
    where left_out_reason is null or left_out_reason = 'possible match only'

),

first_charge as (

    select
        company_number,
        provider,
        row_number() over (partition by company_number order by public_date, charge_number) as charge_rank
    from charges
    where is_invoice_finance

),

companies as (

    select
        company_number,
        min(case when is_invoice_finance then public_date end) as first_charge_date,
        {{ count_where('is_invoice_finance') }} as charges,
        {{ count_where('is_invoice_finance and not is_satisfied') }} as unsatisfied_charges
    from charges
    group by company_number

),

final as (

    select
        companies.company_number,
        case when companies.charges > 0 then 'user' else 'possible user' end as invoice_finance_status,
        companies.first_charge_date,
        first_charge.provider,
        companies.unsatisfied_charges > 0 as is_current_user,
        companies.charges
    from companies
    left join first_charge
        on
            companies.company_number = first_charge.company_number
            and first_charge.charge_rank = 1

)

select * from final
