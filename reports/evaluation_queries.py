"""What the report `evaluation` asks of the tables that training, comparison and prediction wrote about one run."""

import datetime
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import duckdb

from ml import marts
from reports.families import family_of
from reports.figures import Table
from reports.origin import READS as ORIGIN_READS
from reports.origin import Delivery, delivery_table, read_deliveries
from warehouse.errors import UserError

MARTS = {"feature_definitions": ("feature", "unit", "reason"), **ORIGIN_READS}
TABLES = (
    "ml_run", "ml_model_version", "ml_model_event", "ml_metric", "ml_curve", "ml_feature_importance", "ml_comparison",
    "prediction_reasons",
)  # fmt: skip
LATEST = "latest"
STEP = "make train"


@dataclass(frozen=True)
class Run:
    """A training run, as `ml_run` has it; `settings` are all of its settings, `libraries` the versions of libraries."""

    run_id: str
    score_month: str
    horizon_date: datetime.date
    rows: int
    companies: int
    positives: int
    test_windows: int
    windows_left_out: int
    headline_fold: str
    data_sha256: str
    settings_sha256: str
    settings: Mapping[str, Any]
    libraries: Mapping[str, str]


@dataclass(frozen=True)
class Metric:
    """A row of `ml_metric`; value, low and high are None where the slice has too few users."""

    model_name: str
    split: str
    fold: str
    slice: str
    slice_value: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    positives: int
    rows: int


@dataclass(frozen=True)
class Point:
    """A row of `ml_curve`."""

    model_name: str
    curve: str
    point: int
    x: float
    y: float
    rows: float


@dataclass(frozen=True)
class Importance:
    """A row of `ml_feature_importance`, with the feature's words and family."""

    model_name: str
    importance_rank: int
    feature: str
    in_words: str
    family: str
    gain: float
    mean_contribution: float


@dataclass(frozen=True)
class FamilyImportance:
    """What the features of one family contribute to a model together, and their share of what all contribute."""

    model_name: str
    family: str
    features: int
    mean_contribution: float
    share: float


@dataclass(frozen=True)
class FamilyReasons:
    """How many of the reasons given for a model's best companies are of one family and raise the probability."""

    model_name: str
    family: str
    reasons: int
    share: float


@dataclass(frozen=True)
class Comparison:
    """A row of `ml_comparison`; numbers are None where the learner was not tried, differences also of our model."""

    model_name: str
    learner: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    note: str | None


@dataclass(frozen=True)
class Evaluation:
    """Everything that the tables say of a run."""

    run: Run
    metrics: Sequence[Metric]
    points: Sequence[Point]
    importance: Sequence[Importance]
    families: Sequence[FamilyImportance]
    reasons: Sequence[FamilyReasons]
    comparison: Sequence[Comparison]
    deliveries: Sequence[Delivery]

    def only(self, models: Collection[str]) -> "Evaluation":
        """Give what is said of some of the run's models."""
        return replace(
            self,
            metrics=[of for of in self.metrics if of.model_name in models],
            points=[of for of in self.points if of.model_name in models],
            importance=[of for of in self.importance if of.model_name in models],
            families=[of for of in self.families if of.model_name in models],
            reasons=[of for of in self.reasons if of.model_name in models],
            comparison=[of for of in self.comparison if of.model_name in models],
        )

    def tables(self) -> list[Table]:
        """Everything as it is written beside the page."""
        given: list[tuple[str, type[Any], Sequence[Any]]] = [
            ("metrics", Metric, self.metrics),
            ("curves", Point, self.points),
            ("importance", Importance, self.importance),
            ("importance_by_family", FamilyImportance, self.families),
            ("reasons_by_family", FamilyReasons, self.reasons),
            ("comparison", Comparison, self.comparison),
        ]
        made = [
            Table(name, tuple(of.name for of in fields(kind)), [tuple(vars(row).values()) for row in rows])
            for name, kind, rows in given
        ]
        return [*made, delivery_table(self.deliveries)]


