"""The lines that cannot be landed, in a Parquet file beside the landed rows."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.text import RejectedLine

BATCH_CHARACTERS = 8 << 20

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("source_file", pa.string()),
        ("line_number", pa.int64()),
        ("reason", pa.string()),
        ("raw_text", pa.string()),
        ("loaded_at", pa.timestamp("us")),
    ]
)


class RejectedLines:
    """Writes rejected lines in batches, and a file only if there are any."""

    def __init__(self, path: Path, file: str, source_file: str, loaded_at: datetime) -> None:
        """Begin without a file.

        Args:
            path: File to write if there are rejected lines.
            file: Delivered file, such as `CI01`.
            source_file: Name of the text.
            loaded_at: Time of the landing, UTC, without a time zone.
        """
        self._path = path
        self._file, self._source_file, self._loaded_at = file, source_file, loaded_at
        self._lines: list[RejectedLine] = []
        self._characters = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, lines: Iterable[RejectedLine]) -> None:
        """Take in some lines, in the order of the file."""
        for line in lines:
            self._lines.append(line)
            self._characters += len(line.raw_text) + len(line.reason)
            if self._characters > BATCH_CHARACTERS:
                self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, SCHEMA, compression="zstd")
        rows = len(self._lines)
        columns = [
            [self._file] * rows,
            [self._source_file] * rows,
            [line.line_number for line in self._lines],
            [line.reason for line in self._lines],
            [line.raw_text for line in self._lines],
            [self._loaded_at] * rows,
        ]
        arrays = [pa.array(values, type_) for values, type_ in zip(columns, SCHEMA.types, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))
        self._lines, self._characters = [], 0

    def close(self) -> None:
        """Write what is left and end the file."""
        if self._lines:
            self._flush()
        if self._writer is not None:
            self._writer.close()


def write_no_rejected_lines(path: Path) -> None:
    """Write a Parquet file of rejected lines that has none, over one that had some."""
    pq.write_table(SCHEMA.empty_table(), path, compression="zstd")
