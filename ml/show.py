"""What is known of runs and versions, as values for `--json` and as text for people; `report` has the evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

from ml.artefacts import Evaluation, load_run, run_ids
from ml.metrics import Estimate
from ml.registry import Registry
from ml.report import METRICS_DIGITS, SHOWN
from ml.settings import MODEL_NAMES
from ml.text import aligned, flattened
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location

LATEST = "latest"
SHOWN_OF_A_MODEL = {"model_version", "artefacts", "rounds", "operating_point", "metrics"}
COMPARED = {
    "run_id", "score_month", "horizon_date", "training", "training_window", "test_window", "test", "windows_left_out",
    "unlabelled_users", "settings", "libraries",
}  # fmt: skip


def find_run(lake: Lake[Location], registry: Registry, wanted: str) -> Evaluation:
    """Find a run by its name, the beginning of its name, a version that it made, or as the latest.

    Args:
        lake: Where the evaluations of the runs are.
        registry: All versions and events.
        wanted: `latest`, or one of those.

    Raises:
        UserError: When there is none, or several are called so.
    """
    registrations = [event for event in registry.events if event.action == "register"]
    if wanted == LATEST and registrations:
        return load_run(lake, registrations[-1].run_id)
    known = run_ids(lake)
    made = (event.run_id for event in registrations if event.model_version == wanted)
    found = {name for name in known if wanted and name.startswith(wanted)} | set(made)
    if len(found) > 1:
        raise UserError(f"{wanted} could be any of the runs {', '.join(sorted(found))}; write more of its digits")
    if not found:
        raise UserError(
            f"there is no run {wanted} in this lake; `python -m ml list` names the runs" if known else
            "nothing was trained in this lake; run `make train`"
        )  # fmt: skip
    return load_run(lake, found.pop())


def list_versions(registry: Registry) -> list[dict[str, Any]]:
    """Tell of every registered version what it is and what it was last, the latest registered last."""
    latest = {(event.model_name, event.model_version): event for event in registry.events if event.action == "register"}
    return [
        {
            "model_name": name,
            "model_version": version,
            "status": registry.status(name, version),
            "run_id": event.run_id,
            "score_month": event.score_month,
            "registered_at": f"{event.happened_at.isoformat(timespec='seconds')}Z",
            "registered_by": event.actor,
        }
        for (name, version), event in sorted(latest.items(), key=lambda item: item[1].event_id)
    ]


def list_lines(versions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write the list of versions as a table."""
    if not versions:
        return ["no model is registered in this lake; run `make train`"]
    names = ("model", "version", "status", "run", "month", "registered", "by")
    return aligned([names, *(tuple(map(str, version.values())) for version in versions)])


def run_values(evaluation: Evaluation, registry: Registry) -> dict[str, Any]:
    """Tell of a run what it stands on, how good its models are, what they are now, and what happened to them."""
    values = evaluation.model_dump(mode="json", include=COMPARED)
    values["models"] = {
        name: model.model_dump(mode="json", include=SHOWN_OF_A_MODEL)
        | {"status": registry.status(name, model.model_version)}
        for name, model in evaluation.models.items()
    }
    versions = {model.model_version for model in evaluation.models.values()}
    values["events"] = [
        {
            "happened_at": f"{event.happened_at.isoformat(timespec='seconds')}Z",
            "action": event.action,
            "model_name": event.model_name,
            "model_version": event.model_version,
            "actor": event.actor,
            "why": event.why,
        }
        for event in registry.events
        if event.model_version in versions
    ]
    return values


def run_lines(values: Mapping[str, Any]) -> list[str]:
    """Write what `run_values` tells, the metrics in short; `report` has all of them."""
    training, test = values["training"], values["test"]
    facts = [
        ("score month", values["score_month"]),
        ("horizon", values["horizon_date"]),
        ("learned from", f"{training['rows']:,} observations, {training['positives']:,} of them positive"),
        ("data", training["sha256"]),
        ("tested on", f"{test['rows']:,} observations, {test['positives']:,} of them positive"),
        ("libraries", ", ".join(f"{name} {version}" for name, version in values["libraries"].items())),
    ]
    models = [("model", "version", "status", "trees", *(name.replace("_", " ") for name, _ in SHOWN))]
    for name, model in values["models"].items():
        shown = (Estimate(**model["metrics"][metric]).written(digits) for metric, digits in SHOWN)
        models.append((name, model["model_version"], model["status"], str(model["rounds"]), *shown))
    settings = [(name, str(value)) for name, value in flattened(values["settings"]).items()]
    events = [("at", "action", "model", "version", "by", "why")]
    events += [tuple(event.values()) for event in values["events"]]
    return [
        f"Run {values['run_id']}",
        "",
        *aligned(facts),
        "",
        *aligned(models),
        "",
        *aligned(events),
        "",
        "Settings",
        *aligned(settings),
    ]


def run_difference(first: Evaluation, second: Evaluation) -> dict[str, Any]:
    """Tell in what two runs differ, and their metrics side by side.

    Returns:
        `differs`: by dotted name, the value in each run (None where a run has none). `metrics`: by model and metric,
        the estimate in each.
    """
    sides = []
    for evaluation in (first, second):
        values = evaluation.model_dump(mode="json", include=COMPARED)
        versions = {name: model.model_version for name, model in evaluation.models.items()}
        sides.append(flattened(values | {"model_version": versions}))
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    pairs = {name: [side.get(name) for side in sides] for name in names}
    metrics = {
        f"{name}.{metric}": [
            evaluation.models[name].metrics[metric].written(METRICS_DIGITS)
            if metric in evaluation.models[name].metrics
            else ""
            for evaluation in (first, second)
        ]
        for name in MODEL_NAMES
        for metric in dict.fromkeys([*first.models[name].metrics, *second.models[name].metrics])
    }
    return {"differs": {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}, "metrics": metrics}


def difference_lines(difference: Mapping[str, Any]) -> list[str]:
    """Write what `run_difference` tells as two tables."""
    rows = [(name, *map(str, pair)) for name, pair in difference["differs"].items()]
    if not rows:
        return ["the two are the same run"]
    metrics = [(name, *pair) for name, pair in difference["metrics"].items()]
    return [*aligned([("what differs", "first", "second"), *rows]), "",
            *aligned([("metric, 95 % interval", "first", "second"), *metrics])]  # fmt: skip