def find_run(connection: duckdb.DuckDBPyConnection, name: str, month: str | None) -> str:
    """Find the one run that is meant.

    Args:
        connection: Shows the ml tables.
        name: Of the run or of a version that it made first, or how it begins, or `latest` for the run that was
            registered last.
        month: Score month to look in, `YYYY-MM`, or None for all.

    Raises:
        UserError: When there is none, or more than one.
    """
    if name == LATEST:
        query = (
            "select run_id from ml_model_event where action = 'register' and score_month = coalesce($1, score_month) "
            "order by event_id desc limit 1"
        )
        found = marts.execute(connection, query, [month], STEP).fetchall()
        if not found:
            raise UserError(f"there is no run{f' for {month}' if month else ''} yet; run `make train`")
        return str(found[0][0])
    query = (
        "select run_id from (select run_id, score_month, run_id as name from ml_run "
        "union all select run_id, score_month, model_version from ml_model_version) as named "
        "where starts_with(name, $1) and score_month = coalesce($2, score_month) group by run_id"
    )
    found = marts.execute(connection, query, [name, month], STEP).fetchall()
    if len(found) != 1:
        why = "several runs have" if found else "no run has"
        of_month = f" for {month}" if month else ""
        raise UserError(f"{why} a name that begins with {name}{of_month}; `python -m ml list` names the runs")
    return str(found[0][0])


def read_evaluation(connection: duckdb.DuckDBPyConnection, name: str, month: str | None) -> Evaluation:
    """Read all that is known of a run.

    Args:
        connection: Shows the ml tables and the feature definitions.
        name: As `find_run` takes it.
        month: As `find_run` takes it.

    Raises:
        UserError: As `find_run` does, and when the tables hold nothing of the run.
    """
    run_id = find_run(connection, name, month)

    def rows(query: str) -> list[tuple[Any, ...]]:
        return marts.execute(connection, query, [run_id], STEP).fetchall()

    runs = rows(
        "select run_id, score_month, horizon_date, rows, companies, positives, test_windows, windows_left_out, "
        "headline_fold, data_sha256, settings_sha256, settings, libraries from ml_run where run_id = $1"
    )
    metrics = rows(
        "select model_name, split, fold, slice, slice_value, metric, value, low, high, positives, rows from ml_metric "
        "where run_id = $1 order by model_name, split desc, fold, slice, rows desc, slice_value, metric"
    )
    points = rows(
        "select model_name, curve, point, x, y, rows from ml_curve where run_id = $1 order by model_name, curve, point"
    )
    empty = [table for table, found in (("ml_run", runs), ("ml_metric", metrics), ("ml_curve", points)) if not found]
    if empty:
        raise UserError(f"ml.{empty[0]} has no rows of run {run_id}; run `make train` again")
    run = _run(runs[0])
    return Evaluation(
        run=run,
        metrics=[Metric(*row) for row in metrics],
        points=[Point(*row) for row in points],
        importance=[Importance(*row) for row in rows(_importance())],
        families=[FamilyImportance(*row) for row in rows(_importance_by_family())],
        reasons=[FamilyReasons(*row) for row in rows(_reasons_by_family())],
        comparison=[Comparison(*row) for row in rows(COMPARISON)],
        deliveries=read_deliveries(connection, run.score_month),
    )


def _run(row: tuple[Any, ...]) -> Run:
    named = dict(zip((of.name for of in fields(Run)), row, strict=True))
    return Run(**named | {name: json.loads(named[name]) for name in ("settings", "libraries")})


def _defined(table: str, columns: str, condition: str = "true") -> str:
    """Select the rows of a run from a table of features, with the words and the family of each."""
    return (
        f"select {columns}, coalesce(definitions.reason, told.feature) as in_words, "
        f"{family_of('definitions.unit')} as family from {table} as told "
        f"left join {marts.mart('feature_definitions')} as definitions on told.feature = definitions.feature "
        f"where told.run_id = $1 and {condition}"
    )


def _importance() -> str:
    return (
        "select model_name, importance_rank, feature, in_words, family, gain, mean_contribution "
        f"from ({_defined('ml_feature_importance', 'told.*')}) as known order by model_name, importance_rank"
    )


def _importance_by_family() -> str:
    return (
        "select model_name, family, count(*), sum(mean_contribution) as together, "
        "sum(mean_contribution) / nullif(sum(sum(mean_contribution)) over (partition by model_name), 0) "
        f"from ({_defined('ml_feature_importance', 'told.*')}) as known group by model_name, family "
        "order by model_name, together desc, family"
    )


def _reasons_by_family() -> str:
    raising = (
        "told.direction = 'raises' "
        "and told.score_month = (select max(score_month) from prediction_reasons where run_id = $1)"
    )
    return (
        "select model_name, family, count(*) as reasons, count(*) / sum(count(*)) over (partition by model_name) "
        f"from ({_defined('prediction_reasons', 'told.model_name', raising)}) as known group by model_name, family "
        "order by model_name, reasons desc, family"
    )


COMPARISON = (
    "select model_name, learner, metric, value, low, high, difference, difference_low, difference_high, note "
    "from ml_comparison where run_id = $1 order by model_name, learner <> 'xgboost', learner, metric"
)
