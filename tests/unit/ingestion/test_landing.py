import json
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion import text
from ingestion.contract import Column, Table
from ingestion.landing import Landed, Target, land
from ingestion.row_groups import ROW_GROUP_ROWS
from ingestion.text import TextFormat
from warehouse.errors import UserError

TABLE = Table(
    "CI01",
    "ci01",
    ("company_number",),
    (
        Column("company_number", "varchar", True, None),
        Column("company_name", "varchar", True, None),
        Column("postcode", "varchar", False, None),
    ),
)
FORMAT = TextFormat("windows-1252", "|")
HEADER = b"company_number|company_name|postcode\r\n"
LOADED_AT = datetime(2026, 10, 2, 3, 4, 5)
UNDEFINED = b"\x81\x8d\x8f\x90\x9d"


def landed(folder: Path, content: bytes, chunk_size: int = 1 << 20) -> tuple[Landed, list[tuple], list[tuple]]:
    """Land a text and read back its rows and its rejected lines."""
    target = Target("CI01_M_20261001.txt", "the file", LOADED_AT, folder / "l.parquet", folder / "r.parquet")
    for path in (target.parquet, target.rejected):
        path.unlink(missing_ok=True)
    chunks = (content[start : start + chunk_size] for start in range(0, len(content), chunk_size))
    counts = land(chunks, TABLE, FORMAT, target)
    with duckdb.connect() as connection:
        rows = connection.execute("select * from read_parquet($1)", [str(target.parquet)]).fetchall()
        rejected = []
        if target.rejected.exists():
            rejected = connection.execute("select * from read_parquet($1)", [str(target.rejected)]).fetchall()
    assert [*folder.iterdir()] == [path for path in folder.iterdir() if path in {target.parquet, target.rejected}]
    return counts, rows, rejected


def values(folder: Path, body: bytes) -> list[tuple]:
    return [row[:3] for row in landed(folder, HEADER + body)[1]]


def parsed(content: bytes) -> tuple[list[tuple], list[int], int]:
    """Parse a text byte by byte: rows with their line numbers, line numbers of bad lines, number of blank lines."""
    lines, line = [], bytearray()
    for byte in content:
        if byte == 0x0A:
            lines.append(bytes(line))
            line.clear()
        else:
            line.append(byte)
    if line:
        lines.append(bytes(line))
    rows, bad, blank = [], [], 0
    for number, delivered in enumerate(lines[1:], start=2):
        stripped = delivered[:-1] if delivered[-1:] == b"\r" else delivered
        if all(byte in b" \t\r\x0b\x0c" for byte in stripped):
            blank += 1
        elif any(byte in UNDEFINED for byte in stripped) or stripped.count(b"|") != 2:
            bad.append(number)
        else:
            cells = [bytes([byte]).decode("windows-1252") for byte in stripped]
            row = "".join(cells).split("|")
            rows.append((*(value or None for value in row), number))
    return rows, bad, blank


PIECES = st.sampled_from(
    [
        b"|",
        b"|",
        b"|",
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b'"',
        b"'",
        b"\\",
        b" ",
        b"\t",
        b",",
        b"\x1a",
        b"A1",
        b"\xe9\x80",
        b"\x81",
    ]
)
CELLS = st.lists(PIECES.filter(lambda piece: piece not in {b"|", b"\n", b"\r\n", b"\x81"}), max_size=4).map(b"".join)
GOOD_LINES = st.tuples(CELLS, CELLS, CELLS, st.sampled_from([b"\n", b"\r\n"])).map(
    lambda parts: b"|".join(parts[:3]) + parts[3]
)
BODIES = st.lists(st.one_of(GOOD_LINES, GOOD_LINES, st.lists(PIECES, max_size=8).map(b"".join), st.binary(max_size=30)))


