"""The five tables in pandas, as a notebook does it: everything in memory, one frame after the other.

A notebook would often read whole numbers as floats and lose the last digits of the largest; here they stay exact, since
the tables are held against ours. Otherwise it is written to be fast: every step works on whole columns.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers.columns import GROWTH, LEVELS, MONEY, RATIOS
from benchmarks.peers.job import Job, read_job

BLANKS = " \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f"
RANKS = {"certain": 1, "possible": 2, "no": 3}
SURE_DIGITS = 18  # a number of so many fits into 64 bits
COMPANY = ["company_number"]
ACCOUNTS = ["company_number", "accounts_date"]
CHARGE = ["company_number", "charge_number"]
GROUP = ["company_group", "sic_section", "size_band"]
SIZES = {0: "<100k", 100_000: "<1m", 1_000_000: "<10m", 10_000_000: "<50m", 50_000_000: "50m+"}


def _landed(job: Job, file: str, columns: Sequence[str]) -> pd.DataFrame:
    """Read the rows of a file in the order in which they were delivered, a stock before its month's changes."""
    paths = sorted(
        (job.lake / "DATA" / "UNZIP_DATA_APPEND_ALL" / file).glob("snapshot_month=*/*.parquet"),
        key=lambda path: (path.parent.name, "_S_" not in path.name),
    )
    frames = [
        pd.read_parquet(path, columns=[*columns, "line_number"], partitioning=None).sort_values("line_number")
        for path in paths
        if path.parent.name <= f"snapshot_month={job.month}"
    ]
    rows = pd.concat(frames, ignore_index=True)
    return pd.DataFrame({name: rows[name].str.strip(BLANKS).replace("", None) for name in columns})


def _seed(job: Job, name: str) -> pd.DataFrame:
    return pd.read_csv(job.seeds / f"{name}.csv", dtype="str", keep_default_na=False)


