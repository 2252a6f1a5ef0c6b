"""Whether `make freshness` tells a late delivery from one in time, by the landing of the latest month."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("freshness")


def freshness(folder: Path, landed_days_ago: dict[str, int]) -> subprocess.CompletedProcess[str]:
    now = datetime.now(UTC).replace(tzinfo=None)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("create schema if not exists raw")
        connection.execute("create or replace table raw.landed_files (snapshot_month varchar, loaded_at timestamp)")
        for month, days in landed_days_ago.items():
            landed = [month, now - timedelta(days=days, hours=1)]
            connection.execute("insert into raw.landed_files values (?, ?)", landed)
    return subprocess.run(
        [sys.executable, "-m", "warehouse", "dbt", "source", "freshness"],
        cwd=ROOT,
        env=os.environ
        | {
            "WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "TZ": "America/New_York",  # landing writes UTC; the clock of the machine must not matter
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("landed_days_ago", "status", "said"),
    [
        ({"2026-09": 100, "2026-10": 34}, 0, "34 days ago: in time"),
        ({"2026-10": 36}, 0, "36 days ago: the next delivery is late"),
        ({"2026-09": 1, "2026-10": 36}, 0, "36 days ago: the next delivery is late"),
        ({"2026-10": 66}, 1, "66 days ago: the next delivery is overdue"),
        ({}, 1, "nothing has been landed"),
    ],
)
def test_the_landing_of_the_latest_month_says_whether_the_next_delivery_is_late(folder, landed_days_ago, status, said):
    finished = freshness(folder, landed_days_ago)
    assert (finished.returncode, said in finished.stdout) == (status, True), finished.stdout + finished.stderr
