"""External tables: Parquet files of the lake as relations of the warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from warehouse.s3 import Location


@dataclass(frozen=True)
class ExternalTable:
    """A relation over Parquet files, partitioned by one text column.

    Attributes:
        schema: Schema of the relation.
        name: Name of the relation.
        columns: Column names with their SQL types, in order, the partition column included.
        partition: Name of the partition column; its value is in the folder name, not in the files.
        folder: Folder that all files of the relation are below, which an engine that reads folders makes it over.
        folder_column: Column that has the name of the folder above the partition's, where files of one partition value
            are in several; None where they are all in one.
    """

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]
    partition: str
    folder: Location
    folder_column: str | None = None


def quoted(identifier: str) -> str:
    """Write an SQL identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def register(connection: duckdb.DuckDBPyConnection, table: ExternalTable, files: Sequence[Location]) -> None:
    """Make exactly these files the content of the relation, in one step.

    A column that a file does not have (the contract grew since) reads as null. Without files the relation is empty.

    Args:
        connection: Writable connection to the warehouse.
        table: The relation to create or replace.
        files: Parquet files below `<partition>=<value>` folders.
    """
    for statement in registration(connection, table, files):
        connection.execute(statement)


def registration(
    connection: duckdb.DuckDBPyConnection, table: ExternalTable, files: Sequence[Location]
) -> tuple[str, str]:
    """Compose the statements of `register`, which has the same arguments."""
    relation = f"{quoted(table.schema)}.{quoted(table.name)}"
    schema = f"create schema if not exists {quoted(table.schema)}"
    return schema, f"create or replace view {relation} as {selection(connection, table, files)}"


def show(connection: duckdb.DuckDBPyConnection, table: ExternalTable, files: Sequence[Location]) -> None:
    """Show the relation under its bare name for as long as the connection is open, also over a file that is read-only.

    Args:
        connection: Any; nothing is written.
        table: The relation.
        files: Its Parquet files, as `register` takes them.
    """
    connection.execute(f"create temporary view {quoted(table.name)} as {selection(connection, table, files)}")


def selection(connection: duckdb.DuckDBPyConnection, table: ExternalTable, files: Sequence[Location]) -> str:
    """Compose the query that gives the content of the relation, with the arguments of `register`."""
    typed_nulls = ", ".join(f"cast(null as {type_}) as {quoted(name)}" for name, type_ in table.columns)
    content = f"select {typed_nulls} where false"
    if files:
        paths = ", ".join(literal(str(path)) for path in sorted(files))
        scan = f"read_parquet([{paths}], hive_partitioning = true, hive_types_autocast = false, union_by_name = true)"
        present = {row[0] for row in connection.execute(f"describe select * from {scan}").fetchall()}
        # An expression, since DuckDB 1.5.5 ends max() and min() of a bare partition column of one file in an internal
        # error; files are pruned by it as by the bare column.
        given = {name: quoted(name) for name in present} | {table.partition: f"{quoted(table.partition)} || ''"}
        columns = ", ".join(
            f"cast({given.get(name, 'null')} as {type_}) as {quoted(name)}" for name, type_ in table.columns
        )
        content = f"select {columns} from {scan}"
    return content
