"""Rows to delivered lines: header, delimiter, encoding, and the dirt that breaks lines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contract import Contract, Table
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
    lines: list[bytes] = [line.encode(contract.encoding) for line in joined.to_pylist()]
    counts = inspect(table, columns, joined)
    counts["rows"] = size
    delimiter = contract.delimiter.encode(contract.encoding)
    extra: list[bytes] = []
    if size >= SMALLEST and not table.file.startswith(LOOKUP):
        for kind, rate in BROKEN_LINE_RATES.items():
            sources = rng.integers(size, size=amount(rng, rate, size)).tolist()
            extra += [_broken(rng, kind, lines[source], delimiter) for source in sources]
            counts[kind] = len(sources)
            counts["rejected"] += len(sources)
        torn = rng.integers(size, size=amount(rng, TORN_LINE_RATE, size)).tolist()
        extra += [_torn(rng, lines[source], delimiter) for source in torn]
        counts["newline_in_value"] = len(torn)
        counts["too_few_values"] += 2 * len(torn)
        counts["rejected"] += 2 * len(torn)
    counts["blank"] = amount(rng, BLANK_LINE_RATE, size)
    extra += [b""] * counts["blank"]
    places = np.concatenate([np.arange(size) + 0.5, rng.integers(max(size, 1), size=len(extra))])  # never last
    together = [*lines, *extra]
    bare = np.ones(len(together), dtype=bool) if only_bare else rng.random(len(together)) < BARE_NEWLINE_RATE
    counts["bare_newline"] = int(bare.sum()) + counts["newline_in_value"]
    counts["lines"] = len(together) + counts["newline_in_value"]
    ends = np.where(bare, BARE_NEWLINE, NEWLINE).tolist()
    order_of_lines = np.argsort(places, kind="stable").tolist()
    return Lines(b"".join([together[place] + end for place, end in zip(order_of_lines, ends, strict=True)]), counts)
