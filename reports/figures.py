"""Figures of a report: tables whose rows are drawn, shown and written as CSV, so that all three say the same."""

import csv
import datetime
import io
from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | bool | datetime.date | None

FORMULA = ("=", "+", "-", "@", "\t", "\n")


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
        writer.writerows([[_guarded(cell) for cell in row] for row in self.rows])
        return text.getvalue()


def _guarded(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    # a bare carriage return would not be quoted
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{cell}" if cell.startswith(FORMULA) else cell
