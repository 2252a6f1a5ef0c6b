"""Hostile texts, many of them: every line of each is landed byte for byte, blank or rejected, or the text is refused.

What must come of a text is worked out here byte by byte. The suite tries some, `FUZZ_EXAMPLES=100000` lets each of
these tests try that many.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import text
from ingestion.contract import Column, Table
from ingestion.landing import Target, land
from ingestion.text import (
    CARRIAGE_RETURN_MARK,
    Header,
    TextFormat,
    clean_at_once,
    clean_line_by_line,
    line_blocks,
    read_header,
)
from tests.unit.ingestion.fuzzing import is_one_sentence, note, tried, within_limits
from warehouse.errors import UserError

CULPRIT = "UKLTD_M_20261001/CI01_M_20261001.txt"
FORMAT = TextFormat("windows-1252", "|")
TABLE = Table(
    "CI01",
    "ci01",
    ("company_number",),
    (
        Column("company_number", "varchar", True, None),
        Column("company_name", "varchar", True, None, "Name of Company"),
        Column("postcode", "varchar", False, None),
        Column("town", "varchar", False, None),
    ),
)
OUR_NAMES = {column.header_name: column.name for column in TABLE.columns}
REQUIRED = {"company_number", "company_name"}
BLANK = b" \t\n\r\x0b\x0c"
UNDEFINED = b"\x81\x8d\x8f\x90\x9d"


@dataclass
class Expected:
    """What must come of the lines behind a header."""

    rows: list[tuple[int, list[str]]]
    rejected: list[tuple[int, str, str]]
    blank: int = 0


def decoded(content: bytes) -> str:
    return "".join(f"\\x{byte:02x}" if byte in UNDEFINED else bytes([byte]).decode("windows-1252") for byte in content)


def split_lines(content: bytes) -> list[bytes]:
    lines, line = [], bytearray()
    for byte in content:
        if byte == 0x0A:
            lines.append(bytes(line))
            line.clear()
        else:
            line.append(byte)
    return [*lines, bytes(line)] if line else lines


def expected(lines: Sequence[bytes], values: int, limit: int, cut: int) -> Expected:
    result = Expected([], [])
    for number, delivered in enumerate(lines, start=2):
        line = delivered[:-1] if delivered[-1:] == b"\r" else delivered
        if len(line) > limit:
            result.rejected.append((number, "longer than", decoded(line[:cut])))
        elif all(byte in BLANK for byte in line):
            result.blank += 1
        elif sum(byte == 0x7C for byte in line) != values - 1:
            result.rejected.append((number, "where the header has", decoded(line)))
        elif any(byte in UNDEFINED for byte in line):
            result.rejected.append((number, "is not defined", decoded(line)))
        else:
            result.rows.append((number, decoded(line).split("|")))
    return result


def in_pieces(content: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Cut a stream into chunks of these sizes, again and again; no chunk is empty, like those of an archive."""
    start = 0
    for size in cycle(sizes):
        if start >= len(content):
            return
        yield content[start : start + size]
        start += size


SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=6)
ORDINARY = [
    *[b"|", b"|", b"|", b"\n", b"\n", b"\r\n", b"\r", b"\0", b'"', b"'", b"\\", b" ", b"\t", b"\x0b", b"\x1a"],
    *[b",", b"A1", b"\xe9\x80", b"\xa0", b"\x85", b"\xff\xfe", b"\xef\xbb\xbf", b"\xef\xb7\x90", b"\\N", b"NULL"],
]
BYTES = st.sampled_from([*ORDINARY, *(bytes([byte]) for byte in UNDEFINED)])
BODIES = st.one_of(
    st.lists(BYTES, max_size=40).map(b"".join),
    st.lists(st.one_of(BYTES, st.binary(max_size=12)), max_size=20).map(b"".join),
    st.binary(max_size=200),
    st.builds(lambda line, times: line * times, st.lists(BYTES, max_size=8).map(b"".join), st.integers(0, 30)),
)
LIMIT, CUT = 24, 9


