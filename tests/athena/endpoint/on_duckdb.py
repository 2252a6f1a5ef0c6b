"""Queries on DuckDB, translated by sqlglot; where that changes what a query means, by the rules here."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

from tests.athena.endpoint.backend import Column, Table, View
from tests.athena.endpoint.failures import QueryFailedError, QueryStoppedError, not_emulated

# What Trino's trim takes off: all of Unicode's but the no-break spaces.
WHITE_SPACE = "".join(
    chr(code) for code in range(1, 0x3001) if chr(code).isspace() and code not in {0x85, 0xA0, 0x2007, 0x202F}
)
# Functions that Trino has and DuckDB lacks, or that give back another type there.
MACROS = {
    "trino_from_base": "create macro trino_from_base(digits, base) as case when base = 16 "
    "then cast('0x' || digits as bigint) else error('NOT_EMULATED: from_base of a base other than 16') end",
    "trino_trim": f"create macro trino_trim(text) as trim(text, '{WHITE_SPACE}')",
    # Trino knows no capital sharp s
    "trino_upper": "create macro trino_upper(text) as replace(upper(text), chr(7838), chr(223))",
    **{
        f"trino_add_{unit}s": f"create macro trino_add_{unit}s(since date, units) as "
        f"cast(since + to_{unit}s(units::integer) as date), "
        f"(since timestamp, units) as since + to_{unit}s(units::integer)"
        for unit in ("day", "week", "month", "year")
    },
}
DUCKDB_TYPES = {"string": "varchar", "int": "integer", "timestamp": "timestamp_ms"}
ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _schema(name: str) -> str:
    return "information_schema_of_glue" if name.lower() == "information_schema" else name.lower()


def _duckdb_type(column: Column) -> str:
    return DUCKDB_TYPES.get(column.type, column.type)


def _translated(node: exp.Expression) -> exp.Expression:
    """Rewrite what sqlglot translates word by word although DuckDB means something else by it."""
    match node:
        case exp.DateAdd():
            unit = node.text("unit").lower()
            if unit not in {"day", "week", "month", "year"}:
                raise not_emulated(f"date_add of the unit {unit}")
            return exp.func(f"trino_add_{unit}s", node.this, node.expression)
        case exp.Trim(expression=None) if not node.args.get("position"):
            return exp.func("trino_trim", node.this)
        case exp.Upper():
            return exp.func("trino_upper", node.this)
        case exp.RegexpReplace() if isinstance(node.args["replacement"], exp.Literal):
            replacement = re.sub(r"\$(\d)", r"\\\1", node.args["replacement"].this)
            node.set("replacement", exp.Literal.string(replacement))
        case exp.FromBase():
            return exp.func("trino_from_base", node.this, node.expression)
        case exp.Subquery() if isinstance(node.this, exp.Table) and not node.alias:
            return node.this  # a table in brackets
        case exp.Table() if node.db:
            node.set("catalog", None)
            node.set("db", exp.to_identifier(_schema(node.db), quoted=True))
    return node


@lru_cache(maxsize=1024)
def translate(query: str) -> str:
    """Translate a query of Trino's SQL into DuckDB's.

    Raises:
        QueryFailedError: When sqlglot cannot read it.
    """
    try:
        tree = sqlglot.parse_one(query, read="trino")
        for node in reversed(list(tree.walk())):  # what is within comes before what is around it
            if (translated := _translated(node)) is not node:
                node.replace(translated)
        return tree.sql(dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        raise not_emulated(f"what sqlglot cannot read: {error}") from error


class DuckDB:
    """A back end that runs each query in a DuckDB of its own, which holds only what that query reads."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._schemas: dict[Path, pa.Schema] = {}

    def run(
        self,
        query: str,
        relations: Sequence[Table | View],
        on_start: Callable[[Callable[[], None]], None],
        _is_written: bool = False,
    ) -> pa.Table:
        """Run a query; see `Backend`."""
        with duckdb.connect(config={"threads": self._threads, "integer_division": True}) as connection:
            on_start(connection.interrupt)
            try:
                statements = [
                    f"create view {_quoted(_schema(relation.schema), relation.name)} as "
                    f"{translate(relation.query) if isinstance(relation, View) else self._scan(relation)}"
                    for relation in relations
                ]
                statements.append(translate(query))
                text = "\n".join(statements).lower()
                needed = [macro for name, macro in MACROS.items() if name in text]
                schemas = [
                    f"create schema if not exists {_quoted(schema)}"
                    for schema in sorted({_schema(relation.schema) for relation in relations})
                ]
                for statement in [*needed, *schemas, *statements]:
                    found = connection.execute(statement)
                types = [str(column[1]) for column in found.description or ()]
                return _as_athena_has_it(found.to_arrow_table(), types)
            except duckdb.InterruptException as error:
                raise QueryStoppedError from error
            except duckdb.Error as error:
                raise QueryFailedError(f"GENERIC_USER_ERROR: {error}") from error

    def _scan(self, table: Table) -> str:
        selects = [
            self._scan_partition(table, partition.values, partition.files)
            for partition in table.partitions
            if partition.files
        ]
        if selects:
            return " union all ".join(selects)
        columns = [*table.columns, *table.partition_columns]
        nulls = ", ".join(f"cast(null as {_duckdb_type(column)}) as {_quoted(column.name)}" for column in columns)
        return f"select {nulls} where false"

    def _scan_partition(self, table: Table, values: tuple[str, ...], files: tuple[Path, ...]) -> str:
        paths = "[" + ", ".join(_literal(str(file)) for file in files) + "]"
        if table.format == "csv":
            names = "[" + ", ".join(_literal(column.name) for column in table.columns) + "]"
            scan = (
                f"read_csv({paths}, header = false, skip = {table.header_lines}, all_varchar = true, names = {names})"
            )
            present = {column.name for column in table.columns}
        else:
            scan = f"read_parquet({paths}, hive_partitioning = false, union_by_name = true)"
            present = self._checked_names(table, files)
        selected = [
            f"cast({_quoted(column.name) if column.name in present else 'null'} as {_duckdb_type(column)}) "
            f"as {_quoted(column.name)}"
            for column in table.columns
        ]
        selected += [
            f"cast({_literal(value)} as {_duckdb_type(column)}) as {_quoted(column.name)}"
            for column, value in zip(table.partition_columns, values, strict=True)
        ]
        return f"select {', '.join(selected)} from {scan}"

    def _checked_names(self, table: Table, files: tuple[Path, ...]) -> set[str]:
        """Names of the columns that any file has; a file whose type differs from Glue's cannot be read on Athena."""
        present = set()
        for file in files:
            if file not in self._schemas:
                self._schemas[file] = pq.read_schema(file)
            schema = self._schemas[file]
            for column in table.columns:
                if column.name not in schema.names:
                    continue
                present.add(column.name)
                type_ = schema.field(column.name).type
                expected = ARROW_TYPES.get(column.type)
                is_same = pa.types.is_timestamp(type_) if column.type == "timestamp" else type_ == expected
                if expected is not None and not is_same:
                    raise QueryFailedError(
                        f"HIVE_BAD_DATA: field {column.name}'s type {type_} in {file.name} is incompatible with type "
                        f"{column.type} of {table.schema}.{table.name}"
                    )
        return present


def _as_athena_has_it(found: pa.Table, types: Sequence[str]) -> pa.Table:
    """Give each column the type that the query has on Athena.

    DuckDB sums integers into 128 bits where Trino stays at 64, and knows timestamps finer than Athena's milliseconds.
    """
    columns = []
    for values, type_ in zip(found.columns, types, strict=True):
        if type_ == "HUGEINT":
            columns.append(values.cast(pa.int64()))
        elif type_.startswith("TIMESTAMP") and "ZONE" not in type_:
            columns.append(values.cast(pa.timestamp("ms"), safe=False))
        else:
            columns.append(values)
    return pa.Table.from_arrays(columns, names=[name.lower() for name in found.column_names])