def _whole_numbers(texts: pd.Series, bits: int = 64) -> pd.Series:
    written = texts.where(texts.str.fullmatch("-?[0-9]+").eq(True))
    is_long = written.str.len() > SURE_DIGITS
    numbers = pd.to_numeric(written.mask(is_long).astype("object"), dtype_backend="numpy_nullable").astype("Int64")
    long = written[is_long].astype("object").map(int)
    long = long[long.between(-(2**63), 2**63 - 1)]
    numbers.loc[long.index] = long.astype("Int64")
    fits = numbers.between(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return numbers.where(fits).astype("Int64" if bits == 64 else "Int32")  # noqa: PLR2004


def _decimal_numbers(texts: pd.Series) -> pd.Series:
    written = texts.where(texts.str.fullmatch(r"-?([0-9]{1,15}([.][0-9]*)?|[.][0-9]+)").eq(True))
    return written.astype("float64")


def _days(texts: pd.Series) -> pd.Series:
    written = texts.where(texts.str.fullmatch("[0-9]{2}/[0-9]{2}/[0-9]{4}").eq(True))
    return pd.to_datetime(written, format="%d/%m/%Y", errors="coerce").astype("datetime64[s]")


def _flags(texts: pd.Series) -> pd.Series:
    return texts.map({"Y": True, "N": False}).astype("boolean")


def _months_later(dates: pd.Series, months: int) -> pd.Series:
    """Find the same day of another month, or that month's last day; `DateOffset` does it too, slower by far."""
    days_ = dates.to_numpy("datetime64[D]")
    month = days_.astype("datetime64[M]")
    last = (month + months + 1).astype("datetime64[D]") - 1
    moved = np.minimum((month + months).astype("datetime64[D]") + (days_ - month.astype("datetime64[D]")), last)
    return pd.Series(moved.astype("datetime64[s]"), dates.index)


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    whole = _floats(whole)
    return _floats(part) / whole.where(whole != 0) + 0.0


def _growth(now: pd.Series, before: pd.Series) -> pd.Series:
    before = _floats(before)
    return (_floats(now) - before) / before.abs().where(before != 0)


def _floats(numbers: pd.Series) -> pd.Series:
    return pd.Series(numbers.to_numpy("float64", na_value=np.nan), numbers.index)


def _latest(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return rows.dropna(subset=key).drop_duplicates(key, keep="last")


def _lookup(job: Job, file: str) -> pd.Series:
    return _latest(_landed(job, file, ["code", "description"]), ["code"]).set_index("code")["description"]


def _read_companies(job: Job) -> pd.DataFrame:
    columns = ["company_type", "legal_status", "incorporation_date", "dissolution_date", "sic07_code", "postcode"]
    rows = _landed(job, "CI01", [*COMPANY, *columns])
    rows = _latest(rows[rows["company_number"].str.fullmatch("[A-Z0-9]{8}").eq(True)], COMPANY)
    company_types, statuses = _lookup(job, "LUCT01"), _lookup(job, "LULQ01")
    own_groups = _seed(job, "other_company_types").set_index("company_type")["company_group"]
    divisions = _seed(job, "sic07_divisions").set_index("division")
    regions = _seed(job, "postcode_areas").set_index("postcode_area")["region"]
    active = statuses.index[statuses.str.lower().str.startswith("active").eq(True)]
    division = rows["sic07_code"].str[:2]
    area = rows["postcode"].str[:2].str.upper().str.extract("^([A-Z]+)", expand=False)
    area = area.where(area.isin(regions.index))
    group = rows["company_type"].map(own_groups).fillna(rows["company_type"].map(company_types.str.lower()))
    status = rows["legal_status"]
    return pd.DataFrame(
        {
            "company_number": rows["company_number"],
            "incorporation_date": _days(rows["incorporation_date"]),
            "company_group": group.fillna("unknown"),
            "sic_section": division.map(divisions["section"]).fillna("unknown"),
            "sector": division.map(divisions["section_name"]).fillna("unknown"),
            "line_of_business": division.map(divisions["division_name"]).fillna("unknown"),
            "region": area.map(regions).fillna("unknown"),
            "postcode_area": area.fillna("unknown"),
            "is_live": _days(rows["dissolution_date"]).isna()
            & (status.isna() | ~status.isin(statuses.index) | status.isin(active)),
        }
    )


def _normalised(names: pd.Series) -> pd.Series:
    """Write names as they are compared, each spelling once."""
    spellings = pd.Series(names.dropna().unique(), dtype="str")
    words = spellings.map(lambda name: "ß".join(part.upper() for part in name.split("ß")))
    words = words.str.replace("&", " AND ").str.replace(r"[\W_]+", " ", regex=True).str.strip()
    words = words.str.replace(" AS (SECURITY TRUSTEE|TRUSTEE|AGENT).*$", "", regex=True)
    words = words.str.split(" ").map(lambda each: " ".join("LIMITED" if word == "LTD" else word for word in each))
    return names.map(dict(zip(spellings, words, strict=True)))


def _read_charges(job: Job, companies: pd.DataFrame, horizon: pd.Timestamp) -> pd.DataFrame:
    """Read the charges that were public before the horizon, with the certainty and the provider of their financier."""
    charges = _landed(job, "MR01", [*CHARGE, "created_date", "registered_date", "satisfied_date"])
    charges["charge_number"] = _whole_numbers(charges["charge_number"], 32)
    charges = _latest(charges, CHARGE)
    charges = charges[charges["company_number"].isin(companies["company_number"])]
    created = _days(charges["created_date"]) + pd.Timedelta(days=21)
    charges["public_date"] = _days(charges["registered_date"]).fillna(created)
    charges["satisfied_date"] = _days(charges["satisfied_date"])
    charges = charges[charges["public_date"] < horizon]

    holders = _landed(job, "MR02", [*CHARGE, "person_number", "person_entitled"])
    for name in ("charge_number", "person_number"):
        holders[name] = _whole_numbers(holders[name], 32)
    holders = _latest(holders, [*CHARGE, "person_number"])
    reviewed = _seed(job, "person_entitled_adjusted")
    reviewed["name"] = _normalised(reviewed["person_entitled"])
    reviewed["order"] = reviewed["certainty"].map(RANKS)
    reviewed = reviewed.sort_values(["name", "order", "provider", "provider_type"]).drop_duplicates("name")
    reviewed = reviewed[(reviewed["name"] != "") & (reviewed["certainty"] != "no")]
    holders["name"] = _normalised(holders["person_entitled"])
    holders = holders.merge(reviewed[["name", "order", "certainty", "provider"]], on="name")
    best = holders.sort_values([*CHARGE, "order", "person_number"]).drop_duplicates(CHARGE)
    return charges.merge(best[[*CHARGE, "certainty", "provider"]], on=CHARGE, how="left")


def _make_users(charges: pd.DataFrame, horizon: pd.Timestamp) -> pd.DataFrame:
    certain = charges[charges["certainty"] == "certain"].sort_values(["company_number", "public_date", "charge_number"])
    certain = certain.assign(is_outstanding=~(certain["satisfied_date"] < horizon))
    return certain.groupby("company_number", as_index=False).agg(
        first_charge_date=("public_date", "first"),
        provider=("provider", "first"),
        is_current_user=("is_outstanding", "any"),
        charges=("charge_number", "size"),
    )


def _read_accounts(job: Job, companies: pd.DataFrame, horizon: pd.Timestamp) -> pd.DataFrame:
    """Read the current accounts that were public before the horizon, in the order of company and date."""
    about = ["filed_date", "weeks", "consolidated", "accounts_type"]
    rows = _landed(job, "AC01", [*ACCOUNTS, *about, *MONEY, "employees"])
    rows["accounts_date"] = _days(rows["accounts_date"])
    rows = _latest(rows, ACCOUNTS)
    rows = rows[rows["company_number"].isin(companies["company_number"])].copy()
    rows["filed_date"] = _days(rows["filed_date"])
    rows["observed_on"] = rows["filed_date"].fillna(_months_later(rows["accounts_date"], 9))
    rows = rows[(rows["accounts_date"] < horizon) & (rows["observed_on"] < horizon)].copy()
    rows["consolidated"] = _flags(rows["consolidated"])
    for name in MONEY:
        rows[name] = _whole_numbers(rows[name])
    for name in ("weeks", "employees"):
        rows[name] = _whole_numbers(rows[name], 32)
    return rows.sort_values(ACCOUNTS, ignore_index=True)


def _with_status(
    accounts: pd.DataFrame, users: pd.DataFrame, charges: pd.DataFrame, horizon: pd.Timestamp
) -> pd.DataFrame:
    possible = charges.loc[charges["certainty"] == "possible", "company_number"]
    rows = accounts[[*ACCOUNTS, "observed_on"]].merge(
        users[["company_number", "first_charge_date"]], on="company_number", how="left"
    )
    first, year_later = rows["first_charge_date"], _months_later(rows["observed_on"], 12)
    rows["status"] = np.select(
        [
            first <= rows["observed_on"],
            first <= year_later,
            rows["company_number"].isin(possible) & first.isna(),
            year_later > horizon,
        ],
        ["user", "becomes_user", "unknown", "unknown"],
        "not_user",
    )
    return rows[[*ACCOUNTS, "observed_on", "status", "first_charge_date"]]


def _make_lags(accounts: pd.DataFrame) -> pd.DataFrame:
    before = accounts.groupby("company_number")[["accounts_date", "observed_on", *MONEY, "employees"]].shift(1)
    is_previous = (before["observed_on"] <= accounts["observed_on"]) & before["accounts_date"].between(
        _months_later(accounts["accounts_date"], -15), _months_later(accounts["accounts_date"], -9)
    )
    before = before.where(is_previous)
    now, then = accounts["accounts_date"].dt, before["accounts_date"].dt
    columns = {
        "company_number": accounts["company_number"],
        "accounts_date": accounts["accounts_date"],
        "observed_on": accounts["observed_on"],
        "previous_accounts_date": before["accounts_date"],
        "months_since_previous": (12 * (now.year - then.year) + now.month - then.month).astype("Int32"),
        **{name: accounts[name] for name in ("filed_date", "weeks", "consolidated", "accounts_type")},
    }
    for name in [*MONEY, "employees"]:
        columns |= {
            name: accounts[name],
            f"{name}_previous": before[name],
            f"{name}_growth": _growth(accounts[name], before[name]),
        }
    return pd.DataFrame(columns)


def _size_bands(lags: pd.DataFrame) -> pd.Series:
    size = _floats(lags["turnover"].fillna(lags["total_assets"]))
    bands = pd.cut(size, [*SIZES, np.inf], right=False, labels=list(SIZES.values()))
    return bands.astype("str").fillna("unknown")


def _read_ratios(job: Job) -> pd.DataFrame:
    amounts = ["net_cash_from_operations", "net_cash_from_financing", "working_capital"]
    decimals = ["current_ratio", "gearing_percent", "debtor_days", "creditor_days"]
    rows = _landed(job, "AC06", [*ACCOUNTS, *amounts, "contingent_liability", *decimals])
    rows["accounts_date"] = _days(rows["accounts_date"])
    rows = _latest(rows, ACCOUNTS)
    for name in amounts:
        rows[name] = _whole_numbers(rows[name])
    for name in decimals:
        rows[name] = _decimal_numbers(rows[name])
    rows["contingent_liability"] = _flags(rows["contingent_liability"])
    return rows


def _count_other_charges(rows: pd.DataFrame, charges: pd.DataFrame) -> pd.DataFrame:
    others = charges.loc[charges["certainty"].isna(), ["company_number", "public_date", "satisfied_date"]]
    pairs = rows[[*ACCOUNTS, "observed_on"]].merge(others, on="company_number")
    pairs = pairs[pairs["public_date"] <= pairs["observed_on"]]
    pairs["is_outstanding"] = ~(pairs["satisfied_date"] <= pairs["observed_on"])
    return pairs.groupby(ACCOUNTS, as_index=False).agg(
        other_charges=("public_date", "size"),
        other_charges_outstanding=("is_outstanding", "sum"),
        last_charge=("public_date", "max"),
    )


def _make_features(rows: pd.DataFrame, charges: pd.DataFrame, accounts_types: pd.Series) -> pd.DataFrame:
    """Make the features of chosen rows, which have the lags beside them."""
    seen = rows.merge(_count_other_charges(rows, charges), on=ACCOUNTS, how="left")
    debtors = _ratio(seen["trade_debtors"], seen["turnover"])
    debtors_before = _ratio(seen["trade_debtors_previous"], seen["turnover_previous"])
    columns = {
        **{name: seen[name] for name in ("company_group", "sector", "line_of_business", "size_band", "region")},
        "postcode_area": seen["postcode_area"],
        "company_age_years": (seen["observed_on"] - seen["incorporation_date"]).dt.days / 365.25,
        "accounts_type": seen["accounts_type"].map(accounts_types.str.lower()).fillna(seen["accounts_type"]),
        "consolidated": seen["consolidated"],
        "weeks": seen["weeks"],
        "filing_delay_days": (seen["filed_date"] - seen["accounts_date"]).dt.days.astype("Int64"),
        "months_since_previous": seen["months_since_previous"],
        "missing_amounts": seen[MONEY].isna().sum(axis=1).astype("Int32"),
        **{name: seen[name] for name in LEVELS},
        "debtor_days": (365 * debtors).fillna(seen["debtor_days"]),
        "creditor_days": (365 * _ratio(seen["trade_creditors"], seen["cost_of_sales"])).fillna(seen["creditor_days"]),
        "current_ratio": _ratio(seen["current_assets"], seen["current_liabilities"]).fillna(seen["current_ratio"]),
        "gearing_percent": seen["gearing_percent"],
        **{name: _ratio(seen[part], seen[whole]) for name, (part, whole) in RATIOS.items()},
        **{f"{name}_growth": seen[f"{name}_growth"] for name in GROWTH},
        "debtor_days_change": 365 * (debtors - debtors_before),
        "other_charges": seen["other_charges"].fillna(0).astype("Int64"),
        "other_charges_outstanding": seen["other_charges_outstanding"].fillna(0).astype("Int64"),
        "days_since_other_charge": (seen["observed_on"] - seen["last_charge"]).dt.days.astype("Int64"),
    }
    return pd.DataFrame(columns)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _make_to_train(job: Job, rows: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows to train on: all positives, and the negatives whose hash is smallest."""
    similar = rows[rows["similar_since"].notna()]
    positives = similar[similar["status"] == "becomes_user"].assign(label=1, sample_weight=1.0)
    negatives = similar[similar["status"] == "not_user"]
    weight = max(len(negatives) / job.non_user_rows, 1.0)
    if len(negatives) > job.non_user_rows:
        dates = negatives["accounts_date"].dt.strftime("%Y-%m-%d")
        keys = job.sample_seed + "|" + negatives["company_number"] + "|" + dates
        negatives = negatives.loc[keys.map(_md5).sort_values().index[: job.non_user_rows]]
    return pd.concat([positives, negatives.assign(label=0, sample_weight=weight)], ignore_index=True)


def _make_to_predict(job: Job, rows: pd.DataFrame, users: pd.DataFrame, horizon: pd.Timestamp) -> pd.DataFrame:
    """Choose the latest accounts of each live company that is no user, unless they are too old."""
    found = rows.drop_duplicates("company_number", keep="last")  # in the order of company and date
    found = found[found["is_live"] & ~found["company_number"].isin(users["company_number"])]
    found = found[found["accounts_date"] >= horizon - pd.DateOffset(months=job.predict_accounts_months)]
    is_eligible = found["similar_since"].notna()
    reason = pd.Series("not in a similar group", found.index, dtype="str").mask(is_eligible)
    return found.assign(is_eligible=is_eligible, ineligible_reason=reason).reset_index(drop=True)


def _write(job: Job, table: str, rows: pd.DataFrame) -> None:
    content = pa.Table.from_pandas(rows, preserve_index=False)
    for place, field in enumerate(content.schema):
        if pa.types.is_timestamp(field.type):
            content = content.set_column(place, field.name, content[field.name].cast(pa.date32()))
    pq.write_table(content, job.output / f"{table}.parquet", compression="zstd")


def run(job: Job) -> None:
    """Write the five tables as Parquet files into the output folder.

    Args:
        job: What to read and where to write.
    """
    horizon = pd.Timestamp(f"{job.month}-01")
    companies = _read_companies(job)
    charges = _read_charges(job, companies, horizon)
    users = _make_users(charges, horizon)
    _write(job, "users", users)

    accounts = _read_accounts(job, companies, horizon)
    statuses = _with_status(accounts, users, charges, horizon)
    _write(job, "users_not_users", statuses)
    lags = _make_lags(accounts)
    _write(job, "lagged_financials", lags)

    rows = lags.assign(
        status=statuses["status"], first_charge_date=statuses["first_charge_date"], size_band=_size_bands(lags)
    ).merge(companies, on="company_number")
    positives = rows[rows["status"] == "becomes_user"]
    groups = positives.groupby(GROUP, as_index=False).agg(similar_since=("first_charge_date", "min"))
    rows = rows.merge(groups, on=GROUP, how="left").merge(_read_ratios(job), on=ACCOUNTS, how="left")
    buckets = companies["company_number"].map(lambda number: int(_md5(number)[:8], 16) % 100).astype("int32")
    rows["split_bucket"] = rows["company_number"].map(dict(zip(companies["company_number"], buckets, strict=True)))

    accounts_types = _lookup(job, "LUAT01")
    chosen = {
        "to_train": (_make_to_train(job, rows), {"label": "int32", "sample_weight": "float64"}),
        "to_predict": (
            _make_to_predict(job, rows, users, horizon),
            {"is_eligible": "bool", "ineligible_reason": "str"},
        ),
    }
    for table, (found, own) in chosen.items():
        head = found[[*ACCOUNTS, "observed_on", *own, "split_bucket", "similar_since"]]
        head = head.astype({**own, "split_bucket": "int32"})
        _write(job, table, head.join(_make_features(found, charges, accounts_types)))


if __name__ == "__main__":
    run(read_job())
