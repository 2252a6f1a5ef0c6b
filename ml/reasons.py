"""Why a company is where it is: the features that moved its log-odds most, in words and against its peers."""

import datetime
import decimal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.features import Feature, Unit
from ml.frames import Matrix

REASONS = 3

Value = bool | int | float | decimal.Decimal | str | datetime.date | None
Direction = Literal["raises", "lowers"]


@dataclass(frozen=True)
class Shares:
    """Where a value lies among its peers; the first three are shares of the peers whose value is known.

    Attributes:
        below, equal, above: Share of peers with a smaller, the same and a greater value.
        unknown: Share of all peers whose value is not known.
    """

    below: float
    equal: float
    above: float
    unknown: float


class Peers:
    """The companies that a value is compared with."""

    def __init__(self, matrix: Matrix) -> None:
        """Sort each feature's known values.

        Args:
            matrix: Encoded features of the peers, shape (peers, features), at least one peer.
        """
        self._peers = len(matrix)
        self._values = [np.sort(column[~np.isnan(column)]) for column in matrix.T]

    def shares(self, position: int, values: Matrix) -> list[Shares]:
        """Place values of one feature among the peers.

        Args:
            position: Column of the feature.
            values: Encoded, shape (n,); not a number where it is not known.
        """
        known = self._values[position]
        unknown = 1 - len(known) / self._peers
        if not len(known):
            return [Shares(0.0, 0.0, 0.0, unknown)] * len(values)
        first, last = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
        places = zip(first.tolist(), last.tolist(), np.isnan(values).tolist(), strict=True)
        return [
            Shares(0.0, 0.0, 0.0, unknown)
            if is_unknown
            else Shares(below / len(known), (until - below) / len(known), 1 - until / len(known), unknown)
            for below, until, is_unknown in places
        ]


def choose(contributions: NDArray[np.float64]) -> NDArray[np.intp]:
    """Choose the features behind each row: those raising its log-odds most, then those lowering it most.

    Args:
        contributions: Shape (rows, features).

    Returns:
        Columns, best reason first, shape (rows, 3 or the number of features), -1 where no feature is left that moves
        the row at all.
    """
    order = np.lexsort((-np.abs(contributions), contributions <= 0), axis=-1)[:, :REASONS]
    moved = np.take_along_axis(contributions, order, axis=1) != 0
    chosen: NDArray[np.intp] = np.where(moved, order, -1)
    return chosen


def direction(contribution: float) -> Direction:
    """Whether a contribution raises or lowers the probability."""
    return "raises" if contribution > 0 else "lowers"


def _number(value: float, digits: int) -> str:
    # adding 0.0 turns a rounded -0.0 into 0.0
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def _money(value: float) -> str:
    return f"{'-' if round(value) < 0 else ''}£{abs(round(value)):,}"


def _counted(noun: str) -> Callable[[float], str]:
    def written(value: float) -> str:
        digits = 0 if float(value).is_integer() else 1
        return f"{_number(value, digits)} {noun if value == 1 else noun + 's'}"

    return written


FORMATS: dict[Unit, Callable[[float], str]] = {
    "gbp": _money,
    "ratio": lambda value: _number(value, 2),
    "percent": lambda value: f"{_number(value, 1)} %",
    "growth": lambda value: f"{round(100 * value) + 0:+,} %",
    "days": lambda value: _counted("day")(round(value)),
    "weeks": _counted("week"),
    "months": _counted("month"),
    "years": _counted("year"),
    "count": lambda value: _number(value, 0 if float(value).is_integer() else 1),
}


def written_value(feature: Feature, value: Value) -> str | None:
    """Write a value as a reader expects it by the feature's unit, or None when it is not known."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if feature.unit == "flag" and not isinstance(value, str):
        return "yes" if value else "no"
    if (
        feature.kind == "categorical"
        or feature.unit == "code"
        or not isinstance(value, bool | int | float | decimal.Decimal)
    ):
        return str(value)
    return FORMATS[feature.unit](float(value))


def _percent(share: float) -> str:
    # rounded down, so that nobody stands above 100 %
    percent = int(100 * share + 1e-9)
    return f"{percent} %" if percent else "less than 1 %"


def sentence(feature: Feature, value: str | None, shares: Shares, speaks: Direction) -> str:
    """One reason as a sentence fragment, such as `trade debtors of £412,000, more than 91 % of companies scored`.

    Args:
        feature: Gives the noun phrase.
        value: As `written_value` gives it.
        shares: Where the value lies among the companies scored.
        speaks: Which way it moves the probability; one that lowers it ends in `(speaks against)`.
    """
    return _placed(feature, value, shares) + (" (speaks against)" if speaks == "lowers" else "")


def _placed(feature: Feature, value: str | None, shares: Shares) -> str:
    if value is None:
        return f"{feature.reason}: none given, as for {_percent(shares.unknown)} of companies scored"
    named = f"{feature.reason} of {value}" if feature.unit == "gbp" else f"{feature.reason}: {value}"
    among = "companies scored" if shares.unknown == 0 else "companies scored where it is known"
    ordered = feature.kind == "numeric" and feature.unit not in {"flag", "code"}
    if not ordered or shares.equal >= max(shares.below, shares.above):
        return f"{named}, as for {_percent(shares.equal)} of {among}"
    if shares.below >= shares.above:
        return f"{named}, more than {_percent(shares.below)} of {among}"
    return f"{named}, less than {_percent(shares.above)} of {among}"
