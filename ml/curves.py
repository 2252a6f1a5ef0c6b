"""Curves of a tested model, on a fixed grid so that models and runs can be laid over each other."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.metrics import Tested, calibration_bins

Floats = NDArray[np.float64]
CurveName = Literal["gain", "lift", "roc", "reliability"]

# finer where lists are cut
SHARES = np.concatenate([np.arange(0, 10) / 1000, np.arange(1, 101) / 100])


@dataclass(frozen=True)
class CurvePoint:
    """One point.

    Attributes:
        x: gain and lift: share of the population on the list; roc: share of the others on the list;
            reliability: mean probability of a bin.
        y: gain and roc: share of the positives on the list; lift: their rate on the list over that of all;
            reliability: rate of the positives in the bin.
        rows: Population rows on the list, or in the bin.
    """

    x: float
    y: float
    rows: float


def _points(x: Floats, y: Floats, rows: Floats) -> list[CurvePoint]:
    return [CurvePoint(float(a), float(b), float(c)) for a, b, c in zip(x, y, rows, strict=True)]


def curves(tested: Tested) -> dict[CurveName, list[CurvePoint]]:
    """Draw gain, lift, ROC and reliability, weighted to the population.

    A list that ends within equal probabilities has its share of their positives, as in the metrics. Positives that were
    not scored count as not found in gain and lift; ROC and reliability are of the scored rows.

    Args:
        tested: Scored rows of both classes, and missed positives.
    """
    order = np.argsort(-tested.probability, kind="stable")
    probability, weight, positive = tested.probability[order], tested.weight[order], tested.label[order].astype(float)
    ends = np.flatnonzero(np.append(np.diff(probability) != 0, True))
    listed = np.append(0.0, np.cumsum(weight)[ends])
    found = np.append(0.0, np.cumsum(weight * positive)[ends])
    total, positives, missed = listed[-1], found[-1], float(tested.missed_weight.sum())

    sizes = SHARES * total
    hits = np.interp(sizes, listed, found)
    gain = hits / (positives + missed)
    base_rate = (positives + missed) / (total + missed)
    others = listed - found
    # walked along the rows, since several ends can have the same share of the others
    rates = np.interp(SHARES * others[-1], others, np.arange(len(others)))
    on_list = np.interp(rates, np.arange(len(others)), listed)
    found_there = np.interp(rates, np.arange(len(others)), found)

    starts = calibration_bins(probability, weight)
    in_bin = np.add.reduceat(weight, starts)
    return {
        "gain": _points(SHARES, gain, sizes),
        "lift": _points(SHARES[1:], hits[1:] / sizes[1:] / base_rate, sizes[1:]),
        "roc": _points(SHARES, found_there / positives, on_list),
        "reliability": _points(
            np.add.reduceat(weight * probability, starts) / in_bin,
            np.add.reduceat(weight * positive, starts) / in_bin,
            in_bin,
        ),
    }
