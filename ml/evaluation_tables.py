"""An evaluation as rows of the tables ml_run, ml_metric, ml_curve and ml_feature_importance."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from ml.artefacts import Evaluation
from ml.metrics import Estimate
from ml.tables import append
from warehouse.lake import Lake
from warehouse.s3 import Location

WALK_FORWARD = "walk_forward"
NAIVE = "naive"
RANDOM_FOLD = "random"
WHOLE = "all"

RUN = pa.schema(
    [
        ("run_id", pa.string()), ("horizon_date", pa.date32()), ("data_sha256", pa.string()),
        ("settings", pa.string()), ("settings_sha256", pa.string()), ("libraries", pa.string()),
        ("rows", pa.int64()), ("companies", pa.int64()), ("positives", pa.int64()),
        ("test_windows", pa.int32()), ("windows_left_out", pa.int32()), ("headline_fold", pa.string()),
    ]
)  # fmt: skip
METRIC = pa.schema(
    [
        ("run_id", pa.string()), ("model_name", pa.string()), ("split", pa.string()), ("fold", pa.string()),
        ("slice", pa.string()), ("slice_value", pa.string()), ("metric", pa.string()),
        ("value", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
        ("positives", pa.int64()), ("rows", pa.int64()),
    ]
)  # fmt: skip
CURVE = pa.schema(
    [
        ("run_id", pa.string()), ("model_name", pa.string()), ("split", pa.string()), ("fold", pa.string()),
        ("curve", pa.string()), ("point", pa.int32()), ("x", pa.float64()), ("y", pa.float64()), ("rows", pa.float64()),
    ]
)  # fmt: skip
IMPORTANCE = pa.schema(
    [
        ("run_id", pa.string()), ("model_name", pa.string()), ("feature", pa.string()),
        ("importance_rank", pa.int32()), ("gain", pa.float64()), ("mean_contribution", pa.float64()),
    ]
)  # fmt: skip

Row = dict[str, Any]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _run(evaluation: Evaluation) -> Iterator[Row]:
    settings = _canonical(evaluation.settings.model_dump(mode="json"))
    yield {
        "run_id": evaluation.run_id,
        "horizon_date": evaluation.horizon_date,
        "data_sha256": evaluation.training.sha256,
        "settings": settings,
        "settings_sha256": hashlib.sha256(settings.encode()).hexdigest(),
        "libraries": _canonical(evaluation.libraries),
        "rows": evaluation.training.rows,
        "companies": evaluation.training.companies,
        "positives": evaluation.training.positives,
        "test_windows": 1 + len(evaluation.earlier_windows),
        "windows_left_out": len(evaluation.windows_left_out),
        "headline_fold": headline_fold(evaluation),
    }


def headline_fold(evaluation: Evaluation) -> str:
    """Name the fold of the headline: the day that its test window begins after."""
    return str(evaluation.test_window.after)


def _estimates(key: Row, metrics: Mapping[str, Estimate | None], positives: int, rows: int) -> Iterator[Row]:
    for metric, found in metrics.items():
        value, low, high = (None, None, None) if found is None else (found.value, found.low, found.high)
        yield key | {
            "metric": metric, "value": value, "low": low, "high": high, "positives": positives, "rows": rows,
        }  # fmt: skip


def _metrics(evaluation: Evaluation) -> Iterator[Row]:
    whole = {"run_id": evaluation.run_id, "slice": WHOLE, "slice_value": WHOLE}
    for window in evaluation.earlier_windows:
        for name, tested in window.models.items():
            key = whole | {"model_name": name, "split": WALK_FORWARD, "fold": window.fold}
            yield from _estimates(key, tested.metrics, window.test.positives, window.test.rows)
    for name, model in evaluation.models.items():
        key = whole | {"model_name": name, "split": WALK_FORWARD, "fold": headline_fold(evaluation)}
        yield from _estimates(key, model.metrics, evaluation.test.positives, evaluation.test.rows)
        for part in model.slices:
            of_slice = key | {"slice": part.slice, "slice_value": part.slice_value}
            yield from _estimates(of_slice, part.metrics, part.positives, part.rows)
    if evaluation.naive:
        test = evaluation.naive.test
        for name, metrics in evaluation.naive.metrics.items():
            key = whole | {"model_name": name, "split": NAIVE, "fold": RANDOM_FOLD}
            yield from _estimates(key, metrics, test.positives, test.rows)


def _curves(evaluation: Evaluation) -> Iterator[Row]:
    for name, model in evaluation.models.items():
        key = {
            "run_id": evaluation.run_id, "model_name": name, "split": WALK_FORWARD, "fold": headline_fold(evaluation),
        }  # fmt: skip
        for curve, points in model.curves.items():
            for number, point in enumerate(points):
                yield key | {"curve": curve, "point": number, "x": point.x, "y": point.y, "rows": point.rows}


def _importance(evaluation: Evaluation) -> Iterator[Row]:
    for name, model in evaluation.models.items():
        for found in model.importance:
            yield {"run_id": evaluation.run_id, "model_name": name} | vars(found)


def evaluation_tables(evaluation: Evaluation) -> dict[str, pa.Table]:
    """Write an evaluation as rows; what the file of a training says is what its tables say.

    Args:
        evaluation: The content of the file.

    Returns:
        By table, the rows of this run without the partition column.
    """
    return {
        "ml_run": pa.Table.from_pylist(list(_run(evaluation)), RUN),
        "ml_metric": pa.Table.from_pylist(list(_metrics(evaluation)), METRIC),
        "ml_curve": pa.Table.from_pylist(list(_curves(evaluation)), CURVE),
        "ml_feature_importance": pa.Table.from_pylist(list(_importance(evaluation)), IMPORTANCE),
    }


def write_evaluation(lake: Lake[Location], evaluation: Evaluation) -> None:
    """Write the rows of a run beside those of other runs; training the same again writes the same files."""
    for table, content in evaluation_tables(evaluation).items():
        append(lake, table, evaluation.score_month, evaluation.run_id, content)
