"""Trino with the Hive connector: tables over folders of the lake, and marts read through Parquet that Trino writes."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import requests
import trino

from warehouse.catalog import ExternalTable, literal, quoted, register
from warehouse.engines.duckdb import connect_memory, show_objects
from warehouse.engines.partitions import Partition, find_partitions, is_hidden, partition_columns
from warehouse.engines.unloading import delete_objects, parse_outside
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.query_log import QueryLog, Scan
from warehouse.s3 import Location, S3Path
from warehouse.settings import schema_name

# Hive keeps three decimals of a second, whatever the Parquet files have
HIVE_TYPES = {"timestamp": "timestamp(3)"}
DUCKDB_TYPES = {"timestamp(3)": "timestamp"}
FOLDER_MARK = ".folder"  # Trino passes over names that begin so
FINGERPRINT = "made by python -m ingestion register or python -m ml register, definition "

ANSWER_SECONDS = 30
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
UNIT_LETTERS = "".join(UNITS)


@dataclass(frozen=True)
class Server:
    """Where the server is and who asks; the same variables are read by `profiles/profiles.yml`.

    Attributes:
        host, port, scheme: Of the coordinator; scheme is http or https.
        user: Name of the user.
        password: Sent over https only; empty for a server that asks for none.
        catalog: Catalog of the Hive connector.
    """

    host: str
    port: int
    scheme: str
    user: str
    password: str = field(repr=False)
    catalog: str


def read_server(environment: Mapping[str, str] = os.environ) -> Server:
    """Read `TRINO_HOST`, `TRINO_PORT`, `TRINO_HTTP_SCHEME`, `TRINO_USER`, `TRINO_PASSWORD` and `TRINO_CATALOG`.

    Args:
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When the port is no number, the scheme is unknown, or a password would be sent in the clear.
    """
    password = environment.get("TRINO_PASSWORD", "")
    port = environment.get("TRINO_PORT", "") or "8080"
    scheme = environment.get("TRINO_HTTP_SCHEME", "") or ("https" if password else "http")
    if not port.isdigit():
        raise UserError(f"TRINO_PORT={port} is not a number")
    if scheme not in {"http", "https"}:
        raise UserError(f"TRINO_HTTP_SCHEME={scheme} is neither http nor https")
    if password and scheme == "http":
        raise UserError("TRINO_PASSWORD is never sent over http; set TRINO_HTTP_SCHEME=https or unset the password")
    return Server(
        host=environment.get("TRINO_HOST", "") or "localhost",
        port=int(port),
        scheme=scheme,
        user=environment.get("TRINO_USER", "") or "bookdebts",
        password=password,
        catalog=environment.get("TRINO_CATALOG", "") or "hive",
    )


def read_unload_folder(lake: Lake[Location], environment: Mapping[str, str] = os.environ) -> Location:
    """Read `TRINO_UNLOAD_DIR`, and name the folder below it that this lake's marts are written to.

    Args:
        lake: The lake. One in a folder has room for them itself; of one on S3 they must be in another bucket, since
            nothing of the lake may be deleted.
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When it is not set though the lake is on S3, no place on S3, or in the bucket of the lake.
    """
    place = environment.get("TRINO_UNLOAD_DIR", "")
    if not place and not isinstance(lake.root, S3Path):
        return lake.unloaded() / "marts"
    if not place:
        raise UserError(
            "TRINO_UNLOAD_DIR is not set; with a lake on S3, set it to s3://bucket/prefix in another bucket than "
            "LAKE's, or to a folder that Trino sees too"
        )
    root = parse_outside(lake, place, "TRINO_UNLOAD_DIR") if "://" in place else Path(place).expanduser().resolve()
    return root / "marts" / hashlib.sha256(str(lake.root).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class TrinoEngine:
    """A catalog of a Trino server, as an engine; the server sees the lake under the same paths as this process.

    Attributes:
        server: The server.
        lake: Where the files of its external tables are.
        unload_folder: Where it writes marts for Python to read; nothing else is there.
    """

    server: Server
    lake: Lake[Location]
    unload_folder: Location

    @property
    def place(self) -> str:
        """Address and catalog."""
        return f"{self.server.scheme}://{self.server.host}:{self.server.port}, catalog {self.server.catalog}"

    def check(self) -> None:
        """See `Engine`: asks for a row of the catalog."""
        with self._session() as session:
            session.rows(f"select 1 from {quoted(self.server.catalog)}.information_schema.schemata limit 1")

    def register(self, tables: Sequence[tuple[ExternalTable, Sequence[Location]]]) -> None:
        """See `Engine`: partitions come and go, and a table is made anew where its columns or its folder changed.

        A partition is a folder, and whatever lies in it would be read: a folder that holds more than the files given
        is refused, before anything is changed.
        """
        wanted = [(table, find_partitions(table, files)) for table, files in tables]
        with self._log() as log, self._session(log, "register") as session:
            for schema in sorted({table.schema for table, _ in tables}):
                session.rows(f"create schema if not exists {self._named(schema)}")
            registered = self._registered(session)
            for table, _ in wanted:
                if _fingerprint(table) not in registered:
                    _make(table.folder)
                    self._create(session, table)
            found = self._partitions(session, [table for table, _ in wanted])
            for table, partitions in wanted:
                there = {values for schema, name, values in found if (schema, name) == (table.schema, table.name)}
                for values in sorted(there - partitions.keys()):
                    self._call(session, "unregister_partition", table, values)
                for values in sorted(partitions.keys() - there):
                    self._call(session, "register_partition", table, values, _uri(partitions[values]))

    @contextlib.contextmanager
    def reading(self, marts: Mapping[str, Sequence[str]]) -> Iterator[duckdb.DuckDBPyConnection]:
        """See `Engine`: views in memory over Parquet files that Trino writes; they are deleted at the end.

        One process at a time: what a killed one has left is deleted by the next.
        """
        with (
            alone(self.lake, "unload", "reading of the marts"),
            self._log() as log,
            self._session(log, "unload") as session,
        ):
            self._forget(session, marts)
            try:
                with connect_memory(self.lake.work() / "spilled") as connection:
                    show_objects(connection, self.unload_folder)
                    for mart, columns in marts.items():
                        self._unload(session, connection, mart, columns)
                    yield connection
            finally:
                self._forget(session, marts)

    def measure(self, query_ids: Sequence[str]) -> Mapping[str, Scan]:
        """See `Engine`: the bytes that were read from files, compressed as they are."""
        server, found = self.server, {}
        with _told(server, self.place), requests.Session() as session:
            session.auth = (server.user, server.password) if server.password else None
            session.headers["X-Trino-User"] = server.user
            for query_id in query_ids:
                answer = session.get(
                    f"{server.scheme}://{server.host}:{server.port}/v1/query/{query_id}",
                    params={"pruned": "true"},  # without the plan, which is hundreds of times as long
                    timeout=ANSWER_SECONDS,
                )
                if answer.status_code == requests.codes.gone:
                    continue
                answer.raise_for_status()
                found[query_id] = Scan(_bytes(answer.json()["queryStats"]["physicalInputDataSize"]))
        return found

    def _log(self) -> QueryLog:
        return QueryLog(self.lake, "trino", self.measure)

    def _unload(
        self, session: "_Session", connection: duckdb.DuckDBPyConnection, mart: str, columns: Sequence[str]
    ) -> None:
        """Have Trino write a mart, or some of its columns, and show the files in DuckDB under the mart's name."""
        found = self._columns(session, schema_name("marts"), mart)
        chosen = tuple((name, type_) for name, type_ in found if name in columns or not columns)
        if not chosen:
            return
        folder = self.unload_folder / mart
        _make(folder)
        # in two statements, since one alone makes no table of no rows
        session.rows(
            f"create table {self._scratch(mart)} ({', '.join(f'{quoted(name)} {type_}' for name, type_ in chosen)}) "
            f"with (format = 'PARQUET', external_location = {literal(_uri(folder))})",
            f"{schema_name('marts')}.{mart}",
        )
        session.rows(
            f"insert into {self._scratch(mart)} "
            f"select {', '.join(quoted(name) for name, _ in chosen)} from {self._named(schema_name('marts'), mart)}",
            f"{schema_name('marts')}.{mart}",
        )
        files = [path for path in _files(folder) if not is_hidden(path)]
        types = tuple((name, DUCKDB_TYPES.get(type_, type_)) for name, type_ in chosen)
        register(connection, ExternalTable(schema_name("marts"), mart, types, "", folder), files)

    def _forget(self, session: "_Session", marts: Mapping[str, Sequence[str]]) -> None:
        session.rows(f"create schema if not exists {self._named(schema_name('ml'))}")
        for mart in marts:
            session.rows(f"drop table if exists {self._scratch(mart)}")
        _delete(self.unload_folder)

    def _scratch(self, mart: str) -> str:
        return self._named(schema_name("ml"), f"unloaded_{mart}")

    def _named(self, *names: str) -> str:
        return ".".join(quoted(name) for name in (self.server.catalog, *names))

    def _columns(self, session: "_Session", schema: str, name: str) -> tuple[tuple[str, str], ...]:
        found = session.rows(
            f"select column_name, data_type from {self._named('information_schema', 'columns')} "
            f"where table_schema = {literal(schema)} and table_name = {literal(name)} order by ordinal_position"
        )
        return tuple((row[0], row[1]) for row in found)

    def _registered(self, session: "_Session") -> set[str]:
        """Fingerprints of the definitions of the catalog's external tables, which are their comments."""
        found = session.rows(
            f"select comment from system.metadata.table_comments where catalog_name = {literal(self.server.catalog)} "
            f"and comment like {literal(FINGERPRINT + '%')}"
        )
        return {row[0] for row in found}

    def _create(self, session: "_Session", table: ExternalTable) -> None:
        relation = self._named(table.schema, table.name)
        session.rows(f"drop table if exists {relation}", f"{table.schema}.{table.name}")
        columns = ", ".join(f"{quoted(name)} {type_}" for name, type_ in _hive_columns(table))
        session.rows(
            f"create table {relation} ({columns}) comment {literal(_fingerprint(table))} with (format = 'PARQUET', "
            f"external_location = {literal(_uri(table.folder))}, "
            f"partitioned_by = {_array(partition_columns(table))})",
            f"{table.schema}.{table.name}",
        )

    def _partitions(self, session: "_Session", tables: Sequence[ExternalTable]) -> set[tuple[str, str, Partition]]:
        """Partitions that the tables have: schema, name and values."""
        queries = [
            f"select {literal(table.schema)}, {literal(table.name)}, {_array(partition_columns(table), quoted)} "
            f"from {self._named(table.schema, f'{table.name}$partitions')}"
            for table in tables
        ]
        return {(row[0], row[1], tuple(row[2])) for row in session.rows(" union all ".join(queries))}

    def _call(
        self, session: "_Session", procedure: str, table: ExternalTable, partition: Partition, *more: str
    ) -> None:
        arguments = [
            literal(table.schema), literal(table.name), _array(partition_columns(table)), _array(partition),
            *(literal(argument) for argument in more),
        ]  # fmt: skip
        call = f"call {self._named('system', procedure)}({', '.join(arguments)})"
        session.rows(call, f"{table.schema}.{table.name}")

    @contextlib.contextmanager
    def _session(self, log: QueryLog | None = None, work: str = "") -> Iterator["_Session"]:
        server = self.server
        with _told(server, self.place):
            connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]
                host=server.host,
                port=server.port,
                user=server.user,
                catalog=server.catalog,
                http_scheme=server.scheme,
                auth=trino.auth.BasicAuthentication(server.user, server.password) if server.password else None,
                source="bookdebts",
            )
            with contextlib.closing(connection):
                yield _Session(connection, log, work)


