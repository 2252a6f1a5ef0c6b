"""DuckDB: the file that is the warehouse, and memory in which the tables of another engine are read."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.catalog import ExternalTable, register
from warehouse.errors import UserError

MEMORY_LIMIT = "3GB"


@contextlib.contextmanager
def connect(warehouse: Path, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for the time of a `with` block, within the memory that `DUCKDB_MEMORY_LIMIT` allows.

    The limit is of DuckDB's own memory; what it cannot hold it writes beside the warehouse while it runs.

    Args:
        warehouse: The DuckDB file; created when absent, unless `read_only`.
        read_only: Whether to open it beside other readers.

    Raises:
        UserError: When it is absent (`read_only`), locked by another process, or no DuckDB file, when the limit is no
            size, or when a query in the block needs more memory than it.
    """
    if read_only and not warehouse.exists():
        raise UserError(f"there is no warehouse at {warehouse}; run `make ingest` and `make build` first")
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = _opened(str(warehouse), read_only)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise UserError(f"{warehouse} is in use by another process; close it there, then run again") from None
        raise UserError(
            f"{warehouse} cannot be opened as a DuckDB file ({str(error).splitlines()[0]}); name another WAREHOUSE, or "
            "delete it: `make build` makes everything in it again from the lake"
        ) from None
    with _limited(connection):
        yield connection


@contextlib.contextmanager
def connect_memory(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database for the time of a `with` block, within the same limit.

    Args:
        scratch: Folder for what does not fit in memory.

    Raises:
        UserError: As `connect` does about the limit.
    """
    connection = _opened(":memory:", read_only=False)
    connection.execute("set temp_directory = $1", [str(scratch)])
    with _limited(connection):
        yield connection


def _memory_limit() -> str:
    return os.environ.get("DUCKDB_MEMORY_LIMIT", "") or MEMORY_LIMIT


def _opened(database: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(database, read_only=read_only, config={"memory_limit": _memory_limit()})
    except duckdb.ParserException:
        raise UserError(
            f"DUCKDB_MEMORY_LIMIT={_memory_limit()} is not a size; write it as a number and a unit, as 3GB"
        ) from None


@contextlib.contextmanager
def _limited(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    try:
        connection.execute("set preserve_insertion_order = true")
        yield
    except duckdb.OutOfMemoryException:
        raise UserError(
            f"DuckDB needs more memory than DUCKDB_MEMORY_LIMIT={_memory_limit()}; set it higher, then run again"
        ) from None
    finally:
        connection.close()


@dataclass(frozen=True)
class DuckDBEngine:
    """The warehouse in a DuckDB file, as an engine.

    Attributes:
        warehouse: The file.
    """

    warehouse: Path

    @property
    def place(self) -> str:
        """The file."""
        return str(self.warehouse)

    def check(self) -> None:
        """See `Engine`: opens the file, which is created when absent."""
        with connect(self.warehouse):
            pass

    def register(self, tables: Sequence[tuple[ExternalTable, Sequence[Path]]]) -> None:
        """See `Engine`: each relation becomes a view, in one step."""
        with connect(self.warehouse) as connection:
            for table, files in tables:
                try:
                    register(connection, table, files)
                except duckdb.Error as error:
                    raise UserError(
                        f"the table {table.schema}.{table.name} cannot be registered in {self.warehouse}: "
                        f"{str(error).splitlines()[0]}"
                    ) from error

    @contextlib.contextmanager
    def reading(self, _marts: Mapping[str, Sequence[str]]) -> Iterator[duckdb.DuckDBPyConnection]:
        """See `Engine`: the file itself, read-only."""
        with connect(self.warehouse, read_only=True) as connection:
            yield connection