@settings(max_examples=100)
@given(body=BODIES.map(b"".join), chunk_size=st.integers(1, 50))
def test_any_text_is_landed_as_an_independent_parse_reads_it(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, chunk_size: int
) -> None:
    counts, rows, rejected = landed(tmp_path_factory.mktemp("any"), HEADER + body, chunk_size)
    expected, bad, blank = parsed(HEADER + body)
    assert [(*row[:3], row[4]) for row in rows] == expected
    assert [row[2] for row in rejected] == bad
    assert counts.blank_lines == blank
    assert counts.lines == 1 + len(expected) + len(bad) + blank
    assert counts.lines == counts.header_lines + counts.blank_lines + counts.rejected_lines + counts.landed_rows


def test_rows_carry_their_text_line_and_time_and_keep_the_order_of_the_lines(tmp_path: Path) -> None:
    body = b"".join(b"%08d|NAME|\r\n" % number for number in range(200_000))
    _, rows, _ = landed(tmp_path, HEADER + body)
    assert rows[0] == ("00000000", "NAME", None, "CI01_M_20261001.txt", 2, LOADED_AT, None)
    assert [row[4] for row in rows] == list(range(2, 200_002))


def test_values_are_kept_exactly(tmp_path: Path) -> None:
    body = b'00000001|THE "BEST" CO\\ LTD| AB1 2CD \r\n"|\'|#\n'
    assert values(tmp_path, body) == [("00000001", 'THE "BEST" CO\\ LTD', " AB1 2CD "), ('"', "'", "#")]


def test_empty_values_are_null_and_blank_ones_are_not(tmp_path: Path) -> None:
    assert values(tmp_path, b"1|| \n") == [("1", None, " ")]


def test_windows_1252_becomes_unicode(tmp_path: Path) -> None:
    assert values(tmp_path, "1|CAFÉ “€” LTD|\n".encode("windows-1252")) == [("1", "CAFÉ “€” LTD", None)]


def test_a_carriage_return_inside_a_value_arrives(tmp_path: Path) -> None:
    assert values(tmp_path, b"1|A\rB|\r\r\n2|C|D\r\n") == [("1", "A\rB", "\r"), ("2", "C", "D")]


def test_a_last_line_needs_no_newline(tmp_path: Path) -> None:
    assert values(tmp_path, b"1|A|\r\n2|B|C") == [("1", "A", None), ("2", "B", "C")]


def test_a_text_of_only_a_header_has_no_rows(tmp_path: Path) -> None:
    for content in (HEADER, HEADER.rstrip()):
        counts, rows, rejected = landed(tmp_path, content)
        assert (counts.lines, counts.landed_rows, rows, rejected) == (1, 0, [], [])


def test_the_header_decides_the_order_of_the_columns(tmp_path: Path) -> None:
    _, rows, _ = landed(tmp_path, b" Postcode |COMPANY_NAME|company_number\nAB1|NAME|1\n")
    assert rows[0][:3] == ("1", "NAME", "AB1")


def test_a_missing_optional_column_is_null_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    counts, rows, _ = landed(tmp_path, b"company_number|fax|company_name|\n1|020|NAME|\n")
    assert rows[0][:3] == ("1", "NAME", None)
    assert counts.missing_columns == ("postcode",)
    assert counts.unknown_columns == ("fax", "(column 4)")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\r\n", "no header"),
        (b"company_number|postcode\n1|2\n", "lacks the required column company_name"),
        (b"postcode\n1|2\n", "lacks the required columns company_number, company_name"),
        (b"company_number|company_name|company_name\n", "names the column company_name twice"),
        (b"company_number|company_name|\x81\n", "not windows-1252 text"),
        (b"x" * (text.LINE_LIMIT + 10), "no header"),
        (b"\xef\xbb\xbf" + HEADER + b"1|A|B\n", "is UTF-8, the contract says windows-1252"),
        (b"company_number|company_name|a\0b\n1|A|B\n", "name of column 3 contains a control character"),
        (b"company_number|company_name|\x1b[2Jfax\n1|A|B\n", "name of column 3 contains a control character"),
        (b"company_number|company_name|fax\rerror: all is lost\n", "name of column 3 contains a control character"),
        (b"company_number|company_name|" + b"x" * 201, "name of column 3 is longer than 200 characters"),
        (HEADER.rstrip() + b"|" * 900_000, "names 900003 columns, more than 5000"),
    ],
)
def test_a_text_without_a_proper_header_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(UserError, match=f"^the file.*{reason}.*ask the vendor"):
        landed(tmp_path, content)