@dataclass(frozen=True)
class _Session:
    connection: Any
    log: QueryLog | None
    work: str

    def rows(self, statement: str, relation: str = "") -> list[list[Any]]:
        """Run a statement to its end and give its rows; the log says what it was about."""
        cursor = self.connection.cursor()
        with (
            self.log.running(f"{self.work} {relation}".strip(), statement)
            if self.log
            else contextlib.nullcontext() as outcome
        ):
            cursor.execute(statement)
            found: list[list[Any]] = cursor.fetchall()
            if outcome is not None:
                outcome.query_id, outcome.rows = cursor.query_id, cursor.rowcount if cursor.rowcount >= 0 else None
        return found


@contextlib.contextmanager
def _told(server: Server, place: str) -> Iterator[None]:
    """Turn what Trino answers in a `with` block into one sentence."""
    try:
        yield
    except (trino.exceptions.TrinoConnectionError, requests.exceptions.ConnectionError) as error:
        raise UserError(f"Trino at {place} does not answer; check TRINO_HOST and TRINO_PORT") from error
    except trino.exceptions.HttpError as error:
        raise UserError(f"Trino at {place} does not let {server.user} in: {error}") from error
    except trino.exceptions.TrinoQueryError as error:
        raise UserError(f"Trino at {place}: {error.message}") from error
    except requests.exceptions.RequestException as error:
        raise UserError(f"Trino at {place} does not tell what its queries have read: {error}") from error


