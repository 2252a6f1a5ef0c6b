"""Figures of a report: tables whose rows are drawn, shown and written as CSV, so that all three say the same."""

import csv
import datetime
import io
from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | bool | datetime.date | None

# what a spreadsheet takes for the beginning of a formula, by the advice of OWASP, also as wide characters
FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True)
class Table:
    """Figures.

    Attributes:
        name: Of the CSV file, without its ending.
        columns: Names.
        rows: Cells in the order of the columns.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]

    def csv(self) -> str:
        """Write the table with a header; numbers with all their digits, nothing for null.

        A text that a spreadsheet would take for a formula gets an apostrophe before it.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([[guarded(cell) for cell in row] for row in self.rows])
        return text.getvalue()


def guarded(cell: Cell) -> Cell:
    """Give what stands for a cell in a CSV file: a text that could be a formula with an apostrophe before it.

    Numbers are no texts, and stay negative.
    """
    if not isinstance(cell, str):
        return cell
    # a bare carriage return would not be quoted
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{cell}" if cell.startswith(FORMULA) else cell
