"""What the report `card` asks of the registry, the tables of training and prediction, and the marts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields

import duckdb

from ml import marts
from ml.model import ModelCard
from ml.promotion import Gate
from ml.registry import Choice, Event, Registry
from ml.registry_tables import read_registry
from ml.serving import choose
from ml.tables import show_tables
from ml.text import flattened
from reports import evaluation_queries
from reports.evaluation_queries import Evaluation, read_evaluation
from reports.evaluation_told import Told
from reports.families import family_of
from reports.figures import Cell, Table
from reports.origin import READS as ORIGIN_READS
from reports.origin import Delivery, delivery_table, read_deliveries
from warehouse.lake import Lake
from warehouse.s3 import Location

READS = {
    "horizon": (),
    "to_train": ("label",),
    "to_predict": ("is_eligible",),
    "feature_definitions": ("position", "feature", "kind", "unit", "source_columns", "reason"),
    **ORIGIN_READS,
}
TABLES = (*evaluation_queries.TABLES, "ml_drift")
STEP = "make train"


@dataclass(frozen=True)
class Variable:
    """A feature as the marts define it.

    Attributes:
        feature: Column of the marts.
        in_words: In the words of a reason.
        kind: `numeric` or `categorical`.
        unit: What it is measured in.
        family: Those that are measured alike.
        source_columns: What it is made of, as delivered.
    """

    feature: str
    in_words: str
    kind: str
    unit: str
    family: str
    source_columns: str


@dataclass(frozen=True)
class Drift:
    """How far a feature, or the score, of the companies scored lies from the training of the model that scored them."""

    model_name: str
    score_month: str
    feature: str
    in_words: str
    stability_index: float
    drift_level: str


@dataclass(frozen=True)
class Serving:
    """A model that serves.

    Attributes:
        choice: The version, and the event by which it serves.
        card: What its artefacts say of it, as registered.
        drift: Of the last month that it scored, the furthest first; empty where it scored none.
        waiting: Registrations of the same model after it, which were not promoted.
    """

    choice: Choice
    card: ModelCard
    drift: Sequence[Drift]
    waiting: Sequence[Event]

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.choice.version.model_name

    @property
    def label(self) -> str:
        """The model as a column is headed."""
        return f"{self.name} model"

    @property
    def gates(self) -> list[Gate]:
        """What was checked when it was promoted; nothing where it never was."""
        return [Gate(**gate) for gate in json.loads(self.choice.event.gates)]


@dataclass(frozen=True)
class Served:
    """Everything that the card tells.

    Attributes:
        horizon: Of the marts that are served.
        models: Those that serve.
        told: What the evaluations of their runs say of them, a run once.
        variables: The features in their order.
        events: Everything that became of any version of these models, in the order of time.
        deliveries: Up to the horizon.
    """

    horizon: marts.Horizon
    models: Sequence[Serving]
    told: Sequence[Told]
    variables: Sequence[Variable]
    events: Sequence[Event]
    deliveries: Sequence[Delivery]

    def told_of(self, model: Serving) -> Told:
        """Find what the evaluation of a model's run says."""
        return next(told for told in self.told if model.name in told.models)

    def tables(self) -> list[Table]:
        """Everything as it is written beside the page."""
        return [
            _versions(self.models),
            _settings(self.models),
            Table(
                "artefacts",
                ("model_name", "model_version", "file", "sha256"),
                [
                    (model.name, model.choice.version.model_version, file, sha256)
                    for model in self.models
                    for file, sha256 in sorted(model.choice.version.artefacts.items())
                ],
            ),
            Table(
                "gates",
                ("model_name", "gate", "found", "wanted", "holds"),
                [
                    (model.name, gate.name, gate.found, gate.wanted, gate.holds)
                    for model in self.models
                    for gate in model.gates
                ],
            ),
            Table(
                "events",
                ("happened_at", "action", "model_name", "model_version", "run_id", "actor", "why"),
                [
                    (
                        of.happened_at.isoformat(),
                        of.action,
                        of.model_name,
                        of.model_version,
                        of.run_id,
                        of.actor,
                        of.why,
                    )
                    for of in self.events
                ],
            ),
            _rows("features", Variable, self.variables),
            _rows("drift", Drift, [of for model in self.models for of in model.drift]),
            delivery_table(self.deliveries),
            *_evaluations([told.found for told in self.told]),
        ]


def _rows(name: str, kind: type[Variable | Drift], rows: Sequence[Variable | Drift]) -> Table:
    return Table(name, tuple(of.name for of in fields(kind)), [tuple(vars(row).values()) for row in rows])


