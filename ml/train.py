"""The command `train`: evaluates the procedure, trains the served models, writes their artefacts and the evaluation.

Files are named by the horizon date of the marts, so a month's training and prediction find each other, and training a
month again replaces what was there. The evaluation file is written last: it names the artefacts by hash, and
prediction loads no others.
"""

import hashlib
import json

import numpy as np
import xgboost as xgb

from ml import marts
from ml.artefacts import Evaluation, ModelEvaluation, TrainedRows, save_evaluation, save_model
from ml.calibration import unlabelled_users
from ml.evaluate import evaluate
from ml.evaluation_tables import write_evaluation
from ml.importance import importance
from ml.inputs import read_inputs
from ml.model import fit_model, require_history
from ml.settings import MODEL_NAMES, ModelName, Settings
from ml.split import training_part
from ml.tables import register_tables
from warehouse.engines import open_engine
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.s3 import Location
from warehouse.settings import Settings as Environment


def say(line: str) -> None:
    """Print a progress line."""
    print(f"train: {line}", flush=True)


def _run_id(horizon: marts.Horizon, data_sha256: str, settings: Settings, libraries: dict[str, str]) -> str:
    inputs = [horizon.date.isoformat(), data_sha256, settings.model_dump(mode="json"), libraries]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def train(environment: Environment, settings: Settings) -> Evaluation:
    """Train and evaluate both models of the month that the marts are built for.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        settings: All settings.

    Returns:
        What was written to the evaluation file.

    Raises:
        UserError: When the marts are absent, of another month, not as their feature definitions say, or their history
            is too short.
    """
    lake = Lake(environment.lake)
    with alone(lake, "ml", "training or prediction"):
        return _train(lake, environment, settings)


def _train(lake: Lake[Location], environment: Environment, settings: Settings) -> Evaluation:
    horizon, frame = read_inputs(environment, settings)
    rows = frame.observations
    say(
        f"{len(rows.label):,} observations of {len(rows.company_numbers):,} companies, {int(rows.label.sum()):,} of "
        f"them before a first use, {frame.matrix.shape[1]} features, horizon {horizon.date}"
    )
    part = training_part(rows, horizon.date)
    require_history(part, rows, settings.minimum_positives)
    findings = evaluate(frame, horizon.date, settings, say)
    data_sha256 = frame.sha256()
    models: dict[ModelName, ModelEvaluation] = {}
    for name in MODEL_NAMES:
        model = fit_model(name, frame, part, settings, data_sha256)
        say(f"trained {name}: {model.written()}")
        version, hashes = save_model(lake.model(horizon.day, name), model)
        models[name] = ModelEvaluation(
            model_version=version,
            artefacts=hashes,
            rounds=model.card.rounds,
            operating_point=model.card.operating_point,
            metrics=findings.headline.models[name].metrics,
            folds=findings.headline.models[name].folds,
            slices=findings.slices[name],
            curves=findings.curves[name],
            importance=importance(model, frame.matrix[part.refit]),
        )
    libraries = {"numpy": np.__version__, "xgboost": xgb.__version__}
    evaluation = Evaluation(
        run_id=_run_id(horizon, data_sha256, settings, libraries),
        score_month=horizon.month,
        horizon_date=horizon.date,
        training=TrainedRows(
            rows=len(part.refit),
            companies=len(np.unique(rows.company[part.refit])),
            positives=int(rows.label[part.refit].sum()),
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
        libraries=libraries,
    )
    write_evaluation(lake, evaluation)
    path = save_evaluation(lake, horizon.day, evaluation)
    register_tables(open_engine(environment), lake)
    for name in MODEL_NAMES:
        metrics = models[name].metrics
        lift, precision = metrics["lift_at_1_percent"].written(1), metrics["average_precision"].written(3)
        say(f"{name} {models[name].model_version}: lift at the top 1 % {lift}, average precision {precision}")
        point = models[name].operating_point
        aim = point.objective + ("" if point.reached else ", which no list of the calibration slice has")
        say(f"{name} lists what has a probability of {100 * point.threshold:.2f} % or more: {aim}")
    say(f"evaluation in {path}")
    return evaluation
