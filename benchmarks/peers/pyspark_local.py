"""The five tables in Spark SQL, on two threads of one machine.

PySpark is no dependency of the project: `python -m pip install --target FOLDER pyspark`, then PYTHONPATH=FOLDER.
"""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession

from benchmarks.peers.columns import GROWTH, LEVELS, MONEY, RATIOS
from benchmarks.peers.job import Job, read_job

THREADS = 2
DRIVER_MEMORY = "8g"  # Spark's 1 GB would end in an error or on the disk
SCRATCH = "scratch"
SHUFFLE_PARTITIONS = 8  # its 200 are for a cluster

BLANKS = r"' \u0009\u000a\u000b\u000c\u000d\u001c\u001d\u001e\u001f'"
SHARP_S, STAND_IN = "ß", r"\ue000"  # upper() makes SS of it


def _bare(text: str) -> str:
    return f"nullif(btrim({text}, {BLANKS}), '')"


def _whole_number(text: str, type_: str = "bigint") -> str:
    return f"case when {_bare(text)} rlike '^-?[0-9]+$' then try_cast({_bare(text)} as {type_}) end"


def _decimal_number(text: str) -> str:
    pattern = "^-?([0-9]{1,15}([.][0-9]*)?|[.][0-9]+)$"
    return f"case when {_bare(text)} rlike '{pattern}' then try_cast({_bare(text)} as double) end"


def _day(text: str) -> str:
    parts = f"concat(substr({_bare(text)}, 7, 4), '-', substr({_bare(text)}, 4, 2), '-', substr({_bare(text)}, 1, 2))"
    is_written = f"{_bare(text)} rlike '^[0-9]{{2}}/[0-9]{{2}}/[0-9]{{4}}$' and {_bare(text)} not like '%/0000'"
    return f"case when {is_written} then try_cast({parts} as date) end"


def _flag(text: str) -> str:
    return f"case {_bare(text)} when 'Y' then true when 'N' then false end"


def _ratio(part: str, whole: str) -> str:
    return f"(cast({part} as double) / nullif(cast({whole} as double), 0e0) + 0e0)"


def _growth(now: str, before: str) -> str:
    change = f"cast({now} as double) - cast({before} as double)"
    return f"({change}) / nullif(abs(cast({before} as double)), 0e0)"


def _normalised(name: str) -> str:
    upper = f"translate(upper(translate({name}, '{SHARP_S}', '{STAND_IN}')), '{STAND_IN}', '{SHARP_S}')"
    words = f"trim(regexp_replace(replace({upper}, '&', ' AND '), '[^\\\\p{{L}}\\\\p{{Nd}}]+', ' '))"
    cut = f"regexp_replace({words}, ' AS (SECURITY TRUSTEE|TRUSTEE|AGENT).*$', '')"
    spaced = f"replace(concat(' ', replace({cut}, ' ', '  '), ' '), ' LTD ', ' LIMITED ')"
    return f"trim(replace({spaced}, '  ', ' '))"


def _latest(spark: SparkSession, job: Job, file: str, key: Sequence[str], typed: dict[str, str]) -> DataFrame:
    """Take the current row of each key: the latest delivery's, a stock before its month's changes, its last line."""
    folder = job.lake / "DATA" / "UNZIP_DATA_APPEND_ALL" / file
    columns = ", ".join(f"{expression} as {name}" for name, expression in typed.items())
    return spark.sql(
        f"""
        with delivered as (
            select {columns}, snapshot_month, line_number, source_file not like '%\\\\_S\\\\_%' as is_monthly
            from parquet.`{folder}`
            where snapshot_month <= '{job.month}'
        ), ranked as (
            select
                *,
                row_number() over (
                    partition by {", ".join(key)} order by snapshot_month desc, is_monthly desc, line_number desc
                ) as place
            from delivered
            where {" and ".join(f"{name} is not null" for name in key)}
        )
        select {", ".join(typed)} from ranked where place = 1
        """
    )


