"""What the report `insights` asks of the marts: sums over the training table, and the row accounting.

A query reads the columns that it is about once, whatever groups it sums over. Percentiles are exact, for which DuckDB
holds every value; so the columns are read some at a time, fewer together the more rows there are.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from ml import marts
from ml.features import Feature
from reports.bins import Bins
from reports.origin import READS as ORIGIN_READS
from warehouse.catalog import quoted
from warehouse.errors import UserError

READS = {
    "horizon": (),
    "feature_definitions": (),
    "to_train": (),
    "to_predict": ("is_eligible",),
    "row_accounting": (),
    **ORIGIN_READS,
}
PERCENTILES = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
COMPANY_TYPE = "company_group"
UNKNOWN = "unknown"
VALUE_BYTES = 8
PERCENTILE_BYTES = 400_000_000
COLUMNS_AT_ONCE = 30
WHOLE_TYPES = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"})


@dataclass(frozen=True)
class Month:
    """Training rows that became public in a month.

    Attributes:
        month: `YYYY-MM`.
        rows, companies, positives: How many there are.
    """

    month: str
    rows: int
    companies: int
    positives: int


@dataclass(frozen=True)
class Population:
    """The training table as a whole."""

    rows: int
    companies: int
    positives: int
    negative_weight: float | None
    months: Sequence[Month]

    @property
    def negatives(self) -> int:
        """Rows of companies that did not become users."""
        return self.rows - self.positives


@dataclass(frozen=True)
class Category:
    """A value of a code; None where there is none."""

    value: str | None
    rows: int
    positives: int

    @property
    def is_known(self) -> bool:
        """Whether it tells anything: `unknown` is a value, and says that there is none."""
        return self.value is not None and self.value != UNKNOWN


@dataclass(frozen=True)
class Group:
    """A part of the training rows: all where both are None, those of one label, or of one type of company."""

    label: int | None = None
    company_type: str | None = None


@dataclass(frozen=True)
class Known:
    """How many values of a feature a group has, and their percentiles in the order of `PERCENTILES`."""

    rows: int
    points: tuple[float, ...]


@dataclass(frozen=True)
class Moments:
    """A feature among the rows of one label.

    Attributes:
        rows: Of the label.
        known: Rows that have a value.
        mean, variance: Of the values, those beyond the .01 and .99 percentiles of all rows brought to these; None where
            there are too few.
        bins: Rows in each column of the histogram, those outside first and last.
    """

    rows: int
    known: int
    mean: float | None
    variance: float | None
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """A step of the row accounting, over all deliveries."""

    step: str
    rows_in: int
    rows_out: int
    left: Sequence[tuple[str, int]]


def _parts(features: Sequence[Feature], size: int) -> Iterator[Sequence[Feature]]:
    for start in range(0, len(features), size):
        yield features[start : start + size]


def read_population(connection: duckdb.DuckDBPyConnection) -> Population:
    """Count the training table, in all and by the month in which a row became public.

    Raises:
        UserError: When it is empty.
    """
    ((rows, companies, positives, weight),) = marts.rows(
        connection,
        "select count(*), count(distinct company_number), count(*) filter (label = 1), "
        f"avg(sample_weight) filter (label = 0) from {marts.mart('to_train')}",
    )
    if not rows:
        raise UserError(
            "marts.to_train has no rows, so there is nothing to report; land deliveries of at least two years and run "
            "`make build`"
        )
    months = marts.rows(
        connection,
        "select strftime(observed_on, '%Y-%m'), count(*), count(distinct company_number), "
        f"count(*) filter (label = 1) from {marts.mart('to_train')} group by 1 order by 1",
    )
    return Population(rows, companies, positives, weight, [Month(*row) for row in months])


def read_categories(connection: duckdb.DuckDBPyConnection, features: Sequence[Feature]) -> dict[str, list[Category]]:
    """Count the values of every categorical feature.

    Returns:
        By feature, the values that most rows have first.
    """
    found: dict[str, list[Category]] = {}
    for part in _parts(features, COLUMNS_AT_ONCE):
        names = [quoted(feature.name) for feature in part]
        sums = marts.rows(
            connection,
            f"select grouping({', '.join(names)}), coalesce({', '.join(names)}), count(*), "
            f"count(*) filter (label = 1) from {marts.mart('to_train')} "
            f"group by grouping sets ({', '.join(f'({name})' for name in names)}) order by 3 desc, 2 nulls last",
        )
        for place, feature in enumerate(part):
            # the bit of each column that is not grouped by is set, that of the last column being the lowest
            own = (1 << len(part)) - 1 - (1 << (len(part) - 1 - place))
            found[feature.name] = [Category(*row[1:]) for row in sums if row[0] == own]
    return found


def whole_features(connection: duckdb.DuckDBPyConnection, features: Sequence[Feature]) -> set[str]:
    """Name the features whose values are whole numbers by their type."""
    described = marts.rows(connection, f"describe {marts.mart('to_train')}")
    types = {row[0]: str(row[1]) for row in described}
    return {feature.name for feature in features if types[feature.name] in WHOLE_TYPES}


def read_percentiles(
    connection: duckdb.DuckDBPyConnection,
    features: Sequence[Feature],
    rows: int,
    *,
    by_type: bool,
    say: Callable[[str], None],
) -> dict[str, dict[Group, Known]]:
    """Find the percentiles of numbers among all training rows, by label, and by type of company.

    Args:
        connection: The warehouse.
        features: Numeric ones.
        rows: Of the training table.
        by_type: Whether the marts know a company's type.
        say: Takes a line for each part of the numbers, where they are read in several.

    Returns:
        By feature, the groups that have a value.
    """
    sets = ["()", "(label)", f"({COMPANY_TYPE})"] if by_type else ["()", "(label)"]
    at_once = math.floor(PERCENTILE_BYTES / (VALUE_BYTES * len(sets) * rows))
    company_type = COMPANY_TYPE if by_type else "cast(null as varchar)"
    keys = f"label, {company_type}, " + ("grouping(company_group)" if by_type else "1")
    points = ", ".join(map(str, PERCENTILES))
    found: dict[str, dict[Group, Known]] = {feature.name: {} for feature in features}
    read = 0
    for part in _parts(features, min(COLUMNS_AT_ONCE, max(1, at_once))):
        asked = ", ".join(
            f"count({quoted(feature.name)}), quantile_cont(cast({quoted(feature.name)} as double), [{points}])"
            for feature in part
        )
        for label, type_, not_by_type, *values in marts.rows(
            connection,
            f"select {keys}, {asked} from {marts.mart('to_train')} group by grouping sets ({', '.join(sets)})",
        ):
            group = Group(label, None if not_by_type else type_ or UNKNOWN)
            for place, feature in enumerate(part):
                known, at = values[2 * place], values[2 * place + 1]
                if known:
                    found[feature.name][group] = Known(known, tuple(at))
        read += len(part)
        if len(part) < len(features):
            say(f"percentiles of {read} of {len(features)} numbers")
    return found


def read_moments(
    connection: duckdb.DuckDBPyConnection,
    features: Sequence[Feature],
    limits: Mapping[str, tuple[float, float]],
    bins: Mapping[str, Bins],
) -> dict[str, dict[int, Moments]]:
    """Sum numbers up by label: how many, mean, variance and histogram.

    Args:
        connection: The warehouse.
        features: Numeric ones.
        limits: By feature, the lowest and the highest value to reckon with; others are brought to these. A feature that
            is not there is taken as it is.
        bins: By feature, the columns of its histogram; none where it is not there.

    Returns:
        By feature and label.
    """
    found: dict[str, dict[int, Moments]] = {feature.name: {} for feature in features}
    for part in _parts(features, COLUMNS_AT_ONCE):
        asked = ", ".join(_asked(feature.name, limits.get(feature.name), bins.get(feature.name)) for feature in part)
        for label, rows, *values in marts.rows(
            connection, f"select label, count(*), {asked} from {marts.mart('to_train')} group by label"
        ):
            for place, feature in enumerate(part):
                known, mean, variance, counted = values[4 * place : 4 * place + 4]
                columns = _columns(bins.get(feature.name), counted or {})
                found[feature.name][label] = Moments(rows, known, mean, variance, columns)
    return found


def _asked(name: str, limits: tuple[float, float] | None, bins: Bins | None) -> str:
    value = f"cast({quoted(name)} as double)"
    # null stays null: greatest() of null and a number is the number
    limited = value
    if limits is not None:
        low, high = (repr(float(limit)) for limit in limits)
        limited = f"case when {value} < {low} then {low} when {value} > {high} then {high} else {value} end"
    counted = "null"
    if bins is not None:
        counted = f"histogram({value}, [{', '.join(repr(float(edge)) for edge in bins.edges)}])"
    return f"count({value}), avg({limited}), var_samp({limited}), {counted}"


def _columns(bins: Bins | None, counted: Mapping[float, int]) -> tuple[int, ...]:
    if bins is None:
        return ()
    return tuple(counted.get(edge, 0) for edge in (*map(float, bins.edges), math.inf))


def read_accounting(connection: duckdb.DuckDBPyConnection) -> list[Step]:
    """Read what became of every row, step by step, summed over the deliveries.

    Raises:
        UserError: When the accounting is empty.
    """
    mart = marts.mart("row_accounting")
    steps = marts.rows(
        connection,
        "select step, cast(sum(rows_in) as bigint), cast(sum(rows_out) as bigint) from "
        f"(select distinct step, snapshot_month, rows_in, rows_out from {mart}) as steps group by step order by step",
    )
    if not steps:
        raise UserError("marts.row_accounting has no rows, so there is nothing to report; run `make build` again")
    left = marts.rows(
        connection,
        f"select step, reason, cast(sum(rows_left_out) as bigint) from {mart} where rows_left_out > 0 "
        "group by step, reason order by step, 3 desc, reason",
    )
    return [
        Step(step, rows_in, rows_out, [(reason, rows) for of, reason, rows in left if of == step])
        for step, rows_in, rows_out in steps
    ]
