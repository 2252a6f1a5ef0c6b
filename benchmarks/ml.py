"""Scoring, reasons and training at the size of the country, on marts that it makes itself.

    python -m benchmarks.ml [--companies 5000000] [--training-rows 1000000] [--trees 300] [--reasons 100000]

Every stage runs in a process of its own, so that its peak memory is its own; wall and processor seconds are of its
work, without the start of Python. The pass over the companies is held against XGBoost called bare, by both models, on a
matrix that is already in memory, in turns. The data are random, with the kinds of columns and shares of missing values
of the marts: they say nothing about quality.
"""

import argparse
import datetime
import json
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import xgboost as xgb

from ml import marts
from ml.artefacts import load_model, save_model
from ml.explanations import REASONS, Reader, reasons
from ml.features import read_features
from ml.frames import Encoder, batches, read_training
from ml.lists import write_lists
from ml.model import fit_model
from ml.scoring import PREDICTIONS, Served, score_companies
from ml.settings import MODEL_NAMES, BoosterSettings, ModelName, Settings, read_settings
from ml.split import training_part
from ml.tables import write_partition_parts
from warehouse.engines.duckdb import connect, narrow
from warehouse.lake import Lake

HORIZON = datetime.date(2026, 10, 1)
MONTH = marts.Horizon(HORIZON, "2026-10")
CODES = (8, 21, 88, 6, 12, 124, 15)  # values of the categorical features
FLAGS, AMOUNTS, RATIOS = 3, 25, 25
BARE_ROWS = 500_000
MODEL_ROWS = 150_000  # what the models that score learned from: trees cost the same, whoever grew them

Figures = dict[str, float | int | str]


def _uniform(number: int) -> str:
    return f"((hash(i, {number}) % 1000003) / 1000003.0)"


def _features() -> list[tuple[str, str, str, str]]:
    """Name, kind, unit and SQL of each feature."""
    found = []
    shapes = [*(("code", values) for values in CODES), *([("flag", 0)] * FLAGS), *([("amount", 0)] * AMOUNTS),
              *([("ratio", 0)] * RATIOS)]  # fmt: skip
    for number, (shape, values) in enumerate(shapes):
        first, second, known = (_uniform(number + 100 * part) for part in range(3))
        sql = {
            "code": f"'value ' || cast({first} * {second} * {values} as integer)",
            "flag": f"case when {known} < 0.8 then {first} < 0.2 end",
            "amount": f"case when {known} < 0.7 then cast(exp(8 + 6 * {first} * {second}) as bigint) end",
            "ratio": f"case when {known} < 0.6 then {first} / (0.05 + {second}) end",
        }[shape]
        kind = "categorical" if shape == "code" else "numeric"
        found.append((f"{shape}_{number:02d}", kind, shape if shape != "amount" else "gbp", sql))
    return found


def make(work: Path, companies: int, training_rows: int) -> Figures:
    """Make a warehouse with the marts that ml reads, within 2 GB of DuckDB's memory."""
    features = _features()
    values = ", ".join(f"{sql} as {name}" for name, _, _, sql in features)
    key = "lpad(cast({} as varchar), 8, '0') as company_number, cast({} as integer) as split_bucket"
    signal = " + ".join(f"coalesce({_features()[place][3]}, 0)" for place in (40, 45, 50))
    with duckdb.connect(str(work / "warehouse.duckdb"), config={"memory_limit": "2GB"}) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.to_predict as select {key.format('i', 'hash(i) % 100')}, date '2025-12-31' as "
            f"accounts_date, date '2026-06-30' as observed_on, {_uniform(900)} < 0.95 as is_eligible, "
            f"date '2015-01-01' as similar_since, {values} from range({companies}) as t(i)"
        )
        connection.execute(
            f"create table marts.to_train as select {key.format('i // 8', 'hash(i // 8) % 100')}, "
            f"date '2017-12-31' + to_years(cast(i % 8 as integer)) as accounts_date, "
            f"date '2018-09-30' + to_years(cast(i % 8 as integer)) as observed_on, date '2015-01-01' as similar_since, "
            f"cast({_uniform(901)} < 0.002 * (1 + least({signal}, 20)) as integer) as label, "
            "cast(1 as double) as sample_weight, "
            f"{values} from range({training_rows}) as t(i)"
        )
        connection.execute(
            "create table marts.feature_definitions as select * from (values "
            + ", ".join(
                f"({place}, '{name}', '{kind}', '{unit}', '{name}')"
                for place, (name, kind, unit, _) in enumerate(features)
            )
            + ") as t(position, feature, kind, unit, reason)"
        )
    return {"features": len(features)}