def _view(rows: DataFrame, name: str) -> None:
    """Give rows a name for SQL; they are made anew wherever it stands."""
    rows.createOrReplaceTempView(name)


def _keep(spark: SparkSession, job: Job, rows: DataFrame, name: str) -> None:
    """Make rows once and give them a name for SQL: on disk, which is faster here than cache() by far."""
    folder = str(job.output / SCRATCH / name)
    rows.write.parquet(folder)
    spark.read.parquet(folder).createOrReplaceTempView(name)


def _read_lookups(spark: SparkSession, job: Job) -> None:
    for name in ("other_company_types", "sic07_divisions", "postcode_areas", "person_entitled_adjusted"):
        _view(spark.read.csv(str(job.seeds / f"{name}.csv"), header=True, escape='"'), name)
    for name, file in {"company_types": "LUCT01", "legal_statuses": "LULQ01", "accounts_types": "LUAT01"}.items():
        current = _latest(spark, job, file, ["code"], {column: _bare(column) for column in ("code", "description")})
        _keep(spark, job, current, name)


def _read_companies(spark: SparkSession, job: Job) -> None:
    texts = ("company_number", "company_type", "legal_status", "sic07_code", "postcode")
    dates = ("incorporation_date", "dissolution_date")
    typed = {name: _bare(name) for name in texts} | {name: _day(name) for name in dates}
    _view(_latest(spark, job, "CI01", ["company_number"], typed), "delivered_companies")
    companies = spark.sql(
        """
        select
            c.company_number,
            c.incorporation_date,
            coalesce(o.company_group, lower(t.description), 'unknown') as company_group,
            coalesce(d.section, 'unknown') as sic_section,
            coalesce(d.section_name, 'unknown') as sector,
            coalesce(d.division_name, 'unknown') as line_of_business,
            coalesce(a.region, 'unknown') as region,
            coalesce(a.postcode_area, 'unknown') as postcode_area,
            c.dissolution_date is null and (
                c.legal_status is null or s.code is null or coalesce(lower(s.description) like 'active%', false)
            ) as is_live
        from delivered_companies as c
        left join company_types as t on t.code = c.company_type
        left join legal_statuses as s on s.code = c.legal_status
        left join other_company_types as o on o.company_type = c.company_type
        left join sic07_divisions as d on d.division = substr(c.sic07_code, 1, 2)
        left join postcode_areas as a
            on a.postcode_area = regexp_extract(upper(substr(c.postcode, 1, 2)), '^[A-Z]+', 0)
        where c.company_number rlike '^[A-Z0-9]{8}$'
        """
    )
    _keep(spark, job, companies, "companies")


def _read_charges(spark: SparkSession, job: Job) -> None:
    """Read the charges that were public before the horizon, with the certainty and the provider of their financier."""
    key = {"company_number": _bare("company_number"), "charge_number": _whole_number("charge_number", "int")}
    dates = {name: _day(name) for name in ("created_date", "registered_date", "satisfied_date")}
    _view(_latest(spark, job, "MR01", list(key), key | dates), "current_charges")
    key["person_number"] = _whole_number("person_number", "int")
    holders = _latest(spark, job, "MR02", list(key), key | {"person_entitled": _bare("person_entitled")})
    _keep(spark, job, holders, "holders")
    charges = spark.sql(
        f"""
        with spelled as (
            select
                {_normalised("person_entitled")} as name,
                provider,
                provider_type,
                certainty,
                case certainty when 'certain' then 1 when 'possible' then 2 else 3 end as certainty_rank
            from person_entitled_adjusted
        ), reviewed as (
            select *, row_number() over (partition by name order by certainty_rank, provider, provider_type) as place
            from spelled
            where name <> ''
        ), names as (
            select person_entitled, {_normalised("person_entitled")} as name
            from (select distinct person_entitled from holders)
        ), financiers as (
            select names.person_entitled, reviewed.provider, reviewed.certainty
            from names
            inner join reviewed on reviewed.name = names.name
            where reviewed.place = 1 and reviewed.certainty in ('certain', 'possible')
        ), matches as (
            select
                company_number,
                charge_number,
                min(certainty) as certainty,
                min_by(provider, person_number) filter (where certainty = 'certain') as provider
            from holders
            inner join financiers using (person_entitled)
            group by company_number, charge_number
        ), dated as (
            select *, coalesce(registered_date, date_add(created_date, 21)) as public_date from current_charges
        )
        select company_number, charge_number, public_date, satisfied_date, certainty, provider
        from dated
        left semi join companies using (company_number)
        left join matches using (company_number, charge_number)
        where public_date < date '{job.month}-01'
        """
    )
    _keep(spark, job, charges, "charges")


