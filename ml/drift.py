"""How far features and scores have moved since training: the population stability index, PSI.

With e the share of a bin in training and a its share among the companies scored, PSI = sum of (a - e) * ln(a / e) over
the bins (Siddiqi 2006, "Credit Risk Scorecards", chapter 10; it is the symmetric Kullback-Leibler divergence, see
Yurdakul 2018, "Statistical Properties of Population Stability Index"). A number's bins are the deciles of training, a
code's its values; what is missing, or a code that training did not hold, is a bin of its own. An empty bin counts as
half a row, so that the index stays finite.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ml.features import Kind

Level = Literal["stable", "warning", "alarm"]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

BINS = 10
SCORE = "score"


class Bins(BaseModel):
    """How one column was spread in training.

    Attributes:
        name: Of the feature, or `score`.
        kind: Whether the bins are ranges of a number or codes.
        edges: Upper ends of the bins but the last, inclusive; of a code, the codes.
        shares: Of the population in each bin; the last is that of the missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def counts(self, column: NDArray[np.floating]) -> Counts:
        """Count the values of a column in each bin, shape (bins,).

        Args:
            column: Encoded values, missing as not a number.
        """
        if self.kind == "categorical":
            codes = np.array(self.edges, dtype=np.intp)
            size = int(codes.max(initial=-1)) + 2
            # whatever training did not hold shares the last place with the missing
            places = np.minimum(np.nan_to_num(column, nan=size - 1), size - 1).astype(np.intp)
            found = np.bincount(places, minlength=size)[codes].astype(np.int64)
            return np.append(found, len(column) - found.sum())
        # comparing with every edge costs a tenth of a search for each value
        at_most = [np.count_nonzero(column <= edge) for edge in self.edges]
        known = len(column) - np.count_nonzero(np.isnan(column))
        return np.append(np.diff([0, *at_most, known]), len(column) - known).astype(np.int64)


class Baseline(BaseModel):
    """How a model's features and scores were spread in training, weighted to the population.

    Attributes:
        rows: That the features' shares are of.
        score_rows: That the scores' shares are of.
        features: In the order of the model's matrix.
        score: Of the log-odds, which are in the order of the scores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    score_rows: int
    features: tuple[Bins, ...]
    score: Bins

    def counts(self, columns: NDArray[np.float32]) -> dict[str, Counts]:
        """Count the values of every feature in its bins.

        Args:
            columns: Encoded features in their order, shape (features, rows).
        """
        return {bins.name: bins.counts(column) for bins, column in zip(self.features, columns, strict=True)}


def _shares(inside: Sequence[NDArray[np.bool_]], weight: Floats) -> tuple[float, ...]:
    total = float(weight.sum())
    return tuple(float(weight[rows].sum()) / total for rows in inside)


def number_bins(name: str, column: NDArray[np.floating], weight: Floats) -> Bins:
    """Cut a number at the deciles of its known values.

    Args:
        name: Of the column.
        column: Values in training, missing as not a number, shape (n,).
        weight: Rows of the population that each stands for, shape (n,).
    """
    known = ~np.isnan(column)
    order = np.argsort(column[known], kind="stable")
    values, reached = column[known][order], np.cumsum(weight[known][order])
    edges: NDArray[np.floating] = np.empty(0)
    if len(values):
        at = np.searchsorted(reached, np.arange(1, BINS) / BINS * reached[-1])
        edges = np.unique(values[np.minimum(at, len(values) - 1)])
        edges = edges[edges < values[-1]]  # nothing lies above the greatest value
    bin_of = np.searchsorted(edges, column)  # the first edge that is not below the value
    inside = [known & (bin_of == number) for number in range(len(edges) + 1)]
    return Bins(name=name, kind="numeric", edges=tuple(map(float, edges)), shares=_shares([*inside, ~known], weight))


def code_bins(name: str, column: NDArray[np.floating], weight: Floats) -> Bins:
    """Give every code that training held a bin.

    Args:
        name: Of the column.
        column: Codes in training, missing as not a number, shape (n,).
        weight: Rows of the population that each stands for, shape (n,).
    """
    known = ~np.isnan(column)
    codes = np.unique(column[known])
    inside = [column == code for code in codes]
    return Bins(
        name=name, kind="categorical", edges=tuple(map(float, codes)), shares=_shares([*inside, ~known], weight)
    )


def feature_bins(features: Sequence[tuple[str, Kind]], matrix: NDArray[np.float32], weight: Floats) -> tuple[Bins, ...]:
    """Describe how features are spread in training.

    Args:
        features: Names and kinds in the order of the matrix's columns.
        matrix: Encoded features, shape (rows, features).
        weight: Rows of the population that each row stands for.
    """
    return tuple(
        (code_bins if kind == "categorical" else number_bins)(name, np.ascontiguousarray(column), weight)
        for (name, kind), column in zip(features, matrix.T, strict=True)
    )


def baseline(features: tuple[Bins, ...], rows: int, log_odds: Floats, score_weight: Floats) -> Baseline:
    """Describe how features and scores are spread in training.

    Args:
        features: As `feature_bins` gives them.
        rows: That they are of.
        log_odds: Scores as log-odds, of any rows.
        score_weight: Rows of the population that each score stands for.
    """
    # single precision, as the trees give it, so that a bound counts on the same side of itself
    score = number_bins(SCORE, log_odds.astype(np.float32), score_weight)
    return Baseline(rows=rows, score_rows=len(log_odds), features=features, score=score)


def stability_index(bins: Bins, rows: int, counts: Counts) -> float:
    """Find the population stability index of what was counted against training; 0 when nothing was counted.

    Args:
        bins: Of training.
        rows: That its shares are of.
        counts: As `Bins.counts` gives them, summed over batches.
    """
    total = int(counts.sum())
    if not total:
        return 0.0
    expected = np.maximum(np.array(bins.shares), 0.5 / rows)
    actual = np.maximum(counts, 0.5) / total
    both_empty = (np.array(bins.shares) == 0) & (counts == 0)
    terms = np.where(both_empty, 0.0, (actual - expected) * np.log(actual / expected))
    return float(terms.sum())


def level(index: float, warning: float, alarm: float) -> Level:
    """Say how serious a stability index is; a limit itself is still below it."""
    if index > alarm:
        return "alarm"
    return "warning" if index > warning else "stable"


class Counter:
    """Counts of one model's features and scores while a table is scored."""

    def __init__(self, training: Baseline) -> None:
        """Begin at nothing."""
        self._bins = [(bins, training.rows) for bins in training.features] + [(training.score, training.score_rows)]
        self._counts = {bins.name: np.zeros(len(bins.shares), dtype=np.int64) for bins, _ in self._bins}

    def add(self, counts: Mapping[str, Counts | list[int]]) -> None:
        """Add what was counted in some rows, by feature, and for the score under the name `score`."""
        for name, found in counts.items():
            self._counts[name] += np.asarray(found, dtype=np.int64)

    def counts(self) -> dict[str, list[int]]:
        """Everything counted so far, as `add` takes it."""
        return {name: counts.tolist() for name, counts in self._counts.items()}

    def indices(self) -> dict[str, float]:
        """Stability index of every feature, in their order, and of the score last."""
        return {bins.name: stability_index(bins, rows, self._counts[bins.name]) for bins, rows in self._bins}
