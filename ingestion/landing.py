"""One delivered text to Parquet: good lines as they came, all columns text, and rejected lines apart."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contract import Table
from ingestion.text import (
    CARRIAGE_RETURN_MARK,
    Header,
    RejectedLine,
    TextFormat,
    clean_block,
    line_blocks,
    read_header,
)
from warehouse.catalog import literal, quoted
from warehouse.errors import UserError

# A line of LINE_LIMIT bytes can grow threefold in UTF-8, and has its number in front.
MAX_LINE_SIZE = 4 << 20
BUFFER_SIZE = 8 << 20
# Half of DuckDB's default: measured faster to write, at a third of the memory.
ROW_GROUP_ROWS = 61_440
PARQUET = f"(format parquet, compression zstd, row_group_size {ROW_GROUP_ROWS})"
MEMORY_LIMIT = "2GB"
EXTRA = "_extra"
REJECTED_BATCH_CHARACTERS = 8 << 20

REJECTED_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("source_file", pa.string()),
        ("line_number", pa.int64()),
        ("reason", pa.string()),
        ("raw_text", pa.string()),
        ("loaded_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Target:
    """Where a text is landed, and what its rows say about where they come from.

    Attributes:
        source_file: Name of the text, such as `CI01_M_20261001.txt`.
        culprit: What messages call it.
        loaded_at: Time of the landing, UTC, without a time zone.
        parquet: File to write.
        rejected: File to write if there are rejected lines.
        scratch: Folder on the same file system for what does not fit in memory, and for what is not finished.
    """

    source_file: str
    culprit: str
    loaded_at: datetime
    parquet: Path
    rejected: Path
    scratch: Path


@dataclass(frozen=True)
class Landed:
    """Counts of one landed text; lines = header_lines + blank_lines + rejected_lines + landed_rows."""

    lines: int
    header_lines: int
    blank_lines: int
    rejected_lines: int
    landed_rows: int
    missing_columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]


class _RejectedFile:
    """Parquet file of rejected lines, written in batches, and only if there are any."""

    def __init__(self, file: str, target: Target) -> None:
        self._file = file
        self._target = target
        self._lines: list[RejectedLine] = []
        self._characters = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, lines: Iterable[RejectedLine]) -> None:
        for line in lines:
            self._lines.append(line)
            self._characters += len(line.raw_text) + len(line.reason)
            if self._characters > REJECTED_BATCH_CHARACTERS:
                self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._target.rejected, REJECTED_SCHEMA, compression="zstd")
        rows = len(self._lines)
        columns = [
            [self._file] * rows,
            [self._target.source_file] * rows,
            [line.line_number for line in self._lines],
            [line.reason for line in self._lines],
            [line.raw_text for line in self._lines],
            [self._target.loaded_at] * rows,
        ]
        arrays = [pa.array(values, type_) for values, type_ in zip(columns, REJECTED_SCHEMA.types, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=REJECTED_SCHEMA))
        self._lines, self._characters = [], 0

    def close(self) -> None:
        if self._lines:
            self._flush()
        if self._writer is not None:
            self._writer.close()


@dataclass
class _Feeder:
    """Cleans blocks into a pipe and counts."""

    blocks: Iterable[bytes]
    values: int
    text_format: TextFormat
    rejected: _RejectedFile
    lines: int = 1
    rows: int = 0
    blank_lines: int = 0
    rejected_lines: int = 0
    has_carriage_return: bool = False

    def run(self, pipe: BinaryIO) -> None:
        with contextlib.closing(self.rejected):
            for block in self.blocks:
                pipe.write(self._clean(block))

    def _clean(self, block: bytes) -> bytes:
        cleaned = clean_block(block, self.lines + 1, self.values, self.text_format)
        self.lines += cleaned.lines
        self.rows += cleaned.rows
        self.blank_lines += cleaned.blank_lines
        self.rejected_lines += len(cleaned.rejected)
        self.has_carriage_return |= cleaned.has_carriage_return
        self.rejected.add(cleaned.rejected)
        return cleaned.data


def write_no_rejected_lines(path: Path) -> None:
    """Write a Parquet file of rejected lines that has none, over one that had some."""
    pq.write_table(REJECTED_SCHEMA.empty_table(), path, compression="zstd")


@contextlib.contextmanager
def _session(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(scratch),
        "preserve_insertion_order": True,
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        yield connection
    finally:
        connection.close()


def _extra(header: Header, delivered: Mapping[str, str]) -> str:
    """Write SQL for what came in columns that the contract does not have: a JSON object, null where all are empty."""
    if not header.unknown:
        return "cast(null as varchar)"
    values = [delivered[name] for name in header.unknown]
    members = ", ".join(f"{literal(name)}: {value}" for name, value in zip(header.unknown, values, strict=True))
    return f"case when coalesce({', '.join(values)}) is not null then cast(to_json({{{members}}}) as varchar) end"


def _copy_statement(read_end: int, table: Table, header: Header, text_format: TextFormat, target: Target) -> str:
    delivered = {name: f"value_{position}" for position, name in enumerate(header.names)}
    types = ", ".join(["'line_number': 'BIGINT'"] + [f"'{column}': 'VARCHAR'" for column in delivered.values()])
    columns = [
        f"{delivered.get(column.name, 'cast(null as varchar)')} as {quoted(column.name)}" for column in table.columns
    ]
    columns += [
        f"{literal(target.source_file)} as source_file",
        "line_number",
        f"timestamp {literal(target.loaded_at.isoformat(sep=' '))} as loaded_at",
        f"{_extra(header, delivered)} as {EXTRA}",
    ]
    scan = (
        f"read_csv('/dev/fd/{read_end}', columns = {{{types}}}, delim = {literal(text_format.delimiter)}, "
        "quote = '', escape = '', comment = '', header = false, auto_detect = false, null_padding = false, "
        f"strict_mode = true, max_line_size = {MAX_LINE_SIZE}, buffer_size = {BUFFER_SIZE})"
    )
    return f"copy (select {', '.join(columns)} from {scan}) to {literal(str(target.parquet))} {PARQUET}"


def _restore_carriage_returns(connection: duckdb.DuckDBPyConnection, table: Table, target: Target) -> None:
    marked = target.scratch / f"{target.parquet.name}.marked"
    target.parquet.replace(marked)
    mark = f"chr({ord(CARRIAGE_RETURN_MARK)})"
    columns = ", ".join(
        f"replace({quoted(column.name)}, {mark}, chr(13)) as {quoted(column.name)}" for column in table.columns
    )
    columns += f", replace({EXTRA}, {mark}, '\\r') as {EXTRA}"  # as JSON has it
    connection.execute(
        f"copy (select * replace ({columns}) from read_parquet({literal(str(marked))})) "
        f"to {literal(str(target.parquet))} {PARQUET}"
    )
    marked.unlink()


def _copy(connection: duckdb.DuckDBPyConnection, statement: str, read_end: int) -> int:
    try:
        copied = connection.execute(statement).fetchone()
        return copied[0] if copied else 0
    finally:
        # Without a reader the feeder's next write fails, so neither side can wait for the other for ever.
        os.close(read_end)


def _copy_through_pipe(connection: duckdb.DuckDBPyConnection, statement: Callable[[int], str], feeder: _Feeder) -> int:
    """Run a COPY statement on what the feeder writes and return the number of rows.

    An interrupt reaches only the main thread, and not while DuckDB waits there for data. So the feeder has this thread
    and DuckDB another one, which ends when the pipe is closed.
    """
    read_end, write_end = os.pipe()
    with ThreadPoolExecutor(1, "landing-copy") as pool:
        # A broken pipe means that DuckDB has stopped reading; its own error says why.
        with contextlib.suppress(BrokenPipeError), os.fdopen(write_end, "wb") as pipe:
            copied = pool.submit(_copy, connection, statement(read_end), read_end)
            feeder.run(pipe)
        return copied.result()


def land(chunks: Iterable[bytes], table: Table, text_format: TextFormat, target: Target) -> Landed:
    """Land one delivered text.

    The Parquet file has the contract's columns in the contract's order, all varchar, an empty value as null and every
    other one exactly as delivered, then source_file, line_number, loaded_at and _extra (a JSON object of the columns
    that the contract does not have); rows are in the order of the lines.

    Args:
        chunks: The bytes of the text in pieces of any size.
        table: The contract of the file.
        text_format: How values are written.
        target: Where to land it; the folders exist.

    Raises:
        UserError: When the text is empty or its header does not meet the contract.
    """
    blocks = line_blocks(chunks)
    first = next(blocks, b"")
    if not first:
        raise UserError(f"{target.culprit} is empty; ask the vendor to deliver the file again")
    line, _, rest = first.partition(b"\n")
    header = read_header(line, table, text_format, target.culprit)

    def body() -> Iterator[bytes]:
        if rest:
            yield rest
        yield from blocks

    feeder = _Feeder(body(), len(header.names), text_format, _RejectedFile(table.file, target))
    with _session(target.scratch) as connection:
        rows = _copy_through_pipe(
            connection, lambda read_end: _copy_statement(read_end, table, header, text_format, target), feeder
        )
        landed = Landed(
            lines=feeder.lines,
            header_lines=1,
            blank_lines=feeder.blank_lines,
            rejected_lines=feeder.rejected_lines,
            landed_rows=rows,
            missing_columns=header.missing,
            unknown_columns=header.unknown,
        )
        if landed.lines != landed.header_lines + landed.blank_lines + landed.rejected_lines + landed.landed_rows:
            raise UserError(
                f"{target.culprit}: {feeder.rows} good lines became {rows} rows; "
                "nothing of the delivery is landed, please report this as a defect with the file"
            )
        if feeder.has_carriage_return:
            _restore_carriage_returns(connection, table, target)
    return landed