def _bytes(size: str) -> int:
    """Read a size as Trino writes it: 12B, 1.50kB, 3.20MB."""
    number, unit = size.rstrip(UNIT_LETTERS), size.lstrip("0123456789.")
    return round(float(number) * int(1024 ** UNITS.index(unit)))


def _fingerprint(table: ExternalTable) -> str:
    definition = repr((table.schema, table.name, _hive_columns(table), partition_columns(table), _uri(table.folder)))
    return FINGERPRINT + hashlib.sha256(definition.encode()).hexdigest()


def _array(values: Sequence[str], written: Callable[[str], str] = literal) -> str:
    return f"array[{', '.join(written(value) for value in values)}]"


def _uri(folder: Location) -> str:
    return str(folder) if isinstance(folder, S3Path) else f"file://{folder}"  # not as_uri: Hive takes it as written


def _make(folder: Location) -> None:
    """Make sure that there is a folder; a metastore takes no table over nothing, so on S3 an object stands for it."""
    if isinstance(folder, Path):
        folder.mkdir(parents=True, exist_ok=True)
    elif not folder.below():
        (folder / FOLDER_MARK).write_bytes(b"")


def _files(folder: Location) -> list[Location]:
    if isinstance(folder, S3Path):
        return [*folder.below()]
    return [path for path in folder.iterdir() if path.is_file()]


def _delete(folder: Location) -> None:
    if isinstance(folder, S3Path):
        delete_objects(folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()  # unless something else is in it


def _hive_columns(table: ExternalTable) -> tuple[tuple[str, str], ...]:
    """Columns as Hive has them: those of the partition last."""
    types = {name: HIVE_TYPES.get(type_, type_) for name, type_ in table.columns}
    last = partition_columns(table)
    return tuple((name, type_) for name, type_ in types.items() if name not in last) + tuple(
        (name, types[name]) for name in last
    )
