"""The tables that ml writes, as the dbt sources define them: Parquet in the lake, relations of the engine."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from warehouse.catalog import ExternalTable, show
from warehouse.engines.base import Engine
from warehouse.engines.duckdb import show_objects
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.settings import schema_name
from warehouse.storage import whole_file

SOURCES_FILE = Path(__file__).resolve().parent.parent / "dbt_project/models/staging/ml/_ml__sources.yml"
PARTITION = "score_month"
ROW_GROUP = 100_000


def read_tables(lake: Lake[Location], sources_file: Path = SOURCES_FILE) -> dict[str, ExternalTable]:
    """Read names, columns and types of the ml tables from the dbt source definitions.

    Args:
        lake: Where their files are.
        sources_file: The YAML file with the source `ml`.

    Raises:
        UserError: When the file is not a readable definition of the source.
    """
    try:
        (source,) = yaml.safe_load(sources_file.read_text(encoding="utf-8"))["sources"]
        return {
            table["name"]: ExternalTable(
                schema=schema_name(source["name"]),
                name=table["name"],
                columns=tuple((column["name"], column["data_type"]) for column in table["columns"]),
                partition=PARTITION,
                folder=_folder(lake, table["name"]),
            )
            for table in source["tables"]
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{sources_file} does not define the source ml: {' '.join(str(error).split())}") from None


def table_files(table: ExternalTable) -> list[Location]:
    """Name the Parquet files that a table consists of."""
    return sorted(table.folder.glob(f"{PARTITION}=*/*.parquet"))


def show_tables(connection: duckdb.DuckDBPyConnection, lake: Lake[Location], names: Iterable[str]) -> None:
    """Show ml tables under their bare names in a connection that reads marts, the same on every engine.

    They are read from the files that the engine's relations consist of; a table without files is empty.

    Args:
        connection: As an engine's `reading` gives it.
        lake: Where the Parquet files are.
        names: Which tables.
    """
    show_objects(connection, lake.root)
    tables = read_tables(lake)
    for name in names:
        show(connection, tables[name], table_files(tables[name]))


def _folder(lake: Lake[Location], table: str) -> Location:
    replaced = {"predictions": lake.predictions(), "prediction_reasons": lake.prediction_reasons()}
    return replaced.get(table) or lake.ml_table(table)


def partition_file(lake: Lake[Location], table: str, month: str) -> Location:
    """Name the one Parquet file of a table's score month; writing the month again replaces it."""
    return lake.month_folder(_folder(lake, table), month, PARTITION) / f"{table}.parquet"


def write_partition(lake: Lake[Location], table: str, month: str, content: pa.Table) -> Location:
    """Write one score month of a table, in one step, and return the file.

    Args:
        lake: Where to.
        table: One that a month replaces.
        month: The score month, `YYYY-MM`.
        content: The columns without the partition's.
    """
    return _write(partition_file(lake, table, month), content)


def write_partition_parts(
    lake: Lake[Location], table: str, month: str, schema: pa.Schema, parts: Iterable[pa.RecordBatch | pa.Table]
) -> tuple[Location, int]:
    """Write one score month of a table as its rows come, in one step, and return the file and how many they were.

    Args:
        lake: Where to.
        table: One that a month replaces.
        month: The score month, `YYYY-MM`.
        schema: The columns without the partition's.
        parts: Rows, in their order; how they are parted leaves no trace in the file.
    """
    path, rows = partition_file(lake, table, month), 0
    with whole_file(path) as unfinished, pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        for group in _row_groups(parts):
            writer.write_table(group)
            rows += group.num_rows
    return path, rows


def _row_groups(parts: Iterable[pa.RecordBatch | pa.Table]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    for part in parts:
        waiting.append(pa.Table.from_batches([part]) if isinstance(part, pa.RecordBatch) else part)
        while sum(table.num_rows for table in waiting) >= ROW_GROUP:
            together = pa.concat_tables(waiting)
            yield together.slice(0, ROW_GROUP)
            waiting = [together.slice(ROW_GROUP)]
    if any(table.num_rows for table in waiting):
        yield pa.concat_tables(waiting)


def append(lake: Lake[Location], table: str, month: str, name: str, content: pa.Table) -> Location:
    """Write rows beside those that a table has, in one step, and return the file.

    Args:
        lake: Where to.
        table: A table that only grows.
        month: The score month, `YYYY-MM`.
        name: What the rows are of, such as a run: rows of the same name and month are replaced.
        content: The columns without the partition's.
    """
    return _write(lake.month_folder(_folder(lake, table), month, PARTITION) / f"{name}.parquet", content)


def _write(path: Location, content: pa.Table) -> Location:
    with whole_file(path) as unfinished:
        pq.write_table(content, unfinished, compression="zstd")
    return path


def register_tables(engine: Engine, lake: Lake[Location]) -> None:
    """Make the ml relations show exactly the score months in the lake; empty where there are none.

    Args:
        engine: What holds the tables.
        lake: Where the Parquet files are.
    """
    engine.register([(table, table_files(table)) for table in read_tables(lake).values()])