@tried(1500)
@given(body=BODIES, values=st.integers(1, 4), sizes=SIZES)
def test_every_line_is_clean_or_rejected_or_blank_wherever_the_stream_is_cut(
    body: bytes, values: int, sizes: Sequence[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "LINE_LIMIT", LIMIT)
        patch.setattr(text, "CUT", CUT)
        blocks = list(line_blocks(in_pieces(body, sizes)))
        number, blank, rows, rejected = 2, 0, [], []
        for block in blocks:
            cleaned = clean_line_by_line(block, number, values, FORMAT)
            good = cleaned.data.decode().split("\n")[:-1]
            cells = [line.replace(CARRIAGE_RETURN_MARK, "\r").split("|") for line in good]
            rows += zip(cleaned.line_numbers, cells, strict=True)
            rejected += cleaned.rejected
            blank += cleaned.lines - len(good) - len(cleaned.rejected)
            assert cleaned.has_carriage_return == (CARRIAGE_RETURN_MARK.encode() in cleaned.data)
            assert b"\r" not in cleaned.data
            at_once = clean_at_once(block, number, FORMAT)
            if at_once is not None and values > 1:
                seen = zip(at_once.line_numbers, at_once.data.decode().split("\n")[:-1], strict=True)
                fitting = [(place, line) for place, line in seen if line.count("|") == values - 1]
                assert fitting == list(zip(cleaned.line_numbers, good, strict=True))
                assert at_once.lines == cleaned.lines
            number += cleaned.lines
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    assert all(len(block) <= LIMIT + 2 + 2 * max(sizes) for block in blocks)
    lines = split_lines(body)
    whole = expected(lines, values, LIMIT, CUT)
    assert number == 2 + len(lines)
    assert (rows, blank) == (whole.rows, whole.blank)
    assert [(line.line_number, line.raw_text) for line in rejected] == [(n, raw) for n, _, raw in whole.rejected]
    assert all(reason in line.reason for line, (_, reason, _) in zip(rejected, whole.rejected, strict=True))


KNOWN_NAMES = [b"company_number", b"COMPANY_NUMBER", b" Name of Company ", b"postcode", b"Town"]
ODD_NAMES = [
    *[b"", b" ", b"fax", b"_extra", b"line_number", b"source_file", b"a'b", b'a"b', b"a\\b", b"{}", b"%s", b"value_0"],
    *[b"(column 2)", b"caf\xe9", b"CAF\xc9 2", b"\xa0x", b"net\xa0worth", b"\xad", b"a\x85b", b"\xff\xfe", b"x" * 200],
]
REFUSED_NAMES = [b"company_name", b"na\0me", b"\x1b[2J", b"a\rb", b"\x81", b"x" * 201, b"\x7f"]
NAMES = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.sampled_from(ODD_NAMES),
    st.sampled_from(ODD_NAMES),
    st.sampled_from(REFUSED_NAMES),
    st.binary(max_size=6).map(lambda name: name.translate(None, b"|\n")),
)
ORDERED_HEADERS = st.tuples(
    st.one_of(st.just(KNOWN_NAMES[:1] + KNOWN_NAMES[2:4]), st.just(KNOWN_NAMES[1:3]), st.just(KNOWN_NAMES[1:])),
    st.lists(NAMES, max_size=2, unique=True),
).flatmap(lambda names: st.permutations(names[0] + names[1]).map(b"|".join))
OTHER_HEADERS = st.one_of(
    st.lists(st.sampled_from(KNOWN_NAMES), max_size=5).map(b"|".join),
    st.lists(BYTES, max_size=20).map(lambda pieces: b"".join(pieces).replace(b"\n", b"")),
    st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")),
)
WIDE_HEADERS = st.sampled_from([0, 1, 100, text.COLUMN_LIMIT - 2, text.COLUMN_LIMIT - 1]).map(
    lambda count: b"|".join([b"company_number", b"name of company", *[b"c%d" % number for number in range(count)]])
)


def acceptable_names(line: bytes) -> list[str] | None:
    """Work out the names of a header, as ours where the contract has them; None where it has to be refused."""
    if line.startswith(b"\xef\xbb\xbf") or any(byte in UNDEFINED for byte in line):
        return None
    whole = decoded(line)
    if not whole.strip():
        return None
    names = []
    for place, cell in enumerate(whole.split("|"), start=1):
        name = cell.strip().lower()
        if len(name) > 200 or any(ord(character) < 32 or ord(character) == 127 for character in name):
            return None
        names.append(OUR_NAMES.get(name, name) or f"(column {place})")
    has_all = set(names) >= REQUIRED
    return names if has_all and len(set(names)) == len(names) and len(names) <= text.COLUMN_LIMIT else None


