"""Accounts as they became known: status, previous accounts, and the group of companies alike."""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.integration.recomputation.deliveries import ACCOUNTS, AMOUNTS, Deliveries, seed
from tests.integration.recomputation.values import add_months, growth, is_like

SIZE_FLOORS = [0, 100_000, 1_000_000, 10_000_000, 50_000_000]
SIZE_NAMES = ["unknown", "<100k", "<1m", "<10m", "<50m", "50m+"]
GROUP = ["company_group", "sic_section", "size_band"]


def observations(accounts: pd.DataFrame, horizon: pd.Timestamp) -> pd.DataFrame:
    observed_on = accounts["filed_date"].fillna(add_months(accounts["accounts_date"], 9))
    found = accounts.assign(observed_on=observed_on)
    found = found[(found["accounts_date"] < horizon) & (found["observed_on"] < horizon)]
    return found.sort_values(ACCOUNTS).reset_index(drop=True)


def status(observed: pd.DataFrame, possible: pd.Series, horizon: pd.Timestamp) -> np.ndarray:
    first, since = observed["first_charge_date"], observed["observed_on"]
    year_later = add_months(since, 12)
    return np.select(
        [
            first <= since,
            (since < first) & (first <= year_later),
            observed["company_number"].isin(possible),
            (year_later > horizon) & first.isna(),
        ],
        ["user", "becomes_user", "unknown", "unknown"],
        "not_user",
    )


def with_previous_accounts(observed: pd.DataFrame) -> pd.DataFrame:
    """Observations, and beside them as `x_previous` what the previous accounts say; null where there are none."""
    carried = ["accounts_date", "observed_on", *AMOUNTS]
    before = observed.groupby("company_number")[carried].shift(1)
    is_previous = (
        (before["observed_on"] <= observed["observed_on"])
        & (before["accounts_date"] >= add_months(observed["accounts_date"], -15))
        & (before["accounts_date"] <= add_months(observed["accounts_date"], -9))
    )
    before = before.where(is_previous)
    found = observed.join(before.add_suffix("_previous"))
    found = found.rename(columns={"accounts_date_previous": "previous_accounts_date"})
    now, then = found["accounts_date"].dt, found["previous_accounts_date"].dt
    found["months_since_previous"] = (12 * (now.year - then.year) + now.month - then.month).astype("Int64")
    for name in AMOUNTS:
        found[f"{name}_growth"] = growth(found[name], found[f"{name}_previous"])
    return found


def lagged_financials(lagged: pd.DataFrame) -> pd.DataFrame:
    amounts = [column for name in AMOUNTS for column in (name, f"{name}_previous", f"{name}_growth")]
    about = ["observed_on", "filed_date", "weeks", "consolidated", "accounts_type"]
    return lagged[[*ACCOUNTS, *about, "previous_accounts_date", "months_since_previous", *amounts]]


def company_attributes(deliveries: Deliveries, seeds: Path) -> pd.DataFrame:
    companies = deliveries.companies
    other_types = seed(seeds, "other_company_types").set_index("company_type")["company_group"]
    company_types = deliveries.lookup("LUCT01").str.lower()
    divisions = seed(seeds, "sic07_divisions").set_index("division")
    regions = seed(seeds, "postcode_areas").set_index("postcode_area")["region"]
    division = companies["sic07_code"].str.extract("^([0-9]{2})", expand=False)
    area = companies["postcode"].str.upper().str.extract("^([A-Z]+)", expand=False)
    area = area.where(area.isin(regions.index))
    group = companies["company_type"].map(other_types).fillna(companies["company_type"].map(company_types))
    return pd.DataFrame(
        {
            "company_number": companies["company_number"],
            "incorporation_date": companies["incorporation_date"],
            "is_live": is_live(companies, deliveries.lookup("LULQ01")),
            "company_group": group.fillna("unknown"),
            "sic_section": division.map(divisions["section"]).fillna("unknown"),
            "sector": division.map(divisions["section_name"]).fillna("unknown"),
            "line_of_business": division.map(divisions["division_name"]).fillna("unknown"),
            "postcode_area": area.fillna("unknown"),
            "region": area.map(regions).fillna("unknown"),
        }
    )


def is_live(companies: pd.DataFrame, legal_statuses: pd.Series) -> pd.Series:
    legal_status = companies["legal_status"]
    active = legal_statuses.index[is_like(legal_statuses.str.lower(), "active.*")]
    is_active = legal_status.isna() | ~legal_status.isin(legal_statuses.index) | legal_status.isin(active)
    return companies["dissolution_date"].isna() & is_active


def size_band(accounts: pd.DataFrame) -> pd.Series:
    size = accounts["turnover"].fillna(accounts["total_assets"]).astype("Float64").to_numpy("float64", na_value=-1)
    return pd.Series(np.array(SIZE_NAMES)[np.searchsorted(SIZE_FLOORS, size, side="right")], accounts.index)


def similar_groups(observed: pd.DataFrame) -> pd.DataFrame:
    """The groups that someone became a user in, and since when that was known."""
    positives = observed[observed["status"] == "becomes_user"]
    return positives.groupby(GROUP, as_index=False).agg(similar_since=("first_charge_date", "min"))
