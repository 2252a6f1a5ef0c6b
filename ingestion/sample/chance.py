"""Arrays of dates, numbers and texts, and the small draws that everything in the sample is made of."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.datetime64]
Numbers = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

DAY = np.timedelta64(1, "D")
NEVER = np.datetime64("NaT", "D")
YEAR_DAYS = 365.25


def happens(rng: np.random.Generator, share: float | Numbers, shape: int | tuple[int, ...]) -> Flags:
    """Draw what happens with a chance, one flag an element."""
    return np.asarray(rng.random(shape) < share)


def by_habit(habit: Numbers, shares: dict[str, float]) -> Texts:
    """Choose texts by fixed numbers from 0 to 1, so that the same number always chooses the same text.

    Args:
        habit: Evenly distributed numbers, shape (n,).
        shares: How often each text comes, in any unit.
    """
    edges = np.cumsum(list(shares.values()))
    place = np.searchsorted(edges / edges[-1], habit, side="right")
    return np.array(list(shares), dtype=object)[np.minimum(place, len(shares) - 1)]


def draw(rng: np.random.Generator, shares: dict[str, float], size: int) -> Texts:
    """Draw texts, each as often as its share says, shape (size,)."""
    return by_habit(rng.random(size), shares)


def pick(rng: np.random.Generator, choices: Sequence[str], size: int) -> Texts:
    """Draw texts, each as often as any other, shape (size,)."""
    return np.array(list(choices), dtype=object)[rng.integers(len(choices), size=size)]


def join(*parts: Texts | str) -> Texts:
    """Write texts one after the other, element by element."""
    together: Texts = np.asarray(parts[0], dtype=object)
    for part in parts[1:]:
        together = np.asarray(together + part, dtype=object)
    return together


def days(numbers: Numbers) -> npt.NDArray[np.timedelta64]:
    """Round numbers to spans of whole days."""
    return np.asarray(np.rint(numbers).astype(np.int64).astype("timedelta64[D]"))


def next_working_day(dates: Days) -> Days:
    """Move days of a weekend to the Monday after it; no date stays no date."""
    return np.asarray(np.busday_offset(dates, 0, roll="forward"))


def uniform_days(rng: np.random.Generator, first: Days | np.datetime64, last: Days | np.datetime64, size: int) -> Days:
    """Draw days from the first one up to the one before the last, or the first one where there is none between."""
    span = np.maximum((np.asarray(last) - np.asarray(first)).astype("timedelta64[D]").astype(np.int64), 1)
    return np.asarray(first + np.floor(rng.random(size) * span).astype(np.int64).astype("timedelta64[D]"))
