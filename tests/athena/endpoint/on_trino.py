"""Queries on a real Trino server, word by word: in a catalog of Athena's name, over the files that stand in S3."""

import contextlib
import os
import re
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import trino

from tests.athena.endpoint.backend import Column, Table, View
from tests.athena.endpoint.failures import QueryFailedError, QueryStoppedError, not_emulated
from tests.athena.endpoint.statements import CATALOG

TRINO_TYPES = {"string": "varchar", "int": "integer", "timestamp": "timestamp(3)"}
ARROW_TYPES = {
    "varchar": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    **{f"timestamp({digits})": pa.timestamp("ms") for digits in range(4)},  # Athena's tables have no finer ones
    "unknown": pa.null(),
}
CANCELED = "USER_CANCELED"
# Trino's own knows nothing of Glue's tables, and a schema of this name cannot be written to.
INFORMATION_SCHEMA = re.compile(r"\binformation_schema\b", re.IGNORECASE)
OF_GLUE = "information_schema_of_glue"
WRITTEN = "written"  # schema for tables of a moment


class Trino:
    """A back end whose catalog follows Glue: before a query, whatever it reads is made there as Glue has it now."""

    def __init__(self, connect: Callable[[], trino.dbapi.Connection], folder: Path) -> None:
        """Take a server that has a Hive catalog of Athena's name.

        Args:
            connect: Opens a connection.
            folder: Where folders are made for the tables, which the server can read.
        """
        self._connect = connect
        self._folder = folder
        self._shown: dict[tuple[str, str], Table | View] = {}
        self._lock = threading.Lock()

    def run(
        self,
        query: str,
        relations: Sequence[Table | View],
        on_start: Callable[[Callable[[], None]], None],
        is_written: bool = False,
    ) -> pa.Table:
        """Run a query; see `Backend`."""
        with contextlib.closing(self._connect()) as connection:
            try:
                with self._lock:
                    for relation in relations:
                        self._show(connection.cursor(), relation)
                cursor = connection.cursor()
                on_start(cursor.cancel)
                return self._written(cursor, _of_glue(query)) if is_written else _fetched(cursor, _of_glue(query))
            except trino.exceptions.TrinoQueryError as error:
                if error.error_name == CANCELED:
                    raise QueryStoppedError from error
                raise QueryFailedError(f"{error.error_name}: {error.message}") from error

    def _written(self, cursor: trino.dbapi.Cursor, query: str) -> pa.Table:
        """Have the server write the rows, which is quicker than to hand over many of them."""
        id_ = uuid.uuid4().hex
        folder, name = self._folder / id_, _quoted(CATALOG, WRITTEN, id_)
        _execute(cursor, f"create schema if not exists {_quoted(CATALOG, WRITTEN)}")
        _execute(
            cursor, f"create table {name} with (format = 'PARQUET', external_location = 'file://{folder}') as {query}"
        )
        described = _execute(cursor, f"describe {name}")
        _execute(cursor, f"drop table {name}")
        schema = pa.schema([(column[0], _arrow_type(column[1])) for column in described])
        files = sorted(path for path in folder.glob("*") if not path.name.startswith("."))
        found = [pq.read_table(file).cast(schema) for file in files]
        return pa.concat_tables(found) if found else schema.empty_table()

    def _show(self, cursor: trino.dbapi.Cursor, relation: Table | View) -> None:
        """Make a relation in the catalog, unless it is there already just so."""
        key = (relation.schema, relation.name)
        before = self._shown.get(key)
        if before == relation:
            return
        schema = _of_glue(relation.schema)
        name = _quoted(CATALOG, schema, relation.name)
        _execute(cursor, f"create schema if not exists {_quoted(CATALOG, schema)}")
        is_replaced = isinstance(before, View) and isinstance(relation, View)
        if before is not None and not is_replaced:
            self._shown.pop(key)
            _execute(cursor, f"drop {'view' if isinstance(before, View) else 'table'} {name}")
        if isinstance(relation, View):
            _execute(cursor, f"create or replace view {name} as {_of_glue(relation.query)}")
        else:
            self._create(cursor, name, relation)
        self._shown[key] = relation

    def _create(self, cursor: trino.dbapi.Cursor, name: str, table: Table) -> None:
        folder = self._folder / uuid.uuid4().hex
        folder.mkdir(parents=True)
        keys = [column.name for column in table.partition_columns]
        for partition in table.partitions:
            pairs = zip(keys, partition.values, strict=True)
            place = folder.joinpath(*(f"{key}={value}" for key, value in pairs))
            place.mkdir(parents=True, exist_ok=True)
            for number, file in enumerate(partition.files):
                os.link(file, place / f"{number}.{table.format}")
        columns = ", ".join(_defined(column) for column in (*table.columns, *table.partition_columns))
        properties = [f"format = '{table.format.upper()}'", f"external_location = 'file://{folder}'"]
        if keys:
            properties.append(f"partitioned_by = array[{', '.join(map(_literal, keys))}]")
        if table.header_lines:
            properties.append(f"skip_header_line_count = {table.header_lines}")
        _execute(cursor, f"create table {name} ({columns}) with ({', '.join(properties)})")
        if keys:
            arguments = ", ".join(map(_literal, (table.schema, table.name, "ADD")))
            _execute(cursor, f"call {CATALOG}.system.sync_partition_metadata({arguments})")


def _of_glue(text: str) -> str:
    return INFORMATION_SCHEMA.sub(OF_GLUE, text)


def _execute(cursor: trino.dbapi.Cursor, statement: str) -> list[list[Any]]:
    cursor.execute(statement)
    return cursor.fetchall()


def _fetched(cursor: trino.dbapi.Cursor, query: str) -> pa.Table:
    rows = _execute(cursor, query)
    names = [column[0] for column in cursor.description]
    types = [_arrow_type(column[1]) for column in cursor.description]
    columns = zip(*rows, strict=True) if rows else [[] for _ in names]
    arrays = [pa.array(values, type_) for values, type_ in zip(columns, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=names)


def _arrow_type(type_: str) -> pa.DataType:
    if found := re.fullmatch(r"decimal\((\d+), ?(\d+)\)", type_):
        return pa.decimal128(int(found[1]), int(found[2]))
    known = ARROW_TYPES.get("varchar" if type_.startswith("varchar(") else type_)
    if known is None:
        raise not_emulated(f"a column of type {type_}")
    return known


def _defined(column: Column) -> str:
    return f"{_quoted(column.name)} {TRINO_TYPES.get(column.type, column.type)}"


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
