{%- set most_months = var('provider_figures_months') -%}

with

charges as (

    select public_date from {{ ref('int_invoice_finance_charges__screened') }}
    where left_out_reason is null

),

horizon as (

    select horizon_date from {{ ref('int_horizon') }}

),

first_charge as (

    select {{ first_of_month('min(public_date)') }} as month
    from charges

),

first_month as (

    select
        horizon.horizon_date,
        case
            when first_charge.month < {{ add_months('horizon.horizon_date', -most_months) }}
                then {{ add_months('horizon.horizon_date', -most_months) }}
            else first_charge.month
        end as month
    from first_charge
    cross join horizon

),

digits as (

    select digit_values.digit from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as digit_values (digit)

),

numbers as (

    select 100 * hundreds.digit + 10 * tens.digit + ones.digit as number
    from digits as hundreds
    cross join digits as tens
    cross join digits as ones

),

months as (

    select
        {{ add_months('first_month.month', 'numbers.number') }} as month,
        numbers.number = 0 as is_first_month,
        first_month.horizon_date
    from first_month
    cross join numbers
    where numbers.number < {{ most_months }}

),

final as (

    select
        month,
        is_first_month
    from months
    where month < horizon_date

)

select * from final
