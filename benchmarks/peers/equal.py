"""Whether the tables of a peer are ours, cell by cell: by hashes that do not depend on the order of the rows.

A cell counts as its column's type and its value as DuckDB writes it as text, -0 as 0: DuckDB itself stores the one for
the other where both follow each other in a column. Each column has a hash of its own (the
sum, over all rows, of a hash of key and cell), so that a difference names its columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.peers.duckdb_script import DATABASE
from benchmarks.peers.job import TABLES
from warehouse.catalog import literal, quoted

SHOWN = 3


@dataclass(frozen=True)
class Compared:
    """A table beside ours.

    Attributes:
        table: Its name.
        rows: How many it has; 0 where its key is not ours.
        row_hash: Sum of the hashes of its rows, as hexadecimal digits.
        differences: What is not as in ours, in sentences; none where all is equal.
    """

    table: str
    rows: int
    row_hash: str
    differences: tuple[str, ...]


@dataclass(frozen=True)
class _Digest:
    rows: int
    row_hash: int
    columns: dict[str, int]


def compare(warehouse: Path, output: Path) -> list[Compared]:
    """Hold the tables of a peer against the marts.

    Args:
        warehouse: DuckDB file with our marts.
        output: Folder that the peer wrote into: `tables.duckdb`, or Parquet files named after the tables, or in folders
            named after them.

    Returns:
        One entry a table.

    Raises:
        duckdb.Error: When a table is not there.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(warehouse))} as ours (read_only)")
        _show_tables(connection, output)
        return [_compared(connection, table, key) for table, key in TABLES.items()]


def _show_tables(connection: duckdb.DuckDBPyConnection, output: Path) -> None:
    """Make views named after the tables over whatever a peer wrote."""
    database = output / DATABASE
    if database.exists():
        connection.execute(f"attach {literal(str(database))} as theirs (read_only)")
    for table in TABLES:
        files = output / table / "*.parquet" if (output / table).is_dir() else output / f"{table}.parquet"
        content = f"theirs.{table}" if database.exists() else f"read_parquet({literal(str(files))})"
        connection.execute(f"create view {table} as from {content}")


def _types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {name: type_ for name, type_, *_ in connection.execute(f"describe {relation}").fetchall()}


def _text(column: str, type_: str) -> str:
    value = f"{quoted(column)} + 0e0" if type_ == "DOUBLE" else quoted(column)
    return f"cast({value} as varchar)"


def _hash(texts: Sequence[str]) -> str:
    return f"sum(cast(hash({', '.join(texts)}) as hugeint))"


def _digest(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, str], key: Sequence[str]
) -> _Digest:
    texts = {name: _text(name, type_) for name, type_ in columns.items()}
    place = [texts[name] for name in key]
    hashes = ", ".join([_hash(list(texts.values())), *(_hash([*place, text]) for text in texts.values())])
    row = connection.execute(f"select count(*), {hashes} from {relation}").fetchall()[0]
    rows, row_hash, *found = (value or 0 for value in row)
    return _Digest(rows, row_hash, dict(zip(columns, found, strict=True)))


def _examples(connection: duckdb.DuckDBPyConnection, table: str, column: str, key: Sequence[str]) -> str:
    names = ", ".join(quoted(name) for name in key)
    found = connection.execute(
        f"select {names}, theirs.{quoted(column)}, ours.{quoted(column)} "
        f"from {table} as theirs full join ours.marts.{table} as ours using ({names}) "
        f"where theirs.{quoted(column)} is distinct from ours.{quoted(column)} order by all limit {SHOWN}"
    ).fetchall()
    return "; ".join(f"{' '.join(map(str, place))}: {theirs!r}, ours {ours!r}" for *place, theirs, ours in found)


def _compared(connection: duckdb.DuckDBPyConnection, table: str, key: Sequence[str]) -> Compared:
    our_types, types = _types(connection, f"ours.marts.{table}"), _types(connection, table)
    sentences = [
        f"{table}.{name} is {types.get(name, 'not there')}, ours is {our_types.get(name, 'not there')}"
        for name in {**our_types, **types}
        if types.get(name) != our_types.get(name)
    ]
    if not sentences and list(types) != list(our_types):
        sentences.append(f"{table}: its columns are in another order")
    columns = {name: type_ for name, type_ in our_types.items() if types.get(name) == type_}
    if not columns.keys() >= set(key):
        return Compared(table, 0, "", tuple(sentences))
    ours = _digest(connection, f"ours.marts.{table}", columns, key)
    theirs = _digest(connection, table, columns, key)
    if theirs.rows != ours.rows:
        sentences.append(f"{table}: {theirs.rows:,} rows, ours has {ours.rows:,}")
    sentences += [
        f"{table}.{name} differs: {_examples(connection, table, name, key)}"
        for name in columns
        if theirs.columns[name] != ours.columns[name]
    ]
    return Compared(table, theirs.rows, f"{theirs.row_hash:x}", tuple(sentences))
