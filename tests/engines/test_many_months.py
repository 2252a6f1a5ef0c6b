"""More months than one statement of Trino writes: at the first load, and when all of them are typed anew."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.contract import read_contract
from tests.engines.conftest import Engine
from tests.engines.trino_server import TrinoServer
from warehouse.catalog import ExternalTable
from warehouse.engines.trino import TrinoEngine, read_server
from warehouse.lake import Lake

PREFIX = "years"
MONTHS = [f"{2015 + month // 12}-{month % 12 + 1:02d}" for month in range(101)]
PARTITION = "snapshot_month"
ROWS_BY_MONTH = f"select {PARTITION}, count(*), min(company_number), max(loaded_at) "
ROWS_BY_MONTH += f"from {PREFIX}_staging.stg_ukltd__companies group by 1 order by 1"


def land(lake: Lake[Path], loaded_at: dt.datetime) -> list[tuple[ExternalTable, list[Path]]]:
    """Write a company a month, and what the log of each delivery says; gives the tables with their files."""
    contract = read_contract()
    companies = next(table for table in contract.tables.values() if table.name == "ci01")
    definitions = {
        "ci01": (
            tuple((column.name, "varchar") for column in companies.columns) + contract.landing_columns,
            lake.landed("CI01"),
        ),
        "landed_files": (contract.landing_tables["landed_files"], lake.landed_files()),
    }
    found = []
    for name, (columns, folder) in definitions.items():
        files = [lake.month_folder(folder, month) / "one.parquet" for month in MONTHS]
        for month, file in zip(MONTHS, files, strict=True):
            known = {
                "company_number": f"{MONTHS.index(month):08d}", "file": "CI01", "landed_rows": 1, "line_number": 2,
                "source_file": f"CI01_M_{month.replace('-', '')}01.txt", "loaded_at": loaded_at,
            }  # fmt: skip
            types = {"varchar": pa.string(), "bigint": pa.int64(), "timestamp": pa.timestamp("us")}
            row = {
                column: pa.array([known.get(column)], types[type_]) for column, type_ in columns if column != PARTITION
            }
            file.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table(row), file)
        found.append((ExternalTable(f"{PREFIX}_raw", name, columns, PARTITION, folder), files))
    return found


@pytest.fixture
def years(server: TrinoServer, tmp_path: Path) -> Engine:
    return Engine("trino", tmp_path, server.environment | {"SCHEMA_PREFIX": PREFIX})


def test_a_hundred_and_one_months_are_typed_and_typed_again(years, server):
    lake = Lake(years.lake)
    engine = TrinoEngine(read_server(server.environment), lake, lake.unloaded())
    for loaded_at in (dt.datetime(2026, 1, 1), dt.datetime(2026, 2, 1)):
        engine.register(land(lake, loaded_at))
        years.run("warehouse", "dbt", "run", "--select", "stg_ukltd__companies")
        assert server.query(ROWS_BY_MONTH) == [
            (month, 1, f"{number:08d}", loaded_at) for number, month in enumerate(MONTHS)
        ]
