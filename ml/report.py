"""The evaluation of a run as tables of plain text."""

from collections.abc import Mapping, Sequence

from ml.artefacts import Evaluation, ModelEvaluation, NaiveTest, TestedModel, WindowTest
from ml.metrics import Estimate
from ml.settings import ModelName
from ml.text import aligned

SHOWN = ("lift_at_1_percent", 1), ("average_precision", 3), ("roc_auc", 3), ("expected_calibration_error", 4)
METRICS_DIGITS = 4
SLICE_LIFTS = ("lift_at_1_percent", "lift_at_10_percent")
SHOWN_FEATURES = 10
NAIVE = "at random"


def metric_lines(metrics: Mapping[ModelName, Mapping[str, Estimate]]) -> list[str]:
    """Write all metrics of one test as a table, a column a model.

    Args:
        metrics: By model name and metric.
    """
    names = list(dict.fromkeys(metric for model in metrics.values() for metric in model))
    rows = [
        (name, *(model[name].written(METRICS_DIGITS) if name in model else "" for model in metrics.values()))
        for name in names
    ]
    return aligned([("metric, 95 % interval", *metrics), *rows])


def test_lines(tests: Sequence[tuple[str, Mapping[ModelName, Mapping[str, Estimate]]]]) -> list[str]:
    """Write the chief metrics of several tests as a table, a row a test and model.

    Args:
        tests: Each with its name, and the metrics by model name and metric.
    """
    rows = [
        (test, name, *(metrics[metric].written(digits) for metric, digits in SHOWN))
        for test, models in tests
        for name, metrics in models.items()
    ]
    return aligned([("test", "model", *(metric.replace("_", " ") for metric, _ in SHOWN)), *rows])


def window_tests(
    windows: Sequence[WindowTest], naive: NaiveTest | None
) -> list[tuple[str, Mapping[ModelName, Mapping[str, Estimate]]]]:
    """Name the tests of the years that were tested, and of the split at random, for `test_lines`."""
    tests: list[tuple[str, Mapping[ModelName, Mapping[str, Estimate]]]]
    tests = [(f"after {window.fold}", _metrics_of(window.models)) for window in windows]
    return tests if naive is None else [*tests, (NAIVE, naive.metrics)]


def _metrics_of(
    models: Mapping[ModelName, TestedModel] | Mapping[ModelName, ModelEvaluation],
) -> dict[ModelName, Mapping[str, Estimate]]:
    return {name: model.metrics for name, model in models.items()}


def _slice_lines(evaluation: Evaluation) -> list[str]:
    def written(found: Estimate | None) -> str:
        return "" if found is None else found.written(1)

    rows = [
        (part.slice, part.slice_value, name, f"{part.rows:,}", f"{part.positives:,}",
         *(written(part.metrics.get(metric)) for metric in SLICE_LIFTS))
        for name, model in evaluation.models.items()
        for part in model.slices
    ]  # fmt: skip
    lifts = (metric.replace("_", " ") for metric in SLICE_LIFTS)
    return aligned([("slice", "value", "model", "rows", "positives", *lifts), *rows])


def _importance_lines(evaluation: Evaluation) -> list[str]:
    rows = [
        (name, str(found.importance_rank), found.feature, f"{found.mean_contribution:.3f}", f"{100 * found.gain:.1f} %")
        for name, model in evaluation.models.items()
        for found in model.importance[:SHOWN_FEATURES]
    ]
    return aligned([("model", "rank", "feature", "mean contribution", "gain"), *rows])


def report_lines(evaluation: Evaluation) -> list[str]:
    """Write the evaluation of a run: the headline, the years beside the split at random, slices, and importance."""
    headline = (f"after {evaluation.test_window.after}", _metrics_of(evaluation.models))
    earlier, others = window_tests(evaluation.earlier_windows, None), window_tests([], evaluation.naive)
    test = evaluation.test
    return [
        f"Run {evaluation.run_id}, headline: {test.rows:,} observations after {evaluation.test_window.after} and until "
        f"{evaluation.test_window.until}, {test.positives:,} of them positive, {test.missed_positives:,} more missed",
        "",
        *metric_lines(_metrics_of(evaluation.models)),
        "",
        "Year by year, and what a split at random would claim",
        *test_lines([*earlier, headline, *others]),
        *(f"left out: {reason}" for reason in evaluation.windows_left_out),
        "",
        "Slices of the headline",
        *_slice_lines(evaluation),
        "",
        f"The {SHOWN_FEATURES} features that move each model most",
        *_importance_lines(evaluation),
    ]
