"""Rows to delivered lines: header, delimiter, encoding, and the dirt that breaks lines."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contract import Contract, Table
from ingestion.sample.chance import Flags, Positions
from ingestion.sample.dirt import SMALLEST, amount, inspect
from ingestion.sample.rows import Columns

UNDEFINED_BYTES = b"\x81\x8d\x8f\x90\x9d"  # in windows-1252
BROKEN_LINE_RATES = {"too_few_values": 0.0006, "too_many_values": 0.0006, "undecodable": 0.0005}
TORN_LINE_RATE = 0.0002
BLANK_LINE_RATE = 0.0005
BARE_NEWLINE_RATE = 0.003
LOOKUP = "LU"
NEWLINE, BARE_NEWLINE = b"\r\n", b"\n"


@dataclass(frozen=True)
class Lines:
    """Lines of one file, dirt included.

    Attributes:
        data: The lines with their ends, in the delivered encoding.
        counts: Lines, rows that should land, rejected and blank lines, and the pieces of each kind of dirt. A newline
            in a value makes two lines, both rejected for too few values.
    """

    data: bytes
    counts: Counter[str]


def header(order: Sequence[str], contract: Contract, only_bare: bool) -> bytes:
    """Return the header line with its end."""
    return contract.delimiter.join(order).encode(contract.encoding) + (BARE_NEWLINE if only_bare else NEWLINE)


def _broken(rng: np.random.Generator, kind: str, line: bytes, delimiter: bytes) -> bytes:
    if kind == "undecodable":
        place = int(rng.integers(len(line) + 1))
        undefined = int(rng.integers(len(UNDEFINED_BYTES)))
        return line[:place] + UNDEFINED_BYTES[undefined : undefined + 1] + line[place:]
    values = line.split(delimiter)
    place = int(rng.integers(1, len(values)))
    if kind == "too_few_values":
        return delimiter.join([values[0] or b"-", *values[1:place]])
    return delimiter.join([*values[:place], b"", *values[place:]])


def _torn(rng: np.random.Generator, line: bytes, delimiter: bytes) -> bytes:
    """Put a bare newline into a value that is neither the first nor the last, so that both parts lack values."""
    values = line.split(delimiter)
    places = [place for place, value in enumerate(values[:-1]) if place and value and b"\r" not in value]
    place = places[int(rng.integers(len(places)))]
    cut = int(rng.integers(1, len(values[place]) + 1))
    torn = values[place][:cut] + BARE_NEWLINE + values[place][cut:]
    return delimiter.join([*values[:place], torn, *values[place + 1 :]])


def _encoded(lines: pa.Array, encoding: str) -> Callable[[int, int], bytes]:
    """Return what encodes a run of lines, from the first one up to the one before the last."""
    _, offsets, data = lines.buffers()
    edges = np.frombuffer(offsets, np.int32)[lines.offset : lines.offset + len(lines) + 1]
    text = memoryview(data) if data else memoryview(b"")
    return lambda first, last: str(text[edges[first] : edges[last]], "utf-8").encode(encoding)


def _mixed(lines: pa.Array, bare: Flags, extra: Sequence[bytes], places: Positions, encoding: str) -> bytes:
    """Write lines with others in between.

    Args:
        lines: The lines without their ends.
        bare: Whether a line ends with a bare newline, by its place in the text.
        extra: The others.
        places: The line before which each of them comes.
        encoding: Of the text.
    """
    order = np.argsort(places, kind="stable")
    before = places[order]
    extra_places = before + np.arange(len(extra))
    is_line = np.ones(len(bare), dtype=bool)
    is_line[extra_places] = False
    ends = pc.if_else(pa.array(bare[is_line]), BARE_NEWLINE.decode(), NEWLINE.decode())
    encoded = _encoded(pc.binary_join_element_wise(lines, ends, ""), encoding)
    pieces, written = [], 0
    for place, line, in_text in zip(before.tolist(), order.tolist(), extra_places.tolist(), strict=True):
        pieces += [encoded(written, place), extra[line], BARE_NEWLINE if bare[in_text] else NEWLINE]
        written = place
    return b"".join([*pieces, encoded(written, len(lines))])


def write_lines(
    rng: np.random.Generator,
    contract: Contract,
    table: Table,
    order: Sequence[str],
    columns: Columns,
    *,
    only_bare: bool,
) -> Lines:
    """Write the rows of a file as lines, with broken and blank ones in between.

    Args:
        rng: Source of chance.
        contract: How values are written.
        table: Contract of the file.
        order: Column names as in the file's header.
        columns: Text by column name; a column that is not there is delivered blank.
        only_bare: Whether all lines end with a bare newline.
    """
    size = len(next(iter(columns.values())))
    blank = pa.array([""] * size, pa.string())
    joined = pc.binary_join_element_wise(*[columns.get(name, blank) for name in order], contract.delimiter)
    counts = inspect(table, columns, joined)
    counts["rows"] = size
    delimiter = contract.delimiter.encode(contract.encoding)
    extra: list[bytes] = []

    def copies(rate: float) -> list[bytes]:
        sources = rng.integers(size, size=amount(rng, rate, size))
        return [line.encode(contract.encoding) for line in joined.take(pa.array(sources)).to_pylist()]

    if size >= SMALLEST and not table.file.startswith(LOOKUP):
        for kind, rate in BROKEN_LINE_RATES.items():
            sources = copies(rate)
            extra += [_broken(rng, kind, line, delimiter) for line in sources]
            counts[kind] = len(sources)
            counts["rejected"] += len(sources)
        torn = copies(TORN_LINE_RATE)
        extra += [_torn(rng, line, delimiter) for line in torn]
        counts["newline_in_value"] = len(torn)
        counts["too_few_values"] += 2 * len(torn)
        counts["rejected"] += 2 * len(torn)
    counts["blank"] = amount(rng, BLANK_LINE_RATE, size)
    extra += [b""] * counts["blank"]
    places = rng.integers(max(size, 1), size=len(extra))  # never after the last row
    lines = size + len(extra)
    bare = np.ones(lines, dtype=bool) if only_bare else rng.random(lines) < BARE_NEWLINE_RATE
    counts["bare_newline"] = int(bare.sum()) + counts["newline_in_value"]
    counts["lines"] = lines + counts["newline_in_value"]
    return Lines(_mixed(joined, bare, extra, places, contract.encoding), counts)
