"""Raw tables of the warehouse over exactly the Parquet files that the delivery logs of the lake name."""

from pathlib import Path

from ingestion.contract import Contract
from ingestion.delivery_log import DeliveryLog, read_logs
from warehouse.catalog import ExternalTable
from warehouse.engines.base import Engine
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


def register_raw_tables(lake: Lake, contract: Contract, engine: Engine) -> list[DeliveryLog]:
    """Create or replace every raw table, also the ones that no delivery has rows for.

    Args:
        lake: The lake.
        contract: Tables and columns.
        engine: What holds the tables.

    Returns:
        The logs of the deliveries that the tables now consist of.

    Raises:
        UserError: When a log is damaged, a publication was interrupted, a Parquet file is gone, or the engine cannot
            be written to.
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
    partition = contract.landing_columns[-1][0]
    tables = [
        (
            ExternalTable(
                schema=schema_name("raw"),
                name=table.name,
                columns=tuple((column.name, "varchar") for column in table.columns) + contract.landing_columns,
                partition=partition,
                folder=lake.landed(table.file),
            ),
            files[table.name],
        )
        for table in contract.tables.values()
    ]
    # last, since staging asks landed_files which months there are
    for name, folder, folder_column, landing_files in (
        ("rejected_lines", lake.rejected(), "file", rejected),
        ("landed_files", lake.landed_files(), None, [_existing(lake, log, log.landed_files) for log in logs]),
    ):
        columns = contract.landing_tables[name]
        external = ExternalTable(schema_name("raw"), name, columns, partition, folder, folder_column)
        tables.append((external, landing_files))
    engine.register(tables)
    return logs
