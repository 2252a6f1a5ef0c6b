"""The five marts that carry the definitions, computed a second time: in pandas, from the delivered texts.

Nothing here reads the project's SQL. A function is named after the term that it tells; `recompute` puts them together.
"""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from tests.integration.recomputation.charges import (
    matched_charges,
    possible_users,
    public_charges,
    reviewed_names,
    users,
)
from tests.integration.recomputation.deliveries import ACCOUNTS, COMPANY, Deliveries, seed
from tests.integration.recomputation.features import features
from tests.integration.recomputation.observations import (
    GROUP,
    company_attributes,
    lagged_financials,
    observations,
    similar_groups,
    size_band,
    status,
    with_previous_accounts,
)
from tests.integration.recomputation.values import add_months, md5, split_bucket

NO_SIMILAR_GROUP = "not in a similar group"
KEYS = {
    "users": COMPANY,
    "users_not_users": ACCOUNTS,
    "lagged_financials": ACCOUNTS,
    "to_train": ACCOUNTS,
    "to_predict": COMPANY,
}


def sample(negatives: pd.DataFrame, sample_seed: str, rows: int) -> pd.DataFrame:
    """The rows whose hash is smallest, each standing for its share of all."""
    dates = negatives["accounts_date"].dt.strftime("%Y-%m-%d")
    hashes = [
        md5(f"{sample_seed}|{number}|{date}") for number, date in zip(negatives["company_number"], dates, strict=True)
    ]
    kept = negatives.assign(hash=hashes).sort_values("hash").head(rows)
    return kept.assign(label=0, sample_weight=len(negatives) / max(len(kept), 1))


def to_train(seen: pd.DataFrame, names: Iterable[str], sample_seed: str, non_user_rows: int) -> pd.DataFrame:
    similar = seen[seen["similar_since"].notna()]
    positives = similar[similar["status"] == "becomes_user"].assign(label=1, sample_weight=1.0)
    negatives = sample(similar[similar["status"] == "not_user"], sample_seed, non_user_rows)
    found = pd.concat([positives, negatives], ignore_index=True)
    head = [*ACCOUNTS, "observed_on", "label", "sample_weight", "split_bucket", "similar_since"]
    return found[[*head, *names]]


def to_predict(
    seen: pd.DataFrame, names: Iterable[str], users: pd.DataFrame, horizon: pd.Timestamp, accounts_months: int
) -> pd.DataFrame:
    latest = seen.sort_values(ACCOUNTS).drop_duplicates("company_number", keep="last")
    oldest = add_months(pd.Series([horizon]), -accounts_months)[0]
    is_user = latest["company_number"].isin(users["company_number"])
    found = latest[latest["is_live"] & ~is_user & (latest["accounts_date"] >= oldest)]
    is_eligible = found["similar_since"].notna()
    found = found.assign(
        is_eligible=is_eligible,
        ineligible_reason=pd.Series(NO_SIMILAR_GROUP, found.index, dtype="str").where(~is_eligible),
    )
    head = [*ACCOUNTS, "observed_on", "is_eligible", "ineligible_reason", "split_bucket", "similar_since"]
    return found[[*head, *names]].reset_index(drop=True)


def recompute(
    texts: Path,
    seeds: Path,
    month: str,
    *,
    non_user_rows: int = 1_000_000,
    sample_seed: str = "bookdebts",
    predict_accounts_months: int = 36,
) -> dict[str, pd.DataFrame]:
    """Compute the five marts.

    Args:
        texts: Folder with one folder a delivery, each with its unpacked texts; later deliveries than `month` are left.
        seeds: Folder of the CSVs kept by hand.
        month: Month of the latest delivery, YYYY-MM.
        non_user_rows: Rows with label 0 in to_train.
        sample_seed: Begins the text whose hash decides which rows with label 0 are kept.
        predict_accounts_months: Age of the latest accounts, up to which a company is predicted.
    """
    first_day = dt.date.fromisoformat(f"{month}-01")
    horizon = pd.Timestamp(first_day)
    deliveries = Deliveries(texts, first_day)

    matched = matched_charges(
        public_charges(deliveries.charges, horizon),
        deliveries.chargeholders,
        reviewed_names(seed(seeds, "person_entitled_adjusted")),
    )
    all_users = users(matched, horizon)
    observed = observations(deliveries.accounts, horizon)
    observed = observed.merge(all_users[["company_number", "first_charge_date"]], on="company_number", how="left")
    observed["status"] = status(observed, possible_users(matched, all_users), horizon)
    lagged = with_previous_accounts(observed)

    seen = lagged.merge(company_attributes(deliveries, seeds), on="company_number", how="left")
    ratios = deliveries.accounts_ratios
    seen = seen.merge(ratios, on=ACCOUNTS, how="left")
    seen["size_band"] = size_band(seen)
    seen = seen.merge(similar_groups(seen), on=GROUP, how="left")
    buckets = {number: split_bucket(number) for number in seen["company_number"].unique()}
    seen["split_bucket"] = seen["company_number"].map(buckets)
    made = features(seen, matched, deliveries.lookup("LUAT01"))
    seen = seen.drop(columns=made.columns, errors="ignore").join(made)

    return {
        "users": all_users,
        "users_not_users": observed[[*ACCOUNTS, "observed_on", "status", "first_charge_date"]],
        "lagged_financials": lagged_financials(lagged),
        "to_train": to_train(seen, made.columns, sample_seed, non_user_rows),
        "to_predict": to_predict(seen, made.columns, all_users, horizon, predict_accounts_months),
    }