def test_a_header_of_as_many_columns_as_there_may_be_is_landed(tmp_path: Path) -> None:
    names = ["company_number", "company_name", *(f"c{number}" for number in range(text.COLUMN_LIMIT - 2))]
    line = "|".join(str(number) for number in range(text.COLUMN_LIMIT))
    _, ((number, name, *_, extra),), _ = landed(tmp_path, "\n".join(["|".join(names), line]).encode())
    assert (number, name, len(json.loads(extra))) == ("0", "1", text.COLUMN_LIMIT - 2)
    assert json.loads(extra)["c4997"] == "4999"


def test_rejected_lines_are_kept_with_number_and_reason(tmp_path: Path) -> None:
    counts, rows, rejected = landed(tmp_path, HEADER + b"1|A|B\n\r\n2|A\xe9\r\n3|A|B|C\n4|A\x81|B\n5|A|B\n")
    assert [row[0] for row in rows] == ["1", "5"]
    assert rejected == [
        ("CI01", "CI01_M_20261001.txt", number, reason, raw_text, LOADED_AT)
        for number, reason, raw_text in [
            (4, "2 values where the header has 3", "2|Aé"),
            (5, "4 values where the header has 3", "3|A|B|C"),
            (6, "byte 81 is not defined in windows-1252", "4|A\\x81|B"),
        ]
    ]
    assert (counts.lines, counts.blank_lines) == (7, 1)


def test_an_overlong_line_is_rejected_and_cut_and_the_next_one_is_landed(tmp_path: Path) -> None:
    long_line = b"2|" + b"x" * (5 * text.LINE_LIMIT) + b"|"
    for chunk_size in (100_000, 1 << 20, 1 << 24):
        counts, rows, rejected = landed(tmp_path, HEADER + b"1|A|\n" + long_line + b"\r\n3|C|\n", chunk_size)
        assert [(row[0], row[4]) for row in rows] == [("1", 2), ("3", 4)]
        assert counts.lines == 4
        ((_, _, number, reason, raw_text, _),) = rejected
        assert (number, len(raw_text)) == (3, text.CUT)
        assert "longer than 1048576 bytes" in reason


@pytest.mark.parametrize(
    "seen", [b"1|A|" + b"x" * (text.LINE_LIMIT - 4), b" " * text.LINE_LIMIT], ids=["text", "blanks"]
)
@pytest.mark.parametrize("chunk_size", [65_536, text.LINE_LIMIT, text.LINE_LIMIT + len(HEADER) + 1, 1 << 23])
def test_nothing_of_an_overlong_line_is_landed_or_blank_whatever_its_first_bytes_are(
    tmp_path: Path, chunk_size: int, seen: bytes
) -> None:
    content = HEADER + seen + b"\r" + b"HIDDEN" * 500_000 + b"\n2|B|ok\n"
    counts, rows, rejected = landed(tmp_path, content, chunk_size)
    assert [(row[0], row[4]) for row in rows] == [("2", 3)]
    assert [row[2] for row in rejected] == [2]
    assert (counts.lines, counts.blank_lines) == (3, 0)


@pytest.mark.parametrize("chunk_size", [text.LINE_LIMIT, text.LINE_LIMIT + len(HEADER) + 1, 1 << 23])
def test_the_longest_line_allowed_is_landed_wherever_its_end_is_split(tmp_path: Path, chunk_size: int) -> None:
    name = "x" * (text.LINE_LIMIT - 3)
    content = HEADER + f"1|{name}|\r\n".encode()
    assert landed(tmp_path, content, chunk_size)[1][0][:3] == ("1", name, None)


def test_the_longest_line_allowed_is_landed(tmp_path: Path) -> None:
    name = b"\x80" * (text.LINE_LIMIT - 4)
    assert values(tmp_path, b"1|" + name + b"|\n") == [("1", "€" * len(name), None)]


