"""What the benchmark of peers measures with: processes, and whether tables are equal."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from benchmarks.peers.duckdb_script import DATABASE
from benchmarks.peers.equal import compare
from benchmarks.peers.job import TABLES
from benchmarks.processes import CommandFailedError, measure

ROOT = Path(__file__).resolve().parents[3]
ROWS = """
    select printf('%08d', i) as company_number, date '2020-01-31' + i::integer as accounts_date, i / 7 as weight,
        i % 3 = 0 as kept
    from range(200) as numbers (i)
"""


def write(database: Path, schema: str, tables: dict[str, str]) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"create schema if not exists {schema}")
        for table in TABLES:
            connection.execute(f"create table {schema}.{table} as {tables.get(table, ROWS)}")


def differences(folder: Path, **tables: str) -> list[str]:
    """What is said of these tables beside ours, which are `ROWS` five times."""
    write(folder / "warehouse.duckdb", "marts", {})
    write(folder / DATABASE, "main", tables)
    return [sentence for table in compare(folder / "warehouse.duckdb", folder) for sentence in table.differences]


def test_the_order_of_rows_does_not_count(tmp_path):
    assert differences(tmp_path, users=f"select * from ({ROWS}) order by weight desc") == []


def test_a_null_beside_a_value_is_a_difference(tmp_path):
    rows = ROWS.replace("i % 3 = 0", "case when i <> 5 then i % 3 = 0 end")
    assert differences(tmp_path, to_train=rows) == [
        "to_train.kept differs: 00000005 2020-02-05: None, ours False",
    ]


def test_the_last_bit_of_a_number_is_a_difference(tmp_path):
    found = differences(tmp_path, users=ROWS.replace("i / 7", "if(i = 9, nextafter(i / 7, 2::double), i / 7)"))
    assert found == ["users.weight differs: 00000009: 1.285714285714286, ours 1.2857142857142858"]


def test_two_values_that_changed_places_are_differences(tmp_path):
    found = differences(tmp_path, users=ROWS.replace("i / 7", "case i when 1 then 2 when 2 then 1 else i end / 7"))
    assert found == [
        "users.weight differs: 00000001: 0.2857142857142857, ours 0.14285714285714285; "
        "00000002: 0.14285714285714285, ours 0.2857142857142857"
    ]


def test_a_row_too_many_is_a_difference(tmp_path):
    found = differences(tmp_path, users=ROWS.replace("range(200)", "range(201)"))
    assert found[0] == "users: 201 rows, ours has 200"


def test_another_type_is_a_difference(tmp_path):
    found = differences(
        tmp_path, users=ROWS.replace("i / 7", "(i / 7)::float"), to_predict=ROWS.replace("printf('%08d', i)", "i")
    )
    assert found == [
        "users.weight is FLOAT, ours is DOUBLE",
        "to_predict.company_number is BIGINT, ours is VARCHAR",
    ]


def test_tables_in_parquet_files_are_compared_as_well(tmp_path):
    write(tmp_path / "warehouse.duckdb", "marts", {})
    for table in TABLES:
        (tmp_path / table).mkdir()
        for part, kept in enumerate(("kept", "not kept")):
            duckdb.execute(f"copy (select * from ({ROWS}) where {kept}) to '{tmp_path / table}/{part}.parquet'")
    assert [(each.rows, each.differences) for each in compare(tmp_path / "warehouse.duckdb", tmp_path)] == [
        (200, ())
    ] * 5


WORK = """
import os, subprocess, sys, time
if len(sys.argv) == 1:
    subprocess.run([sys.executable, __file__, "in a process of its own"], check=True)
held = b"x" * 100_000_000
end = time.process_time() + 0.5
while time.process_time() < end: pass
"""


def test_what_the_processes_of_a_command_take_is_added_up(tmp_path):
    script = tmp_path / "work.py"
    script.write_text(WORK)
    start = time.monotonic()
    figures = measure([sys.executable, str(script)], os.environ, tmp_path, tmp_path / "log.txt")
    assert figures.seconds <= time.monotonic() - start
    assert figures.processor_seconds >= 1.0
    assert figures.peak_megabytes >= 100
    assert figures.then(figures).processor_seconds == 2 * figures.processor_seconds
    assert figures.then(figures).peak_megabytes == figures.peak_megabytes


def test_a_command_that_fails_says_why(tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such lake')"]
    with pytest.raises(CommandFailedError, match=r"^no such lake$"):
        measure(command, os.environ, tmp_path, tmp_path / "log.txt")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.peers", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_lake_in_which_nothing_landed_is_named(tmp_path):
    finished = run("--lake", str(tmp_path))
    assert (finished.returncode, finished.stderr) == (
        1, f"error: nothing has landed in {tmp_path}; name the lake of `make ingest` with --lake\n",
    )  # fmt: skip


def test_a_peer_that_fails_is_told_of_and_ends_in_status_1(tmp_path):
    month = tmp_path / "DATA" / "UNZIP_DATA_APPEND_ALL" / "CI01" / "snapshot_month=2026-10"
    month.mkdir(parents=True)
    (month / "CI01_S_20261001.parquet").write_bytes(b"no Parquet")
    finished = run("--lake", str(tmp_path), "--only", "duckdb")
    assert finished.returncode == 1
    assert "  duckdb: failed: " in finished.stdout
    assert json.loads(finished.stdout.splitlines()[-1])["month"] == "2026-10"
