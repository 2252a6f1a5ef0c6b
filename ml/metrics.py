"""Weighted metrics of a ranking, of a list and of probabilities, with bootstrap intervals over companies.

Every metric is computed for many resamples at once: a resample is a count for each company, a row's weight is its own
times its company's count, and all metrics are sums over the rows in the order of their probability.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Named = TypeVar("Named")

TOP_SHARES = {"1_percent": 0.01, "10_percent": 0.1}
CALIBRATION_BINS = 10
CALIBRATION_ERROR = "expected_calibration_error"
CELLS_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class Tested:
    """Rows that were scored, n of them, and positives that could not be, m of them.

    Attributes:
        company: Company of each scored row, any integers, shape (n,).
        label: Shape (n,).
        weight: Population rows that each stands for, shape (n,).
        probability: Shape (n,).
        missed_company: Companies of the positives that were not scored, shape (m,).
        missed_weight: Their weights, shape (m,).
        listed: Whether a row is above its model's operating point, shape (n,); None where there is none.
    """

    company: NDArray[np.int64]
    label: NDArray[np.bool_]
    weight: Floats
    probability: Floats
    missed_company: NDArray[np.int64]
    missed_weight: Floats
    listed: NDArray[np.bool_] | None = None

    def subset(self, rows: NDArray[np.bool_], missed: NDArray[np.bool_]) -> "Tested":
        """Keep some of the scored rows and of the missed positives.

        Args:
            rows: Shape (n,).
            missed: Shape (m,).
        """
        return replace(
            self,
            company=self.company[rows],
            label=self.label[rows],
            weight=self.weight[rows],
            probability=self.probability[rows],
            missed_company=self.missed_company[missed],
            missed_weight=self.missed_weight[missed],
            listed=None if self.listed is None else self.listed[rows],
        )


@dataclass(frozen=True)
class Estimate:
    """A metric with its 95 % interval."""

    value: float
    low: float
    high: float

    def written(self, digits: int) -> str:
        """Write the estimate as `value (low to high)`."""
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


@dataclass(frozen=True)
class _Prepared:
    """Scored rows by falling probability, with the ends of ties and the starts of calibration bins."""

    company: NDArray[np.int64]
    label: Floats
    weight: Floats
    probability: Floats
    tie_ends: NDArray[np.intp]
    bin_starts: NDArray[np.intp]
    missed_company: NDArray[np.int64]
    missed_weight: Floats
    listed: Floats | None
    companies: int


def _tie_ends(probability: Floats) -> NDArray[np.intp]:
    return np.flatnonzero(np.append(np.diff(probability) != 0, True))


def calibration_bins(probability: Floats, weight: Floats) -> NDArray[np.intp]:
    """Part rows into ten bins of equal weight, ties together; returns where each begins.

    Args:
        probability: Falling, shape (n,).
        weight: Shape (n,).
    """
    tie_ends = _tie_ends(probability)
    cumulative = np.cumsum(weight)[tie_ends]
    wanted = cumulative[-1] * np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS
    starts = np.unique(np.concatenate([[0], tie_ends[np.searchsorted(cumulative, wanted)] + 1]))
    return starts[starts < len(probability)]


def _prepare(tested: Tested) -> _Prepared:
    order = np.argsort(-tested.probability, kind="stable")
    probability, weight = tested.probability[order], tested.weight[order]
    universe, codes = np.unique(np.concatenate([tested.company, tested.missed_company]), return_inverse=True)
    return _Prepared(
        company=codes[: len(order)][order],
        label=tested.label[order].astype(np.float64),
        weight=weight,
        probability=probability,
        tie_ends=_tie_ends(probability),
        bin_starts=calibration_bins(probability, weight),
        missed_company=codes[len(order) :],
        missed_weight=tested.missed_weight,
        listed=None if tested.listed is None else tested.listed[order].astype(np.float64),
        companies=len(universe),
    )


def _top(positives: Floats, weights: Floats, size: Floats) -> Floats:
    """Positives among the first `size` population rows; a tie that straddles the end gives its share.

    Args:
        positives: Cumulative positives at the ends of ties, shape (b, t).
        weights: Cumulative weights there, shape (b, t).
        size: Shape (b,).
    """
    return np.array(
        [np.interp(k, np.append(0.0, w), np.append(0.0, p)) for k, w, p in zip(size, weights, positives, strict=True)]
    )


def _metrics(rows: _Prepared, counts: Floats, top_rows: Sequence[int]) -> dict[str, Floats]:
    """Every metric for every resample.

    Args:
        rows: What was tested.
        counts: How often each company is in each resample, shape (b, companies).
        top_rows: List lengths.

    Returns:
        Arrays of shape (b,); not a number where a resample holds only one class.
    """
    weight = counts[:, rows.company] * rows.weight
    positive = weight * rows.label
    at_ends = np.cumsum(weight, axis=1)[:, rows.tie_ends]
    positives_at_ends = np.cumsum(positive, axis=1)[:, rows.tie_ends]
    total, found = at_ends[:, -1], positives_at_ends[:, -1]
    missed = (counts[:, rows.missed_company] * rows.missed_weight).sum(axis=1)
    all_positives = found + missed

    in_tie = np.diff(positives_at_ends, prepend=0.0, axis=1)
    others_in_tie = np.diff(at_ends, prepend=0.0, axis=1) - in_tie
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(at_ends > 0, positives_at_ends / at_ends, 0.0)
        base_rate = all_positives / (total + missed)
        concordant = (others_in_tie * (positives_at_ends - in_tie / 2)).sum(axis=1)
        result = {
            "average_precision": (in_tie * precision).sum(axis=1) / all_positives,
            "roc_auc": concordant / (found * (total - found)),
            "base_rate": base_rate,
            "brier": (weight * (rows.probability - rows.label) ** 2).sum(axis=1) / total,
            CALIBRATION_ERROR: np.abs(
                np.add.reduceat(weight * (rows.probability - rows.label), rows.bin_starts, axis=1)
            ).sum(axis=1)
            / total,
        }
        sizes = {name: share * total for name, share in TOP_SHARES.items()}
        sizes |= {str(k): np.full(len(total), float(k)) for k in top_rows if rows.weight.sum() >= k}
        for name, size in sizes.items():
            hits = _top(positives_at_ends, at_ends, size)
            result |= {
                f"precision_at_{name}": hits / size,
                f"recall_at_{name}": hits / all_positives,
                f"lift_at_{name}": hits / size / base_rate,
            }
        if rows.listed is not None:
            result |= _confusion(weight, positive, rows.listed, all_positives)
    return result


def _confusion(weight: Floats, positive: Floats, listed: Floats, all_positives: Floats) -> dict[str, Floats]:
    """Count population rows on and off the list by what became of them; an empty list has precision 0."""
    size, hits = (weight * listed).sum(axis=1), (positive * listed).sum(axis=1)
    total, found = weight.sum(axis=1), positive.sum(axis=1)
    return {
        "true_positives": hits,
        "false_positives": size - hits,
        "false_negatives": all_positives - hits,
        "true_negatives": (total - found) - (size - hits),
        "listed_share": size / total,
        "listed_precision": np.where(size > 0, hits / size, 0.0),
        "listed_recall": hits / all_positives,
    }


def _reflected(value: float, low: float, high: float) -> tuple[float, float]:
    """Turn percentiles of an absolute error's resamples into a basic bootstrap interval (Davison and Hinkley 1997).

    Noise adds to an absolute error, so its resamples lie above the value as much as the value lies above the truth:
    reflected at the value they point to where the truth is. Clipped at 0, and where all resamples lie above the value,
    ended at the value itself. Near 0 this mends only part of the bias: an error of exactly 0 is in about half of the
    intervals.
    """
    return max(0.0, min(value, 2 * value - high)), max(value, 2 * value - low)


def _resamples(rows: _Prepared, samples: int, seed: int) -> Iterator[Floats]:
    """Draw companies with replacement: how often each is drawn, some resamples at a time, shape (b, companies)."""
    generator = np.random.default_rng(seed)
    chunk = max(1, CELLS_AT_ONCE // max(len(rows.label), rows.companies))
    for start in range(0, samples, chunk):
        yield np.stack(
            [
                np.bincount(generator.integers(0, rows.companies, rows.companies), minlength=rows.companies)
                for _ in range(min(chunk, samples - start))
            ]
        ).astype(np.float64)


def estimate(tested: Tested, top_rows: Sequence[int], samples: int, seed: int) -> dict[str, Estimate]:
    """Compute every metric with a 95 % interval over resampled companies.

    Weighted to the population throughout. Positives that were not scored count in the denominators of average
    precision, recall, base rate and lift; ROC AUC, Brier score and calibration error are of the scored rows.
    Average precision is the sum of recall steps times precision, ties together (as scikit-learn does);
    ROC AUC gives a tie one half; the expected calibration error has ten bins of equal weight; the confusion matrix is
    in population rows, the missed positives among its false negatives. Companies are drawn with replacement, whole
    (Efron 1979 on clusters), since the rows of a company are not independent. Intervals are of
    percentiles, but that of the calibration error is reflected, see `_reflected`.

    Args:
        tested: Scored rows of both classes, and missed positives.
        top_rows: Lengths of lists to report beside the top 1 % and 10 %; longer than the population are left out.
        samples: Number of resamples.
        seed: Of the resamples; the same seed draws the same companies for every model.

    Returns:
        Estimates by metric name, in a fixed order.
    """
    rows = _prepare(tested)
    point = _metrics(rows, np.ones((1, rows.companies)), top_rows)
    drawn: dict[str, list[Floats]] = {name: [] for name in point}
    for counts in _resamples(rows, samples, seed):
        for name, values in _metrics(rows, counts, top_rows).items():
            drawn[name].append(values)
    estimates = {}
    for name, values in point.items():
        value = float(values[0])
        low, high = (float(bound) for bound in np.nanquantile(np.concatenate(drawn[name]), [0.025, 0.975]))
        if name == CALIBRATION_ERROR:
            low, high = _reflected(value, low, high)
        estimates[name] = Estimate(value, low, high)
    return estimates


def point(tested: Tested, metric: str) -> float:
    """Compute one metric alone, without an interval; the name is one that `estimate` gives, at any list length."""
    rows = _prepare(tested)
    return float(_named(_metrics(rows, np.ones((1, rows.companies)), _list_length(metric)), metric)[0])


def roc_auc(tested: Tested) -> float:
    """Compute the area under ROC alone, without an interval."""
    return point(tested, "roc_auc")


def _list_length(metric: str) -> list[int]:
    length = re.fullmatch(r"(?:precision|recall|lift)_at_(\d+)", metric)
    return [int(length[1])] if length else []


def _named(metrics: Mapping[str, Named], metric: str) -> Named:
    if metric not in metrics:
        raise ValueError(f"{metric} is no metric of these rows; there are {', '.join(sorted(metrics))}")
    return metrics[metric]


def paired_differences(a: Tested, b: Tested, top_rows: Sequence[int], samples: int, seed: int) -> dict[str, Estimate]:
    """Compare two models on the same rows: `a` less `b`, with 95 % intervals over companies resampled alike.

    What both share, such as hard and easy companies in the test, is in both sides of each resample and cancels, so the
    interval is far narrower than those of the two models suggest.

    Args:
        a: Rows as one model scored them.
        b: The same rows in the same order, as another did.
        top_rows: Lengths of lists, as `estimate` takes them.
        samples: Number of resamples.
        seed: Of the resamples.

    Returns:
        Differences of the metrics that both have, in a fixed order.

    Raises:
        ValueError: When the rows are not the same.
    """
    shared = ("company", "label", "weight", "missed_company", "missed_weight")
    if not all(np.array_equal(getattr(a, name), getattr(b, name)) for name in shared):
        raise ValueError("two models can only be compared on the same rows")
    first, second = _prepare(a), _prepare(b)

    def difference(counts: Floats) -> dict[str, Floats]:
        of_a, of_b = _metrics(first, counts, top_rows), _metrics(second, counts, top_rows)
        return {name: of_a[name] - of_b[name] for name in of_a if name in of_b}

    point_values = difference(np.ones((1, first.companies)))
    drawn = [difference(counts) for counts in _resamples(first, samples, seed)]
    differences = {}
    for name, values in point_values.items():
        low, high = np.nanquantile(np.concatenate([part[name] for part in drawn]), [0.025, 0.975])
        differences[name] = Estimate(float(values[0]), float(low), float(high))
    return differences


def paired_difference(a: Tested, b: Tested, metric: str, samples: int, seed: int) -> Estimate:
    """Compare two models by one metric, as `paired_differences` does by all.

    Args:
        a: As there.
        b: As there.
        metric: Any that `estimate` gives, also at list lengths, such as `lift_at_1_percent` or `recall_at_5000`.
        samples: Number of resamples.
        seed: Of the resamples.

    Raises:
        ValueError: When the rows are not the same, or the metric is none of theirs.
    """
    return _named(paired_differences(a, b, _list_length(metric), samples, seed), metric)
