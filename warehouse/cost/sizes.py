"""Compressed bytes of each column of the relations in a DuckDB warehouse, as Parquet of Athena has them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.catalog import literal, quoted
from warehouse.cost.scans import Columns, Relation

# What Athena writes unless it is told otherwise, and dbt-athena does not tell it.
COMPRESSION = "gzip"
PARQUET_PATH = re.compile(r"'((?:[^']|'')*\.parquet)'")
PARTITIONS = ("snapshot_month", "score_month")
FOLDER = re.compile(rf"/(?:{'|'.join(PARTITIONS)})=([^/]+)/")
# A relation whose rows belong to companies grows with them; the others are lists and figures that hardly do.
OF_COMPANIES = "company_number"
WHOLE = ""


@dataclass(frozen=True)
class Size:
    """Compressed bytes of a relation.

    Attributes:
        columns: Names and types.
        bytes: By partition, `WHOLE` where there is none, and column; a partition column has none.
    """

    columns: Columns
    bytes: Mapping[str, Mapping[str, int]]

    @property
    def is_of_companies(self) -> bool:
        """Whether it grows with the number of companies."""
        return OF_COMPANIES in dict(self.columns)

    def of(self, columns: tuple[str, ...] | None = None, partition: str | None = None) -> int:
        """Add up columns, None for all, of one partition or of all."""
        return sum(
            size
            for value, sizes in self.bytes.items()
            if partition in {None, value}
            for column, size in sizes.items()
            if columns is None or column in columns
        )


def describe(connection: duckdb.DuckDBPyConnection) -> dict[Relation, Columns]:
    """List the columns of all relations of the warehouse."""
    found: dict[Relation, Columns] = {}
    for schema, name, column, type_ in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() and not internal order by schema_name, table_name, column_index"
    ).fetchall():
        found[schema, name] = (*found.get((schema, name), ()), (column, type_))
    return found


def measure_external(connection: duckdb.DuckDBPyConnection, relation: Relation, columns: Columns) -> Size:
    """Read the sizes of a view over Parquet files of the lake from their footers."""
    row = connection.execute(
        "select sql from duckdb_views() where database_name = current_database() and schema_name = $1 "
        "and view_name = $2",
        list(relation),
    ).fetchone()
    sizes: dict[str, dict[str, int]] = {}
    for path in PARQUET_PATH.findall(row[0]) if row else ():
        folder = FOLDER.search(path)
        partition = sizes.setdefault(folder[1] if folder else WHOLE, {})
        _add(partition, _footer(connection, path.replace("''", "'")))
    return Size(columns, sizes)


def measure_table(
    connection: duckdb.DuckDBPyConnection, relation: Relation, columns: Columns, partition: str | None, scratch: Path
) -> Size:
    """Write a table as Parquet into a scratch folder, one file a partition, and read the sizes from the footers.

    Args:
        connection: To the warehouse.
        relation: Schema and name of the table.
        columns: Its columns.
        partition: The column that it is partitioned by on Athena; None where it is not.
        scratch: Folder for the files, which are deleted again one by one.
    """
    table = f"{quoted(relation[0])}.{quoted(relation[1])}"
    values: list[str | None] = [None]
    if partition:
        query = f"select distinct {quoted(partition)} from {table} order by 1"
        values = [row[0] for row in connection.execute(query).fetchall()]
    kept = f"* exclude ({quoted(partition)})" if partition else "*"
    sizes, file = {}, scratch / "measured.parquet"
    for value in values:
        condition = f" where {quoted(partition)} = {literal(value)}" if partition and value else ""
        connection.execute(
            f"copy (select {kept} from {table}{condition}) to {literal(str(file))} "
            f"(format parquet, compression {COMPRESSION})"
        )
        sizes[value or WHOLE] = _footer(connection, str(file))
        file.unlink()
    return Size(columns, sizes)


def _footer(connection: duckdb.DuckDBPyConnection, path: str) -> dict[str, int]:
    rows = connection.execute(
        "select path_in_schema, cast(sum(total_compressed_size) as bigint) from parquet_metadata($1) group by 1", [path]
    ).fetchall()
    return {column: size for column, size in rows if column is not None}


def _add(sizes: dict[str, int], more: Mapping[str, int]) -> None:
    for column, size in more.items():
        sizes[column] = sizes.get(column, 0) + size
