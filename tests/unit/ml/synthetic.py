"""A warehouse with the marts that ml reads, made of planted effects, so that tests know what must be found."""

import datetime
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml.features import read_features
from ml.frames import TrainingFrame, read_training
from ml.split import add_months
from warehouse.engines.duckdb import connect

HORIZON = datetime.date(2026, 10, 1)
YEARS = 8
SECTIONS = ("C", "F", "G", "N", "X")
NEW_SECTION = "X"  # its group becomes similar only in the test window

DEFINITIONS = (
    ("trade_debtors", "numeric", "gbp", "trade debtors"),
    ("growth", "numeric", "ratio", "growth of turnover over the previous accounts"),
    ("gearing_percent", "numeric", "percent", "gearing"),
    ("debtor_days", "numeric", "days", "time customers take to pay"),
    ("age_years", "numeric", "years", "age"),
    ("employees", "numeric", "count", "employees"),
    ("has_website", "numeric", "flag", "a website"),
    ("section", "categorical", "code", "sector"),
    ("noise", "numeric", "ratio", "noise"),
)


@dataclass(frozen=True)
class Planted:
    """Shape of a synthetic warehouse.

    Attributes:
        companies: Each has an observation a year for eight years.
        base_log_odds: Log-odds of becoming a user where nothing speaks for or against it.
        signal: Factor of the planted effects; 0 makes the labels independent of all features.
        negative_share: Share of the negatives that is kept; their weight is its inverse.
    """

    companies: int = 400
    base_log_odds: float = -3.2
    signal: float = 1.6
    negative_share: float = 1.0
    seed: int = 7


@dataclass(frozen=True)
class World:
    """What was made: the columns of to_train and to_predict, and the true log-odds of the to_predict rows."""

    to_train: dict[str, np.ndarray]
    to_predict: dict[str, np.ndarray]
    true_log_odds: np.ndarray


def _nullable(values: np.ndarray, missing: np.ndarray) -> pa.Array:
    return pa.array(values.tolist(), mask=missing)


def make_world(planted: Planted) -> World:
    rng = np.random.default_rng(planted.seed)
    n = planted.companies * YEARS
    company = np.repeat(np.arange(planted.companies), YEARS)
    year = np.tile(np.arange(YEARS), planted.companies)
    month = np.repeat(rng.integers(0, 12, planted.companies), YEARS)
    first = np.datetime64(HORIZON, "M").astype("datetime64[M]") - 12 * YEARS - 8
    # the last day of a month, nine months before the accounts are public
    accounts_date = (first + 12 * year + month + 1).astype("datetime64[D]") - 1
    observed_on = add_months(accounts_date, 9)

    lasting = rng.normal(size=planted.companies)[company]
    debtors = 0.8 * lasting + 0.6 * rng.normal(size=n)
    growth = rng.normal(size=n)
    section = rng.choice(len(SECTIONS), size=planted.companies, p=[0.3, 0.2, 0.25, 0.2, 0.05])[company]
    section_effect = np.array([0.8, 0.0, -0.8, 0.3, 0.6])[section]
    log_odds = planted.base_log_odds + planted.signal * (debtors + 0.6 * growth + section_effect)
    label = rng.random(n) < 1 / (1 + np.exp(-log_odds))
    missing_growth = rng.random(n) < 0.3
    columns = {
        "company_number": np.char.zfill(company.astype(str), 8),
        "accounts_date": accounts_date,
        "observed_on": observed_on,
        "split_bucket": (company * 37 % 100).astype(np.int64),
        "similar_since": np.where(
            np.array(SECTIONS)[section] == NEW_SECTION, np.datetime64("2025-02-01"), np.datetime64("2017-01-01")
        ),
        "trade_debtors": _nullable(np.round(np.exp(11 + debtors)).astype(np.int64), rng.random(n) < 0.1),
        "growth": _nullable(growth, missing_growth),
        "gearing_percent": rng.normal(50, 20, n),
        "debtor_days": rng.integers(10, 90, n).astype(np.float64),
        "age_years": rng.integers(1, 30, planted.companies)[company] + year,
        "employees": _nullable(rng.integers(1, 200, n), rng.random(n) < 0.5),
        "has_website": rng.random(n) < 0.4,
        "section": np.array(SECTIONS)[section],
        "noise": rng.normal(size=n),
    }
    mature = add_months(observed_on, 12) <= np.datetime64(HORIZON)
    kept = (mature | label) & (observed_on < np.datetime64(HORIZON))
    kept &= label | (rng.random(n) < planted.negative_share)
    weight = np.where(label, 1.0, 1 / planted.negative_share)
    to_train = {name: _take(values, kept) for name, values in columns.items()}
    to_train |= {"label": label[kept].astype(np.int64), "sample_weight": weight[kept]}

    latest = year == YEARS - 1
    to_predict = {name: _take(values, latest) for name, values in columns.items()}
    eligible = rng.random(latest.sum()) < 0.95
    to_predict |= {"is_eligible": eligible, "ineligible_reason": np.where(eligible, None, "not in a similar group")}
    return World(to_train, to_predict, log_odds[latest])


def _take(values, rows):
    return values.filter(pa.array(rows)) if isinstance(values, pa.Array) else values[rows]


def write_warehouse(path: Path, world: World, order: str = "hash(company_number)") -> None:
    """Write the marts; shuffled, since nothing may depend on the order in which they were written."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema if not exists marts")
        connection.execute(
            "create or replace table marts.feature_definitions "
            "(position integer, feature varchar, kind varchar, unit varchar, source_columns varchar, reason varchar)"
        )
        connection.executemany(
            "insert into marts.feature_definitions values (?, ?, ?, ?, ?, ?)",
            [(place, name, kind, unit, name, reason) for place, (name, kind, unit, reason) in enumerate(DEFINITIONS)],
        )
        for name, columns in (("to_train", world.to_train), ("to_predict", world.to_predict)):
            connection.register("made", pa.table(dict(columns)))
            connection.execute(f"create or replace table marts.{name} as select * from made order by {order}")
            connection.unregister("made")
        write_horizon(connection)


def write_horizon(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the horizon of the marts as they are, with how many rows they have."""
    connection.execute(
        "create or replace table marts.horizon as select ?::date as horizon_date, '2026-10' as snapshot_month, "
        "count(*) as to_train_rows, count(*) filter (label = 1) as to_train_positives, "
        "(select count(*) from marts.to_predict) as to_predict_rows from marts.to_train",
        [HORIZON],
    )


def read_frame(folder: Path, planted: Planted) -> TrainingFrame:
    """Read what a training reads of a synthetic warehouse, which is written to a folder."""
    write_warehouse(folder / "warehouse.duckdb", make_world(planted))
    with connect(folder / "warehouse.duckdb", read_only=True) as connection:
        return read_training(connection, read_features(connection), 10_000)
