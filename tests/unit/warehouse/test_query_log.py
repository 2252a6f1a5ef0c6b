"""The query log of a local lake: whole after every kill, shared by writers, and never in the way."""

import json
import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse import query_log
from warehouse.dbt_queries import ROWS
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.prices import MEGABYTE, TERABYTE, Prices, read_prices
from warehouse.query_log import FAILED, SUCCESS, Query, QueryLog, Scan, append, path_of, read, text_hash

DAY = "20261120"
MOMENT = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
LONG = "x" * 1_000_000


def query(node: str, started: datetime = MOMENT, query_id: str | None = None) -> Query:
    return Query(node, text_hash("select 1"), started, 0.5, SUCCESS, query_id, 3)


def no_scans(_ids):
    return {}


@pytest.fixture
def lake(tmp_path: Path) -> Lake[Path]:
    return Lake(tmp_path / "lake")


def test_queries_are_a_json_document_a_day(lake):
    with QueryLog(lake, "trino", lambda ids: {ids[0]: Scan(12, None)}) as log:
        log.add(query("tomorrow", MOMENT + timedelta(seconds=1)))
        log.add(query("today", query_id="7"))
    (found,) = read(path_of(lake, DAY))
    assert len(found.pop("run_id")) == 32
    assert found == {
        "started_at": "2026-11-20T23:59:59.000+00:00",
        "engine": "trino",
        "node": "today",
        "query_id": "7",
        "text_sha256": "822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f",
        "status": "success",
        "seconds": 0.5,
        "rows": 3,
        "scanned_bytes": 12,
        "price_usd": None,
    }
    assert [found["node"] for found in read(path_of(lake, "20261121"))] == ["tomorrow"]
    assert json.loads(path_of(lake, DAY).read_text())["schema_version"] == 1
    assert sorted(path.name for path in lake.root.rglob("*")) == [
        "LOGS_QUERY_EXECUTION", "logs_tables_20261120.json", "logs_tables_20261121.json",
    ]  # fmt: skip


def test_a_block_that_runs_a_query_logs_it_also_when_it_fails(lake):
    with QueryLog(lake, "athena", no_scans) as log:
        with log.running("unload marts.leads", "unload (select 1)") as outcome:
            outcome.query_id, outcome.rows = "8", 4
        with pytest.raises(UserError), log.running("unload marts.leads", "unload (select 2)"):
            raise UserError("no")
    (path,) = lake.query_logs().iterdir()
    first, second = read(path)
    assert (first["status"], first["query_id"], first["rows"]) == (SUCCESS, "8", 4)
    assert (second["status"], second["query_id"], second["rows"]) == (FAILED, None, None)


def test_what_was_flushed_is_there_before_the_run_ends(lake, monkeypatch):
    monkeypatch.setattr(query_log, "FLUSH_SECONDS", 0.01)
    with QueryLog(lake, "duckdb", no_scans) as log:
        log.add(query("first"))
        while not path_of(lake, DAY).exists():
            pass
        assert [found["node"] for found in read(path_of(lake, DAY))] == ["first"]
        log.add(query("second"))
    assert [found["node"] for found in read(path_of(lake, DAY))] == ["first", "second"]


def write_many(root: Path, writer: int, runs: int) -> None:
    for run in range(runs):
        with QueryLog(Lake(root), "duckdb", no_scans) as log:
            log.add(query(f"{writer}.{run}"))


def test_writers_do_not_lose_what_others_wrote(lake):
    writers = [multiprocessing.Process(target=write_many, args=(lake.root, number, 20)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = [entry["node"] for entry in read(path_of(lake, DAY))]
    assert sorted(found) == sorted(f"{number}.{run}" for number in range(4) for run in range(20))


def write_for_ever(root: Path) -> None:
    for number in range(1_000_000):
        append(Lake(root), DAY, [json.dumps({"number": number, "long": LONG})])


def test_a_kill_at_any_moment_leaves_a_whole_file(lake):
    append(lake, DAY, [json.dumps({"number": -1})])
    for _ in range(5):
        before = len(read(path_of(lake, DAY)))
        writer = multiprocessing.Process(target=write_for_ever, args=(lake.root,))
        writer.start()
        while len(read(path_of(lake, DAY))) < before + 3:
            pass
        os.kill(writer.pid, 9)
        writer.join()
        assert len(read(path_of(lake, DAY))) >= before + 3
    append(lake, DAY, [json.dumps({"number": -2})])
    assert read(path_of(lake, DAY))[-1] == {"number": -2}


@pytest.mark.parametrize("content", ["not ours", '{"schema_version": 2, "queries": [\n{}\n]}\n', "[]"])
def test_a_file_that_is_no_query_log_stays_as_it_is(lake, content):
    path = path_of(lake, DAY)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    warnings = []
    with QueryLog(lake, "duckdb", no_scans, warnings.append) as log:
        log.add(query("lost"))
    assert path.read_text() == content
    assert warnings == [
        f"1 queries are missing in the query log: {path} is not a query log of this version; move it away"
    ]
    with pytest.raises(UserError, match=r"is (not )?a query log"):
        read(path)


def test_an_engine_that_does_not_answer_leaves_the_bytes_out(lake):
    def fails(_ids):
        raise UserError("it does not answer")

    warnings = []
    with QueryLog(lake, "trino", fails, warnings.append) as log:
        log.add(query("kept", query_id="1"))
    assert [found["scanned_bytes"] for found in read(path_of(lake, DAY))] == [None]
    assert warnings == ["queries are in the query log without their bytes: it does not answer"]


def test_a_run_without_queries_writes_nothing(lake):
    with QueryLog(lake, "duckdb", no_scans):
        pass
    assert not lake.root.exists()


@pytest.mark.parametrize(
    ("status", "rows"),
    [("CREATE TABLE (1_234 rows)", 1234), ("OK 12", 12), ("OK -1", None), ("OK", None), ("SUCCESS", None)],
)
def test_rows_are_read_from_what_the_adapters_say(status, rows):
    found = ROWS.search(status)
    assert (int(found[1] or found[2]) if found else None) == rows


def test_a_query_costs_ten_megabytes_at_least_and_whole_ones():
    prices = Prices(athena_tb=5.0)
    assert prices.query(0) == prices.query(10 * MEGABYTE) == pytest.approx(0.0000476837, rel=1e-5)
    assert prices.query(10 * MEGABYTE + 1) == prices.query(11 * MEGABYTE)
    assert prices.query(TERABYTE) == 5.0


def test_prices_of_other_regions_are_variables():
    prices = read_prices({"ATHENA_USD_PER_TB": "6.75", "S3_USD_PER_GB_MONTH": ""})
    assert (prices.query(TERABYTE), prices.storage(1 << 30)) == (6.75, 0.024)
    for text in ("cheap", "-1", "nan", "inf"):
        with pytest.raises(UserError, match=f"ATHENA_USD_PER_TB={text} is not a price"):
            read_prices({"ATHENA_USD_PER_TB": text})
