"""Raw tables of the warehouse over exactly the Parquet files that the delivery logs of the lake name."""

from pathlib import Path

import duckdb

from ingestion.contract import Contract
from ingestion.delivery_log import DeliveryLog, read_logs
from warehouse.catalog import ExternalTable, register
from warehouse.engines.duckdb import connect
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.settings import schema_name


def _existing(lake: Lake, log: DeliveryLog, relative: str) -> Path:
    path = lake.root / relative
    if not path.is_file():
        raise UserError(
            f"{path} is gone from the lake; "
            f"delete {lake.delivery_log(log.delivery)} and run `make ingest` to land the delivery again"
        )
    return path


def register_raw_tables(lake: Lake, contract: Contract, warehouse: Path) -> list[DeliveryLog]:
    """Create or replace every raw table, also the ones that no delivery has rows for.

    Args:
        lake: The lake.
        contract: Tables and columns.
        warehouse: The DuckDB file, created when absent.

    Returns:
        The logs of the deliveries that the tables now consist of.

    Raises:
        UserError: When a log is damaged, a publication was interrupted, a Parquet file is gone, or the warehouse
            cannot be written.
    """
    logs = read_logs(lake)
    for log in logs:
        if log.status == "publishing":
            raise UserError(f"{log.delivery} was interrupted while it was published; run `make ingest`")
    files: dict[str, list[Path]] = {table.name: [] for table in contract.tables.values()}
    rejected: list[Path] = []
    for log in logs:
        for record in log.files:
            if record.file in contract.tables:
                files[contract.tables[record.file].name].append(_existing(lake, log, record.parquet))
            if record.rejected is not None:
                rejected.append(_existing(lake, log, record.rejected))
    columns = {
        table.name: tuple((column.name, "varchar") for column in table.columns) + contract.landing_columns
        for table in contract.tables.values()
    } | contract.landing_tables
    files |= {
        "landed_files": [_existing(lake, log, log.landed_files) for log in logs],
        "rejected_lines": rejected,
    }
    partition = contract.landing_columns[-1][0]
    with connect(warehouse) as connection:
        for name, typed_columns in columns.items():
            try:
                register(connection, ExternalTable(schema_name("raw"), name, typed_columns, partition), files[name])
            except duckdb.Error as error:
                raise UserError(
                    f"the raw table {name} cannot be registered in {warehouse}: {str(error).splitlines()[0]}"
                ) from error
    return logs
