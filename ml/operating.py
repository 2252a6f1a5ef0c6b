"""Operating points: the probability from which on a company is on a model's list, chosen by the list's stated aim."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.settings import LargestList, OperatingSettings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OperatingPoint:
    """Where a model's list ends.

    Attributes:
        objective: What the list is to be, in words.
        threshold: Companies with this probability or more are on the list.
        reached: Whether a list of the calibration slice met the objective; where none did, the stated share is listed.
    """

    objective: str
    threshold: float
    reached: bool


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def choose_operating_point(
    probability: Floats,
    label: NDArray[np.bool_],
    weight: Floats,
    settings: OperatingSettings,
    minimum_positives: int,
) -> OperatingPoint:
    """Choose where a model's list ends, on rows that neither trained it nor test it.

    Rows of equal probability are on the list together. Recall is of the slice's positives: those outside the groups
    known by then are in no slice, and the test, which counts them as missed, finds less. A precision that fewer than
    `minimum_positives` positives speak for is chance and counts as not reached.

    Args:
        probability: Calibrated, shape (n,), of models that never saw the rows' companies.
        label: Shape (n,), at least one positive.
        weight: Population rows that each stands for, shape (n,).
        settings: The objective.
        minimum_positives: Positives that a list needs before its precision is believed.
    """
    order = np.argsort(-probability, kind="stable")
    ordered, positive = probability[order], label[order]
    ends = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    listed = np.cumsum(weight[order])[ends]
    found = np.cumsum(weight[order] * positive)[ends]
    if isinstance(settings, LargestList):
        objective = f"the largest list with a precision of at least {_percent(settings.precision)}"
        believed = np.cumsum(positive)[ends] >= minimum_positives
        enough = np.flatnonzero(believed & (found >= settings.precision * listed))
        if len(enough):
            return OperatingPoint(objective, float(ordered[ends[enough[-1]]]), True)
        place = np.searchsorted(listed, settings.otherwise_top_share * listed[-1])
        return OperatingPoint(
            f"{objective}, or else the top {_percent(settings.otherwise_top_share)}", float(ordered[ends[place]]), False
        )
    place = np.searchsorted(found, settings.recall * found[-1])
    objective = f"the smallest list with a recall of at least {_percent(settings.recall)}"
    return OperatingPoint(objective, float(ordered[ends[place]]), True)
