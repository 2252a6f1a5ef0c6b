"""Tables of other engines held against the same tables of DuckDB: columns, types, and every row as often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from tests.engines.trino_server import TrinoServer
from warehouse.catalog import literal, quoted

BUILT = ("staging", "intermediate", "marts")
# a fingerprint of the typing rules as they are written for an engine
OF_AN_ENGINE = "typing_version"

Types = Mapping[str, str]


class Other(Protocol):
    """An engine whose tables are held against DuckDB's."""

    @property
    def name(self) -> str:
        """Heads its column of the table."""

    def types(self, schema: str) -> dict[str, dict[str, str]]:
        """Columns of each table of a schema, without views, in order, with their types as DuckDB writes them.

        A text may keep its length: `varchar(5)`.
        """

    def shown(self, connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str | None:
        """Let a connection to DuckDB read a table; gives what stands after `from`, or None where there is no row."""


@dataclass(frozen=True)
class OnTrino:
    """Tables of a Trino server, whose Parquet files DuckDB reads itself."""

    server: TrinoServer
    name: str = "trino"

    def types(self, schema: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for table, column, type_ in self.server.query(
            "select c.table_name, c.column_name, c.data_type from information_schema.columns c "
            "join information_schema.tables t on c.table_name = t.table_name and c.table_schema = t.table_schema "
            f"where c.table_schema = '{schema}' and t.table_type = 'BASE TABLE' order by 1, c.ordinal_position"
        ):
            found.setdefault(table, {})[column] = type_.replace("timestamp(3)", "timestamp")
        return found

    def shown(self, _connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str | None:
        paths = self.server.query(f'select distinct "$path" from {schema}.{quoted(table)}')
        files = ", ".join(literal(path.removeprefix("file:")) for (path,) in paths)
        return f"read_parquet([{files}], hive_types_autocast = false, hive_partitioning = true)" if files else None


@dataclass(frozen=True)
class Compared:
    """A table of DuckDB and of the others.

    Attributes:
        table: Schema and name.
        rows, columns: On DuckDB.
        differences: By engine, what is not the same, in words; none where all is.
    """

    table: str
    rows: int
    columns: int
    differences: Mapping[str, Sequence[str]]

    @property
    def is_equal(self) -> bool:
        """Whether it is the same on every engine."""
        return not any(self.differences.values())


def _same_type(schema: str, on_duckdb: str, on_other: str) -> bool:
    if schema != "marts":  # a text made of constants has a length on Trino, in tables without a contract
        on_other = "varchar" if on_other.startswith("varchar(") else on_other
    return on_duckdb == on_other


def _column_differences(schema: str, on_duckdb: Types, on_other: Types, name: str) -> list[str]:
    if not on_duckdb or not on_other:
        return [f"on {'DuckDB' if on_duckdb else name} only"] if on_duckdb or on_other else []
    return [f"column {column} is in one of the two only" for column in sorted(on_duckdb.keys() ^ on_other.keys())] + [
        f"{column} is {on_duckdb[column]} on DuckDB and {on_other[column]} on {name}"
        for column in sorted(on_duckdb.keys() & on_other.keys())
        if not _same_type(schema, on_duckdb[column], on_other[column])
    ]


def _row_differences(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, types: Types, other: Other
) -> list[str]:
    columns = ", ".join(
        f"cast({quoted(column)} as {type_}) as {quoted(column)}"
        for column, type_ in types.items()
        if column != OF_AN_ENGINE
    )
    relation = f"{schema}.{quoted(table)}"
    shown = other.shown(connection, schema, table)
    on_duckdb = f"select {columns} from {relation}"
    on_other = f"select {columns} from {shown or relation} where {str(shown is not None).lower()}"
    found = []
    for engine, one, two in (("DuckDB", on_duckdb, on_other), (other.name, on_other, on_duckdb)):
        alone = connection.execute(f"select * from ({one} except all {two})").fetchall()
        if alone:
            found.append(f"{len(alone)} rows on {engine} only, such as {alone[0]}"[:500])
    return found


def types_on_duckdb(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dict[str, str]]:
    """Columns of each table of a schema, without views, in order, with their types."""
    found: dict[str, dict[str, str]] = {}
    for table, column, type_ in connection.execute(
        "select c.table_name, c.column_name, lower(c.data_type) from duckdb_columns() c "
        "join duckdb_tables() t on c.table_name = t.table_name and c.schema_name = t.schema_name "
        "where c.schema_name = $1 order by 1, c.column_index",
        [schema],
    ).fetchall():
        found.setdefault(table, {})[column] = type_
    return found


def compare(warehouse: Path, others: Sequence[Other], schemas: Sequence[str] = BUILT) -> list[Compared]:
    """Compare every table of these schemas; one that only one engine has is a difference.

    Args:
        warehouse: The DuckDB file.
        others: The engines that are held against it.
        schemas: The schemas.
    """
    compared = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for schema in schemas:
            on_duckdb = types_on_duckdb(connection, schema)
            on_others = [(other, other.types(schema)) for other in others]
            for table in sorted(on_duckdb.keys() | {table for _, types in on_others for table in types}):
                described, rows = on_duckdb.get(table, {}), 0
                differences = {}
                for other, types in on_others:
                    found = _column_differences(schema, described, types.get(table, {}), other.name)
                    if described and not found:
                        found = _row_differences(connection, schema, table, described, other)
                    differences[other.name] = found
                if described:
                    ((rows,),) = connection.execute(f"select count(*) from {schema}.{quoted(table)}").fetchall()
                compared.append(Compared(f"{schema}.{table}", rows, len(described), differences))
    return compared


def written(compared: Sequence[Compared]) -> str:
    """The tables as lines: name, rows, columns, whether each engine's is equal; and what differs, if anything does."""
    width = max(len(found.table) for found in compared)
    engines = list(compared[0].differences)
    lines = [f"{'table':{width}} {'rows':>9} {'columns':>8}  equal on {'  '.join(engines)}"]
    for found in compared:
        equal = "  ".join(f"{'NO' if found.differences[name] else 'yes':{len(name)}}" for name in engines)
        lines.append(f"{found.table:{width}} {found.rows:>9,} {found.columns:>8}           {equal}".rstrip())
    lines += [
        f"{found.table} on {name}: {difference}"
        for found in compared
        for name in engines
        for difference in found.differences[name]
    ]
    return "\n".join(lines)
