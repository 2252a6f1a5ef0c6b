"""The command `predict`: scores the eligible companies with the champions and writes predictions, reasons, lists.

Everything is named by the score month or the horizon date of the marts, so predicting a month again replaces it, and
the same models on the same marts write the same bytes, also after a run that was killed.
"""

import shutil
from collections.abc import Mapping

import duckdb
import pyarrow as pa

from ml import marts
from ml.drift import level
from ml.explanations import REASONS, Reader, reasons
from ml.features import check_mart, read_features
from ml.frames import PREDICTION_COLUMNS
from ml.lists import write_lists
from ml.reasons import REASONS as REASONS_OF_ONE
from ml.registry_tables import read_registry
from ml.scoring import PREDICTIONS, Scores, Served, score_companies
from ml.serving import choose, describe, load
from ml.settings import ModelName, Settings
from ml.tables import register_tables, write_partition, write_partition_parts
from warehouse import terminal
from warehouse.engines import open_engine
from warehouse.engines.duckdb import narrow
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.progress import bar
from warehouse.s3 import Location
from warehouse.settings import Settings as Environment

READS = {"horizon": (), "feature_definitions": (), "to_train": ("label",), "to_predict": ()}
SCORING_FOLDER = "scoring"
DRIFTED_SHOWN = 5


def say(line: str) -> None:
    """Print a progress line."""
    terminal.say(f"predict: {line}")


def tell(line: str) -> None:
    """Print what is worth knowing however quiet the command is."""
    print(f"predict: {line}", flush=True)


def _drift(scores: Scores, served: Mapping[ModelName, Served], settings: Settings) -> pa.Table:
    rows = [
        (each.run_id, name, each.version, feature, index, level(index, settings.drift_warning, settings.drift_alarm))
        for name, each in served.items()
        for feature, index in scores.drift[name].indices().items()
    ]
    schema = pa.schema(
        [
            ("run_id", pa.string()), ("model_name", pa.string()), ("model_version", pa.string()),
            ("feature", pa.string()), ("psi", pa.float64()), ("level", pa.string()),
        ]
    )  # fmt: skip
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


def drift_line(drift: pa.Table, warning: float) -> str:
    """Say in one line what has drifted above the warning level, most first.

    Args:
        drift: Columns feature, model_name, psi and level.
        warning: The stability index from which on it counts.
    """
    indices: dict[str, tuple[float, str]] = {}
    for row in drift.to_pylist():
        # a feature is the same for both models unless they were trained apart; a score is each model's own
        name = f"score of {row['model_name']}" if row["feature"] == "score" else row["feature"]
        if row["level"] != "stable":
            indices[name] = max(indices.get(name, (0.0, "")), (row["psi"], row["level"]))
    if not indices:
        return f"no feature and no score has moved from training by a stability index above {warning:g}"
    worst = sorted(indices.items(), key=lambda item: (-item[1][0], item[0]))
    named = [f"{name} {index:.2f}{' (alarm)' if found == 'alarm' else ''}" for name, (index, found) in worst]
    more = f" and {len(named) - DRIFTED_SHOWN} more, see ml.ml_drift" if len(named) > DRIFTED_SHOWN else ""
    return f"moved from training by a stability index above {warning:g}: {', '.join(named[:DRIFTED_SHOWN])}{more}"


def score_month(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake[Location],
    horizon: marts.Horizon,
    served: Mapping[ModelName, Served],
    settings: Settings,
    *,
    all_reasons: bool = False,
) -> None:
    """Score a month by the models that serve it, and write drift, reasons and predictions.

    Args:
        connection: The warehouse.
        lake: Where to.
        horizon: Of the marts.
        served: The models.
        settings: Those for reading, reasons and drift are used; the models carry their own.
        all_reasons: Whether every company gets reasons, not only the best `reasons_rows` of each model.

    Raises:
        UserError: When a value is infinite, or no company is eligible.
    """
    narrow(connection, settings.scoring_memory)
    features = read_features(connection)
    check_mart(connection, "to_predict", features, PREDICTION_COLUMNS)
    folder = lake.work() / SCORING_FOLDER / "-".join([horizon.month, *(each.version for each in served.values())])
    for other in set(folder.parent.glob("*")) - {folder}:
        shutil.rmtree(other)
    scores = score_companies(connection, served, features, settings, folder)
    before = f", {scores.resumed:,} of them by a run that did not end" if scores.resumed else ""
    say(f"{scores.companies:,} companies scored by both models{before}, score month {horizon.month}")
    drift = _drift(scores, served, settings)
    write_partition(lake, "ml_drift", horizon.month, drift)
    has_moved = any(name != "stable" for name in drift["level"].to_pylist())
    (tell if has_moved else say)(drift_line(drift, settings.drift_warning))

    rows = None if all_reasons else settings.reasons_rows
    listed = {name: None if rows is None else scores.best(name, rows) for name in served}
    reader = Reader(connection, features, settings.batch_rows)
    parts = reasons(reader, served, listed, scores.evenly_spread(settings.peer_rows))
    explained = sum(scores.companies if numbers is None else len(numbers) for numbers in listed.values())
    with bar("writing reasons", REASONS_OF_ONE * explained) as shown:
        found = shown.follow(parts, lambda part: part.num_rows)
        _, count = write_partition_parts(lake, "prediction_reasons", horizon.month, REASONS, found)
    with bar("writing predictions", scores.companies * len(served)) as shown:
        predictions = shown.follow(scores.predictions(served), lambda part: part.num_rows)
        path, _ = write_partition_parts(lake, "predictions", horizon.month, PREDICTIONS, predictions)
    of = "every company" if rows is None else f"the best {rows:,} of each model"
    say(f"predictions in {path}, {count:,} reasons for {of}")
    # the month is written; until here, a run after a kill had its parts
    shutil.rmtree(folder.parent)


def predict(environment: Environment, settings: Settings, *, all_reasons: bool = False, dry_run: bool = False) -> None:
    """Score `marts.to_predict` with the champions, or with the latest registered where nothing was promoted.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        settings: As `score_month` takes them.
        all_reasons: Whether every company gets reasons, not only the best of each model.
        dry_run: Whether to end before the scoring, when the models are loaded and the marts suit them.

    Raises:
        UserError: When nothing was trained on what these marts know, an artefact is not the registered one, the
            features are not the model's, or no company is eligible.
    """
    lake, engine = Lake(environment.lake), open_engine(environment)
    with alone(lake, "ml", "training or prediction"):
        with engine.reading(READS) as connection:
            horizon = marts.read_horizon(connection, environment.month)
            features = read_features(connection)
            chosen = choose(read_registry(lake), horizon.date)
            served = load(lake, chosen, features)
            which, *unpromoted = describe(chosen)
            say(which)
            for line in unpromoted:
                tell(line)
            if dry_run:
                check_mart(connection, "to_predict", features, PREDICTION_COLUMNS)
                tell("nothing was scored or written")
                return
            score_month(connection, lake, horizon, served, settings, all_reasons=all_reasons)
        with bar("writing the lists"):
            lists = write_lists(lake, horizon.day, horizon.month, settings.scoring_memory)
        say(f"{len(lists)} lists in {lake.lists(horizon.day)}")
        register_tables(engine, lake)
