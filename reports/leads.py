"""The report `leads`: the companies to call, as a workbook for people, and the same as CSV for programs."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TextIO

import duckdb

from ml import marts
from ml.tables import show_tables
from reports import origin
from reports.figures import guarded
from reports.workbook import MOST_CHARACTERS, MOST_ROWS, NUMBER_FORMATS, Column, open_book
from warehouse.catalog import quoted
from warehouse.engines import open_engine
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.settings import Settings as Environment
from warehouse.storage import whole_file

READS = {"leads": (), "lead_columns": (), **origin.READS}
TABLES = ("ml_model_version",)
STEP = "make predict"
NAME = "leads"
BATCH_ROWS = 10_000
MOST_LEADS = MOST_ROWS - 1
LEADS = 100_000
COLUMNS_WIDTHS = (24, 24, 100)
ABOUT_WIDTHS = (24, 124)


@dataclass(frozen=True)
class Leads:
    """What `marts.leads` holds.

    Attributes:
        month: The score month, `YYYY-MM`.
        rows: How many leads.
        runs: The training run of each model.
        versions: The version of each model.
        columns: As they are shown.
        notice: Says that the data are the sample, wholly or in part; empty where they are not.
    """

    month: str
    rows: int
    runs: dict[str, str]
    versions: dict[str, str]
    columns: Sequence[Column]
    notice: str

    @property
    def horizon_date(self) -> date:
        """First day of the month; nothing that became public on or after it was known."""
        return date.fromisoformat(f"{self.month}-01")


def write_leads(
    environment: Environment, folder: Location | None, most: int, say: Callable[[str], None]
) -> list[Location]:
    """Write the best leads as a workbook and as CSV, each in one step.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        folder: Where to; None for the folder of the month's reports in the lake.
        most: How many leads at most.
        say: Takes progress lines.

    Returns:
        The workbook, then the CSV file.

    Raises:
        UserError: When a sheet holds fewer rows, or there are no leads of the month that is asked for.
    """
    if not 1 <= most <= MOST_LEADS:
        raise UserError(
            f"a sheet of Excel holds 1 to {MOST_LEADS:,} leads, and {most:,} are asked for; all are in marts.leads"
        )
    lake = Lake(environment.lake)
    with open_engine(environment).reading(READS) as connection:
        show_tables(connection, lake, TABLES)
        found = read_leads(connection, environment.month)
        place = folder or lake.reports(found.horizon_date.strftime("%Y%m%d"))
        paths = [place / f"{NAME}_{found.month}.{ending}" for ending in ("xlsx", "csv")]
        number = min(most, found.rows)
        with (
            whole_file(paths[0]) as workbook,
            whole_file(paths[1]) as text,
            text.open("w", encoding="utf-8", newline="") as file,
            open_book(workbook, f"Leads {found.month}", found.horizon_date) as book,
        ):
            rows = _with_csv(file, found.columns, _told(_rows(connection, found, number), number, say))
            cut = book.table("Leads", found.columns, rows)
            book.notes("Columns", _columns_sheet(found.columns), COLUMNS_WIDTHS)
            book.notes("About", about(found, number, paths[1].name), ABOUT_WIDTHS)
    if cut:
        say(
            f"{cut:,} {'text is' if cut == 1 else 'texts are'} cut in the workbook, whose cells hold "
            f"{MOST_CHARACTERS:,} characters; {paths[1].name} has all of it"
        )
    return paths


def read_leads(connection: duckdb.DuckDBPyConnection, month: str | None) -> Leads:
    """Read what the leads are of, and what their columns say.

    Args:
        connection: The warehouse, with the tables `TABLES`.
        month: The month that is asked for, `YYYY-MM`, or None for whatever month the leads are of.

    Raises:
        UserError: When there are none, or of another month or build.
    """
    leads = marts.mart("leads")
    query = f"select score_month, run_id, recall_run_id, count(*) from {leads} group by 1, 2, 3"
    found = marts.rows(connection, query, STEP)
    if not found:
        raise UserError(f"marts.leads has no rows; run `{STEP}`")
    if len(found) > 1:
        raise UserError(f"marts.leads is not of one prediction; run `{STEP}` again")
    of, run, recall_run, rows = found[0]
    if month not in {None, of}:
        raise UserError(
            f"MONTH={month}, but marts.leads is of {of}; run `make build MONTH={month}` and `make predict "
            f"MONTH={month}` first"
        )
    columns = [
        Column(*row)
        for row in marts.rows(
            connection, f"select column_name, kind, description from {marts.mart('lead_columns')} order by position"
        )
    ]
    held = [row[0] for row in marts.rows(connection, f"describe {leads}", STEP)]
    unlike = sorted({column.name for column in columns} ^ set(held))
    unknown = sorted({column.kind for column in columns} - NUMBER_FORMATS.keys())
    if unlike or unknown:
        raise UserError(
            f"marts.lead_columns does not describe marts.leads: {', '.join(unlike or unknown)}; run `make build` and "
            f"`{STEP}`"
        )
    runs = {"precision": run, "recall": recall_run}
    versions = dict(
        marts.rows(
            connection,
            "select model_name, max(model_version) from ml_model_version where "
            + " or ".join(f"(model_name = '{name}' and run_id = '{of}')" for name, of in runs.items())
            + " group by model_name",
            "make train",
        )
    )
    notice = origin.notice(origin.read_deliveries(connection, of))
    return Leads(of, rows, runs, versions, columns, notice)


def about(found: Leads, number: int, beside: str) -> list[tuple[str, str]]:
    """Say what the leads are of and how to read them, as rows of two cells, the first as head.

    Args:
        found: The leads.
        number: How many of them are in the workbook.
        beside: Name of the CSV file.
    """
    which = "all of them" if number == found.rows else f"the best of {found.rows:,}; all are in the table marts.leads"
    models = [
        (
            f"{name[:1].upper()}{name[1:]} model",
            f"version {found.versions.get(name, 'unknown')} of run {run}; {use}",
        )
        for (name, run), use in zip(
            found.runs.items(),
            ("it ranks the few best, and orders this list", "it misses fewer users further down"),
            strict=True,
        )
    ]
    return [
        (f"Leads of {found.month}", "Companies likely to start using invoice finance within twelve months, best first"),
        *([("Data", found.notice)] if found.notice else []),
        ("Made of", f"what was public before {found.horizon_date}"),
        ("Leads", f"{number:,}, {which}; the same with all digits in {beside}"),
        *models,
        (
            "Probability",
            "Of a hundred companies with a probability of 20 %, about twenty are expected to give a financier a first "
            "registered charge over their invoices within twelve months. Calibrated: it counts how rare users are.",
        ),
        (
            "",
            "The twelve months begin on the day the company's accounts became public; of a company whose accounts have "
            "been public for a while, part of them is over.",
        ),
        (
            "",
            "Companies that use invoice finance without a registered charge were counted as not users, so a first use "
            "is somewhat likelier than a first charge. The page of the evaluation says how sure all this is.",
        ),
        (
            "Score",
            "A model's output before calibration: it compares companies by the same model, and is no probability.",
        ),
        (
            "Reasons",
            "What moved the model most for this company; what lowers the probability says (speaks against). What moves "
            "a model need not move a company.",
        ),
        ("Columns", "Each is explained in the sheet Columns."),
    ]


def _columns_sheet(columns: Sequence[Column]) -> list[tuple[str, str, str]]:
    rows = [(column.heading, column.name, column.description) for column in columns]
    return [("Column", "In marts.leads", "What it says"), *rows]


def _rows(connection: duckdb.DuckDBPyConnection, found: Leads, number: int) -> Iterator[tuple[Any, ...]]:
    names = ", ".join(quoted(column.name) for column in found.columns)
    query = f"select {names} from {marts.mart('leads')} order by lead_rank limit {number}"
    result = marts.execute(connection, query, step=STEP)
    while batch := result.fetchmany(BATCH_ROWS):
        yield from batch


def _told(rows: Iterator[tuple[Any, ...]], number: int, say: Callable[[str], None]) -> Iterator[tuple[Any, ...]]:
    for done, row in enumerate(rows, start=1):
        yield row
        if done % BATCH_ROWS == 0 and done < number:
            say(f"{done:,} of {number:,} leads")


def _with_csv(file: TextIO, columns: Sequence[Column], rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([guarded(cell) for cell in row])
        yield row
