"""Data tests of one mart each, on rows that break them: none is a test that cannot fail."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[2]
BROKEN = {
    "previous_accounts_are_9_to_15_months_earlier": (
        "lagged_financials",
        "values ('00000001', date '2024-12-31', date '2023-09-29'), ('00000002', date '2024-12-31', date '2023-09-30'),"
        " ('00000003', date '2024-12-31', date '2024-04-01'), ('00000004', date '2024-12-31', null)",
        ("company_number", "accounts_date", "previous_accounts_date"),
        "rows_checked 3, rows_that_fail 2",
    ),
    "status_follows_from_first_charge_date_and_observed_on": (
        "users_not_users",
        "values ('00000001', date '2023-01-31', date '2024-02-29', 'user', date '2024-03-01'),"
        " ('00000002', date '2023-01-31', date '2024-02-29', 'becomes_user', date '2025-03-01'),"
        " ('00000003', date '2023-01-31', date '2024-02-29', 'becomes_user', date '2025-02-28'),"
        " ('00000004', date '2023-01-31', date '2024-02-29', 'not_user', date '2025-02-28'),"
        " ('00000005', date '2023-01-31', date '2024-02-29', 'user', null),"
        " ('00000006', date '2023-01-31', date '2024-02-29', 'unknown', null)",
        ("company_number", "accounts_date", "observed_on", "status", "first_charge_date"),
        "rows_checked 6, rows_that_fail 4",
    ),
}


def test_data_tests_of_one_mart_find_what_breaks_them(tmp_path):
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema marts")
        for mart, rows, columns, _ in BROKEN.values():
            connection.execute(f"create table marts.{mart} as select * from ({rows}) as t ({', '.join(columns)})")
    finished = subprocess.run(
        [sys.executable, "-m", "warehouse", "dbt", "test", "--select", *BROKEN],
        cwd=ROOT,
        env=os.environ | {"WAREHOUSE": str(tmp_path / "warehouse.duckdb"), "DBT_TARGET_PATH": str(tmp_path / "target")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    for name, (_, _, _, said) in BROKEN.items():
        assert f"fail {name}: {said}" in finished.stdout
