"""Tables of Trino held against the same tables of DuckDB: columns, types, and every row as often."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.engines.trino_server import TrinoServer
from warehouse.catalog import literal, quoted

BUILT = ("staging", "intermediate", "marts")
# a fingerprint of the typing rules as they are written for an engine
OF_AN_ENGINE = "typing_version"


@dataclass(frozen=True)
class Compared:
    """A table of both engines.

    Attributes:
        table: Schema and name.
        rows, columns: On DuckDB.
        differences: What is not the same, in words; empty where all is.
    """

    table: str
    rows: int
    columns: int
    differences: tuple[str, ...]


def _types(server: TrinoServer, schema: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table, column, type_ in server.query(
        "select c.table_name, c.column_name, c.data_type from information_schema.columns c "
        "join information_schema.tables t on c.table_name = t.table_name and c.table_schema = t.table_schema "
        f"where c.table_schema = '{schema}' and t.table_type = 'BASE TABLE' order by 1, c.ordinal_position"
    ):
        found.setdefault(table, {})[column] = type_
    return found


def _same_type(schema: str, on_duckdb: str, on_trino: str) -> bool:
    if schema != "marts":  # a text made of constants has a length on Trino, in tables without a contract
        on_trino = "varchar" if on_trino.startswith("varchar(") else on_trino
    return on_duckdb == on_trino.replace("timestamp(3)", "timestamp")


def _files(server: TrinoServer, table: str) -> Sequence[str]:
    return [row[0].removeprefix("file:") for row in server.query(f'select distinct "$path" from {table}')]


def _differences(
    connection: duckdb.DuckDBPyConnection, server: TrinoServer, schema: str, table: str, types: dict[str, str]
) -> list[str]:
    described = {row[0]: row[1].lower() for row in connection.execute(f"describe {schema}.{quoted(table)}").fetchall()}
    differences = [f"column {name} is in one of the two only" for name in sorted(described.keys() ^ types.keys())]
    differences += [
        f"{name} is {described[name]} on DuckDB and {types[name]} on Trino"
        for name in sorted(described.keys() & types.keys())
        if not _same_type(schema, described[name], types[name])
    ]
    if differences:
        return differences
    columns = ", ".join(
        f"cast({quoted(name)} as {type_}) as {quoted(name)}"
        for name, type_ in described.items()
        if name != OF_AN_ENGINE
    )
    files = _files(server, f"{schema}.{quoted(table)}")
    on_trino = f"select {columns} from {schema}.{quoted(table)} where false"
    if files:
        scan = f"read_parquet([{', '.join(literal(file) for file in files)}], hive_types_autocast = false"
        on_trino = f"select {columns} from {scan}, hive_partitioning = true)"
    on_duckdb = f"select {columns} from {schema}.{quoted(table)}"
    for engine, one, other in (("DuckDB", on_duckdb, on_trino), ("Trino", on_trino, on_duckdb)):
        alone = connection.execute(f"select * from ({one} except all {other})").fetchall()
        if alone:
            differences.append(f"{len(alone)} rows on {engine} only, such as {alone[0]}"[:500])
    return differences


def compare(warehouse: Path, server: TrinoServer, schemas: Sequence[str] = BUILT) -> list[Compared]:
    """Compare every table of these schemas; one that only one engine has is a difference."""
    compared = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for schema in schemas:
            on_trino = _types(server, schema)
            on_duckdb = {
                row[0]
                for row in connection.execute(
                    "select table_name from duckdb_tables() where schema_name = $1", [schema]
                ).fetchall()
            }
            for table in sorted(on_trino.keys() | on_duckdb):
                if table not in on_trino or table not in on_duckdb:
                    compared.append(Compared(f"{schema}.{table}", 0, 0, ("on one of the two engines only",)))
                    continue
                ((rows,),) = connection.execute(f"select count(*) from {schema}.{quoted(table)}").fetchall()
                differences = _differences(connection, server, schema, table, on_trino[table])
                compared.append(Compared(f"{schema}.{table}", rows, len(on_trino[table]), tuple(differences)))
    return compared


def written(compared: Sequence[Compared]) -> str:
    """The tables as lines: name, rows, columns, whether they are equal."""
    width = max(len(found.table) for found in compared)
    lines = [f"{'table':{width}} {'rows':>9} {'columns':>8}  equal"]
    for found in compared:
        is_equal = "yes" if not found.differences else f"NO: {'; '.join(found.differences)}"
        lines.append(f"{found.table:{width}} {found.rows:>9,} {found.columns:>8}  {is_equal}")
    return "\n".join(lines)
