"""Writing a report: the page, and beside it a folder with a CSV file for each of its tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.figures import Table
from reports.page import Page, render
from warehouse.s3 import Location
from warehouse.storage import write_text


@dataclass(frozen=True)
class Report:
    """A report that is ready to be written.

    Attributes:
        page: For people; its folder is named as the report is.
        tables: Its figures.
    """

    page: Page
    tables: Sequence[Table]


def write_report(folder: Location, report: Report) -> list[Location]:
    """Write the CSV files, then the page that names them, each in one step.

    Args:
        folder: Where to.
        report: What is written.

    Returns:
        The page, then the CSV files.
    """
    paths: list[Location] = []
    for table in report.tables:
        path = folder / report.page.folder / f"{table.name}.csv"
        write_text(path, table.csv())
        paths.append(path)
    page = folder / f"{report.page.folder}.html"
    write_text(page, render(report.page))
    return [page, *paths]
