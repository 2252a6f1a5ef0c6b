with

charges as (

    select * from {{ ref('int_invoice_finance_charges__screened') }}
    where left_out_reason is null

),

company_attributes as (

    select * from {{ ref('int_company_attributes') }}

),

first_month as (

    select month from {{ ref('int_provider_months') }}
    where is_first_month

),

ordered as (

    select
        company_number,
        charge_number,
        provider,
        public_date,
        case
            when not is_satisfied then cast(null as date)
            when satisfied_date < public_date then public_date
            else satisfied_date
        end as closed_date,
        row_number() over (partition by company_number order by public_date, charge_number) as charge_rank,
        lag(provider) over (partition by company_number order by public_date, charge_number) as previous_provider
    from charges

),

final as (

    select
        ordered.company_number,
        ordered.charge_number,
        ordered.provider,
        coalesce(company_attributes.region, 'unknown') as region,
        ordered.charge_rank,
        case when ordered.previous_provider <> ordered.provider then ordered.previous_provider end
            as switched_from_provider,
        case
            when ordered.public_date < first_month.month then first_month.month
            else {{ first_of_month('ordered.public_date') }}
        end as opened_month,
        case
            when ordered.closed_date < first_month.month then first_month.month
            else {{ first_of_month('ordered.closed_date') }}
        end as closed_month
    from ordered
    cross join first_month
    left join company_attributes
        on ordered.company_number = company_attributes.company_number

)

select * from final