def _make_users(spark: SparkSession, job: Job) -> DataFrame:
    """Make the users; the view `invoice_finance` has the companies with possible charges only as well."""
    found = spark.sql(
        f"""
        select
            company_number,
            min(public_date) filter (where certainty = 'certain') as first_charge_date,
            min_by(provider, struct(public_date, charge_number)) filter (where certainty = 'certain') as provider,
            bool_or(satisfied_date is null or satisfied_date >= date '{job.month}-01')
                filter (where certainty = 'certain') as is_current_user,
            count_if(certainty = 'certain') as charges
        from charges
        where certainty is not null
        group by company_number
        """
    )
    _keep(spark, job, found, "invoice_finance")
    users = spark.sql("select * from invoice_finance where charges > 0")
    _view(users, "users")
    return users


def _read_accounts(spark: SparkSession, job: Job) -> None:
    """Read the current accounts that were public before the horizon, with status and the row before."""
    typed = {
        "company_number": _bare("company_number"),
        "accounts_date": _day("accounts_date"),
        "filed_date": _day("filed_date"),
        "weeks": _whole_number("weeks", "int"),
        "consolidated": _flag("consolidated"),
        "accounts_type": _bare("accounts_type"),
        **{name: _whole_number(name) for name in MONEY},
        "employees": _whole_number("employees", "int"),
    }
    _view(_latest(spark, job, "AC01", ["company_number", "accounts_date"], typed), "current_accounts")
    amounts = ", ".join([*MONEY, "employees"])
    accounts = spark.sql(
        f"""
        with dated as (
            select *, coalesce(filed_date, add_months(accounts_date, 9)) as observed_on
            from current_accounts
            left semi join companies using (company_number)
        ), known as (
            select * from dated
            where accounts_date < date '{job.month}-01' and observed_on < date '{job.month}-01'
        ), in_order as (
            select
                *,
                lag(struct(accounts_date, observed_on, {amounts})) over by_date as row_before,
                lead(accounts_date) over by_date is null as is_latest
            from known
            window by_date as (partition by company_number order by accounts_date)
        )
        select
            in_order.* except (row_before),
            case
                when row_before.observed_on <= observed_on
                    and row_before.accounts_date >= add_months(accounts_date, -15)
                    and row_before.accounts_date <= add_months(accounts_date, -9)
                    then row_before
            end as before,
            first_charge_date,
            case
                when first_charge_date <= observed_on then 'user'
                when first_charge_date <= add_months(observed_on, 12) then 'becomes_user'
                when charges = 0 or add_months(observed_on, 12) > date '{job.month}-01' then 'unknown'
                else 'not_user'
            end as status
        from in_order
        left join invoice_finance using (company_number)
        """
    )
    _keep(spark, job, accounts, "accounts")


def _make_lags(spark: SparkSession) -> DataFrame:
    amounts = ", ".join(
        f"{name}, before.{name} as {name}_previous, {_growth(name, f'before.{name}')} as {name}_growth"
        for name in [*MONEY, "employees"]
    )
    return spark.sql(
        f"""
        select
            company_number,
            accounts_date,
            observed_on,
            before.accounts_date as previous_accounts_date,
            12 * (year(accounts_date) - year(before.accounts_date))
            + month(accounts_date) - month(before.accounts_date) as months_since_previous,
            filed_date,
            weeks,
            consolidated,
            accounts_type,
            {amounts}
        from accounts
        """
    )


