"""The marts agree with the recomputation on a country whose every value sits on an edge of the definitions."""

import csv
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.peers.equal import compare
from benchmarks.peers.job import Job
from ingestion.sample.server import serve
from tests.integration.adversary import HORIZON, MONTH, make_country
from tests.integration.cells import differences, read_mart
from tests.integration.recomputation import COMPANY, KEYS, recompute
from tests.integration.recomputation.values import add_months

ROOT = Path(__file__).resolve().parents[2]
SEED = 20240229
NON_USER_ROWS = 100
SAMPLE_SEED = "adversary"


def run(environment: dict[str, str], *arguments: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adversarial country, landed and built as of the month before its last."""
    folder = tmp_path_factory.mktemp("country")
    with (ROOT / "seeds" / "person_entitled_adjusted.csv").open(encoding="utf-8", newline="") as file:
        reviewed = [(row["person_entitled"], row["certainty"]) for row in csv.DictReader(file)]
    make_country(folder / "deliveries", folder / "texts", SEED, reviewed)
    with serve(folder / "deliveries") as address:
        environment = {
            "SFTP_HOST": address.host,
            "SFTP_PORT": str(address.port),
            "SFTP_USER": address.user,
            "SFTP_PASSWORD": address.password,
            "SFTP_HOST_KEY": address.host_key,
            "SFTP_ROOT": "/",
            "LAKE": str(folder / "lake"),
            "WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "MONTH": "",
        }
        run(environment, "ingestion", "ingest")
    run(environment, "ml", "register")
    run(
        environment | {"MONTH": MONTH},
        "warehouse", "dbt", "build", "--selector", "features", "--exclude-resource-type", "test", "unit_test",
        "--vars", f"{{non_user_rows: {NON_USER_ROWS}, sample_seed: {SAMPLE_SEED}}}",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def recomputed(country: Path) -> dict[str, pd.DataFrame]:
    return recompute(country / "texts", ROOT / "seeds", MONTH, non_user_rows=NON_USER_ROWS, sample_seed=SAMPLE_SEED)


def test_a_cell_that_differs_is_named_with_both_values():
    rows = pd.DataFrame({"company_number": ["00000001", "SC000002"], "weight": [1.0, None], "charges": [1, 2]})
    assert differences("users", rows.iloc[::-1].astype({"charges": "Int64"}), rows, COMPANY) == []
    assert differences("users", rows.assign(weight=[1.0 + 1e-8, 0.0]), rows, COMPANY) == [
        "users.weight: 2 cells differ",
        "users.weight of ('00000001',): np.float64(1.00000001) in the warehouse, np.float64(1.0) recomputed",
        "users.weight of ('SC000002',): np.float64(0.0) in the warehouse, <NA> recomputed",
    ]
    assert differences("users", rows.iloc[:1], rows, COMPANY) == [
        "users: 1 rows in one of the two only, 0 twice",
        "users ('SC000002',): only in the recomputation",
    ]
    assert differences("users", rows.drop(columns="charges"), rows, COMPANY) == [
        "users: columns ['charges'] are in one of the two only"
    ]


def edges(marts: dict[str, pd.DataFrame]) -> dict[str, int]:
    """How often a day lies just on, or just beyond, what a definition allows."""
    seen = marts["users_not_users"]
    first, observed_on, accounts_date = seen["first_charge_date"], seen["observed_on"], seen["accounts_date"]
    year_later, before = add_months(observed_on, 12), seen.groupby("company_number").shift(1)
    horizon, day = pd.Timestamp(HORIZON), pd.Timedelta(days=1)
    earliest, latest = add_months(accounts_date, -15), add_months(accounts_date, -9)
    is_public = before["observed_on"] <= observed_on
    predicted = marts["to_predict"]["accounts_date"]
    found = {
        "charge public on observed_on": first == observed_on,
        "charge public the day after": first == observed_on + day,
        "charge public twelve months after": first == year_later,
        "charge public twelve months and a day after": first == year_later + day,
        "twelve months end on the horizon": first.isna() & (year_later == horizon),
        "twelve months end after the horizon": first.isna() & (year_later == horizon + day),
        "accounts observed on the last day": observed_on == horizon - day,
        "accounts observed on 29 February": observed_on == pd.Timestamp("2020-02-29"),
        "accounts of 29 February": accounts_date == pd.Timestamp("2020-02-29"),
        "fifteen months before": is_public & (before["accounts_date"] == earliest),
        "fifteen months and a day before": is_public & (before["accounts_date"] == earliest - day),
        "nine months before": is_public & (before["accounts_date"] == latest),
        "a day less than nine months before": is_public & (before["accounts_date"] == latest + day),
        "both years public on one day": before["observed_on"] == observed_on,
        "previous year public the day after": before["observed_on"] == observed_on + day,
        "oldest accounts that are predicted": predicted == horizon - pd.DateOffset(months=36),
    }
    return {edge: int(rows.sum()) for edge, rows in found.items()}


def test_the_country_has_every_edge(recomputed):
    assert [edge for edge, rows in edges(recomputed).items() if not rows] == []
    assert set(recomputed["users_not_users"]["status"]) == {"user", "becomes_user", "not_user", "unknown"}
    assert recomputed["to_train"]["label"].value_counts()[0] == NON_USER_ROWS
    assert recomputed["to_train"]["sample_weight"].max() > 1
    assert set(recomputed["to_predict"]["is_eligible"]) == {True, False}


@pytest.mark.parametrize("mart", KEYS)
def test_every_cell_of_the_country_is_what_the_definitions_say(country, recomputed, mart):
    print(f"seed {SEED}")
    assert differences(mart, read_mart(country / "warehouse.duckdb", mart), recomputed[mart], KEYS[mart]) == []


@pytest.mark.parametrize("peer", ["duckdb_script", "pandas_notebook", "pyspark_local"])
def test_what_the_benchmark_of_peers_measures_us_against_makes_the_same_tables(country, tmp_path, peer):
    if peer == "pyspark_local":
        pytest.importorskip("pyspark", reason="PySpark is no dependency")
    job = Job(country / "lake", MONTH, tmp_path, non_user_rows=NON_USER_ROWS, sample_seed=SAMPLE_SEED)
    importlib.import_module(f"benchmarks.peers.{peer}").run(job)
    found = compare(country / "warehouse.duckdb", tmp_path)
    assert [sentence for table in found for sentence in table.differences] == []
