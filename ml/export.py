"""The command `export mlflow`: the runs as a folder that MLflow's pages show.

MLflow's file store is a folder an experiment and in it a folder a run, with meta.yaml, and one small file for each
parameter, tag and metric (a metric's line is: milliseconds, value, step). It is written here without MLflow, whose
version 3 reads it where MLFLOW_ALLOW_FILE_STORE=true, or brings it into a database with `mlflow migrate-filestore`. One
run of ours becomes one run of MLflow's for each model, so that its tables compare models of one kind.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ml.artefacts import Evaluation, canonical_json, load_run, read_artefacts, run_ids
from ml.registry import Event, Registry
from ml.registry_tables import read_registry
from ml.settings import MODEL_NAMES, ModelName
from ml.text import flattened
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.storage import whole_file, write_text

EXPERIMENT = "bookdebts"
FINISHED, LOCAL = 3, 4  # MLflow's numbers for a status and for a kind of source
RUN_DIGITS, EXPERIMENT_DIGITS = 32, 18
LONGEST_PARAMETER = 6000


def experiment_id(name: str) -> str:
    """Make an experiment's number of its name, so that a second export goes to the same folder."""
    return str(int(hashlib.sha256(name.encode()).hexdigest(), 16))[:EXPERIMENT_DIGITS]


def _run_name(run_id: str, model: str) -> str:
    return hashlib.sha256(f"{run_id} {model}".encode()).hexdigest()[:RUN_DIGITS]


def _metrics(evaluation: Evaluation, name: ModelName) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for metric, estimate in evaluation.models[name].metrics.items():
        metrics |= {metric: estimate.value, f"{metric}.low": estimate.low, f"{metric}.high": estimate.high}
    return metrics


def _parameters(evaluation: Evaluation, name: ModelName) -> dict[str, str]:
    settings = evaluation.settings.model_dump(mode="json", exclude={"models"})
    values = {
        "horizon_date": evaluation.horizon_date,
        "data_sha256": evaluation.training.sha256,
        "libraries": evaluation.libraries,
        **settings,
        "model": evaluation.settings.models.of(name).model_dump(mode="json"),
        "rounds": evaluation.models[name].rounds,
    }
    return {key: str(value)[:LONGEST_PARAMETER] for key, value in flattened(values).items()}


def _tags(evaluation: Evaluation, name: ModelName, event: Event, status: str) -> dict[str, str]:
    version = evaluation.models[name].model_version
    return {
        "mlflow.runName": f"{name} {evaluation.score_month} {evaluation.run_id}",
        "mlflow.user": event.actor,
        "mlflow.source.name": EXPERIMENT,
        "mlflow.source.type": "LOCAL",
        "model_name": name,
        "model_version": version,
        "run_id": evaluation.run_id,
        "score_month": evaluation.score_month,
        "status": status,
    }


def _milliseconds(event: Event) -> int:
    seconds = (event.happened_at - type(event.happened_at)(1970, 1, 1)).total_seconds()
    return int(seconds * 1000)


def _write_values(folder: Path, values: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name).write_text(value, encoding="utf-8")


def _write_meta(folder: Path, values: Mapping[str, Any]) -> None:
    write_text(folder / "meta.yaml", yaml.safe_dump(dict(values), sort_keys=True))


def _write_run(
    folder: Path, lake: Lake[Location], registry: Registry, *, evaluation: Evaluation, name: ModelName, event: Event
) -> None:
    contents = read_artefacts(registry.of(event).folder(lake), evaluation.models[name].artefacts)
    contents["evaluation.json"] = canonical_json(evaluation).encode()
    for file, content in contents.items():
        with whole_file(folder / "artifacts" / file) as unfinished:
            unfinished.write_bytes(content)
    at = _milliseconds(event)
    tags = _tags(evaluation, name, event, registry.status(name, event.model_version))
    _write_values(folder / "params", _parameters(evaluation, name))
    _write_values(folder / "tags", tags)
    lines = {metric: f"{at} {value!r} 0\n" for metric, value in _metrics(evaluation, name).items()}
    _write_values(folder / "metrics", lines)
    # last: MLflow takes a folder with this file for a whole run
    _write_meta(
        folder,
        {
            "artifact_uri": (folder / "artifacts").as_uri(),
            "end_time": at,
            "entry_point_name": "",
            "experiment_id": folder.parent.name,
            "lifecycle_stage": "active",
            "run_id": folder.name,
            "run_name": tags["mlflow.runName"],
            "run_uuid": folder.name,
            "source_name": "",
            "source_type": LOCAL,
            "source_version": "",
            "start_time": at,
            "status": FINISHED,
            "tags": [],
            "user_id": event.actor,
        },
    )


def export_mlflow(lake: Lake[Location], folder: Path) -> int:
    """Write every run of the lake to a folder in the layout of MLflow's file store; what is there of them is replaced.

    Args:
        lake: Where runs and registry are.
        folder: The folder that `mlflow ui --backend-store-uri` is told.

    Returns:
        How many runs of MLflow's were written.

    Raises:
        UserError: When there is no run, the folder is a file, or an artefact is absent or not the registered one.
    """
    registry = read_registry(lake)
    runs = run_ids(lake)
    if not runs:
        raise UserError("nothing was trained in this lake; run `make train`")
    root = folder.expanduser().resolve()
    if root.exists() and not root.is_dir():
        raise UserError(f"{root} is a file; name a folder to export to")
    registered = {(event.run_id, event.model_name): event for event in registry.events if event.action == "register"}
    experiment = root / experiment_id(EXPERIMENT)
    written = 0
    for run_id in runs:
        evaluation = load_run(lake, run_id)
        for name in MODEL_NAMES:
            event = registered.get((run_id, name))
            if event is not None:  # a training that was killed before it registered its models made no run
                _write_run(
                    experiment / _run_name(run_id, name), lake, registry, evaluation=evaluation, name=name, event=event
                )
                written += 1
    times = [_milliseconds(event) for event in registered.values()]
    _write_meta(
        experiment,
        {
            "artifact_location": experiment.as_uri(),
            "creation_time": min(times, default=0),
            "experiment_id": experiment.name,
            "last_update_time": max(times, default=0),
            "lifecycle_stage": "active",
            "name": EXPERIMENT,
        },
    )
    return written
