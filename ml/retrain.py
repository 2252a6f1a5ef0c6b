"""The command `retrain`: makes the models of an earlier run again, and shows that they are the same."""

from ml.artefacts import Evaluation, version_of
from ml.frames import TrainingFrame
from ml.inputs import read_inputs
from ml.marts import Horizon
from ml.model import Model, fit_models
from ml.registry_tables import read_registry, store
from ml.settings import MODEL_NAMES, ModelName
from ml.show import find_run
from ml.split import training_part
from ml.train import libraries
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.progress import bar
from warehouse.settings import Settings as Environment


def data_difference(evaluation: Evaluation, horizon: Horizon, data_sha256: str) -> list[str]:
    """Say in what the present marts differ from those that a run learned from; nothing where they are the same.

    Args:
        evaluation: That of the run.
        horizon: Of the present marts.
        data_sha256: Hash of the present training data.
    """
    found = []
    if evaluation.horizon_date != horizon.date:
        found.append(f"horizon {evaluation.horizon_date}, now {horizon.date}")
    if evaluation.training.sha256 != data_sha256:
        found.append(f"data {evaluation.training.sha256[:12]}, now {data_sha256[:12]}")
    return found


def library_difference(evaluation: Evaluation, present: dict[str, str]) -> list[str]:
    """Say which libraries are of another version than those of a run."""
    before = evaluation.libraries
    return [
        f"{name} {before.get(name, 'absent')}, now {present.get(name, 'absent')}"
        for name in sorted(before.keys() | present.keys())
        if before.get(name) != present.get(name)
    ]


def _same_models(evaluation: Evaluation, horizon: Horizon, frame: TrainingFrame) -> dict[ModelName, Model]:
    data_sha256 = frame.sha256()
    found = data_difference(evaluation, horizon, data_sha256)
    if found:
        raise UserError(
            f"run {evaluation.run_id} cannot be made again from these marts: {'; '.join(found)}; build those of its "
            f"month with `make build MONTH={evaluation.score_month}`, as they were delivered then"
        )
    part = training_part(frame.observations, horizon.date)
    with bar("training both models again"):
        models = fit_models(MODEL_NAMES, frame, part, evaluation.settings, data_sha256)
    others = [
        f"{name} came out as {version_of(model)}, not {evaluation.models[name].model_version}"
        for name, model in models.items()
        if version_of(model) != evaluation.models[name].model_version
    ]
    if others:
        causes = library_difference(evaluation, libraries())
        cause = f": {'; '.join(causes)}; install those of the run" if causes else (
            ", although data, settings and libraries are the same; run it on a processor of the kind it was trained on"
        )  # fmt: skip
        raise UserError(f"run {evaluation.run_id} was not made again, {'; '.join(others)}{cause}")
    return models


def retrain(environment: Environment, wanted: str, *, dry_run: bool = False) -> list[str]:
    """Train the models of a run again by its own settings, and put their artefacts back where they are lost or changed.

    Args:
        environment: Where lake and warehouse are.
        wanted: The run, as `show.find_run` takes it.
        dry_run: Whether to write nothing.

    Returns:
        Lines for the user.

    Raises:
        UserError: With what differs, when the present marts are not those of the run or a model came out another.
    """
    lake = Lake(environment.lake)
    with alone(lake, "ml", "training or prediction"):
        registry = read_registry(lake)
        evaluation = find_run(lake, registry, wanted)
        horizon, frame = read_inputs(environment, evaluation.settings)
        models = _same_models(evaluation, horizon, frame)
        if not dry_run:
            for model in models.values():
                store(
                    lake, registry, horizon.month, run_id=evaluation.run_id, settings=evaluation.settings, model=model
                )
        return [
            f"{name} {evaluation.models[name].model_version} of run {evaluation.run_id} came out the same, "
            "byte for byte"
            for name in models
        ]
