"""The command `summary`: the short closing summary of a run, as aligned plain text."""

import textwrap
from collections.abc import Sequence
from typing import Any

import duckdb

from ml import marts
from ml.artefacts import Evaluation, load_run
from ml.registry_tables import read_registry
from ml.serving import choose, describe
from ml.settings import MODEL_NAMES
from ml.tables import partition_file
from ml.text import aligned
from warehouse.engines import open_engine
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.progress import bar
from warehouse.s3 import Location
from warehouse.settings import Settings as Environment
from warehouse.settings import schema_name

LEADS = 10
NAME_WIDTH = 32
LINE_WIDTH = 116

METRICS = (("lift at the top 1 %", "lift_at_1_percent", 1), ("average precision", "average_precision", 3),
           ("area under ROC", "roc_auc", 3), ("calibration error", "expected_calibration_error", 4))  # fmt: skip

COUNTS = """
select (select count(distinct company_number) from {marts}.users_not_users),
       (select count(*) from {marts}.to_predict where is_eligible),
       (select count(*) from {marts}.users),
       (select count(*) from {marts}.users where is_current_user),
       (select count(*) from {marts}.to_train),
       (select count(*) from {marts}.to_train where label = 1)
"""
READS = {
    "horizon": (),
    "users_not_users": ("company_number",),
    "to_predict": ("is_eligible",),
    "users": ("is_current_user",),
    "to_train": ("label",),
    "leads": (),
}
LEADS_OF = "select distinct score_month, run_id, recall_run_id from {marts}.leads"
FIRST_LEADS = """
select lead_rank, company_number, company_name, sector, region, precision_probability, recall_probability, reason_1
from {marts}.leads order by lead_rank limit {number}
"""


def _shortened(text: str | None, width: int) -> str:
    text = text or ""
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."


def _percent(probability: float | None) -> str:
    return "" if probability is None else f"{100 * probability:.1f} %"


def _leads(found: Sequence[tuple[Any, ...]]) -> list[str]:
    cells = [("rank", "number", "name", "sector", "region", "precision", "recall")]
    for rank, number, name, sector, region, precision, recall, _ in found:
        texts = (_shortened(text, NAME_WIDTH) for text in (name, sector, region))
        cells.append((str(rank), number, *texts, _percent(precision), _percent(recall)))
    lines = aligned(cells)
    indent = " " * (len("rank") + 2)
    for place, row in enumerate(found):
        if row[-1]:
            lines.insert(2 * place + 2, indent + row[-1])
    return lines


def _years(evaluation: Evaluation) -> list[str]:
    """Set the years that were tested beside each other, and beside what a split at random would have claimed."""
    metric = "average_precision"
    cells = [("", "users", *(f"{name} model" for name in MODEL_NAMES))]
    for window in evaluation.earlier_windows:
        found = (window.models[name].metrics[metric].written(3) for name in MODEL_NAMES)
        cells.append((f"after {window.test_window.after}", str(window.test.positives), *found))
    headline = (evaluation.models[name].metrics[metric].written(3) for name in MODEL_NAMES)
    cells.append((f"after {evaluation.test_window.after}", str(evaluation.test.positives), *headline))
    if evaluation.naive:
        claimed = (evaluation.naive.metrics[name][metric].written(3) for name in MODEL_NAMES)
        cells.append(("rows at random", str(evaluation.naive.test.positives), *claimed))
    lines = ["Average precision by year tested, and what a careless split would have claimed", *aligned(cells)]
    if evaluation.windows_left_out:
        left_out = len(evaluation.windows_left_out)
        lines.append(
            f"{left_out} earlier {'year' if left_out == 1 else 'years'} could not be tested: too few users by then."
        )
    return lines


def compose(connection: duckdb.DuckDBPyConnection, lake: Lake[Location], environment: Environment, place: str) -> str:
    """Write the summary of the month that the marts are built for.

    Args:
        connection: The warehouse, with predictions and leads.
        lake: Holds the evaluation file.
        environment: The month that is asked for.
        place: Where the warehouse is.

    Raises:
        UserError: When a step of the run has not been made, or the leads are of another run than the evaluation.
    """
    horizon = marts.read_horizon(connection, environment.month)
    chosen = choose(read_registry(lake), horizon.date)
    runs = {name: served.run_id for name, served in chosen.items()}
    evaluations = {name: load_run(lake, run_id) for name, run_id in runs.items()}
    evaluation = evaluations["precision"]
    schema = schema_name("marts")
    ((companies, scored, users, current_users, rows, positives),) = marts.rows(connection, COUNTS.format(marts=schema))
    expected = [(horizon.month, runs["precision"], runs["recall"])]
    if marts.rows(connection, LEADS_OF.format(marts=schema), "make predict") != expected:
        raise UserError(
            f"marts.leads is not of {horizon.month} and the models that serve, of run "
            f"{' and '.join(dict.fromkeys(runs.values()))}; run `make predict`"
        )
    leads = marts.rows(connection, FIRST_LEADS.format(marts=schema, number=LEADS))
    test, training, window = evaluation.test, evaluation.training, evaluation.test_window
    those = "drawn from those" if training.rows == evaluation.settings.learned_rows else "those"
    counts = [
        ("companies with accounts", f"{companies:,}"),
        ("users of invoice finance", f"{users:,}, {current_users:,} of them today"),
        ("training rows", f"{rows:,}, {positives:,} of them positive"),
        ("learned from", f"{training.rows:,}, {training.positives:,} of them positive: {those} whose year is over"),
        ("companies scored", f"{scored:,}"),
    ]
    others = []
    if runs["recall"] != runs["precision"]:
        others = [f"The recall model is of run {runs['recall']}; the counts and years are those of run "
                  f"{runs['precision']}, which made the precision model."]  # fmt: skip
    metrics = [("", *(f"{name} model" for name in MODEL_NAMES))] + [
        (label, *(evaluations[name].models[name].metrics[metric].written(digits) for name in MODEL_NAMES))
        for label, metric, digits in METRICS
    ]
    models, *notes = describe(chosen)
    places = [
        ("warehouse", place),
        ("predictions", str(partition_file(lake, "predictions", horizon.month))),
        ("lists", str(lake.lists(horizon.day))),
        ("evaluation", str(lake.run(evaluation.run_id))),
        ("leads", "table marts.leads of the warehouse"),
        ("models", models),
    ]
    lines = [
        f"Score month {horizon.month}: what was public before {horizon.date}",
        "",
        *aligned(counts),
        "",
        f"Tested on {test.rows:,} observations of {test.companies:,} companies the models never saw, public after "
        f"{window.after} and until {window.until}.",
        f"{test.positives} became users within twelve months; {test.missed_positives} more could not be scored and "
        "count as missed.",
        *others,
        "In brackets 95 % intervals.",
        "",
        *aligned(metrics),
        "",
        *_years(evaluation),
        "",
        "A probability is for the twelve months from the day the company's accounts became public, and the test scored",
        "accounts as they appeared; of a company whose accounts have been public for a while, part of them is over.",
        *textwrap.wrap(evaluation.unlabelled_users.meaning, LINE_WIDTH),
        "",
        f"The first {len(leads)} leads, with the probability of a first use within twelve months by each model",
        *_leads(leads),
        "",
        *aligned(places),
        *notes,
    ]
    return "\n".join(lines)


def summary(environment: Environment) -> None:
    """Print the closing summary.

    Raises:
        UserError: When a step of the run has not been made.
    """
    engine = open_engine(environment)
    with bar("summing up"), engine.reading(READS) as connection:
        lines = compose(connection, Lake(environment.lake), environment, engine.place)
    print(lines)
