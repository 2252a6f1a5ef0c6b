"""Training, scoring and reasons at the size of the country, on marts that it makes itself.

    python -m benchmarks.ml [--companies 5000000] [--training-rows 1000000] [--trees 300] [--reasons 100000]
        [--only STAGE ...] [--work FOLDER]

Every stage runs in a process of its own, so that its peak memory is its own; wall and processor seconds are of its
work, without the start of Python. The pass over the companies is held against XGBoost called bare, by both models, on a
matrix that is already in memory, in turns. The data are random, with the kinds of columns and shares of missing values
of the marts: they say nothing about quality. Figures are printed beside what they are to reach on two idle cores.
"""

import argparse
import datetime
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
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
from ml.frames import Encoder, TrainingFrame, batches, read_training
from ml.lists import write_lists
from ml.model import fit_model, fit_models
from ml.scoring import PREDICTIONS, Served, score_companies
from ml.settings import MODEL_NAMES, BoosterSettings, ModelName, Settings, read_settings
from ml.split import training_part
from ml.tables import write_partition_parts
from ml.text import aligned
from ml.train import train
from warehouse.engines.duckdb import connect, narrow
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment

HORIZON = datetime.date(2026, 10, 1)
MONTH = marts.Horizon(HORIZON, "2026-10")
CODES = (8, 21, 88, 6, 12, 124, 15)  # values of the categorical features
FLAGS, AMOUNTS, RATIOS = 3, 25, 25
INELIGIBLE = 20  # one company in so many
BARE_ROWS = 500_000
MODELS = "models.json"
PARTS = "parts"
TRAINED = "trained_lake"
SCORING = ("score", "reasons", "share")
STAGES = ("make", "booster", "model", "models", "training", *SCORING)

Figures = dict[str, float | int | str]


@dataclass(frozen=True)
class Target:
    """What a figure is to reach on two idle cores.

    Attributes:
        stage, figure: Where it is found.
        limit: Reached by what is below it, or above it with `is_least`.
        of: What was done, in words.
        unit: Of the limit.
        is_least: Whether the limit is a least one.
    """

    stage: str
    figure: str
    limit: float
    of: str
    unit: str = "seconds"
    is_least: bool = False

    def line(self, found: Mapping[str, Figures]) -> tuple[str, ...]:
        """Write what was found beside the limit, as cells."""
        value = float(found[self.stage][self.figure])
        holds = value >= self.limit if self.is_least else value < self.limit
        wanted = f"{'at least' if self.is_least else 'under'} {self.limit:,g} {self.unit}"
        return self.of, f"{value:,g} {self.unit}", wanted, "reached" if holds else "not reached"


