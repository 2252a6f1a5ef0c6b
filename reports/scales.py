"""Axes: where a value lies between the ends of a picture, and which values are worth a tick."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["linear", "root", "bent"]

STEPS = (1, 2, 5)
MOST_TICKS = 6
NARROWEST_GAP = 0.13  # of the axis, between two ticks


@dataclass(frozen=True)
class Scale:
    """An axis.

    Attributes:
        low, high: Its ends, low below high.
        kind: `linear`; `root`, which stretches what is near zero and takes no negative values; `bent`, linear near zero
            and logarithmic far from it, on either side.
        bend: Of `bent`, the magnitude where the one turns into the other.
    """

    low: float
    high: float
    kind: Kind = "linear"
    bend: float = 1.0

    def _forward(self, value: float) -> float:
        if self.kind == "root":
            return math.sqrt(max(value, 0.0))
        return math.asinh(value / self.bend) if self.kind == "bent" else value

    def place(self, value: float) -> float:
        """Place a value: 0 at the low end, 1 at the high end; what lies outside is brought to the nearer end."""
        start, end = self._forward(self.low), self._forward(self.high)
        return min(1.0, max(0.0, (self._forward(value) - start) / (end - start)))

    def ticks(self) -> tuple[float, ...]:
        """Choose round values within the axis, ascending and apart from each other."""
        if self.kind != "linear":
            largest = max(abs(self.low), abs(self.high))
            magnitudes = sorted(_series(STEPS, largest / 10**6, largest), key=_roundness)
            candidates = [0.0, *(sign * magnitude for magnitude in magnitudes for sign in (1.0, -1.0))]
            chosen = _apart(self, [value for value in candidates if self.low <= value <= self.high])
            if len(chosen) > 1:
                return chosen
        step = nice_step((self.high - self.low) / MOST_TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(number * step for number in range(first, last + 1))


def nice_step(width: float) -> float:
    """Round a width up to 1, 2 or 5 times a power of ten.

    Args:
        width: Above 0.
    """
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (*STEPS, 10) if step * power >= width * (1 - 1e-9))


def rounded_steps(steps: Iterable[float], low: float, high: float) -> list[float]:
    """List these steps of every power of ten between two magnitudes, ascending, and the first one at or above the high.

    Args:
        steps: From 1 to below 10, ascending.
        low: Above 0; the first value is at or above it.
        high: At least `low`.
    """
    found = []
    for value in _series(tuple(steps), low, 100 * high):
        found.append(value)
        if value >= high * (1 - 1e-9):
            break
    return found


def _series(steps: tuple[float, ...], low: float, high: float) -> Iterator[float]:
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for step in steps:
            # a power of ten that is not whole is inexact as a factor
            value = step * 10.0**power if power >= 0 else step / 10.0**-power
            if low * (1 - 1e-9) <= value <= high * (1 + 1e-9):
                yield value


def _roundness(value: float) -> tuple[bool, float]:
    power = math.log10(value)
    return abs(power - round(power)) > 1e-9, -value  # noqa: PLR2004


def _apart(scale: Scale, candidates: Iterable[float]) -> tuple[float, ...]:
    chosen: list[float] = []
    for value in candidates:
        place = scale.place(value)
        if all(abs(place - scale.place(other)) >= NARROWEST_GAP for other in chosen):
            chosen.append(value)
    return tuple(sorted(chosen))
