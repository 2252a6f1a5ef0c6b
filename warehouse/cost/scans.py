"""Which columns a query reads on an engine that expands each view and each CTE as often as it is named, as Athena does.

DuckDB plans the compiled SQL over empty tables of the same columns, so planning takes milliseconds at any size.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from warehouse.catalog import literal, quoted
from warehouse.errors import UserError

# Where this project and dbt begin a CTE: its name and a bracket in a line of their own.
CTE = re.compile(r'^(\s*(?:with\s+)?(?:"\w+"|\w+)\s+as\s+)\($', flags=re.MULTILINE | re.IGNORECASE)
# Off: what would read a column for DuckDB's own ends, hide one in a filter, or read something once for two readers.
OPTIMIZERS = (
    "filter_pushdown", "statistics_propagation", "late_materialization", "common_subplan", "join_filter_pushdown",
    "cte_filter_pusher",
)  # fmt: skip

Relation = tuple[str, str]
Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Read:
    """A scan of a table.

    Attributes:
        relation: Schema and name.
        columns: Names of the columns that it reads.
    """

    relation: Relation
    columns: tuple[str, ...]


class Planner:
    """Plans queries over empty copies of tables."""

    def __init__(self, database: str, tables: Mapping[Relation, Columns]) -> None:
        """Make the empty tables.

        Args:
            database: What compiled SQL calls the database.
            tables: Names and types of the columns of each table.
        """
        self._database = database
        self._connection = duckdb.connect()
        self._connection.execute(f"attach ':memory:' as {quoted(database)}")
        self._connection.execute("set integer_division = true")
        self._connection.execute(f"set disabled_optimizers = {literal(','.join(OPTIMIZERS))}")
        for (schema, name), columns in tables.items():
            self._connection.execute(f"create schema if not exists {quoted(database)}.{quoted(schema)}")
            described = ", ".join(f"{quoted(column)} {type_}" for column, type_ in columns)
            self._connection.execute(f"create table {quoted(database)}.{quoted(schema)}.{quoted(name)} ({described})")

    def add_views(self, views: Mapping[Relation, str]) -> None:
        """Make views of compiled queries, which may read one another."""
        waiting = dict(views)
        while waiting:
            unmade = {}
            for (schema, name), query in waiting.items():
                relation = f"{quoted(self._database)}.{quoted(schema)}.{quoted(name)}"
                try:
                    self._connection.execute(f"create schema if not exists {quoted(self._database)}.{quoted(schema)}")
                    self._connection.execute(f"create view {relation} as {_inlined(query)}")
                except duckdb.CatalogException as error:
                    unmade[schema, name] = query
                    reason = str(error).splitlines()[0]
            if len(unmade) == len(waiting):
                raise UserError(f"the warehouse is not built as the project is now ({reason}); run `make run` first")
            waiting = unmade

    def reads(self, query: str, node: str) -> list[Read]:
        """Find what a query scans, each table as often as it is scanned.

        Args:
            query: Compiled SQL.
            node: Whose it is, for messages.

        Raises:
            UserError: When the tables are not those that it reads.
        """
        try:
            explained = self._connection.execute(f"explain (format json) {_inlined(query)}").fetchone()
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise UserError(
                f"the warehouse is not built as {node} reads it ({str(error).splitlines()[0]}); run `make run` first"
            ) from None
        assert explained is not None  # noqa: S101 - EXPLAIN has one row
        return list(_scans(json.loads(explained[1]), node))


def _inlined(query: str) -> str:
    return CTE.sub(r"\1not materialized (", query)


def _scans(operators: Iterable[Mapping[str, Any]], node: str) -> Iterator[Read]:
    for operator in operators:
        if "CTE" in operator["name"]:
            raise UserError(
                f"a CTE of {node} does not begin with a line such as `name as (`, so that its reads cannot be counted; "
                "write it so"
            )
        details = operator["extra_info"]
        if "Table" in details:
            _, schema, name = details["Table"].rsplit(".", 2)
            columns: str | Sequence[str] = details.get("Projections") or ()
            yield Read((schema.strip('"'), name.strip('"')), (columns,) if isinstance(columns, str) else tuple(columns))
        yield from _scans(operator["children"], node)
