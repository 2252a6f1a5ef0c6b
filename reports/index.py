"""The index page: everything that the lake holds for people to look at, found by what lies there.

Links are relative, so that the folder of the reports can be published as it is.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from reports.page import Link, Page, Section, render
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.storage import write_text

NAME = "index"
DAY = re.compile(r"(\d{4})(\d{2})01")


@dataclass(frozen=True)
class Known:
    """What is known of a report whose file is named so, up to the first underscore.

    Attributes:
        title: In words.
        says: What it is about.
        command: What makes it.
    """

    title: str
    says: str
    command: str


REPORTS = {
    "monthly": Known("Monthly letter", "what landed, what changed, how past lists did", "report monthly"),
    "leads": Known("Leads to work with", "the companies to call, best first", "report leads"),
    "insights": Known("Insights", "what the models learn from", "report insights"),
    "evaluation": Known("Evaluation", "how good the models are", "report evaluation"),
    "card": Known("Model card", "what the models are for, and what not", "report card"),
}
# what is linked, and what a link says of it beside its name
FORMATS = {".html": "", ".xlsx": ", Excel workbook", ".csv": ", CSV"}
LISTS = {
    "full_prediction.csv": "list of every prediction of both models",
    "full_prediction_proba_75.csv": "list of those with a score of 0.75 or more",
    "reg_prediction_proba_75.csv": "list of the registration numbers in the latter",
}
DOCS = {
    "static_index.html": ("All tables", "every table and column, their tests, and where each rule lives"),
    "lineage.svg": ("Lineage, picture", "which table is made of which"),
    "marts.svg": ("Marts, picture", "what people and programs read, with keys and references"),
}


@dataclass(frozen=True)
class Month:
    """What lies in the lake about a month.

    Attributes:
        name: `YYYY-MM`.
        reports: Files of the folder of its reports, as the page reaches them.
        lists: The CSV lists of its prediction, likewise.
    """

    name: str
    reports: Sequence[PurePosixPath]
    lists: Sequence[PurePosixPath]


def write_index(lake: Lake[Location]) -> Location:
    """Write the index page into the folder of the reports, and return it.

    Args:
        lake: What is listed, also where there is nothing yet.
    """
    path = lake.reports() / f"{NAME}.html"
    docs = [_reached(lake, file) for file in lake.docs().glob("*")]
    write_text(path, render(compose(find_months(lake), docs)))
    return path


def find_months(lake: Lake[Location]) -> list[Month]:
    """Find the months that have a report or a list, the latest first."""
    reports: dict[str, list[PurePosixPath]] = {}
    for path in lake.reports().glob("*/*"):
        day, reached = path.parent.name, _reached(lake, path)
        if DAY.fullmatch(day) and reached.suffix in FORMATS:
            reports.setdefault(day, []).append(reached)
    predicted = {path.parent.name.partition("=")[2] for path in lake.predictions().glob("*=*/*.parquet")}
    days = {*reports, *(f"{month.replace('-', '')}01" for month in predicted)}
    found = []
    for day in sorted(days, reverse=True):
        lists = sorted(_reached(lake, path) for path in lake.lists(day).glob("*.csv"))
        if day in reports or lists:
            found.append(Month(f"{day[:4]}-{day[4:6]}", sorted(reports.get(day, []), key=_order), lists))
    return found


def compose(months: Sequence[Month], docs: Sequence[PurePosixPath]) -> Page:
    """Say and link what there is.

    Args:
        months: The latest first.
        docs: Files of the documentation, as the page reaches them.
    """
    headline = "There is no report yet; `make report` writes those of the month that is built."
    if months:
        headline = f"The latest month is {months[0].name}."
    return Page(
        title="Invoice finance: leads, reports and tables",
        about="Each page is one file that needs no network, its figures as CSV beside it.",
        headline=headline,
        sections=[
            *(_section(month, is_latest=True) for month in months[:1]),
            _docs_section(docs),
            *(_section(month, is_latest=False) for month in months[1:]),
        ],
        folder=NAME,
    )


def _reached(lake: Lake[Location], path: Location) -> PurePosixPath:
    return PurePosixPath(posixpath.relpath(str(path), str(lake.reports())))


def _kind(report: PurePosixPath) -> str:
    return report.stem.partition("_")[0]


def _order(report: PurePosixPath) -> tuple[int, str, int]:
    kinds, kind = list(REPORTS), _kind(report)
    place = kinds.index(kind) if kind in kinds else len(kinds)
    return place, report.stem, list(FORMATS).index(report.suffix)


def _section(month: Month, *, is_latest: bool) -> Section:
    words = []
    if month.lists:
        words.append("The lists lie in the lake outside this folder: a copy of the folder alone does not have them.")
    kinds = {_kind(report) for report in month.reports}
    absent = [known for kind, known in REPORTS.items() if kind not in kinds]
    if is_latest and absent:
        named = "; ".join(f"{known.title}, by `python -m ml {known.command}`" for known in absent)
        words.append(f"Not written yet: {named}.")
    links = [_report_link(month, report) for report in month.reports]
    links += [Link(f"{path.stem}, CSV", quote(str(path)), LISTS.get(path.name, "")) for path in month.lists]
    return Section(f"{month.name}, the latest month" if is_latest else month.name, words, links=links)


def _report_link(month: Month, report: PurePosixPath) -> Link:
    known, of = REPORTS.get(_kind(report)), report.stem.partition("_")[2]
    if known is None:
        title = report.stem.replace("_", " ").capitalize()
    else:
        title = f"{known.title}, {of}" if of not in {"", month.name} else known.title
    return Link(f"{title}{FORMATS[report.suffix]}", quote(str(report)), known.says if known else "")


def _docs_section(docs: Sequence[PurePosixPath]) -> Section:
    reached = {path.name: quote(str(path)) for path in docs}
    links = [Link(title, reached[name], note) for name, (title, note) in DOCS.items() if name in reached]
    words = [] if links else ["Not written yet: the documentation of all tables, by `make docs`."]
    return Section("Tables", words, links=links)
