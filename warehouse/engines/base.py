"""What Python asks of the engine that holds the tables; each module beside this one answers for one engine."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import duckdb

from warehouse.catalog import ExternalTable
from warehouse.query_log import Scan
from warehouse.s3 import Location


class Engine(Protocol):
    """An engine whose tables dbt builds."""

    @property
    def place(self) -> str:
        """Where the tables are, in the words of messages."""

    def check(self) -> None:
        """Find out whether the engine can be worked on.

        Raises:
            UserError: When it does not answer, or another process holds it.
        """

    def register(self, tables: Sequence[tuple[ExternalTable, Sequence[Location]]]) -> None:
        """Make each relation consist of exactly these files; it is empty where there are none.

        A run that was killed in between is made up for by the next one.

        Args:
            tables: Relations, each with its Parquet files below `<partition>=<value>` folders.

        Raises:
            UserError: When that is impossible, with the relation's name.
        """

    def reading(self, marts: Mapping[str, Sequence[str]]) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Give a DuckDB connection that shows marts, under their names, for the time of a `with` block.

        Args:
            marts: The marts that will be read, each with the columns wanted; none for all. A mart that does not exist
                is not there in the connection either.

        Raises:
            UserError: When the engine cannot be read.
        """

    def measure(self, query_ids: Sequence[str]) -> Mapping[str, Scan]:
        """Tell what queries that have ended have scanned, by their ids; one that the engine has forgotten is left out.

        Args:
            query_ids: As the engine has named them.

        Raises:
            UserError: When the engine does not answer.
        """
