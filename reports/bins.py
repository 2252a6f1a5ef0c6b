"""Where the columns of a histogram begin and end, chosen from percentiles so that few values lie outside."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.scales import Scale, nice_step, rounded_steps

COLUMNS = 24
FEWEST_COLUMNS = 5
FEW_VALUES = 30
HEAVY = 10  # times the middle half of the values that a linear axis may have to span
DECADES = 3  # below the largest magnitude, to where a bent axis is logarithmic
LOG_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


@dataclass(frozen=True)
class Bins:
    """The columns of a histogram: above one edge, up to and with the next; one more at either end has what is outside.

    Attributes:
        edges: Ascending, at least two.
        scale: The axis, from the first edge to the last.
    """

    edges: tuple[float, ...]
    scale: Scale


def choose_bins(low: float, quarter: float, three_quarters: float, high: float, *, whole: bool) -> Bins:
    """Choose columns that reach from a low percentile to a high one.

    Args:
        low: A low percentile, such as .01.
        quarter: The .25 percentile.
        three_quarters: The .75 percentile.
        high: A high percentile, such as .99.
        whole: Whether all values are whole numbers.
    """
    spread = high - low
    if spread > HEAVY * (three_quarters - quarter) and not (whole and spread <= FEW_VALUES):
        return _bent(low, high, whole=whole)
    return _linear(low, high, whole=whole)


def _linear(low: float, high: float, *, whole: bool) -> Bins:
    if high <= low and not whole:
        room = abs(low) / 10 or 1.0
        return Bins((low - room, low + room), Scale(low - room, low + room))
    step = nice_step((high - low) / COLUMNS) if high > low else 1.0
    # edges of whole numbers lie between them
    step, shift = (max(1.0, step), 0.5) if whole else (step, 0.0)
    first, last = math.floor(low / step), math.ceil(high / step) + (1 if whole else 0)
    room = max(0, FEWEST_COLUMNS - (last - first)) // 2
    edges = tuple(number * step - shift for number in range(first - room, last + room + 1))
    return Bins(edges, Scale(edges[0], edges[-1]))


def _bent(low: float, high: float, *, whole: bool) -> Bins:
    bend = 10.0 ** (math.floor(math.log10(max(abs(low), abs(high)))) - DECADES)
    if whole:
        bend = max(1.0, bend)
    below = [-edge for edge in reversed(_magnitudes(bend, -low, whole=whole))] if low < 0 else [0.0]
    edges = (*below, *_magnitudes(bend, high, whole=whole))
    return Bins(edges, Scale(edges[0], edges[-1], "bent", bend))


def _magnitudes(bend: float, most: float, *, whole: bool) -> Sequence[float]:
    found = rounded_steps(LOG_STEPS, bend, max(bend, most))
    return [edge for edge in found if edge.is_integer()] if whole else found
