"""DuckDB: the file that is the warehouse, and memory in which the tables of another engine are read."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import duckdb

from warehouse.aws import read_access
from warehouse.catalog import ExternalTable, literal, quoted, registration
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.query_log import QueryLog, Scan
from warehouse.s3 import Location, S3Path

MEMORY_LIMIT = "3GB"
# The format of a new file. DuckDB's default is one that its first releases read too, and takes a fifth longer to write;
# a file that is there keeps its own.
STORAGE_VERSION = "v1.4.0"


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


def narrow(connection: duckdb.DuckDBPyConnection, limit: str) -> None:
    """Lower the memory limit of a connection for work that streams, unless `DUCKDB_MEMORY_LIMIT` sets one.

    Args:
        connection: To the database.
        limit: A number and a unit, as `1GB`.
    """
    if not os.environ.get("DUCKDB_MEMORY_LIMIT", ""):
        connection.execute(f"set memory_limit = {literal(limit)}")


@contextlib.contextmanager
def one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let DuckDB work on one thread in a `with` block.

    For a read whose rows others work on, threads that wait for each other cost more than they gain.

    Args:
        connection: To the database; after an error it stays at one thread.
    """
    ((threads,),) = connection.execute("select current_setting('threads')").fetchall()
    connection.execute("set threads = 1")
    yield
    connection.execute(f"set threads = {threads}")


def _memory_limit() -> str:
    return os.environ.get("DUCKDB_MEMORY_LIMIT", "") or MEMORY_LIMIT


def _opened(database: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(
            database,
            read_only=read_only,
            config={"memory_limit": _memory_limit(), "storage_compatibility_version": STORAGE_VERSION},
        )
    except duckdb.ParserException:
        raise UserError(
            f"DUCKDB_MEMORY_LIMIT={_memory_limit()} is not a size; write it as a number and a unit, as 3GB"
        ) from None


@contextlib.contextmanager
def _limited(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    try:
        connection.execute("set preserve_insertion_order = true")
        # else DuckDB draws one on every output, also one that is a log
        connection.execute("set enable_progress_bar = false")
        yield
    except duckdb.OutOfMemoryException:
        given = os.environ.get("DUCKDB_MEMORY_LIMIT", "")
        limit, what = f"DUCKDB_MEMORY_LIMIT={given}", "it"
        if not given:  # the work may have narrowed it
            limit, what = str(connection.sql("select current_setting('memory_limit')").fetchall()[0][0]), limit[:-1]
        raise UserError(f"DuckDB needs more memory than {limit}; set {what} higher, then run again") from None
    finally:
        connection.close()


def _httpfs() -> Path:
    """Find the extension that was installed with the locked dependencies, for the DuckDB that they hold."""
    package = find_spec("duckdb_extension_httpfs")
    folders = package.submodule_search_locations if package else None
    for folder in folders or ():
        for extension in Path(folder).glob(f"extensions/v{duckdb.__version__}/httpfs.duckdb_extension"):
            return extension
    raise UserError(
        f"DuckDB {duckdb.__version__} needs the Python package duckdb-extension-httpfs of the same version to read a "
        "lake on S3; install the locked dependencies again"
    )


def show_objects(connection: duckdb.DuckDBPyConnection, lake: Location) -> None:
    """Enable an open database, while it is open, to read a lake that is on S3, beside what else it reads there.

    The extension is the one that was installed with DuckDB's Python package, so nothing is downloaded. Credentials
    are those that boto3 finds; they are kept in memory only, and of a login that ends they end with it.

    Args:
        connection: To the database.
        lake: Root of the lake.

    Raises:
        AwsError: When there are no credentials.
    """
    if not isinstance(lake, S3Path):
        return
    try:
        connection.execute(f"load {literal(str(_httpfs()))}")
    except duckdb.Error as error:
        raise UserError(f"DuckDB's extension for S3 cannot be loaded: {str(error).splitlines()[0]}") from error
    access = read_access(lake)
    options = {
        "key_id": access.key_id,
        "secret": access.secret,
        "session_token": access.session_token,
        "region": access.region,
        "endpoint": access.host,
        "url_style": access.url_style,
        "scope": f"s3://{lake.bucket}",
    }
    given = ", ".join(f"{name} {literal(value)}" for name, value in options.items() if value)
    connection.execute(
        f"create or replace temporary secret {quoted(f'of {lake.bucket}')} "
        f"(type s3, {given}, use_ssl {str(access.is_encrypted).lower()})"
    )


@dataclass(frozen=True)
class DuckDBEngine:
    """The warehouse in a DuckDB file, as an engine.

    Attributes:
        warehouse: The file.
        lake: Root of the lake, to which its views lead.
    """

    warehouse: Path
    lake: Location

    @property
    def place(self) -> str:
        """The file."""
        return str(self.warehouse)

    def check(self) -> None:
        """See `Engine`: opens the file, which is created when absent."""
        with connect(self.warehouse):
            pass

    def register(self, tables: Sequence[tuple[ExternalTable, Sequence[Location]]]) -> None:
        """See `Engine`: each relation becomes a view, in one step."""
        with (
            QueryLog(Lake(self.lake), "duckdb", self.measure) as log,
            connect(self.warehouse) as connection,
        ):
            show_objects(connection, self.lake)
            for table, files in tables:
                node = f"register {table.schema}.{table.name}"
                try:
                    for statement in registration(connection, table, files):
                        with log.running(node, statement):
                            connection.execute(statement)
                except duckdb.Error as error:
                    raise UserError(
                        f"the table {table.schema}.{table.name} cannot be registered in {self.warehouse}: "
                        f"{str(error).splitlines()[0]}; check who may read that and write there, then run again"
                    ) from error

    @contextlib.contextmanager
    def reading(self, _marts: Mapping[str, Sequence[str]]) -> Iterator[duckdb.DuckDBPyConnection]:
        """See `Engine`: the file itself, read-only."""
        with connect(self.warehouse, read_only=True) as connection:
            yield connection

    def measure(self, _query_ids: Sequence[str]) -> Mapping[str, Scan]:
        """See `Engine`: DuckDB does not count what it reads."""
        return {}
