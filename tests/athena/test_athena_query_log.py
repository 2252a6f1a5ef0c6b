"""The query log of dbt on Athena: ids, bytes and prices as the service itself tells them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.athena.endpoint.on_duckdb import DuckDB
from tests.athena.stack import RAW_BUCKET, ROOT, Account, start
from warehouse.prices import Prices
from warehouse.query_log import text_hash

LEAST = Prices().query(0)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with start(tmp_path_factory.mktemp("mirror"), DuckDB()) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbt")


def dbt(account: Account, folder: Path, *arguments: str) -> list[dict]:
    """Run dbt as the commands do; gives the queries that this has added to the log, and keeps to those of nodes."""
    before = logged(account)
    finished = subprocess.run(
        [sys.executable, "-m", "warehouse", "dbt", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | account.environment | {
            "DBT_TARGET": "athena",
            "LAKE": f"s3://{RAW_BUCKET}/country",
            "LAKE_WORK": str(folder / "work"),
            "WAREHOUSE": str(folder / "none.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "target"),
        },
    )  # fmt: skip
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stdout + finished.stderr
    after = logged(account)
    assert after[: len(before)] == before
    return [query for query in after[len(before) :] if "." in query["node"]]


def logged(account: Account) -> list[dict]:
    s3 = account.session.client("s3")
    keys = sorted(key for key in account.keys(RAW_BUCKET) if key.startswith("country/LOGS_QUERY_EXECUTION/"))
    return [
        query
        for key in keys
        for query in json.loads(s3.get_object(Bucket=RAW_BUCKET, Key=key)["Body"].read())["queries"]
    ]


def test_each_query_has_its_id_bytes_and_price(account, folder):
    seeded = dbt(account, folder, "seed", "--select", "person_entitled_adjusted")
    built = dbt(account, folder, "run", "--select", "int_reviewed_names")
    for query in [*seeded, *built]:
        execution = account.executor.executions[query["query_id"]]
        assert query["text_sha256"] == text_hash(execution.query)
        assert query["scanned_bytes"] == execution.scanned
        assert query["price_usd"] == (0 if execution.is_ddl else LEAST)
        assert (query["engine"], query["status"]) == ("athena", "success")
    logged_ids = [query["query_id"] for query in logged(account)]
    assert sorted(logged_ids) == sorted(account.executor.executions)
    scanning = {query["node"] for query in [*seeded, *built] if query["scanned_bytes"]}
    assert scanning == {"seed.bookdebts.person_entitled_adjusted", "model.bookdebts.int_reviewed_names"}
    rows = account.query("select count(*) as n from intermediate.int_reviewed_names")["n"][0].as_py()
    assert rows in {query["rows"] for query in built}