def _settings(trees: int) -> Settings:
    settings = read_settings()
    rounds = {"minimum_rounds": trees, "maximum_rounds": trees}
    models: dict[str, BoosterSettings] = {
        name: settings.models.of(name).model_copy(update=rounds) for name in MODEL_NAMES
    }
    return settings.model_copy(update={"models": settings.models.model_copy(update=models)})


def train(work: Path, trees: int) -> Figures:
    """Train one booster on the whole training mart as `fit_model` does, and one whole model with its calibration."""
    settings = _settings(trees)
    with connect(work / "warehouse.duckdb", read_only=True) as connection:
        narrow(connection, settings.scoring_memory)
        frame = read_training(connection, read_features(connection), settings.batch_rows)
    read = _clock()
    features = [(feature.name, feature.kind) for feature in frame.encoder.features]
    booster = settings.models.precision
    data = xgb.QuantileDMatrix(
        frame.matrix,
        label=frame.observations.label,
        feature_types=["c" if kind == "categorical" else "q" for _, kind in features],
        enable_categorical=True,
        nthread=settings.nthread,
    )
    xgb.train(
        {
            **booster.model_dump(include={"eta", "max_depth", "min_child_weight", "subsample", "colsample_bytree"}),
            "objective": "binary:logistic",
            "tree_method": "hist",
            "nthread": settings.nthread,
        },
        data,
        trees,
    )
    grown = _clock()
    fit_model("precision", frame, training_part(frame.observations, HORIZON), settings)
    fitted = _clock()
    return {
        "rows": len(frame.matrix),
        **_between("booster", read, grown),
        **_between("whole_model_with_calibration", grown, fitted),
    }


def make_models(work: Path, trees: int) -> Figures:
    """Train the models that score."""
    settings = _settings(trees)
    with connect(work / "warehouse.duckdb") as connection:
        connection.execute(f"create temp view part as select * from marts.to_train limit {MODEL_ROWS}")
        connection.execute("create schema small; create table small.to_train as from part")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{work / 'warehouse.duckdb'}' as warehouse (read_only); create schema marts")
        for name, source in (("feature_definitions", "marts"), ("to_train", "small")):
            connection.execute(f"create view marts.{name} as from warehouse.{source}.{name}")
        frame = read_training(connection, read_features(connection), settings.batch_rows)
    found = {}
    for name in MODEL_NAMES:
        model = fit_model(name, frame, training_part(frame.observations, HORIZON), settings)
        version, hashes = save_model(Lake(work), MONTH.day, model)
        found[name] = (version, hashes)
    (work / "models.json").write_text(json.dumps(found))
    return {"rows": len(frame.matrix), "trees": trees}


def _served(work: Path) -> dict[ModelName, Served]:
    versions = json.loads((work / "models.json").read_text())
    served = {}
    for name in MODEL_NAMES:
        version, hashes = versions[name]
        folder = Lake(work).model(MONTH.day, name, version)
        served[name] = Served(load_model(folder, hashes), version, "benchmark")
    return served


def bare(work: Path) -> Figures:
    """Call XGBoost itself on a matrix in memory, on one thread, which costs it least."""
    served = _served(work)
    model = served["precision"].model
    with connect(work / "warehouse.duckdb", read_only=True) as connection:
        narrow(connection, read_settings().scoring_memory)
        features = read_features(connection)
        encoder = Encoder(features, model.card.vocabularies)
        names = [feature.name for feature in features]
        condition = f"is_eligible and company_number < '{BARE_ROWS:08d}'"
        read = batches(connection, "to_predict", names, 50_000, condition=condition)
        matrix = np.concatenate([encoder.matrix(batch) for batch in read])
    kinds = ["c" if kind == "categorical" else "q" for _, kind in model.card.features]
    boosters = [each.model.single_threaded().booster for each in served.values()]
    calls: dict[str, Callable[[xgb.Booster], Any]] = {
        "in_place": lambda booster: booster.inplace_predict(matrix, predict_type="margin"),
        "dmatrix": lambda booster: booster.predict(
            xgb.DMatrix(matrix, feature_names=names, feature_types=kinds, enable_categorical=True, nthread=1),
            output_margin=True,
        ),
    }
    found: Figures = {"rows": len(matrix)}
    for how, call in calls.items():
        start = time.process_time()
        for booster in boosters:
            call(booster)
        found[f"{how}_rows_a_processor_second"] = round(len(matrix) / (time.process_time() - start))
    return found