def read(line: bytes) -> Header | None:
    try:
        return read_header(line, TABLE, FORMAT, CULPRIT)
    except UserError as error:
        assert is_one_sentence(error, CULPRIT)
        note(re.sub(r"(columns?) .*", r"\1", str(error).removeprefix(CULPRIT)))
        return None


@tried(1000)
@given(
    st.one_of(*[ORDERED_HEADERS] * 8, *[OTHER_HEADERS] * 4, WIDE_HEADERS),
    st.sampled_from([b"", b"\r", b"\r\n", b"\n"]),
)
def test_a_header_is_read_as_it_is_written_or_refused(line: bytes, end: bytes) -> None:
    header = read(line + end)
    names = acceptable_names(line)
    if header is None or names is None:
        assert header is names is None
        return
    ours = list(OUR_NAMES.values())
    assert list(header.names) == names
    assert list(header.missing) == [name for name in ours if name not in names]
    assert list(header.unknown) == [name for name in names if name not in ours]


def written(target: Target) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    rejected = pq.read_table(target.rejected).to_pylist() if target.rejected.exists() else []
    return pq.read_table(target.parquet).to_pylist(), rejected


def as_rows(names: Sequence[str], rows: Sequence[tuple[int, list[str]]]) -> list[dict[str, object]]:
    result = []
    for number, cells in rows:
        values = {name: cell or None for name, cell in zip(names, cells, strict=True)}
        extra = {name: value for name, value in values.items() if name not in OUR_NAMES.values()}
        known: dict[str, object] = {name: values.get(name) for name in OUR_NAMES.values()}
        is_empty = all(value is None for value in extra.values())
        result.append(known | {"line_number": number, "_extra": None if is_empty else extra})
    return result


CELLS = st.lists(st.sampled_from(ORDINARY), max_size=3).map(lambda cell: b"".join(cell).translate(None, b"|\n"))
LINE_ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r\n", b"\r\r\n", b""])


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """Draw a text, most of whose lines have as many values as its header."""
    header = draw(st.one_of(*[ORDERED_HEADERS] * 16, OTHER_HEADERS, WIDE_HEADERS))
    values = header.count(b"|") + 1
    if values > 20:
        line = b"|".join(b"v%d" % number for number in range(values)) + b"\r\n"
        return header + b"\n" + line * draw(st.integers(0, 3)) + draw(BODIES)
    fitting = st.builds(
        lambda cells, end: b"|".join(cells) + end, st.lists(CELLS, min_size=values, max_size=values), LINE_ENDS
    )
    lines = draw(st.lists(st.one_of(fitting, fitting, fitting, BODIES), max_size=8))
    return header + draw(LINE_ENDS) + b"".join(lines)


@tried(300)
@given(content=texts(), sizes=st.one_of(st.just([1 << 20]), SIZES))
def test_a_text_is_landed_to_the_byte_or_refused(content: bytes, sizes: Sequence[int]) -> None:
    first, *lines = split_lines(content) or [b""]
    names = acceptable_names(first[:-1] if first[-1:] == b"\r" else first)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        target = Target("t.txt", CULPRIT, datetime(2026, 10, 2), folder / "landed", folder / "rejected")
        with within_limits():
            try:
                counts = land(in_pieces(content, sizes), TABLE, FORMAT, target)
            except UserError as error:
                assert is_one_sentence(error, CULPRIT)
                assert names is None
                assert not list(folder.iterdir())
                note("refused")
                return
        assert names is not None
        rows, rejected = written(target)
        assert set(folder.iterdir()) <= {target.parquet, target.rejected}
    whole = expected(lines, len(names), text.LINE_LIMIT, text.CUT)
    note(f"landed, with rows: {bool(rows)}, with rejected lines: {bool(rejected)}")
    for row in rows:
        assert row.pop("source_file") == "t.txt"
        assert row.pop("loaded_at") == datetime(2026, 10, 2)
        row["_extra"] = row["_extra"] and json.loads(str(row["_extra"]))
    assert rows == as_rows(names, whole.rows)
    assert [(row["line_number"], row["raw_text"]) for row in rejected] == [(n, raw) for n, _, raw in whole.rejected]
    assert (counts.blank_lines, counts.lines) == (whole.blank, 1 + len(lines))
    assert counts.lines == counts.header_lines + counts.blank_lines + counts.rejected_lines + counts.landed_rows
