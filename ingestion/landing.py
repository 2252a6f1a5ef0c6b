"""One delivered text to Parquet: good lines as they came, all columns text, and rejected lines apart."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ingestion.contract import Table
from ingestion.rejected_lines import RejectedLines
from ingestion.row_groups import RowGroups
from ingestion.text import (
    BYTE_ORDER_MARK,
    CARRIAGE_RETURN_MARK,
    CleanBlock,
    Header,
    TextFormat,
    clean_at_once,
    clean_line_by_line,
    line_blocks,
    read_header,
)
from warehouse.errors import UserError

EXTRA = "_extra"


@dataclass(frozen=True)
class Target:
    """Where a text is landed, and what its rows say about where they come from.

    Attributes:
        source_file: Name of the text, such as `CI01_M_20261001.txt`.
        culprit: What messages call it.
        loaded_at: Time of the landing, UTC, without a time zone.
        parquet: File to write.
        rejected: File to write if there are rejected lines.
    """

    source_file: str
    culprit: str
    loaded_at: datetime
    parquet: Path
    rejected: Path


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


class _Parser:
    """Turns clean lines into a table of the header's columns, an empty value as null and any other as it is."""

    def __init__(self, header: Header, delimiter: str) -> None:
        self._names = list(header.names)
        self._parse = csv.ParseOptions(
            delimiter=delimiter, quote_char=False, double_quote=False, escape_char=False, ignore_empty_lines=False
        )
        self._convert = csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(self._names, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        )

    def table(self, block: CleanBlock) -> pa.Table:
        """Parse a block.

        Raises:
            pa.ArrowInvalid: When a line has another number of values than the header.
        """
        data = block.data
        if not data:
            return pa.table({name: pa.nulls(0, pa.string()) for name in self._names})
        if data.startswith(BYTE_ORDER_MARK):
            data = BYTE_ORDER_MARK + data  # the parser takes one away
        read = csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=self._names)
        table = csv.read_csv(pa.BufferReader(data), read, self._parse, self._convert)
        if block.has_carriage_return:
            columns = [pc.replace_substring(column, CARRIAGE_RETURN_MARK, "\r") for column in table.columns]
            table = pa.table(dict(zip(self._names, columns, strict=True)))
        return table


def landed_schema(table: Table) -> pa.Schema:
    """Columns of a landed file: the contract's, all text, then where a row comes from, and what is not in the contract.

    Args:
        table: The contract of the file.
    """
    fields = [(column.name, pa.string()) for column in table.columns]
    fields += [("source_file", pa.string()), ("line_number", pa.int64()), ("loaded_at", pa.timestamp("us"))]
    return pa.schema([*fields, (EXTRA, pa.string())])


def _extra(delivered: pa.Table, names: Sequence[str]) -> pa.Array:
    """Write what came in columns that the contract does not have: a JSON object a row, null where all are empty."""
    if not names:
        return pa.nulls(delivered.num_rows, pa.string())
    rows = zip(*(delivered[name].to_pylist() for name in names), strict=True)
    objects = [
        json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, separators=(",", ":"))
        if any(value is not None for value in row)
        else None
        for row in rows
    ]
    return pa.array(objects, pa.string())


@dataclass
class _Landing:
    """Parses blocks of lines one after the other, sets the bad lines apart and counts."""

    header: Header
    text_format: TextFormat
    target: Target
    schema: pa.Schema
    rejected: RejectedLines

    def __post_init__(self) -> None:
        self._parser = _Parser(self.header, self.text_format.delimiter)
        self.lines, self.rows, self.blank_lines, self.rejected_lines = 1, 0, 0, 0

    def rows_of(self, block: bytes) -> pa.Table:
        """Parse the next block into rows of the landed file."""
        cleaned, delivered = self._parsed(block)
        rows = delivered.num_rows
        if rows != len(cleaned.line_numbers):
            raise UserError(
                f"{self.target.culprit}: {len(cleaned.line_numbers)} good lines became {rows} rows; "
                "nothing of the delivery is landed, please report this as a defect with the file"
            )
        self.lines += cleaned.lines
        self.rows += rows
        self.rejected_lines += len(cleaned.rejected)
        self.blank_lines += cleaned.lines - rows - len(cleaned.rejected)
        self.rejected.add(cleaned.rejected)
        return self._landed(delivered, cleaned.line_numbers)

    def _parsed(self, block: bytes) -> tuple[CleanBlock, pa.Table]:
        first, values = self.lines + 1, len(self.header.names)
        # A line of a single value may be blank, which the parser does not know.
        cleaned = clean_at_once(block, first, self.text_format) if values > 1 else None
        if cleaned is not None:
            with contextlib.suppress(pa.ArrowInvalid):
                return cleaned, self._parser.table(cleaned)
        cleaned = clean_line_by_line(block, first, values, self.text_format)
        return cleaned, self._parser.table(cleaned)

    def _landed(self, delivered: pa.Table, line_numbers: Sequence[int]) -> pa.Table:
        rows = delivered.num_rows
        constants = {"source_file": self.target.source_file, "loaded_at": self.target.loaded_at}
        columns = []
        for field in self.schema:
            if field.name in constants:
                columns.append(pa.repeat(pa.scalar(constants[field.name], field.type), rows))
            elif field.name == "line_number":
                columns.append(pa.array(np.asarray(line_numbers, dtype=np.int64)))
            elif field.name == EXTRA:
                columns.append(_extra(delivered, self.header.unknown))
            elif field.name in self.header.missing:
                columns.append(pa.nulls(rows, field.type))
            else:
                columns.append(delivered[field.name])
        return pa.table(columns, schema=self.schema)


def land(chunks: Iterable[bytes], table: Table, text_format: TextFormat, target: Target) -> Landed:
    """Land one delivered text, in one pass and some 200 MB of memory.

    The Parquet file has the contract's columns in the contract's order, all varchar, an empty value as null and every
    other one exactly as delivered, then source_file, line_number, loaded_at and _extra (a JSON object of the columns
    that the contract does not have); rows are in the order of the lines, in row groups with statistics.

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

    schema = landed_schema(table)
    rejected = RejectedLines(target.rejected, table.file, target.source_file, target.loaded_at)
    landing = _Landing(header, text_format, target, schema, rejected)
    with contextlib.closing(rejected), RowGroups(target.parquet, schema, "line_number") as file:
        for block in body():
            file.add(landing.rows_of(block))
    return Landed(
        lines=landing.lines,
        header_lines=1,
        blank_lines=landing.blank_lines,
        rejected_lines=landing.rejected_lines,
        landed_rows=landing.rows,
        missing_columns=header.missing,
        unknown_columns=header.unknown,
    )