def _group_rows(spark: SparkSession, job: Job) -> None:
    """Gather all that is known of a row but its amounts, and since when its group is similar."""
    size = "coalesce(a.turnover, a.total_assets)"
    grouped = spark.sql(
        f"""
        select
            a.company_number, a.accounts_date, a.observed_on, a.status, a.first_charge_date, a.is_latest, c.is_live,
            c.company_group, c.sic_section,
            case
                when {size} is null or {size} < 0 then 'unknown'
                when {size} < 100000 then '<100k'
                when {size} < 1000000 then '<1m'
                when {size} < 10000000 then '<10m'
                when {size} < 50000000 then '<50m'
                else '50m+'
            end as size_band
        from accounts as a
        inner join companies as c on c.company_number = a.company_number
        """
    )
    _view(grouped, "grouped")
    similar = spark.sql(
        """
        with similar_groups as (
            select company_group, sic_section, size_band, min(first_charge_date) as similar_since
            from grouped
            where status = 'becomes_user'
            group by company_group, sic_section, size_band
        )
        select
            grouped.*,
            similar_since,
            cast(cast(conv(substr(md5(company_number), 1, 8), 16, 10) as bigint) % 100 as int) as split_bucket
        from grouped
        left join similar_groups using (company_group, sic_section, size_band)
        """
    )
    _keep(spark, job, similar, "similar")


def _choose_to_train(spark: SparkSession, job: Job) -> None:
    """Choose all positives, and the negatives whose hash is smallest."""
    fit = "from similar where similar_since is not null and status"
    population = spark.sql(f"select count(*) {fit} = 'not_user'").collect()[0][0]
    weight = max(population / job.non_user_rows, 1.0)
    sampled = ""
    if population > job.non_user_rows:
        key = f"concat('{job.sample_seed}|', company_number, '|', cast(accounts_date as string))"
        sampled = f"order by md5({key}) limit {job.non_user_rows}"
    chosen = spark.sql(
        f"""
        select *, 1 as label, 1e0 as sample_weight {fit} = 'becomes_user'
        union all
        (select *, 0 as label, cast({weight!r} as double) as sample_weight {fit} = 'not_user' {sampled})
        """
    )
    _keep(spark, job, chosen, "chosen_to_train")


def _choose_to_predict(spark: SparkSession, job: Job) -> None:
    """Choose the latest accounts of each live company that is no user, unless they are too old."""
    chosen = spark.sql(
        f"""
        select
            *,
            similar_since is not null as is_eligible,
            case when similar_since is null then 'not in a similar group' end as ineligible_reason
        from similar
        left anti join users using (company_number)
        where
            is_latest
            and is_live
            and accounts_date >= add_months(date '{job.month}-01', -{job.predict_accounts_months})
        """
    )
    _keep(spark, job, chosen, "chosen_to_predict")


def _read_ratios(spark: SparkSession, job: Job) -> None:
    amounts = ("net_cash_from_operations", "net_cash_from_financing", "working_capital")
    decimals = ("current_ratio", "gearing_percent", "debtor_days", "creditor_days")
    typed = {
        "company_number": _bare("company_number"),
        "accounts_date": _day("accounts_date"),
        **{name: _whole_number(name) for name in amounts},
        "contingent_liability": _flag("contingent_liability"),
        **{name: _decimal_number(name) for name in decimals},
    }
    _keep(spark, job, _latest(spark, job, "AC06", ["company_number", "accounts_date"], typed), "ratios")


