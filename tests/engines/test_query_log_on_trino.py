"""The query log of a real Trino: ids, rows and the bytes that the coordinator has counted."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engines.conftest import Engine
from tests.engines.trino_server import TrinoServer
from warehouse.catalog import ExternalTable
from warehouse.engines.trino import TrinoEngine, read_server
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.query_log import read

COLUMNS = (("company_number", "varchar"), ("name", "varchar"), ("snapshot_month", "varchar"))


def logged(lake: Lake) -> list[dict]:
    return [query for path in sorted(lake.query_logs().glob("*.json")) for query in read(path)]


@pytest.fixture
def engine(server: TrinoServer, tmp_path) -> TrinoEngine:
    lake = Lake(tmp_path / "lake")
    return TrinoEngine(read_server(server.environment), lake, lake.unloaded())


def test_dbt_and_registration_are_logged_with_what_they_read(server, engine, tmp_path):
    lake = engine.lake
    folder = lake.landed("NAMES") / "snapshot_month=2026-10"
    folder.mkdir(parents=True)
    rows = 50_000
    names = pa.table({"company_number": [f"{n:08}" for n in range(rows)], "name": [f"{n * n}" for n in range(rows)]})
    pq.write_table(names, folder / "one.parquet", row_group_size=rows)
    table = ExternalTable("raw_of_log", "names", COLUMNS, "snapshot_month", lake.landed("NAMES"))
    engine.register([(table, [folder / "one.parquet"])])
    registered = logged(lake)
    assert {query["status"] for query in registered} == {"success"}
    assert all(query["query_id"] and query["scanned_bytes"] is not None for query in registered)
    assert [query["node"] for query in registered if "names" in query["node"]] == ["register raw_of_log.names"] * 3

    trino = Engine("trino", tmp_path, server.environment)
    query = "select max(name) as name from hive.raw_of_log.names"
    trino.run("warehouse", "dbt", "show", "--inline", query)
    found = [query for query in logged(lake)[len(registered) :] if query["scanned_bytes"]]
    column = pq.read_metadata(folder / "one.parquet").row_group(0).column(1).total_compressed_size
    assert found[-1]["scanned_bytes"] == pytest.approx(column, rel=0.1, abs=4096)
    assert found[-1]["price_usd"] is None


def test_a_query_that_the_server_has_forgotten_is_left_out_and_a_server_that_is_gone_is_a_sentence(engine):
    assert engine.measure(["20200101_000000_00000_aaaaa"]) == {}
    gone = TrinoEngine(read_server({"TRINO_HOST": "127.0.0.1", "TRINO_PORT": "1"}), engine.lake, engine.unload_folder)
    with pytest.raises(UserError, match="does not answer"):
        gone.measure(["20200101_000000_00000_aaaaa"])