def targets(arguments: argparse.Namespace) -> list[Target]:
    """List what is to be reached; the seconds and megabytes are for the sizes that the arguments have by themselves."""
    training = f"{arguments.training_rows:,} rows, {len(_features())} features, {arguments.trees} trees"
    companies = f"{arguments.companies:,} companies"
    return [
        Target("booster", "booster_seconds", 180, f"one booster trained: {training}"),
        Target("model", "model_seconds", 180, f"one model trained and calibrated, six boosters: {training}"),
        Target(
            "training", "training_seconds", 300, f"`ml train`: {arguments.training_rows:,} rows, as settings.yml says"
        ),
        Target("score", "seconds", 90, f"{companies} scored, predictions and lists written"),
        Target("score", "peak_megabytes", 1536, f"{companies} scored, predictions and lists written", "megabytes"),
        Target("reasons", "reasons_seconds", 120, f"reasons of the best {arguments.reasons:,} of each model"),
        Target("share", "of_bare_in_place", 0.85, "rows a processor second beside inplace_predict", "", True),
        Target("share", "of_bare_dmatrix", 0.85, "rows a processor second beside predict of a DMatrix", "", True),
    ]


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
    """Make a warehouse with the marts that ml reads, so many companies eligible, within 2 GB of DuckDB's memory."""
    features = _features()
    everyone = companies - (-companies // (INELIGIBLE - 1))
    values = ", ".join(f"{sql} as {name}" for name, _, _, sql in features)
    key = "lpad(cast({} as varchar), 8, '0') as company_number, cast({} as integer) as split_bucket"
    signal = " + ".join(f"coalesce({_features()[place][3]}, 0)" for place in (40, 45, 50))
    with duckdb.connect(str(work / "warehouse.duckdb"), config={"memory_limit": "2GB"}) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("create schema marts")
        connection.execute(
            f"create table marts.to_predict as select {key.format('i', 'hash(i) % 100')}, date '2025-12-31' as "
            f"accounts_date, date '2026-06-30' as observed_on, i % {INELIGIBLE} > 0 as is_eligible, "
            f"date '2015-01-01' as similar_since, {values} from range({everyone}) as t(i)"
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
        connection.execute(
            f"create table marts.horizon as select date '{HORIZON}' as horizon_date, "
            f"'{MONTH.month}' as snapshot_month, count(*) as to_train_rows, "
            "count(*) filter (label = 1) as to_train_positives, "
            "(select count(*) from marts.to_predict) as to_predict_rows from marts.to_train"
        )
    return {"features": len(features)}


def _settings(trees: int) -> Settings:
    settings = read_settings()
    rounds = {"minimum_rounds": trees, "maximum_rounds": trees}
    models: dict[str, BoosterSettings] = {
        name: settings.models.of(name).model_copy(update=rounds) for name in MODEL_NAMES
    }
    every_row = {"learned_rows": sys.maxsize}
    return settings.model_copy(update={"models": settings.models.model_copy(update=models), **every_row})


def _read_training(work: Path, settings: Settings) -> TrainingFrame:
    with connect(work / "warehouse.duckdb", read_only=True) as connection:
        narrow(connection, settings.scoring_memory)
        return read_training(connection, read_features(connection), settings.batch_rows)


def train_booster(work: Path, trees: int) -> Figures:
    """Train one booster on the whole training mart as `fit_models` does."""
    settings = _settings(trees)
    start = _clock()
    frame = _read_training(work, settings)
    read = _clock()
    features = frame.encoder.features
    booster = settings.models.precision
    data = xgb.DMatrix(
        frame.matrix,
        label=frame.observations.label,
        feature_types=["c" if feature.kind == "categorical" else "q" for feature in features],
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
    return {"rows": len(frame.matrix), **_between("read", start, read), **_between("booster", read, _clock())}


def train_model(work: Path, trees: int) -> Figures:
    """Train one whole model: the booster that is watched, four that calibrate and the final one."""
    settings = _settings(trees)
    frame = _read_training(work, settings)
    start = _clock()
    fit_model("precision", frame, training_part(frame.observations, HORIZON), settings)
    return {"rows": len(frame.matrix), **_between("model", start, _clock())}


def train_models(work: Path, trees: int) -> Figures:
    """Train both models, as a training does for each part of its folds; these are the ones that score."""
    settings = _settings(trees)
    frame = _read_training(work, settings)
    start = _clock()
    models = fit_models(MODEL_NAMES, frame, training_part(frame.observations, HORIZON), settings)
    end = _clock()
    found = {name: save_model(Lake(work), MONTH.day, model) for name, model in models.items()}
    (work / MODELS).write_text(json.dumps(found))
    shutil.rmtree(work / PARTS, ignore_errors=True)
    return {"rows": len(frame.matrix), **_between("both_models", start, end)}


def train_command(work: Path) -> Figures:
    """Do all that `python -m ml train` does: read the marts, test every year, train, register, run the gates."""
    lake = work / TRAINED
    shutil.rmtree(lake, ignore_errors=True)
    start = _clock()
    evaluation = train(Environment(lake, work / "warehouse.duckdb", None), read_settings())
    end = _clock()
    return {"rows": evaluation.training.rows if evaluation else 0, **_between("training", start, end)}


def _served(work: Path) -> dict[ModelName, Served]:
    versions = json.loads((work / MODELS).read_text())
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


def score(work: Path) -> Figures:
    """Score every company and write the predictions and the lists, as a prediction does; the parts stay for reasons."""
    settings, served = read_settings(), _served(work)
    shutil.rmtree(work / PARTS, ignore_errors=True)
    with (
        connect(work / "warehouse.duckdb", read_only=True) as connection,
        tempfile.TemporaryDirectory(dir=work) as folder,
    ):
        lake = Lake(Path(folder))
        narrow(connection, settings.scoring_memory)
        features = read_features(connection)
        start = _clock()
        scores = score_companies(connection, served, features, settings, work / PARTS)
        scored = _clock()
        write_partition_parts(lake, "predictions", MONTH.month, PREDICTIONS, scores.predictions(served))
        ranked = _clock()
        write_lists(lake, MONTH.day, MONTH.month, settings.scoring_memory)
        end = _clock()
    return {
        "rows": scores.companies,
        **_between("pass", start, scored),
        **_between("ranks_and_predictions", scored, ranked),
        **_between("lists", ranked, end),
        **_between("", start, end),
    }


def explain(work: Path, listed: int) -> Figures:
    """Give reasons for the best companies of each model, by the scores that are there."""
    settings, served = read_settings(), _served(work)
    with (
        connect(work / "warehouse.duckdb", read_only=True) as connection,
        tempfile.TemporaryDirectory(dir=work) as folder,
    ):
        narrow(connection, settings.scoring_memory)
        features = read_features(connection)
        scores = score_companies(connection, served, features, settings, work / PARTS)
        start = _clock()
        best = {name: scores.best(name, listed) for name in served}
        reader = Reader(connection, features, settings.batch_rows)
        found = reasons(reader, served, best, scores.evenly_spread(settings.peer_rows))
        _, written = write_partition_parts(Lake(Path(folder)), "prediction_reasons", MONTH.month, REASONS, found)
        end = _clock()
    companies = len(set().union(*best.values()))
    return {"companies": companies, "reasons": written, **_between("reasons", start, end)}


def _clock() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def _between(name: str, start: tuple[float, float], end: tuple[float, float]) -> Figures:
    prefix = f"{name}_" if name else ""
    return {
        f"{prefix}seconds": round(end[0] - start[0], 1),
        f"{prefix}processor_seconds": round(end[1] - start[1], 1),
    }


def _measured(stage: Callable[..., Figures], arguments: tuple[Any, ...]) -> Figures:
    return {**stage(*arguments), "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}


def _in_process(stage: Callable[..., Figures], *arguments: Any) -> Figures:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measured, stage, arguments).result()


def share(work: Path, turns: int) -> Figures:
    """Hold the pass against XGBoost called bare, in turns, since a machine is not always as fast; the best count."""
    found: dict[str, list[Figures]] = {"bare": [], "pass": []}
    for _ in range(turns):
        for name, stage in (("bare", bare), ("pass", pass_over)):
            found[name].append(_in_process(stage, work))
            print(f"{name:<8} {found[name][-1]}", flush=True)

    def best(name: str, figure: str) -> float:
        return max(float(figures[figure]) for figures in found[name])

    speed = best("pass", "rows_a_processor_second")
    return {
        f"of_bare_{how}": round(speed / best("bare", f"{how}_rows_a_processor_second"), 3)
        for how in ("in_place", "dmatrix")
    }


def _needed(wanted: Sequence[str], work: Path) -> list[str]:
    """Name the stages to run: those that are wanted, and those that they need and the folder has nothing of."""
    needed = set(wanted) - {"make"}
    if needed & set(SCORING) and not (work / MODELS).exists():
        needed.add("models")
    if not (work / "warehouse.duckdb").exists():
        needed.add("make")
    return [stage for stage in STAGES if stage in needed]


def main() -> None:
    """Measure and print, a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, default=5_000_000)
    parser.add_argument("--training-rows", type=int, default=1_000_000)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--reasons", type=int, default=100_000, help="best companies of each model that get reasons")
    parser.add_argument("--turns", type=int, default=3, help="of the pass and XGBoost alone")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES, help="stages to run")
    parser.add_argument("--work", type=Path, help="folder whose marts and models are used again, else a new one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = arguments.work or Path(name)
        work.mkdir(parents=True, exist_ok=True)
        stages: dict[str, Callable[[], Figures]] = {
            "make": partial(_in_process, make, work, arguments.companies, arguments.training_rows),
            "booster": partial(_in_process, train_booster, work, arguments.trees),
            "model": partial(_in_process, train_model, work, arguments.trees),
            "models": partial(_in_process, train_models, work, arguments.trees),
            "training": partial(_in_process, train_command, work),
            "score": partial(_in_process, score, work),
            "reasons": partial(_in_process, explain, work, arguments.reasons),
            "share": partial(share, work, arguments.turns),
        }
        found: dict[str, Figures] = {}
        for stage in _needed(arguments.only, work):
            found[stage] = stages[stage]()
            print(f"{stage:<8} {found[stage]}", flush=True)
    reached = [target.line(found) for target in targets(arguments) if target.stage in found]
    if reached:
        print("\n".join(aligned([("measured", "found", "wanted on two idle cores", ""), *reached])))
    print(json.dumps({"arguments": vars(arguments), **found}, default=str))


if __name__ == "__main__":
    main()
