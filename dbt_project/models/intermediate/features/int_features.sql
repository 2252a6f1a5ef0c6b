{{ config(materialized='view') }}

with

financials as (

    select * from {{ ref('lagged_financials') }}

),

accounts_ratios as (

    select * from {{ ref('int_accounts_ratios') }}

),

company_attributes as (

    select * from {{ ref('int_company_attributes') }}

),

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

accounts_types as (

    select * from {{ ref('int_lookup_codes') }}
    where lookup = 'accounts_types'

),

charge_counts as (

    select * from {{ ref('int_public_charge_counts') }}

),

final as (

    select
        financials.company_number,
        financials.accounts_date,

        -- the company
        observations.company_group,
        company_attributes.sic_section_name as sector,
        company_attributes.line_of_business,
        observations.size_band,
        company_attributes.region,
        company_attributes.postcode_area,
        {{ ratio(
            days_between('company_attributes.incorporation_date', 'financials.observed_on'),
            '365.25'
        ) }} as company_age_years,

        -- the accounts as a document
        coalesce(lower(accounts_types.description), financials.accounts_type) as accounts_type,
        financials.consolidated,
        financials.weeks,
        {{ days_between('financials.accounts_date', 'financials.filed_date') }} as filing_delay_days,
        financials.months_since_previous,
        {{ null_count(money_columns(), 'financials') }} as missing_amounts,

        -- levels
        financials.turnover,
        financials.gross_profit,
        financials.operating_profit,
        financials.profit_before_tax,
        financials.wages,
        financials.interest_payable,
        financials.dividends,
        financials.tangible_assets,
        financials.stock,
        financials.trade_debtors,
        financials.other_debtors,
        financials.cash,
        financials.current_assets,
        financials.total_assets,
        financials.trade_creditors,
        financials.bank_overdraft,
        financials.short_term_loans,
        financials.current_liabilities,
        financials.long_term_liabilities,
        financials.retained_earnings,
        financials.shareholders_funds,
        financials.employees,
        accounts_ratios.net_cash_from_operations,
        accounts_ratios.net_cash_from_financing,
        accounts_ratios.working_capital,
        accounts_ratios.contingent_liability,

        -- ratios: from the amounts where both exist, else the vendor's
        coalesce(
            365 * {{ ratio('financials.trade_debtors', 'financials.turnover') }},
            accounts_ratios.debtor_days
        ) as debtor_days,
        coalesce(
            365 * {{ ratio('financials.trade_creditors', 'financials.cost_of_sales') }},
            accounts_ratios.creditor_days
        ) as creditor_days,
        coalesce(
            {{ ratio('financials.current_assets', 'financials.current_liabilities') }},
            accounts_ratios.current_ratio
        ) as current_ratio,
        accounts_ratios.gearing_percent,
        {{ ratio('financials.gross_profit', 'financials.turnover') }} as gross_margin,
        {{ ratio('financials.operating_profit', 'financials.turnover') }} as operating_margin,
        {{ ratio('financials.wages', 'financials.turnover') }} as wages_to_turnover,
        {{ ratio('financials.export_turnover', 'financials.turnover') }} as exports_to_turnover,
        {{ ratio('financials.turnover', 'financials.employees') }} as turnover_per_employee,
        {{ ratio('financials.operating_profit', 'financials.interest_payable') }} as interest_cover,
        {{ ratio('financials.cash', 'financials.total_assets') }} as cash_to_total_assets,
        {{ ratio('financials.trade_debtors', 'financials.total_assets') }} as debtors_to_total_assets,
        {{ ratio('financials.trade_debtors', 'financials.current_assets') }} as debtors_to_current_assets,
        {{ ratio('financials.stock', 'financials.total_assets') }} as stock_to_total_assets,
        {{ ratio('financials.tangible_assets', 'financials.total_assets') }} as tangible_to_total_assets,
        {{ ratio('financials.shareholders_funds', 'financials.total_assets') }} as equity_to_total_assets,
        {{ ratio('financials.current_liabilities', 'financials.total_assets') }}
            as current_liabilities_to_total_assets,
        {{ ratio('financials.cash', 'financials.current_liabilities') }} as cash_to_current_liabilities,
        {{ ratio('financials.trade_debtors', 'financials.trade_creditors') }} as debtors_to_creditors,

        -- changes against the previous accounts
        financials.turnover_growth,
        financials.operating_profit_growth,
        financials.trade_debtors_growth,
        financials.cash_growth,
        financials.total_assets_growth,
        financials.trade_creditors_growth,
        financials.current_liabilities_growth,
        financials.shareholders_funds_growth,
        financials.employees_growth,
        365 * (
            {{ ratio('financials.trade_debtors', 'financials.turnover') }}
            - {{ ratio('financials.trade_debtors_previous', 'financials.turnover_previous') }}
        ) as debtor_days_change,

        -- charges public by then that are not invoice finance
        coalesce(charge_counts.other_charges, 0) as other_charges,
        coalesce(charge_counts.other_charges_outstanding, 0) as other_charges_outstanding,
        {{ days_between('charge_counts.last_other_charge_public_date', 'financials.observed_on') }}
            as days_since_other_charge
    from financials
    inner join company_attributes
        on financials.company_number = company_attributes.company_number
    inner join observations
        on
            financials.company_number = observations.company_number
            and financials.accounts_date = observations.accounts_date
    left join accounts_ratios
        on
            financials.company_number = accounts_ratios.company_number
            and financials.accounts_date = accounts_ratios.accounts_date
    left join accounts_types
        on financials.accounts_type = accounts_types.code
    left join charge_counts
        on
            financials.company_number = charge_counts.company_number
            and financials.accounts_date = charge_counts.accounts_date

)

select * from final
