"""Connections to the DuckDB file that is the warehouse."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

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
    if warehouse.is_dir():
        raise UserError(
            f"WAREHOUSE={warehouse} is a folder; name a file in it, such as {warehouse / 'warehouse.duckdb'}"
        )
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    limit = os.environ.get("DUCKDB_MEMORY_LIMIT", "") or MEMORY_LIMIT
    try:
        connection = duckdb.connect(str(warehouse), read_only=read_only, config={"memory_limit": limit})
    except duckdb.ParserException:
        raise UserError(f"DUCKDB_MEMORY_LIMIT={limit} is not a size; write it as a number and a unit, as 3GB") from None
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise UserError(f"{warehouse} is in use by another process; close it there, then run again") from None
        raise UserError(
            f"{warehouse} cannot be opened as a DuckDB file ({str(error).splitlines()[0]}); name another WAREHOUSE, or "
            "delete it: `make build` makes everything in it again from the lake"
        ) from None
    try:
        connection.execute("set preserve_insertion_order = true")
        yield connection
    except duckdb.OutOfMemoryException:
        raise UserError(
            f"DuckDB needs more memory than DUCKDB_MEMORY_LIMIT={limit}; set it higher, then run again"
        ) from None
    finally:
        connection.close()
