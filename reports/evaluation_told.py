"""Look-ups in what the tables say of a run, and how its estimates are written and drawn."""

from collections.abc import Callable

from reports.evaluation_queries import Comparison, Evaluation, Metric, Point
from reports.plots import Whisker

WALK_FORWARD, NAIVE, WHOLE = "walk_forward", "naive", "all"

Write = Callable[[float], str]


def ratio(value: float) -> str:
    """Write how many times as many."""
    return f"{value:.1f}"


def fine(value: float) -> str:
    """Write a metric from 0 to 1."""
    return f"{value:.3f}"


def tick(value: float) -> str:
    """Write a value beside its axis."""
    return f"{value:g}"


class Told:
    """Look-ups in what the tables say of a run."""

    def __init__(self, found: Evaluation) -> None:
        """Order the metrics by what they are of."""
        self.found = found
        self.models = sorted({metric.model_name for metric in found.metrics})
        self._metrics = {
            (of.model_name, of.split, of.fold, of.slice, of.slice_value, of.metric): of for of in found.metrics
        }
        self.headline = found.run.headline_fold

    def metric(self, model: str, metric: str, split: str = WALK_FORWARD, fold: str = "") -> Metric | None:
        """Find a metric of a whole test, the headline's where no fold is named; None where there is none."""
        return self._metrics.get((model, split, fold or self.headline, WHOLE, WHOLE, metric))

    def value(self, model: str, metric: str) -> float:
        """Find the estimate of a metric of the headline; 0 where there is none."""
        found = self.metric(model, metric)
        return 0.0 if found is None or found.value is None else found.value

    def points(self, model: str, curve: str) -> list[Point]:
        """Find the points of a curve in their order."""
        return [point for point in self.found.points if (point.model_name, point.curve) == (model, curve)]

    @property
    def test(self) -> Metric:
        """Any metric of the headline, which knows how many rows were tested."""
        return next(of for of in self.found.metrics if of.fold == self.headline and of.slice == WHOLE)

    @property
    def folds(self) -> list[str]:
        """Name the years that were tested, the earliest first."""
        return sorted({of.fold for of in self.found.metrics if of.split == WALK_FORWARD})


def interval(metric: Metric | None, write: Write) -> str:
    """Write an estimate as `8.3 (3.0 to 12.8)`; `too few users` where there is none."""
    if metric is None or metric.value is None or metric.low is None or metric.high is None:
        return "too few users"
    return f"{write(metric.value)} ({write(metric.low)} to {write(metric.high)})"


def whisker(metric: Metric | Comparison | None) -> Whisker | None:
    """Give an estimate to draw; None where there is none."""
    if metric is None or metric.value is None or metric.low is None or metric.high is None:
        return None
    return Whisker(metric.value, metric.low, metric.high)
