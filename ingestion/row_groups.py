"""Tables to one Parquet file of even row groups, written by a thread while the next rows are read."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# Some 4 MB of a row group are read to find one line, and a file of 40 million rows has 330 of them.
ROW_GROUP_ROWS = 122_880
# Rows may be a megabyte long.
ROW_GROUP_BYTES = 64 << 20
# Looking for repetition among values that have none is half of the time of writing; zstd finds what there is.
DICTIONARY_VALUES = 1_000


class RowGroups:
    """Writes a Parquet file; of the rows, at most two row groups are in memory.

    A context manager: the file is complete when it ends without an error.
    """

    def __init__(self, path: Path, schema: pa.Schema, sorted_by: str) -> None:
        """Begin without a file.

        Args:
            path: File to write.
            schema: Of all tables.
            sorted_by: Column that the rows come in the order of; the file says so.
        """
        self._path, self._schema, self._sorted_by = path, schema, sorted_by
        self._tables: list[pa.Table] = []
        self._rows = self._bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self._pool = ThreadPoolExecutor(1, "row-groups")
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, unless there was an error, and close the file."""
        try:
            if kind is None:
                if self._rows:
                    self._flush(self._rows)
                self._wait()
                if self._writer is None:
                    self._writer = self._open(self._schema.empty_table())
        finally:
            self._pool.shutdown()
            if self._writer is not None:
                self._writer.close()

    def add(self, table: pa.Table) -> None:
        """Take in some rows.

        Raises:
            OSError: When the file cannot be written.
        """
        self._tables.append(table)
        self._rows += table.num_rows
        self._bytes += table.nbytes
        while self._rows >= ROW_GROUP_ROWS:
            self._flush(ROW_GROUP_ROWS)
        if self._bytes >= ROW_GROUP_BYTES:
            self._flush(self._rows)

    def _flush(self, rows: int) -> None:
        whole = pa.concat_tables(self._tables)
        group, rest = whole.slice(0, rows), whole.slice(rows)
        self._tables, self._rows, self._bytes = [rest], rest.num_rows, rest.nbytes
        self._wait()
        if self._writer is None:
            self._writer = self._open(group)
        self._writing = self._pool.submit(self._writer.write_table, group, rows)

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def _open(self, first: pa.Table) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._path,
            self._schema,
            compression="zstd",
            use_dictionary=_repetitive(first),
            sorting_columns=[pq.SortingColumn(self._schema.get_field_index(self._sorted_by))],
            store_schema=False,
        )


def _repetitive(table: pa.Table) -> Sequence[str]:
    """Columns that hold few different values."""
    return [
        name
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_string(column.type) and pc.count_distinct(column).as_py() <= DICTIONARY_VALUES
    ]
