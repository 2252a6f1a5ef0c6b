"""`make cost` on a small sample that is built, trained and predicted, beside what its query log says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml

from ml.settings import SETTINGS_FILE as USUAL_SETTINGS
from warehouse.cost.sizes import WHOLE, describe, measure_external, measure_table
from warehouse.lake import Lake
from warehouse.query_log import append

ROOT = Path(__file__).resolve().parents[2]
ONLY_TABLES = ("--resource-type", "model", "--resource-type", "seed")


@dataclass(frozen=True)
class Built:
    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def attempt(self, *module: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "LAKE": str(self.folder / "lake"),
            "WAREHOUSE": str(self.warehouse),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "SAMPLE_DELIVERIES": str(self.folder / "sample"),
            "SAMPLE_COMPANIES": "3000",
            "MONTH": "",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SFTP_")}
        return subprocess.run(
            [sys.executable, "-m", *module], cwd=ROOT, env=inherited | variables | environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def run(self, *module: str, **environment: str) -> str:
        finished = self.attempt(*module, **environment)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    made = Built(tmp_path_factory.mktemp("built"))
    settings = made.folder / "settings.yml"
    few = {"minimum_positives": 2, "test_windows": 1, "company_folds": 1, "bootstrap_samples": 20}
    settings.write_text(yaml.safe_dump(yaml.safe_load(USUAL_SETTINGS.read_text(encoding="utf-8")) | few))
    made.run("ingestion", "ingest")
    made.run("ml", "register")
    made.run("warehouse", "dbt", "build", "--selector", "features", *ONLY_TABLES)
    made.run("ml", "train", "--settings", str(settings))
    made.run("ml", "predict", "--settings", str(settings))
    made.run("warehouse", "dbt", "build", "--selector", "scores", *ONLY_TABLES)
    return made


@pytest.fixture
def connection(built: Built) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built.warehouse), read_only=True) as opened:
        yield opened


def figures(text: str) -> dict[str, list[float]]:
    lines = [line.split() for line in text.splitlines() if re.match(r"\w+ +[\d,]+ +\d", line)]
    return {line[0]: [float(cell.replace(",", "")) for cell in line[1:]] for line in lines}


def test_the_steps_add_up_and_a_following_month_types_less(built):
    found = figures(built.run("warehouse", "cost", COMPANIES="5000000"))
    steps = [cells for step, cells in found.items() if step != "total"]
    for column, total in enumerate(found["total"]):
        assert total == pytest.approx(sum(cells[column] for cells in steps), rel=0.02, abs=0.03)
    first, following = found["staging"][1], found["staging"][4]
    assert 0 < following < first / 3
    assert found["total"][1] > 0.005
    assert found["intermediate"][1] == found["intermediate"][4]


def test_more_companies_scan_more_and_other_prices_cost_more(built):
    usual = figures(built.run("warehouse", "cost"))
    more = figures(built.run("warehouse", "cost", COMPANIES="50000000", ATHENA_USD_PER_TB="6"))
    assert more["total"][1] == pytest.approx(10 * usual["total"][1], rel=0.05)
    assert more["total"][2] > 6 * usual["total"][2]


def test_what_another_engine_measured_stands_beside_the_estimate(built):
    query = {"started_at": "2026-11-20T10:00:00.000+00:00", "run_id": "1", "engine": "athena", "price_usd": 0.5}
    lines = [
        json.dumps(query | {"node": "model.bookdebts.to_train", "scanned_bytes": 1 << 30}),
        json.dumps(query | {"node": "model.bookdebts.users", "scanned_bytes": 1 << 30}),
        json.dumps(query | {"run_id": "0", "node": "model.bookdebts.users", "scanned_bytes": 5}),
        json.dumps(query | {"engine": "duckdb", "node": "model.bookdebts.users", "scanned_bytes": None}),
    ]
    append(Lake(built.folder / "lake"), "20261120", lines)
    assert re.search(
        r"Measured on athena, run of 2026-11-20T10:00 UTC, .*\n"
        r" +2 queries, 2\.0000 GB scanned, 1\.0000 USD; a first load of the same nodes is estimated at 0\.0\d+ GB",
        built.run("warehouse", "cost"),
    )


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("COMPANIES", "many", "error: COMPANIES=many is not a number of companies; write one such as 5000000\n"),
        ("ATHENA_USD_PER_TB", "x", "error: ATHENA_USD_PER_TB=x is not a price in US dollars; write it as 5 or 0.024\n"),
        ("WAREHOUSE", "/nowhere/w.duckdb", "error: there is no warehouse at /nowhere/w.duckdb; run `make ingest` and "
         "`make build` first\n"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence(built, variable, value, sentence):
    finished = built.attempt("warehouse", "cost", **{variable: value})
    assert (finished.returncode, finished.stderr) == (1, sentence)


def test_sizes_are_those_of_parquet(connection, tmp_path):
    relation = ("marts", "lagged_financials")
    columns = describe(connection)[relation]
    size = measure_table(connection, relation, columns, None, tmp_path)
    assert list(tmp_path.iterdir()) == []
    connection.execute(f"copy marts.lagged_financials to '{tmp_path}/x.parquet' (format parquet, compression gzip)")
    assert 0.9 < size.of() / (tmp_path / "x.parquet").stat().st_size <= 1
    assert size.of() == sum(size.of((name,)) for name, _ in columns)
    assert size.is_of_companies


def test_partitions_are_measured_one_by_one(connection, built, tmp_path):
    described = describe(connection)
    external = measure_external(connection, ("raw", "ci01"), described["raw", "ci01"])
    typed = measure_table(
        connection, ("staging", "stg_ukltd__companies"), described["staging", "stg_ukltd__companies"],
        "snapshot_month", tmp_path,
    )  # fmt: skip
    assert external.bytes.keys() == typed.bytes.keys() > {"2026-10", "2026-11"}
    assert WHOLE not in typed.bytes
    assert typed.of(("snapshot_month",)) == 0 < typed.of(("company_number",), "2026-11") < typed.of(("company_number",))
    files = sum(
        path.stat().st_size for path in (built.folder / "lake/DATA/UNZIP_DATA_APPEND_ALL/CI01").rglob("*.parquet")
    )
    assert 0.7 < external.of() / files < 1
