"""How far two groups are apart in units of their spread: the standardised difference.

d = (m1 - m0) / sqrt((v1 + v0) / 2), of a share p with v = p (1 - p) (Austin 2009, "Balance diagnostics for comparing
the distribution of baseline covariates between treatment groups"). Its standard error is that of Hedges and Olkin
(1985), sqrt((n1 + n0) / (n1 n0) + d^2 / (2 (n1 + n0))), as if rows were independent.
"""

import math
from dataclasses import dataclass

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Sample:
    """A group: how many there are, their mean and their variance."""

    rows: int
    mean: float
    variance: float

    @classmethod
    def of_share(cls, rows: int, hits: int) -> "Sample":
        """Describe a group by how many of its rows have something.

        Args:
            rows: At least 1.
            hits: How many have it.
        """
        share = hits / rows
        return cls(rows, share, share * (1 - share))


@dataclass(frozen=True)
class Difference:
    """A standardised difference with its 95 % interval."""

    value: float
    low: float
    high: float


def standardised_difference(first: Sample, second: Sample) -> Difference | None:
    """Find how far the first group lies above the second; None where neither varies.

    Args:
        first: At least one row.
        second: The same.
    """
    spread = math.sqrt((first.variance + second.variance) / 2)
    if not spread:
        return None
    value = (first.mean - second.mean) / spread
    together = first.rows + second.rows
    error = math.sqrt(together / (first.rows * second.rows) + value**2 / (2 * together))
    return Difference(value, value - NORMAL_95 * error, value + NORMAL_95 * error)
