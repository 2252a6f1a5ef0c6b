"""An Excel workbook, written row by row: what comes from the data is a typed cell, and never a formula or a link."""

import contextlib
import datetime
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

Cell = str | int | float | Decimal | datetime.date | None

MOST_ROWS = 1_048_576
MOST_CHARACTERS = 32_767
CUT = "..."
WIDEST = 60
MARGIN = 2  # of a column, in characters
ARROW = 3  # what the arrow of a filter covers of a heading
LINE_POINTS = 15
A4 = 9

# how Excel writes the values of each kind of column; a bool is a kind of its own
NUMBER_FORMATS = {
    "text": "@",
    "date": "yyyy-mm-dd",
    "flag": "General",
    "whole": "#,##0",
    "number": "0.000",
    "probability": "0.0%",
    "gbp": "£#,##0;-£#,##0",
}
NUMBER_WIDTHS = {"date": 10, "flag": 5, "number": 7, "probability": 6}


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    Attributes:
        name: In the table that it comes from.
        kind: How its values are written, one of `NUMBER_FORMATS`.
        description: What it says.
    """

    name: str
    kind: str
    description: str

    @property
    def heading(self) -> str:
        """The name in words."""
        words = self.name.replace("_", " ")
        return words[:1].upper() + words[1:]


class Book:
    """A workbook while it is written."""

    def __init__(self, workbook: Workbook) -> None:
        """Prepare the formats of a new workbook."""
        self._workbook = workbook
        self._formats = {kind: workbook.add_format({"num_format": code}) for kind, code in NUMBER_FORMATS.items()}
        for written in self._formats.values():
            written.set_align("top")
        self._head = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self._prose = workbook.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})

    def table(self, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> int:
        """Write a sheet with a head that stays in sight and can be filtered by, one row below the other.

        A cell is one line: a line break in a text, or what else cannot be printed, is a blank there.

        Args:
            name: Of the sheet.
            columns: In their order.
            rows: A cell for each column, as its kind says; one row fewer than a sheet has at most.

        Returns:
            How many texts are cut, since a cell of Excel holds no more.
        """
        sheet = self._workbook.add_worksheet(name)
        words = [column.heading.split() for column in columns]
        sheet.set_row(0, LINE_POINTS * max(map(len, words)))
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.heading, self._head)
        widths = [max(map(len, of)) + ARROW for of in words]
        writers = [_writer(sheet, column.kind, self._formats[column.kind]) for column in columns]
        last, cut = 0, 0
        for last, row in enumerate(rows, start=1):
            for place, (cell, write) in enumerate(zip(row, writers, strict=True)):
                if cell is None:
                    continue
                shown = _printable(cell) if isinstance(cell, str) else cell
                if isinstance(shown, str) and len(shown) > MOST_CHARACTERS:
                    shown, cut = shown[: MOST_CHARACTERS - len(CUT)] + CUT, cut + 1
                write(last, place, shown)
                widths[place] = max(widths[place], _width(shown, columns[place].kind))
        for place, width in enumerate(widths):
            sheet.set_column(place, place, min(width, WIDEST) + MARGIN)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, last, len(columns) - 1)
        # a registration number is text that looks like a number, and no mistake
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{last + 1}"})
        sheet.repeat_rows(0)
        _print_on_pages(sheet)
        return cut

    def notes(self, name: str, rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        """Write a sheet of texts, the first row as its head.

        Args:
            name: Of the sheet.
            rows: Of equal length.
            widths: Of the columns, in characters.
        """
        sheet = self._workbook.add_worksheet(name)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        for number, row in enumerate(rows):
            for place, text in enumerate(row):
                sheet.write_string(number, place, text, self._prose if number else self._head)
        sheet.freeze_panes(1, 0)
        _print_on_pages(sheet)


@contextlib.contextmanager
def open_book(path: Path, title: str, created: datetime.date) -> Iterator[Book]:
    """Give a workbook to write to in a `with` block; its end makes the file, of the same bytes for the same content.

    Rows go to the disk as they come, so that memory does not grow with them.

    Args:
        path: Local file.
        title: Of the document.
        created: Day that the document gives as its own.

    Raises:
        OSError: When the file cannot be written.
    """
    with tempfile.TemporaryDirectory() as scratch:
        workbook = Workbook(path, {"constant_memory": True, "tmpdir": scratch})
        workbook.use_zip64()
        workbook.set_properties({"title": title, "created": datetime.datetime.combine(created, datetime.time())})
        yield Book(workbook)
        try:
            workbook.close()
        except FileCreateError as error:
            raise error.args[0] from None


def _writer(sheet: Worksheet, kind: str, written: Format) -> Callable[[int, int, Cell], object]:
    write = {"text": sheet.write_string, "date": sheet.write_datetime, "flag": sheet.write_boolean}.get(
        kind, sheet.write_number
    )
    return lambda row, column, cell: write(row, column, cell, written)


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def _width(cell: Cell, kind: str) -> int:
    if isinstance(cell, str):
        return len(cell)
    return NUMBER_WIDTHS.get(kind) or len(f"{cell:,.0f}") + (kind == "gbp")


def _print_on_pages(sheet: Worksheet) -> None:
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
