"""The workbook as another program reads it: typed cells, texts that stay texts, and the same bytes again."""

import datetime
import gc
import time
import tracemalloc
from pathlib import Path

import openpyxl
import pytest

from reports.workbook import CUT, MOST_CHARACTERS, NUMBER_FORMATS, WIDEST, Column, open_book

DAY = datetime.date(2026, 11, 1)
COLUMNS = [Column(f"a_{kind}", kind, f"Of kind {kind}.") for kind in NUMBER_FORMATS]
ROW = ("00012345", DAY, True, -1234567, 0.25, 0.125, -1234567)
HOSTILE = (
    "=1+1", "=HYPERLINK(\"http://x\",\"y\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "{=1+1}", "http://example.com",
    "mailto:a@b.c", "internal:Sheet2!A1", "<b>&amp;</b>", "_x000D_", "bell \x07", "00012345", "1e5", "TRUE", "",
)  # fmt: skip


def write(path: Path, rows: list[tuple], columns: list[Column] | None = None) -> int:
    with open_book(path, "A title", DAY) as book:
        cut = book.table("Rows", columns or COLUMNS, rows)
        book.notes("Notes", [("What", "How"), ("=1+1", "text")], (10, 20))
    return cut


def test_each_kind_of_column_has_its_type_and_number_format(tmp_path):
    assert write(tmp_path / "a.xlsx", [ROW, (None,) * len(ROW)]) == 0
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["Rows"]
    assert [cell.value for cell in sheet[1]] == [f"A {kind}" for kind in NUMBER_FORMATS]
    number, date, flag, *figures = sheet[2]
    assert (number.value, number.data_type, number.number_format) == ("00012345", "s", "@")
    assert (date.value, date.number_format) == (datetime.datetime(2026, 11, 1), "yyyy-mm-dd")
    assert flag.value is True
    assert [(cell.value, cell.number_format) for cell in figures] == [
        (-1234567, "#,##0"), (0.25, "0.000"), (0.125, "0.0%"), (-1234567, "£#,##0;-£#,##0"),
    ]  # fmt: skip
    assert {cell.value for cell in sheet[3]} == {None}


def test_no_text_is_a_formula_a_link_or_a_number(tmp_path):
    write(tmp_path / "a.xlsx", [(text,) for text in HOSTILE], COLUMNS[:1])
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    cells = [row[0] for row in book["Rows"].iter_rows(min_row=2)] + [book["Notes"]["A2"]]
    assert {cell.data_type for cell in cells if cell.value is not None} <= {"s", "inlineStr"}
    assert not [cell for cell in cells if cell.hyperlink]
    shown = [text.replace("\t", " ").replace("\r", " ").replace("\x07", " ") for text in HOSTILE]
    assert [openpyxl.utils.escape.unescape(cell.value or "") for cell in cells] == [*shown, "=1+1"]


def test_a_cell_is_one_line(tmp_path):
    write(tmp_path / "a.xlsx", [("KHAN\rFREIGHT\nÜnïcode\u00a0LTD",)], COLUMNS[:1])
    assert openpyxl.load_workbook(tmp_path / "a.xlsx")["Rows"]["A2"].value == "KHAN FREIGHT Ünïcode LTD"


def test_the_head_stays_in_sight_can_be_filtered_by_and_is_printed_on_every_page(tmp_path):
    write(tmp_path / "a.xlsx", [ROW] * 5)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["Rows"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G6"
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)


def test_a_column_is_as_wide_as_its_longest_value_up_to_a_limit(tmp_path):
    columns = [Column("x", kind, "") for kind in ("text", "text", "gbp", "date")]
    write(tmp_path / "a.xlsx", [("twelve chars", "x" * 500, 1_000_000_000, DAY), ("y", "z", 1, DAY)], columns)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["Rows"]
    widths = [sheet.column_dimensions[letter].width for letter in "ABCD"]
    for width, longest in zip(widths, (12, WIDEST, len("£1,000,000,000"), 10), strict=True):
        assert longest < width < longest + 4


def test_a_text_that_no_cell_holds_is_cut_and_counted(tmp_path):
    longest = "x" * MOST_CHARACTERS
    assert write(tmp_path / "a.xlsx", [(longest,), (longest + "y",)], COLUMNS[:1]) == 1
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["Rows"]
    assert sheet["A2"].value == longest
    assert sheet["A3"].value == longest[: -len(CUT)] + CUT


def test_the_same_content_is_the_same_bytes_at_another_time_and_in_another_zone(tmp_path, monkeypatch):
    write(tmp_path / "a.xlsx", [ROW] * 3)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        time.sleep(1.1)
        write(tmp_path / "b.xlsx", [ROW] * 3)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    properties = openpyxl.load_workbook(tmp_path / "a.xlsx").properties
    assert (properties.title, properties.created) == ("A title", datetime.datetime(2026, 11, 1))


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(rows: int) -> int:
        tracemalloc.start()
        with open_book(tmp_path / "a.xlsx", "t", DAY) as book:
            book.table("Rows", COLUMNS, ((f"{row:08}", *ROW[1:]) for row in range(rows)))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(10_000) < peak(1_000) + 1_000_000


def test_what_is_unfinished_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.xlsx", ((1 / 0,) for _ in range(1)), COLUMNS[:1])
    assert not list((tmp_path / "scratch").iterdir())


# zipfile tries to end the archive once more when it is collected, and says so
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_is_an_os_error():
    with pytest.raises(OSError, match="No space left on device"):
        write(Path("/dev/full"), [ROW])
    gc.collect()
