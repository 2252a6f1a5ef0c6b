-- Users, statuses, lags, to_train and to_predict, as one would write them by hand for DuckDB: one script, no dbt.
-- It reads the lake as landed and the seeds, and leaves five tables in the database that it runs in.
-- These variables are set before it:
--   lake, seeds          folders
--   month                month of the latest delivery to count, YYYY-MM
--   non_user_rows, sample_seed, predict_accounts_months

set preserve_insertion_order = false;
set variable horizon = (getvariable('month') || '-01')::date;

-- how delivered texts are read

create or replace temp macro landed(file) as
    getvariable('lake') || '/DATA/UNZIP_DATA_APPEND_ALL/' || file || '/*/*.parquet';
create or replace temp macro seed(name) as getvariable('seeds') || '/' || name || '.csv';

create or replace temp macro bare(x) as nullif(trim(x, e' \t\r\n\x0B\x0C\x1C\x1D\x1E\x1F'), '');

-- nearly every number is written as DuckDB would write it: a regular expression decides on the others only
create or replace temp macro whole_number(x) as case
    when try_cast(x as bigint)::varchar = x then try_cast(x as bigint)
    when regexp_full_match(bare(x), '-?[0-9]+') then try_cast(bare(x) as bigint)
end;
create or replace temp macro small_number(x) as try_cast(whole_number(x) as integer);
create or replace temp macro decimal_number(x) as
    if(regexp_full_match(bare(x), '-?([0-9]{1,15}([.][0-9]*)?|[.][0-9]+)'), try_cast(bare(x) as double), null);
create or replace temp macro flag(x) as case bare(x) when 'Y' then true when 'N' then false end;
create or replace temp macro calendar_day(x) as if(
    regexp_full_match(bare(x), '[0-9]{2}/[0-9]{2}/[0-9]{4}') and bare(x) not like '%/0000',
    try_strptime(bare(x), '%d/%m/%Y')::date,
    null
);
create or replace temp macro is_number_of_company(x) as regexp_full_match(x, '[A-Z0-9]{8}');

