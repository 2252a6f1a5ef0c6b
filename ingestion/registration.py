"""Raw tables of the warehouse over exactly the Parquet files that the delivery logs of the lake name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.contract import Contract
from ingestion.delivery_log import DeliveryLog, read_logs
from warehouse.catalog import ExternalTable
from warehouse.engines.base import Engine
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location, S3Path
from warehouse.settings import schema_name


@dataclass(frozen=True)
class _LandedFiles:
    """The files of landed deliveries.

    Attributes:
        lake: The lake.
        objects: Those of a lake on S3, listed once, which is cheaper than a question about each.
    """

    lake: Lake[Location]
    objects: frozenset[Location]

    @classmethod
    def of(cls, lake: Lake[Location]) -> "_LandedFiles":
        folders = (lake.landed(), lake.rejected(), lake.landed_files())
        return cls(lake, frozenset(path for folder in folders if isinstance(folder, S3Path) for path in folder.below()))

    def existing(self, log: DeliveryLog, relative: str) -> Location:
        path = self.lake.root / relative
        if path.is_file() if isinstance(path, Path) else path in self.objects:
            return path
        raise UserError(
            f"{path} is gone from the lake; "
            f"delete {self.lake.delivery_log(log.delivery)} and run `make ingest` to land the delivery again"
        )


def hide_month(lake: Lake[Location], contract: Contract, engine: Engine, month: str) -> None:
    """Take a month out of the raw tables before files of it are published.

    An engine that reads folders would show each of them at once. `register_raw_tables` shows the month again.

    Args:
        lake: The lake.
        contract: Tables and columns.
        engine: What holds the tables.
        month: The month, `YYYY-MM`.

    Raises:
        UserError: As `register_raw_tables`.
    """
    logs = read_logs(lake)
    hidden = {month} | {log.snapshot_month for log in logs if log.status == "publishing"}
    tables = _tables(lake, contract, [log for log in logs if log.snapshot_month not in hidden])
    engine.register(tables[::-1])


def register_raw_tables(lake: Lake[Location], contract: Contract, engine: Engine) -> list[DeliveryLog]:
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
    engine.register(_tables(lake, contract, logs))
    return logs


def _tables(
    lake: Lake[Location], contract: Contract, logs: Sequence[DeliveryLog]
) -> list[tuple[ExternalTable, list[Location]]]:
    landed_files = _LandedFiles.of(lake)
    files: dict[str, list[Location]] = {table.name: [] for table in contract.tables.values()}
    rejected: list[Location] = []
    for log in logs:
        for record in log.files:
            if record.file in contract.tables:
                files[contract.tables[record.file].name].append(landed_files.existing(log, record.parquet))
            if record.rejected is not None:
                rejected.append(landed_files.existing(log, record.rejected))
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
        ("landed_files", lake.landed_files(), None, [landed_files.existing(log, log.landed_files) for log in logs]),
    ):
        columns = contract.landing_tables[name]
        external = ExternalTable(schema_name("raw"), name, columns, partition, folder, folder_column)
        tables.append((external, landing_files))
    return tables