def _with_features(spark: SparkSession, chosen: str, head: str) -> DataFrame:
    debtors, debtors_before = _ratio("trade_debtors", "turnover"), _ratio("before.trade_debtors", "before.turnover")
    creditors, current = _ratio("trade_creditors", "cost_of_sales"), _ratio("current_assets", "current_liabilities")
    return spark.sql(
        f"""
        with counts as (
            select
                o.company_number,
                o.accounts_date,
                count(*) as other_charges,
                count_if(c.satisfied_date is null or c.satisfied_date > o.observed_on) as other_charges_outstanding,
                max(c.public_date) as last_charge
            from {chosen} as o
            inner join charges as c
                on c.company_number = o.company_number and c.public_date <= o.observed_on and c.certainty is null
            group by o.company_number, o.accounts_date
        )
        select
            g.company_number, g.accounts_date, g.observed_on, {head}, g.split_bucket, g.similar_since,
            g.company_group, c.sector, c.line_of_business, g.size_band, c.region, c.postcode_area,
            cast(datediff(g.observed_on, c.incorporation_date) as double) / 365.25e0 as company_age_years,
            coalesce(lower(t.description), a.accounts_type) as accounts_type,
            a.consolidated,
            a.weeks,
            cast(datediff(a.filed_date, a.accounts_date) as bigint) as filing_delay_days,
            12 * (year(a.accounts_date) - year(a.before.accounts_date))
            + month(a.accounts_date) - month(a.before.accounts_date) as months_since_previous,
            {" + ".join(f"int({name} is null)" for name in MONEY)} as missing_amounts,
            {", ".join(LEVELS)},
            coalesce(365 * {debtors}, r.debtor_days) as debtor_days,
            coalesce(365 * {creditors}, r.creditor_days) as creditor_days,
            coalesce({current}, r.current_ratio) as current_ratio,
            r.gearing_percent,
            {", ".join(f"{_ratio(part, whole)} as {name}" for name, (part, whole) in RATIOS.items())},
            {", ".join(f"{_growth(name, f'before.{name}')} as {name}_growth" for name in GROWTH)},
            365 * ({debtors} - {debtors_before}) as debtor_days_change,
            coalesce(n.other_charges, 0L) as other_charges,
            coalesce(n.other_charges_outstanding, 0L) as other_charges_outstanding,
            cast(datediff(g.observed_on, n.last_charge) as bigint) as days_since_other_charge
        from {chosen} as g
        inner join accounts as a on a.company_number = g.company_number and a.accounts_date = g.accounts_date
        inner join companies as c on c.company_number = g.company_number
        left join ratios as r on r.company_number = g.company_number and r.accounts_date = g.accounts_date
        left join accounts_types as t on t.code = a.accounts_type
        left join counts as n on n.company_number = g.company_number and n.accounts_date = g.accounts_date
        """
    )


def run(job: Job) -> None:
    """Write the five tables as folders of Parquet files into the output folder.

    Args:
        job: What to read and where to write.
    """
    spark = (
        SparkSession.builder.master(f"local[{THREADS}]")
        .config("spark.driver.memory", DRIVER_MEMORY)
        .config("spark.sql.shuffle.partitions", SHUFFLE_PARTITIONS)
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.local.dir", str(job.output / SCRATCH))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )

    def write(table: str, rows: DataFrame) -> None:
        rows.write.parquet(str(job.output / table), compression="zstd")

    try:
        _read_lookups(spark, job)
        _read_companies(spark, job)
        _read_charges(spark, job)
        write("users", _make_users(spark, job))
        _read_accounts(spark, job)
        statuses = "select company_number, accounts_date, observed_on, status, first_charge_date from accounts"
        write("users_not_users", spark.sql(statuses))
        write("lagged_financials", _make_lags(spark))
        _group_rows(spark, job)
        _choose_to_train(spark, job)
        _choose_to_predict(spark, job)
        _read_ratios(spark, job)
        write("to_train", _with_features(spark, "chosen_to_train", "g.label, g.sample_weight"))
        write("to_predict", _with_features(spark, "chosen_to_predict", "g.is_eligible, g.ineligible_reason"))
    finally:
        spark.stop()


if __name__ == "__main__":
    run(read_job())