-- the order of delivery: by month, a stock before its month's changes, then by line
create or replace temp macro place(snapshot_month, source_file, line_number) as
    (replace(snapshot_month, '-', '')::bigint * 2 + (source_file not like '%\_S\_%' escape '\')::bigint)
    * 100_000_000_000 + line_number;

create or replace temp macro ratio(part, whole) as part::double / nullif(whole::double, 0) + 0e0;
create or replace temp macro growth(now, before) as
    (now::double - before::double) / nullif(abs(before::double), 0);
create or replace temp macro split_bucket(company_number) as
    (('0x' || left(md5(company_number), 8))::bigint % 100)::integer;

create or replace temp macro words(name) as trim(regexp_replace(
    replace(replace(upper(name), 'ẞ', 'ß'), '&', ' AND '), '[^\p{L}\p{Nd}]+', ' ', 'g'
));
create or replace temp macro normalised_name(name) as trim(replace(replace(
    ' ' || replace(regexp_replace(words(name), ' AS (SECURITY TRUSTEE|TRUSTEE|AGENT).*$', ''), ' ', '  ') || ' ',
    ' LTD ', ' LIMITED '
), '  ', ' '));

-- lookups

create or replace temp table lookup as
select
    split_part(parse_filename(filename), '_', 1) as file,
    bare(code) as code,
    arg_max(struct_pack(text := bare(description)), place(snapshot_month, source_file, line_number)).text as description
from read_parquet(
    [landed('LUCT01'), landed('LULQ01'), landed('LUAT01')],
    hive_partitioning = true, hive_types_autocast = false, union_by_name = true, filename = true
)
where snapshot_month <= getvariable('month') and bare(code) is not null
group by 1, 2;

-- companies

create or replace temp table companies as
with delivered as (
    select
        bare(company_number) as company_number,
        bare(company_type) as company_type,
        bare(legal_status) as legal_status,
        calendar_day(incorporation_date) as incorporation_date,
        calendar_day(dissolution_date) as dissolution_date,
        left(bare(sic07_code), 2) as division,
        upper(left(bare(postcode), 2)) as postcode_start
    from read_parquet(
        landed('CI01'), hive_partitioning = true, hive_types_autocast = false, union_by_name = true
    )
    where snapshot_month <= getvariable('month') and is_number_of_company(bare(company_number))
    qualify
        row_number() over (
            partition by bare(company_number) order by place(snapshot_month, source_file, line_number) desc
        ) = 1
)
select
    c.company_number,
    c.incorporation_date,
    coalesce(other.company_group, lower(types.description), 'unknown') as company_group,
    coalesce(sic.section, 'unknown') as sic_section,
    coalesce(sic.section_name, 'unknown') as sector,
    coalesce(sic.division_name, 'unknown') as line_of_business,
    coalesce(areas.region, 'unknown') as region,
    coalesce(areas.postcode_area, 'unknown') as postcode_area,
    c.dissolution_date is null
    and (c.legal_status is null or statuses.code is null or coalesce(lower(statuses.description) like 'active%', false))
        as is_live
from delivered as c
left join lookup as types on types.file = 'LUCT01' and types.code = c.company_type
left join lookup as statuses on statuses.file = 'LULQ01' and statuses.code = c.legal_status
left join read_csv(seed('other_company_types'), all_varchar = true) as other on other.company_type = c.company_type
left join read_csv(seed('sic07_divisions'), all_varchar = true) as sic on sic.division = c.division
left join read_csv(seed('postcode_areas'), all_varchar = true) as areas
    on areas.postcode_area = regexp_extract(c.postcode_start, '^[A-Z]+');

-- charges and who is entitled

create or replace temp table charges as
with current_charges as (
    select
        bare(company_number) as company_number,
        small_number(charge_number) as charge_number,
        coalesce(calendar_day(registered_date), calendar_day(created_date) + 21) as public_date,
        calendar_day(satisfied_date) as satisfied_date
    from read_parquet(
        landed('MR01'), hive_partitioning = true, hive_types_autocast = false, union_by_name = true
    )
    where snapshot_month <= getvariable('month') and small_number(charge_number) is not null
    qualify
        row_number() over (
            partition by bare(company_number), small_number(charge_number)
            order by place(snapshot_month, source_file, line_number) desc
        ) = 1
),
holders as (
    select
        bare(company_number) as company_number,
        small_number(charge_number) as charge_number,
        small_number(person_number) as person_number,
        bare(person_entitled) as person_entitled
    from read_parquet(
        landed('MR02'), hive_partitioning = true, hive_types_autocast = false, union_by_name = true
    )
    where snapshot_month <= getvariable('month')
    qualify
        row_number() over (
            partition by bare(company_number), small_number(charge_number), small_number(person_number)
            order by place(snapshot_month, source_file, line_number) desc
        ) = 1
),
reviewed as (
    select distinct on (name) normalised_name(person_entitled) as name, provider, certainty
    from read_csv(seed('person_entitled_adjusted'), all_varchar = true)
    order by name, case certainty when 'certain' then 1 when 'possible' then 2 else 3 end, provider, provider_type
),
financiers as (
    select spelled.person_entitled, reviewed.provider, reviewed.certainty
    from (select distinct person_entitled from holders) as spelled
    inner join reviewed on reviewed.name <> '' and reviewed.name = normalised_name(spelled.person_entitled)
    where reviewed.certainty in ('certain', 'possible')
),
matches as (
    select
        company_number,
        charge_number,
        min(certainty) as certainty,
        min_by(provider, person_number) filter (where certainty = 'certain') as provider
    from holders
    inner join financiers using (person_entitled)
    where person_number is not null
    group by company_number, charge_number
)
select c.company_number, c.charge_number, c.public_date, c.satisfied_date, matches.certainty, matches.provider
from current_charges as c
semi join companies using (company_number)
left join matches using (company_number, charge_number)
where c.public_date < getvariable('horizon');

-- everybody with a certain or a possible charge

create or replace temp table invoice_finance as
select
    company_number,
    min(public_date) filter (where certainty = 'certain') as first_charge_date,
    min_by(provider, (public_date, charge_number)) filter (where certainty = 'certain') as provider,
    bool_or(satisfied_date is null or satisfied_date >= getvariable('horizon')) filter (where certainty = 'certain')
        as is_current_user,
    count(*) filter (where certainty = 'certain') as charges
from charges
where certainty is not null
group by company_number;

create or replace table users as
select * from invoice_finance where charges > 0;

-- accounts: typed once, wide; what follows picks rows of it by their number

create or replace temp table accounts as
select
    bare(company_number) as company_number,
    calendar_day(accounts_date) as accounts_date,
    calendar_day(filed_date) as filed_date,
    small_number(weeks) as weeks,
    flag(consolidated) as consolidated,
    bare(accounts_type) as accounts_type,
    whole_number(turnover) as turnover,
    whole_number(export_turnover) as export_turnover,
    whole_number(cost_of_sales) as cost_of_sales,
    whole_number(gross_profit) as gross_profit,
    whole_number(wages) as wages,
    whole_number(depreciation) as depreciation,
    whole_number(operating_profit) as operating_profit,
    whole_number(interest_payable) as interest_payable,
    whole_number(profit_before_tax) as profit_before_tax,
    whole_number(taxation) as taxation,
    whole_number(profit_after_tax) as profit_after_tax,
    whole_number(dividends) as dividends,
    whole_number(tangible_assets) as tangible_assets,
    whole_number(intangible_assets) as intangible_assets,
    whole_number(stock) as stock,
    whole_number(trade_debtors) as trade_debtors,
    whole_number(other_debtors) as other_debtors,
    whole_number(cash) as cash,
    whole_number(current_assets) as current_assets,
    whole_number(total_assets) as total_assets,
    whole_number(trade_creditors) as trade_creditors,
    whole_number(bank_overdraft) as bank_overdraft,
    whole_number(short_term_loans) as short_term_loans,
    whole_number(current_liabilities) as current_liabilities,
    whole_number(long_term_liabilities) as long_term_liabilities,
    whole_number(issued_capital) as issued_capital,
    whole_number(retained_earnings) as retained_earnings,
    whole_number(shareholders_funds) as shareholders_funds,
    small_number(employees) as employees,
    place(snapshot_month, source_file, line_number) as place
from read_parquet(landed('AC01'), hive_partitioning = true, hive_types_autocast = false, union_by_name = true)
where snapshot_month <= getvariable('month');

create or replace temp table observations as
with current_accounts as (
    select company_number, accounts_date, max_by(rowid, place) as place_of_row
    from accounts
    where accounts_date is not null
    group by company_number, accounts_date
),
observed as (
    select
        c.company_number,
        c.accounts_date,
        coalesce(a.filed_date, (c.accounts_date + interval 9 months)::date) as observed_on,
        c.place_of_row
    from current_accounts as c
    inner join accounts as a on a.rowid = c.place_of_row
    semi join companies on companies.company_number = c.company_number
    where c.accounts_date < getvariable('horizon') and observed_on < getvariable('horizon')
)
select
    o.*,
    lag(accounts_date) over by_date as date_before,
    lag(observed_on) over by_date as observed_before,
    if(
        observed_before <= observed_on
        and date_before between accounts_date - interval 15 months and accounts_date - interval 9 months,
        lag(place_of_row) over by_date,
        null
    ) as row_before,
    lead(accounts_date) over by_date is null as is_latest,
    i.first_charge_date,
    case
        when i.first_charge_date <= observed_on then 'user'
        when i.first_charge_date <= observed_on + interval 12 months then 'becomes_user'
        when i.charges = 0 or observed_on + interval 12 months > getvariable('horizon') then 'unknown'
        else 'not_user'
    end as status
from observed as o
left join invoice_finance as i using (company_number)
window by_date as (partition by company_number order by accounts_date);

create or replace table users_not_users as
select company_number, accounts_date, observed_on, status, first_charge_date
from observations;

create or replace table lagged_financials as
select
    o.company_number,
    o.accounts_date,
    o.observed_on,
    before.accounts_date as previous_accounts_date,
    (
        12 * (year(o.accounts_date) - year(before.accounts_date))
        + month(o.accounts_date) - month(before.accounts_date)
    )::integer as months_since_previous,
    now.filed_date,
    now.weeks,
    now.consolidated,
    now.accounts_type,
    now.turnover, before.turnover as turnover_previous, growth(now.turnover, before.turnover) as turnover_growth,
    now.export_turnover, before.export_turnover as export_turnover_previous, growth(now.export_turnover, before.export_turnover) as export_turnover_growth,
    now.cost_of_sales, before.cost_of_sales as cost_of_sales_previous, growth(now.cost_of_sales, before.cost_of_sales) as cost_of_sales_growth,
    now.gross_profit, before.gross_profit as gross_profit_previous, growth(now.gross_profit, before.gross_profit) as gross_profit_growth,
    now.wages, before.wages as wages_previous, growth(now.wages, before.wages) as wages_growth,
    now.depreciation, before.depreciation as depreciation_previous, growth(now.depreciation, before.depreciation) as depreciation_growth,
    now.operating_profit, before.operating_profit as operating_profit_previous, growth(now.operating_profit, before.operating_profit) as operating_profit_growth,
    now.interest_payable, before.interest_payable as interest_payable_previous, growth(now.interest_payable, before.interest_payable) as interest_payable_growth,
    now.profit_before_tax, before.profit_before_tax as profit_before_tax_previous, growth(now.profit_before_tax, before.profit_before_tax) as profit_before_tax_growth,
    now.taxation, before.taxation as taxation_previous, growth(now.taxation, before.taxation) as taxation_growth,
    now.profit_after_tax, before.profit_after_tax as profit_after_tax_previous, growth(now.profit_after_tax, before.profit_after_tax) as profit_after_tax_growth,
    now.dividends, before.dividends as dividends_previous, growth(now.dividends, before.dividends) as dividends_growth,
    now.tangible_assets, before.tangible_assets as tangible_assets_previous, growth(now.tangible_assets, before.tangible_assets) as tangible_assets_growth,
    now.intangible_assets, before.intangible_assets as intangible_assets_previous, growth(now.intangible_assets, before.intangible_assets) as intangible_assets_growth,
    now.stock, before.stock as stock_previous, growth(now.stock, before.stock) as stock_growth,
    now.trade_debtors, before.trade_debtors as trade_debtors_previous, growth(now.trade_debtors, before.trade_debtors) as trade_debtors_growth,
    now.other_debtors, before.other_debtors as other_debtors_previous, growth(now.other_debtors, before.other_debtors) as other_debtors_growth,
    now.cash, before.cash as cash_previous, growth(now.cash, before.cash) as cash_growth,
    now.current_assets, before.current_assets as current_assets_previous, growth(now.current_assets, before.current_assets) as current_assets_growth,
    now.total_assets, before.total_assets as total_assets_previous, growth(now.total_assets, before.total_assets) as total_assets_growth,
    now.trade_creditors, before.trade_creditors as trade_creditors_previous, growth(now.trade_creditors, before.trade_creditors) as trade_creditors_growth,
    now.bank_overdraft, before.bank_overdraft as bank_overdraft_previous, growth(now.bank_overdraft, before.bank_overdraft) as bank_overdraft_growth,
    now.short_term_loans, before.short_term_loans as short_term_loans_previous, growth(now.short_term_loans, before.short_term_loans) as short_term_loans_growth,
    now.current_liabilities, before.current_liabilities as current_liabilities_previous, growth(now.current_liabilities, before.current_liabilities) as current_liabilities_growth,
    now.long_term_liabilities, before.long_term_liabilities as long_term_liabilities_previous, growth(now.long_term_liabilities, before.long_term_liabilities) as long_term_liabilities_growth,
    now.issued_capital, before.issued_capital as issued_capital_previous, growth(now.issued_capital, before.issued_capital) as issued_capital_growth,
    now.retained_earnings, before.retained_earnings as retained_earnings_previous, growth(now.retained_earnings, before.retained_earnings) as retained_earnings_growth,
    now.shareholders_funds, before.shareholders_funds as shareholders_funds_previous, growth(now.shareholders_funds, before.shareholders_funds) as shareholders_funds_growth,
    now.employees, before.employees as employees_previous, growth(now.employees, before.employees) as employees_growth
from observations as o
inner join accounts as now on now.rowid = o.place_of_row
left join accounts as before on before.rowid = o.row_before;

-- who is alike

create or replace temp table grouped as
select
    o.company_number,
    o.accounts_date,
    o.observed_on,
    o.status,
    o.first_charge_date,
    o.is_latest,
    c.company_group,
    c.sic_section,
    case
        when coalesce(f.turnover, f.total_assets, -1) < 0 then 'unknown'
        when coalesce(f.turnover, f.total_assets) < 100_000 then '<100k'
        when coalesce(f.turnover, f.total_assets) < 1_000_000 then '<1m'
        when coalesce(f.turnover, f.total_assets) < 10_000_000 then '<10m'
        when coalesce(f.turnover, f.total_assets) < 50_000_000 then '<50m'
        else '50m+'
    end as size_band
from observations as o
inner join accounts as f on f.rowid = o.place_of_row
inner join companies as c on c.company_number = o.company_number;

create or replace temp table similar_groups as
select company_group, sic_section, size_band, min(first_charge_date) as similar_since
from grouped
where status = 'becomes_user'
group by company_group, sic_section, size_band;

create or replace temp table ratios as
select
    bare(company_number) as company_number,
    calendar_day(accounts_date) as accounts_date,
    whole_number(net_cash_from_operations) as net_cash_from_operations,
    whole_number(net_cash_from_financing) as net_cash_from_financing,
    whole_number(working_capital) as working_capital,
    flag(contingent_liability) as contingent_liability,
    decimal_number(current_ratio) as current_ratio,
    decimal_number(gearing_percent) as gearing_percent,
    decimal_number(debtor_days) as debtor_days,
    decimal_number(creditor_days) as creditor_days,
    place(snapshot_month, source_file, line_number) as place
from read_parquet(landed('AC06'), hive_partitioning = true, hive_types_autocast = false, union_by_name = true)
where snapshot_month <= getvariable('month');

create or replace temp table current_ratios as
select company_number, accounts_date, max_by(rowid, place) as place_of_row
from ratios
where accounts_date is not null
group by company_number, accounts_date;

-- chosen rows and their features; takes the name of the table of these rows

create or replace temp macro with_features(chosen) as table
with counts as (
    select
        o.company_number,
        o.accounts_date,
        count(*) as other_charges,
        count(*) filter (where c.satisfied_date is null or c.satisfied_date > o.observed_on) as other_charges_outstanding,
        max(c.public_date) as latest
    from query_table(chosen) as o
    inner join charges as c
        on c.company_number = o.company_number and c.public_date <= o.observed_on and c.certainty is null
    group by o.company_number, o.accounts_date
)
select
    g.* exclude (company_group, size_band),
    g.company_group,
    c.sector,
    c.line_of_business,
    g.size_band,
    c.region,
    c.postcode_area,
    (f.observed_on - c.incorporation_date) / 365.25e0 + 0e0 as company_age_years,
    coalesce(lower(types.description), f.accounts_type) as accounts_type,
    f.consolidated,
    f.weeks,
    f.filed_date - f.accounts_date as filing_delay_days,
    f.months_since_previous,
    (28 - list_count([
        f.turnover, f.export_turnover, f.cost_of_sales, f.gross_profit, f.wages, f.depreciation,
        f.operating_profit, f.interest_payable, f.profit_before_tax, f.taxation, f.profit_after_tax,
        f.dividends, f.tangible_assets, f.intangible_assets, f.stock, f.trade_debtors, f.other_debtors,
        f.cash, f.current_assets, f.total_assets, f.trade_creditors, f.bank_overdraft, f.short_term_loans,
        f.current_liabilities, f.long_term_liabilities, f.issued_capital, f.retained_earnings,
        f.shareholders_funds
    ]))::integer as missing_amounts,
    f.turnover, f.gross_profit, f.operating_profit, f.profit_before_tax, f.wages, f.interest_payable,
    f.dividends, f.tangible_assets, f.stock, f.trade_debtors, f.other_debtors, f.cash, f.current_assets,
    f.total_assets, f.trade_creditors, f.bank_overdraft, f.short_term_loans, f.current_liabilities,
    f.long_term_liabilities, f.retained_earnings, f.shareholders_funds, f.employees,
    a.net_cash_from_operations,
    a.net_cash_from_financing,
    a.working_capital,
    a.contingent_liability,
    coalesce(365 * ratio(f.trade_debtors, f.turnover), a.debtor_days) as debtor_days,
    coalesce(365 * ratio(f.trade_creditors, f.cost_of_sales), a.creditor_days) as creditor_days,
    coalesce(ratio(f.current_assets, f.current_liabilities), a.current_ratio) as current_ratio,
    a.gearing_percent,
    ratio(f.gross_profit, f.turnover) as gross_margin,
    ratio(f.operating_profit, f.turnover) as operating_margin,
    ratio(f.wages, f.turnover) as wages_to_turnover,
    ratio(f.export_turnover, f.turnover) as exports_to_turnover,
    ratio(f.turnover, f.employees) as turnover_per_employee,
    ratio(f.operating_profit, f.interest_payable) as interest_cover,
    ratio(f.cash, f.total_assets) as cash_to_total_assets,
    ratio(f.trade_debtors, f.total_assets) as debtors_to_total_assets,
    ratio(f.trade_debtors, f.current_assets) as debtors_to_current_assets,
    ratio(f.stock, f.total_assets) as stock_to_total_assets,
    ratio(f.tangible_assets, f.total_assets) as tangible_to_total_assets,
    ratio(f.shareholders_funds, f.total_assets) as equity_to_total_assets,
    ratio(f.current_liabilities, f.total_assets) as current_liabilities_to_total_assets,
    ratio(f.cash, f.current_liabilities) as cash_to_current_liabilities,
    ratio(f.trade_debtors, f.trade_creditors) as debtors_to_creditors,
    f.turnover_growth, f.operating_profit_growth, f.trade_debtors_growth, f.cash_growth,
    f.total_assets_growth, f.trade_creditors_growth, f.current_liabilities_growth,
    f.shareholders_funds_growth, f.employees_growth,
    365 * (ratio(f.trade_debtors, f.turnover) - ratio(f.trade_debtors_previous, f.turnover_previous))
        as debtor_days_change,
    coalesce(counts.other_charges, 0) as other_charges,
    coalesce(counts.other_charges_outstanding, 0) as other_charges_outstanding,
    f.observed_on - counts.latest as days_since_other_charge
from query_table(chosen) as g
inner join lagged_financials as f on f.company_number = g.company_number and f.accounts_date = g.accounts_date
inner join companies as c on c.company_number = g.company_number
left join current_ratios as r on r.company_number = g.company_number and r.accounts_date = g.accounts_date
left join ratios as a on a.rowid = r.place_of_row
left join lookup as types on types.file = 'LUAT01' and types.code = f.accounts_type
left join counts on counts.company_number = g.company_number and counts.accounts_date = g.accounts_date;

create or replace temp table chosen_to_train as
with labelled as (
    select g.*, s.similar_since, (g.status = 'becomes_user')::integer as label
    from grouped as g
    inner join similar_groups as s using (company_group, sic_section, size_band)
    where g.status in ('becomes_user', 'not_user')
),
negatives as (
    select *, count(*) over () / getvariable('non_user_rows')::double as stands_for
    from labelled
    where label = 0
    order by md5(getvariable('sample_seed') || '|' || company_number || '|' || accounts_date)
    limit getvariable('non_user_rows')
),
chosen as (
    select *, 1::double as sample_weight from labelled where label = 1
    union all by name
    select * exclude (stands_for), greatest(stands_for, 1) as sample_weight from negatives
)
select
    company_number,
    accounts_date,
    observed_on,
    label,
    sample_weight,
    split_bucket(company_number) as split_bucket,
    similar_since,
    company_group,
    size_band
from chosen;

create or replace table to_train as
from with_features('chosen_to_train');

create or replace temp table chosen_to_predict as
select
    g.company_number,
    g.accounts_date,
    g.observed_on,
    s.similar_since is not null as is_eligible,
    if(s.similar_since is null, 'not in a similar group', null) as ineligible_reason,
    split_bucket(g.company_number) as split_bucket,
    s.similar_since,
    g.company_group,
    g.size_band
from grouped as g
inner join companies as c on c.company_number = g.company_number and c.is_live
anti join users on users.company_number = g.company_number
left join similar_groups as s
    on s.company_group = g.company_group and s.sic_section = g.sic_section and s.size_band = g.size_band
where
    g.is_latest
    and g.accounts_date >= getvariable('horizon') - to_months(getvariable('predict_accounts_months'));

create or replace table to_predict as
from with_features('chosen_to_predict');
