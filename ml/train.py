"""The command `train`: evaluates the procedure, trains both models, registers them and promotes what may be promoted.

Artefacts are named by their hash and the evaluation by its run, so what an earlier training wrote stays as it is; the
evaluation file of the month is replaced. A version can serve from the moment it is registered, which is after all its
files are written.
"""

import hashlib
import json

import numpy as np
import xgboost as xgb

from ml import marts
from ml.artefacts import Evaluation, ModelEvaluation, TrainedRows, save_evaluation
from ml.calibration import unlabelled_users
from ml.draw import drawn
from ml.evaluate import evaluate
from ml.evaluation_tables import write_evaluation
from ml.frames import TrainingFrame
from ml.importance import importance
from ml.inputs import read_inputs
from ml.model import fit_models, require_history
from ml.promotion import Evidence, canary_gates, decide
from ml.registry import Event, Registry, Version
from ml.registry_tables import read_registry, register, store
from ml.settings import MODEL_NAMES, ModelName, Settings
from ml.split import training_part
from ml.tables import register_tables
from warehouse import terminal
from warehouse.engines import open_engine
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.progress import bar
from warehouse.s3 import Location
from warehouse.settings import Settings as Environment

AFTER_TRAINING = "every gate held after its training"


def say(line: str) -> None:
    """Print a progress line."""
    terminal.say(f"train: {line}")


def tell(line: str) -> None:
    """Print what is worth knowing however quiet the command is."""
    print(f"train: {line}", flush=True)


def libraries() -> dict[str, str]:
    """Versions that the bytes of a model depend on."""
    return {"numpy": np.__version__, "xgboost": xgb.__version__}


def name_run(horizon: marts.Horizon, data_sha256: str, settings: Settings) -> str:
    """Name a run by everything that its results depend on: horizon, data, settings and libraries."""
    inputs = [horizon.date.isoformat(), data_sha256, settings.model_dump(mode="json"), libraries()]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def describe(horizon: marts.Horizon, frame: TrainingFrame) -> str:
    """Say in one line what there is to learn from."""
    rows = frame.observations
    return (
        f"{len(rows.label):,} observations of {len(rows.company_numbers):,} companies, {int(rows.label.sum()):,} of "
        f"them before a first use, {frame.matrix.shape[1]} features, horizon {horizon.date}"
    )


def train(environment: Environment, settings: Settings, *, dry_run: bool = False) -> Evaluation | None:
    """Train and evaluate both models of the month that the marts are built for, and register and promote them.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        settings: All settings.
        dry_run: Whether to end before the work, when the marts and the settings were found to suffice.

    Returns:
        What was written to the evaluation file; None after a dry run.

    Raises:
        UserError: When the marts are absent, of another month, not as their feature definitions say, or their history
            is too short.
    """
    lake = Lake(environment.lake)
    with alone(lake, "ml", "training or prediction"):
        horizon, frame = read_inputs(environment, settings)
        say(describe(horizon, frame))
        require_history(training_part(frame.observations, horizon.date), frame.observations, settings.minimum_positives)
        data_sha256 = frame.sha256()
        run_id = name_run(horizon, data_sha256, settings)
        if dry_run:
            tell(f"this would be run {run_id}; nothing was trained or written")
            return None
        evaluation = _train(lake, horizon, frame, settings, data_sha256=data_sha256, run_id=run_id)
        register_tables(open_engine(environment), lake)
    return evaluation


def _train(
    lake: Lake[Location],
    horizon: marts.Horizon,
    frame: TrainingFrame,
    settings: Settings,
    *,
    data_sha256: str,
    run_id: str,
) -> Evaluation:
    rows = frame.observations
    part = training_part(rows, horizon.date)
    learned, _ = drawn(part, rows, settings.learned_rows, settings.seed)
    if len(learned.refit) < len(part.refit):
        say(f"a training learns from {settings.learned_rows:,} rows at most, drawn from those it knows")
    findings = evaluate(frame, horizon.date, settings, say)
    registry = read_registry(lake)
    versions: list[Version] = []
    models: dict[ModelName, ModelEvaluation] = {}
    with bar("training the models that serve"):
        fitted = fit_models(MODEL_NAMES, frame, part, settings, data_sha256)
    for name, model in fitted.items():
        say(f"trained {name}: {model.written()}")
        version = store(lake, registry, horizon.month, run_id=run_id, settings=settings, model=model)
        versions.append(version)
        models[name] = ModelEvaluation(
            model_version=version.model_version,
            artefacts=dict(version.artefacts),
            rounds=version.rounds,
            operating_point=model.card.operating_point,
            metrics=findings.headline.models[name].metrics,
            folds=findings.headline.models[name].folds,
            slices=findings.slices[name],
            curves=findings.curves[name],
            importance=importance(model, frame.matrix[part.refit]),
        )
    evaluation = Evaluation(
        run_id=run_id,
        score_month=horizon.month,
        horizon_date=horizon.date,
        training=TrainedRows(
            rows=len(learned.refit),
            companies=len(np.unique(rows.company[learned.refit])),
            positives=int(rows.label[learned.refit].sum()),
            sha256=data_sha256,
        ),
        training_window=findings.headline.training_window,
        test_window=findings.headline.test_window,
        test=findings.headline.test,
        guards=findings.headline.guards,
        models=models,
        earlier_windows=findings.earlier_windows,
        windows_left_out=findings.windows_left_out,
        naive=findings.naive,
        unlabelled_users=unlabelled_users(settings.confidential_share.low, settings.confidential_share.high),
        settings=settings,
        libraries=libraries(),
    )
    write_evaluation(lake, evaluation)
    path = save_evaluation(lake, horizon.day, evaluation)
    for name in MODEL_NAMES:
        metrics = models[name].metrics
        lift, precision = metrics["lift_at_1_percent"].written(1), metrics["average_precision"].written(3)
        say(f"{name} {models[name].model_version}: lift at the top 1 % {lift}, average precision {precision}")
        point = models[name].operating_point
        aim = point.objective + ("" if point.reached else ", which no list of the calibration slice has")
        say(f"{name} lists what has a probability of {100 * point.threshold:.2f} % or more: {aim}")
    say(f"run {run_id}, evaluation in {path}")
    for version in versions:
        registry = register(lake, registry, version, run_id)
    evidence = Evidence(horizon.date, frame, settings, canary_gates(frame, horizon.date, settings), findings.tested)
    for version in versions:
        registry = _promote(lake, registry, registry.find(version.model_version), evidence)
    return evaluation


def _promote(lake: Lake[Location], registry: Registry, event: Event, evidence: Evidence) -> Registry:
    if event.model_version in registry.archived(event.model_name):
        tell(f"{event.model_name} {event.model_version} was archived, so it does not serve")
        return registry
    decision, registry = decide(lake, registry, event, evidence, why=AFTER_TRAINING)
    for line in decision.lines():
        (tell if decision.refusals else say)(line)
    return registry
