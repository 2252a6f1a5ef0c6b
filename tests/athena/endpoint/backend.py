"""What a query runs on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """A column with its type as Glue writes it: string, int, decimal(12,2)."""

    name: str
    type: str


@dataclass(frozen=True)
class Partition:
    """Files whose rows have these values in the partition columns."""

    values: tuple[str, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Table:
    """A table of Glue, its objects fetched from S3. Without partition columns it has one partition, of no values.

    Attributes:
        format: parquet or csv.
        header_lines: Lines of a CSV file before its first row.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    partition_columns: tuple[Column, ...]
    partitions: tuple[Partition, ...]
    format: str
    header_lines: int = 0


@dataclass(frozen=True)
class View:
    """A Presto view of Glue: a query, and the columns that it had when the view was made."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    query: str


class Backend(Protocol):
    """An engine that reads Trino's SQL, or that SQL is translated for."""

    def run(
        self,
        query: str,
        relations: Sequence[Table | View],
        on_start: Callable[[Callable[[], None]], None],
        is_written: bool = False,
    ) -> pa.Table:
        """Run a query.

        Args:
            query: A select in Trino's SQL.
            relations: All tables and views that it reads, each after those that it reads itself.
            on_start: Is given a function that stops the query.
            is_written: Whether its rows, maybe many, become a table or files; then all its columns have names.

        Returns:
            The rows, each column of a type that Athena has.

        Raises:
            QueryFailedError: When the query fails.
            QueryStoppedError: When it was stopped.
        """