def pass_over(work: Path) -> Figures:
    """Score every company, no more."""
    settings = read_settings()
    with (
        connect(work / "warehouse.duckdb", read_only=True) as connection,
        tempfile.TemporaryDirectory(dir=work) as parts,
    ):
        narrow(connection, settings.scoring_memory)
        features, served = read_features(connection), _served(work)
        start = _clock()
        scores = score_companies(connection, served, features, settings, Path(parts))
        end = _clock()
    return {
        "rows": scores.companies,
        **_between("pass", start, end),
        "rows_a_processor_second": round(scores.companies / (end[1] - start[1])),
    }


def score(work: Path, listed: int) -> Figures:
    """Score every company and write the predictions, the lists, and the reasons of the best."""
    settings, served = read_settings(), _served(work)
    with (
        connect(work / "warehouse.duckdb", read_only=True) as connection,
        tempfile.TemporaryDirectory(dir=work) as folder,
    ):
        lake = Lake(Path(folder) / "lake")
        narrow(connection, settings.scoring_memory)
        features = read_features(connection)
        start = _clock()
        scores = score_companies(connection, served, features, settings, Path(folder) / "parts")
        scored = _clock()
        write_partition_parts(lake, "predictions", MONTH.month, PREDICTIONS, scores.predictions(served))
        ranked = _clock()
        write_lists(lake, MONTH.day, MONTH.month, settings.scoring_memory)
        written = _clock()
        scoring_peak = _peak()
        best = {name: scores.best(name, listed) for name in served}
        reader = Reader(connection, features, settings.batch_rows)
        found = reasons(reader, served, best, scores.evenly_spread(settings.peer_rows))
        write_partition_parts(lake, "prediction_reasons", MONTH.month, REASONS, found)
        explained = _clock()
    return {
        "rows": scores.companies,
        **_between("pass", start, scored),
        **_between("ranks_and_predictions", scored, ranked),
        **_between("lists", ranked, written),
        "scoring_peak_megabytes": scoring_peak,
        **_between("reasons", written, explained),
    }


def _clock() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def _between(name: str, start: tuple[float, float], end: tuple[float, float]) -> Figures:
    return {f"{name}_seconds": round(end[0] - start[0], 1), f"{name}_processor_seconds": round(end[1] - start[1], 1)}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _measured(stage: Callable[..., Figures], arguments: tuple[Any, ...]) -> Figures:
    return {**stage(*arguments), "peak_megabytes": _peak()}


def main() -> None:
    """Measure and print, a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, default=5_000_000)
    parser.add_argument("--training-rows", type=int, default=1_000_000)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--reasons", type=int, default=100_000, help="best companies of each model that get reasons")
    parser.add_argument("--turns", type=int, default=3, help="of the pass and XGBoost alone, in turns; the best counts")
    parser.add_argument("--work", type=Path, help="folder whose warehouse and models are used again, else a new one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = arguments.work or Path(name)
        stages: dict[str, tuple[Callable[..., Figures], tuple[Any, ...]]] = {
            "make": (make, (work, arguments.companies, arguments.training_rows)),
            "train": (train, (work, arguments.trees)),
            "models": (make_models, (work, arguments.trees)),
            "score": (score, (work, arguments.reasons)),
        }
        for turn in range(arguments.turns):
            stages |= {f"bare {turn}": (bare, (work,)), f"pass {turn}": (pass_over, (work,))}
        if (work / "warehouse.duckdb").exists():
            del stages["make"], stages["train"], stages["models"]
        found: dict[str, Any] = {}
        for stage, (function, values) in stages.items():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                found[stage] = process.submit(_measured, function, values).result()
            print(f"{stage:<8} {found[stage]}", flush=True)

    def best(stage: str, figure: str) -> float:
        return max(float(found[f"{stage} {turn}"][figure]) for turn in range(arguments.turns))

    for how in ("in_place", "dmatrix"):
        share = best("pass", "rows_a_processor_second") / best("bare", f"{how}_rows_a_processor_second")
        found[f"share_of_bare_{how}"] = round(share, 3)
        print(f"{100 * share:.1f} % of the rows a processor second of XGBoost called bare ({how})")
    print(json.dumps({**{key: str(value) for key, value in vars(arguments).items()}, **found}))


if __name__ == "__main__":
    main()
