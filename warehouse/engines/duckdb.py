"""Connections to the DuckDB file that is the warehouse."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from warehouse.errors import UserError


@contextlib.contextmanager
def connect(warehouse: Path, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for the time of a `with` block.

    Args:
        warehouse: The DuckDB file; created when absent, unless `read_only`.
        read_only: Whether to open it beside other readers.

    Raises:
        UserError: When it is absent (`read_only`), locked by another process, or no DuckDB file.
    """
    if read_only and not warehouse.exists():
        raise UserError(f"there is no warehouse at {warehouse}; run `make ingest` and `make build` first")
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(warehouse), read_only=read_only)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise UserError(f"{warehouse} is in use by another process; close it there, then run again") from None
        raise UserError(f"{warehouse} cannot be opened as a DuckDB file: {str(error).splitlines()[0]}") from None
    try:
        connection.execute("set preserve_insertion_order = true")
        yield connection
    finally:
        connection.close()
