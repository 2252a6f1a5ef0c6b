"""What the report `insights` finds in the marts, and the figures of it that are written as CSV."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from ml import marts
from ml.features import Feature, check_mart, read_features
from ml.frames import TRAINING_COLUMNS
from reports import insights_queries as queries
from reports.bins import Bins, choose_bins
from reports.differences import Difference, Sample, standardised_difference
from reports.figures import Cell, Table
from reports.insights_queries import PERCENTILES, Category, Group, Known, Moments, Population, Step
from reports.origin import Delivery, delivery_table, read_deliveries

BECOMES_USER, NOT_USER = "becomes user", "not a user"
STATUS = {1: BECOMES_USER, 0: NOT_USER}
COMPANY_TYPE = "company type"
TOP_VALUES = 10
LOW, HIGH = PERCENTILES.index(0.01), PERCENTILES.index(0.99)
QUARTER, THREE_QUARTERS = PERCENTILES.index(0.25), PERCENTILES.index(0.75)


@dataclass(frozen=True)
class Missing:
    """How many rows lack a feature, in all and among those that become users."""

    feature: Feature
    rows: int
    missing: int
    positives: int
    positives_missing: int

    @property
    def share(self) -> float:
        """Share of all rows."""
        return self.missing / self.rows

    @property
    def positives_share(self) -> float | None:
        """Share of the rows that become users; None where there are none."""
        return self.positives_missing / self.positives if self.positives else None


@dataclass(frozen=True)
class Contrast:
    """What separates the rows that become users from the others: a number, a value of a code, or that it is missing."""

    feature: Feature
    what: str
    first: Sample
    second: Sample
    difference: Difference

    @property
    def name(self) -> str:
        """The contrast in words."""
        return f"{self.feature.reason}: {self.what}" if self.what else self.feature.reason


@dataclass(frozen=True)
class Insights:
    """Everything that the report tells, as the marts have it."""

    horizon: marts.Horizon
    features: Sequence[Feature]
    population: Population
    categories: Mapping[str, Sequence[Category]]
    percentiles: Mapping[str, Mapping[Group, Known]]
    bins: Mapping[str, Bins]
    moments: Mapping[str, Mapping[int, Moments]]
    accounting: Sequence[Step]
    deliveries: Sequence[Delivery]


def is_continuous(feature: Feature) -> bool:
    """Whether a feature is a number whose size means something."""
    return feature.kind == "numeric" and feature.unit not in {"flag", "code"}


def read_insights(connection: duckdb.DuckDBPyConnection, month: str | None, say: Callable[[str], None]) -> Insights:
    """Ask the marts for everything.

    Args:
        connection: The warehouse.
        month: The month that is asked for, `YYYY-MM`, or None.
        say: Takes progress lines.

    Raises:
        UserError: When a mart is absent, empty, of another month, or not as the feature definitions say.
    """
    horizon = marts.read_horizon(connection, month)
    features = read_features(connection)
    check_mart(connection, "to_train", features, TRAINING_COLUMNS)
    population = queries.read_population(connection)
    codes = [feature for feature in features if feature.kind == "categorical"]
    measures = [feature for feature in features if feature.kind == "numeric"]
    continuous = [feature for feature in measures if is_continuous(feature)]
    say(f"{population.rows:,} observations, {len(codes)} codes and {len(measures)} numbers")
    by_type = any(feature.name == queries.COMPANY_TYPE for feature in codes)
    percentiles = queries.read_percentiles(connection, continuous, population.rows, by_type=by_type, say=say)
    whole = queries.whole_features(connection, continuous)
    everyone = {name: groups[Group()].points for name, groups in percentiles.items() if Group() in groups}
    bins = {
        name: choose_bins(
            points[LOW], points[QUARTER], points[THREE_QUARTERS], points[HIGH], whole=name in whole
        )
        for name, points in everyone.items()
    }  # fmt: skip
    limits = {name: (points[LOW], points[HIGH]) for name, points in everyone.items()}
    return Insights(
        horizon=horizon,
        features=features,
        population=population,
        categories=queries.read_categories(connection, codes),
        percentiles=percentiles,
        bins=bins,
        moments=queries.read_moments(connection, measures, limits, bins),
        accounting=queries.read_accounting(connection),
        deliveries=read_deliveries(connection, horizon.month),
    )


def find_missing(found: Insights) -> list[Missing]:
    """Count the rows that lack each feature, those that most lack first; a code `unknown` is missing."""
    population = found.population
    counted = []
    for feature in found.features:
        if feature.kind == "categorical":
            values = [value for value in found.categories[feature.name] if not value.is_known]
            missing, positives = sum(value.rows for value in values), sum(value.positives for value in values)
        else:
            lacking = {label: of.rows - of.known for label, of in found.moments[feature.name].items()}
            missing, positives = sum(lacking.values()), lacking.get(1, 0)
        counted.append(Missing(feature, population.rows, missing, population.positives, positives))
    return sorted(counted, key=lambda of: -of.missing)


def find_contrasts(found: Insights) -> list[Contrast]:
    """Set the rows that become users against the others, by every variable; those furthest apart first."""
    positives, negatives = found.population.positives, found.population.negatives
    if not positives or not negatives:
        return []
    contrasts = []

    def compare(feature: Feature, what: str, first: Sample, second: Sample) -> None:
        difference = standardised_difference(first, second)
        if difference is not None:
            contrasts.append(Contrast(feature, what, first, second, difference))

    def compare_shares(feature: Feature, what: str, hits: int, other_hits: int) -> None:
        compare(feature, what, Sample.of_share(positives, hits), Sample.of_share(negatives, other_hits))

    for feature in found.features:
        if feature.kind == "categorical":
            for category in found.categories[feature.name][:TOP_VALUES]:
                others = category.rows - category.positives
                compare_shares(feature, category.value or "missing", category.positives, others)
            continue
        first, second = (found.moments[feature.name][label] for label in (1, 0))
        sides = [_sample(side) for side in (first, second)]
        if sides[0] is not None and sides[1] is not None:
            compare(feature, "" if is_continuous(feature) else "yes", sides[0], sides[1])
        compare_shares(feature, "missing", first.rows - first.known, second.rows - second.known)
    return sorted(contrasts, key=lambda of: -abs(of.difference.value))


def _sample(moments: Moments) -> Sample | None:
    if moments.mean is None or moments.variance is None:
        return None
    return Sample(moments.known, moments.mean, moments.variance)


def groups_of(found: Insights, feature: str) -> list[tuple[str, str, Group, Known]]:
    """Name the groups of a feature: how they are told apart, what they are called, and what is known of them."""
    known = found.percentiles[feature]
    wanted = [("all", "all", Group()), *(("status", name, Group(label=label)) for label, name in STATUS.items())]
    types = [of.value or queries.UNKNOWN for of in found.categories.get(queries.COMPANY_TYPE, ())]
    wanted += [(COMPANY_TYPE, name, Group(company_type=name)) for name in dict.fromkeys(types)]
    return [(by, name, group, known[group]) for by, name, group in wanted if group in known]


def tables(found: Insights) -> list[Table]:
    """Give all figures of the report."""
    return [
        _months_table(found.population),
        _accounting_table(found.accounting),
        _differences_table(find_contrasts(found)),
        _missing_table(find_missing(found)),
        _categories_table(found),
        _percentiles_table(found),
        _histograms_table(found),
        delivery_table(found.deliveries),
    ]


def _months_table(population: Population) -> Table:
    return Table(
        "months",
        ("month", "observations", "companies", "become_users"),
        [(of.month, of.rows, of.companies, of.positives) for of in population.months],
    )


def _accounting_table(accounting: Sequence[Step]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for step in accounting:
        for reason, left in step.left or [("none", 0)]:
            rows.append((step.step, step.rows_in, step.rows_out, reason, left))
    return Table("row_accounting", ("step", "rows_in", "rows_out", "reason", "rows_left_out"), rows)


def _missing_table(missing: Sequence[Missing]) -> Table:
    return Table(
        "missing",
        ("feature", "in_words", "observations", "missing", "missing_share", "become_users_missing_share"),
        [
            (of.feature.name, of.feature.reason, of.rows, of.missing, of.share, of.positives_share)
            for of in missing
        ],
    )  # fmt: skip


def _differences_table(contrasts: Sequence[Contrast]) -> Table:
    return Table(
        "differences",
        ("feature", "what", "become_users", "become_users_mean", "others", "others_mean",
         "standardised_difference", "low", "high"),
        [
            (of.feature.name, of.what or "value", of.first.rows, of.first.mean, of.second.rows, of.second.mean,
             of.difference.value, of.difference.low, of.difference.high)
            for of in contrasts
        ],
    )  # fmt: skip


def _categories_table(found: Insights) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, categories in found.categories.items():
        for place, of in enumerate(categories, start=1):
            share = of.rows / found.population.rows
            rows.append((name, place, of.value, of.rows, share, of.positives, of.positives / of.rows))
    columns_ = ("feature", "place", "value", "observations", "share", "become_users", "become_users_share")
    return Table("categories", columns_, rows)


def _percentiles_table(found: Insights) -> Table:
    names = tuple(f"p{round(100 * point):02}" for point in PERCENTILES)
    rows: list[tuple[Cell, ...]] = [
        (feature, by, name, known.rows, *known.points)
        for feature in found.percentiles
        for by, name, _, known in groups_of(found, feature)
    ]
    return Table("percentiles", ("feature", "by", "group", "known", *names), rows)


def _histograms_table(found: Insights) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for feature, bins in found.bins.items():
        sides = found.moments[feature]
        for number, (above, up_to) in enumerate(pairwise([None, *bins.edges, None])):
            rows.append(
                (feature, above, up_to, *(sides[label].bins[number] if label in sides else 0 for label in STATUS))
            )
    return Table("histograms", ("feature", "above", "up_to", "become_users", "others"), rows)