def test_many_rejected_lines_are_all_kept(tmp_path: Path) -> None:
    counts, _, rejected = landed(tmp_path, HEADER + (b"x" * 999 + b"\n") * 20_000)
    assert counts.rejected_lines == len(rejected) == 20_000
    assert [row[2] for row in rejected] == list(range(2, 20_002))


def test_blocks_of_lines_stay_small_when_there_is_no_newline() -> None:
    endless = (b"x" * 65_536 for _ in range(200))
    assert [len(block) for block in text.line_blocks(endless)] == [text.LINE_LIMIT + 2]


def test_a_failing_source_ends_the_landing_with_its_own_error(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield HEADER + b"1|A|B\n" * 100_000
        raise UserError("the archive broke")

    target = Target("t", "the file", LOADED_AT, tmp_path / "l.parquet", tmp_path / "r.parquet")
    threads = threading.active_count()
    with pytest.raises(UserError, match="the archive broke"):
        land(chunks(), TABLE, FORMAT, target)
    assert threading.active_count() == threads


def test_a_failing_writer_ends_the_landing_instead_of_hanging(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield HEADER
        while True:
            yield b"1|A|B\n" * 10_000

    target = Target("t", "the file", LOADED_AT, tmp_path / "absent" / "l.parquet", tmp_path / "r.parquet")
    threads, descriptors = threading.active_count(), len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(FileNotFoundError):
        land(chunks(), TABLE, FORMAT, target)
    assert threading.active_count() == threads
    assert len(list(Path("/dev/fd").iterdir())) == descriptors


def test_the_rows_of_a_large_file_are_in_row_groups_that_a_search_for_a_line_can_skip(tmp_path: Path) -> None:
    rows = 2 * ROW_GROUP_ROWS + 10
    content = HEADER + b"".join(b"%d|A|\n" % number for number in range(rows))
    landed(tmp_path, content)
    metadata = pq.read_metadata(tmp_path / "l.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [ROW_GROUP_ROWS] * 2 + [10]
    lines = metadata.schema.to_arrow_schema().get_field_index("line_number")
    statistics = [metadata.row_group(i).column(lines).statistics for i in range(3)]
    assert [(found.min, found.max) for found in statistics] == [
        (2, ROW_GROUP_ROWS + 1),
        (ROW_GROUP_ROWS + 2, 2 * ROW_GROUP_ROWS + 1),
        (2 * ROW_GROUP_ROWS + 2, rows + 1),
    ]
    assert [sorting.column_index for sorting in metadata.row_group(0).sorting_columns] == [lines]
    encodings = [set(metadata.row_group(0).column(i).encodings) for i in range(2)]
    assert "RLE_DICTIONARY" not in encodings[0]  # all different
    assert "RLE_DICTIONARY" in encodings[1]


def test_rows_of_many_bytes_make_smaller_row_groups(tmp_path: Path) -> None:
    line = b"1|" + b"x" * 900_000 + b"|\n"
    _, rows, _ = landed(tmp_path, HEADER + line * 150)
    assert len(rows) == 150
    metadata = pq.read_metadata(tmp_path / "l.parquet")
    assert metadata.num_row_groups == 2


def test_a_byte_order_mark_in_front_of_a_later_line_is_part_of_its_value(tmp_path: Path) -> None:
    mark = "\ufeff"
    target = Target("t", "the file", LOADED_AT, tmp_path / "l.parquet", tmp_path / "r.parquet")
    lines = [HEADER, f"{mark}1|A|B\n".encode()]
    land(iter(lines), TABLE, TextFormat("utf-8", "|"), target)
    assert pq.read_table(target.parquet)["company_number"].to_pylist() == [f"{mark}1"]


def test_what_is_not_in_the_contract_is_kept_as_json_with_its_carriage_returns(tmp_path: Path) -> None:
    content = b'company_number|company_name|fax|mail\n1|A|a"\r\xe9|\n2|B||\n'
    _, rows, _ = landed(tmp_path, content)
    assert [row[-1] for row in rows] == ['{"fax":"a\\"\\ré","mail":null}', None]