def _versions(models: Sequence[Serving]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for model in models:
        version, card = model.choice.version, model.card
        rows.append(
            (
                model.name, version.model_version, model.choice.run_id, version.score_month, version.horizon_date,
                model.choice.is_champion, version.training_rows, version.training_positives, version.rounds,
                card.slice_rows, card.slice_positives, card.calibration.method, card.calibration.slope,
                card.operating_point.objective, card.operating_point.reached, card.operating_point.threshold,
                version.data_sha256, version.log_odds_sha256,
            )
        )  # fmt: skip
    columns = (
        "model_name", "model_version", "run_id", "score_month", "horizon_date", "is_champion", "training_rows",
        "training_positives", "trees", "calibration_rows", "calibration_positives", "calibration_method",
        "calibration_slope", "list_aim", "list_aim_reached", "list_threshold", "data_sha256", "log_odds_sha256",
    )  # fmt: skip
    return Table("versions", columns, rows)


def _settings(models: Sequence[Serving]) -> Table:
    return Table(
        "settings",
        ("model_name", "setting", "value"),
        [
            (model.name, setting, str(value))
            for model in models
            for setting, value in flattened(json.loads(model.choice.version.procedure)).items()
        ],
    )


def _evaluations(found: Sequence[Evaluation]) -> list[Table]:
    """Put the figures of several runs, of which each tells of other models, into one table each."""
    tables: dict[str, Table] = {}
    for evaluation in found:
        for table in evaluation.tables():
            before = tables.get(table.name)
            tables[table.name] = table if before is None else Table(
                table.name, table.columns, [*before.rows, *table.rows]
            )  # fmt: skip
    return [table for name, table in tables.items() if name != "deliveries"]


def read_served(connection: duckdb.DuckDBPyConnection, lake: Lake[Location], month: str | None) -> Served:
    """Read all that is known of the versions that serve the month that the marts are built for.

    Args:
        connection: The warehouse.
        lake: Where the registry and the tables of ml are.
        month: The month that is asked for, `YYYY-MM`, or None.

    Raises:
        UserError: When no version may score that month, an artefact is not the registered one, or a table lacks what
            training wrote.
    """
    horizon = marts.read_horizon(connection, month)
    registry = read_registry(lake)
    chosen = choose(registry, horizon.date)
    show_tables(connection, lake, TABLES)
    runs: dict[str, list[str]] = {}
    for name, choice in chosen.items():
        runs.setdefault(choice.run_id, []).append(name)
    return Served(
        horizon=horizon,
        models=[
            Serving(choice, choice.version.read_card(lake), _drift(connection, choice, horizon.month),
                    _waiting(registry, choice))
            for choice in chosen.values()
        ],
        told=[Told(read_evaluation(connection, run_id, None).only(names)) for run_id, names in runs.items()],
        variables=_variables(connection),
        events=[event for event in registry.events if event.model_name in chosen],
        deliveries=read_deliveries(connection, horizon.month),
    )  # fmt: skip


def _waiting(registry: Registry, choice: Choice) -> list[Event]:
    """Find the versions that were registered after the one that serves and may serve, but were not promoted."""
    champions = {event.model_version for event in registry.champions(choice.version.model_name)}
    return [
        event
        for event in registry.registered(choice.version.model_name)
        if event.event_id > choice.event.event_id and event.model_version not in champions
    ]


def _variables(connection: duckdb.DuckDBPyConnection) -> list[Variable]:
    query = (
        f"select feature, reason, kind, unit, {family_of('unit')}, source_columns "
        f"from {marts.mart('feature_definitions')} order by position"
    )
    return [Variable(*row) for row in marts.rows(connection, query)]


def _drift(connection: duckdb.DuckDBPyConnection, choice: Choice, month: str) -> list[Drift]:
    query = (
        "select drift.model_name, drift.score_month, drift.feature, "
        "case when drift.feature = 'score' then 'its own score' else coalesce(definitions.reason, drift.feature) end, "
        "drift.psi, drift.level from ml_drift as drift "
        f"left join {marts.mart('feature_definitions')} as definitions on drift.feature = definitions.feature "
        "where drift.model_name = $1 and drift.model_version = $2 and drift.score_month = (select max(score_month) "
        "from ml_drift where model_name = $1 and model_version = $2 and score_month <= $3) "
        "order by drift.psi desc, drift.feature"
    )
    version = choice.version
    found = marts.execute(connection, query, [version.model_name, version.model_version, month], STEP).fetchall()
    return [Drift(*row) for row in found]
