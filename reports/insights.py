"""The report `insights`: the training table as it is, drawn from the marts and their feature definitions."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from ml import marts
from ml.features import Feature, check_mart, read_features
from ml.frames import TRAINING_COLUMNS
from reports import insights_queries as queries
from reports import numbers
from reports.bins import Bins, choose_bins
from reports.differences import Difference, Sample, standardised_difference
from reports.figures import Cell, Table
from reports.insights_queries import PERCENTILES, Category, Group, Known, Moments, Population, Step
from reports.page import Card, Page, Section, Shown
from reports.plots import (
    Axis,
    Bar,
    Bin,
    Column,
    Row,
    Stage,
    Strip,
    Whisker,
    bars,
    columns,
    distribution,
    flow,
    whiskers,
)
from reports.scales import Scale
from reports.writing import Report
from warehouse.engines import open_engine
from warehouse.errors import UserError
from warehouse.settings import Settings as Environment

NAME = "insights"
BECOMES_USER, NOT_USER = "becomes user", "not a user"
STATUS = {1: BECOMES_USER, 0: NOT_USER}
TOP_VALUES = 10
SHOWN_TYPES = 4
SHOWN_DIFFERENCES = 25
FEWEST_KNOWN = 20  # values that percentiles are drawn from
STRIP_POINTS = (0.05, 0.25, 0.50, 0.75, 0.95)
LOW, HIGH = PERCENTILES.index(0.01), PERCENTILES.index(0.99)
QUARTER, THREE_QUARTERS = PERCENTILES.index(0.25), PERCENTILES.index(0.75)
MONTHS = 12
TICK_YEARS = 12  # of which not every one has its tick

# the steps that a training row goes through, in their order, and what it is in the end
FLOW = ("landing AC01", "current accounts", "observations to train on")
FLOW_END = "training rows"


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
    )


def insights_report(environment: Environment, say: Callable[[str], None]) -> tuple[Report, datetime.date]:
    """Make the report of the month that the marts are built for; also gives the horizon.

    Args:
        environment: Where the warehouse is, and the month that is asked for.
        say: Takes progress lines.

    Raises:
        UserError: As `read_insights` does.
    """
    with open_engine(environment).reading(queries.READS) as connection:
        found = read_insights(connection, environment.month, say)
    return compose(found), found.horizon.date


def compose(found: Insights) -> Report:
    """Draw what was found.

    Raises:
        UserError: When the row accounting lacks a step on the way of a training row.
    """
    contrasts, missing = find_contrasts(found), find_missing(found)
    population = found.population
    rate = population.positives / population.rows
    page = Page(
        title="Insights: what the models learn from",
        about=f"Table marts.to_train, {found.horizon.month}: what was public before {found.horizon.date}.",
        headline=f"{population.rows:,} observations of {population.companies:,} companies; {population.positives:,} of "
        f"them ({numbers.share(rate)}) become users of invoice finance within twelve months.",
        sections=[
            _months_section(population),
            _flow_section(found.accounting),
            _differences_section(contrasts, population),
            _missing_section(missing),
            _categories_section(found),
            *_flags_section(found),
            _numbers_section(found),
        ],
        folder=NAME,
    )
    tables = [
        _months_table(population),
        _accounting_table(found.accounting),
        _differences_table(contrasts),
        _missing_table(missing),
        _categories_table(found),
        _percentiles_table(found),
        _histograms_table(found),
    ]
    return Report(page, tables)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _months_table(population: Population) -> Table:
    return Table(
        "months",
        ("month", "observations", "companies", "become_users"),
        [(of.month, of.rows, of.companies, of.positives) for of in population.months],
    )


def every_month(months: Sequence[str]) -> list[str]:
    """List all months from the first to the last, both `YYYY-MM` and given in order, without a gap."""
    first, last = (int(month[:4]) * MONTHS + int(month[5:]) - 1 for month in (months[0], months[-1]))
    return [f"{number // MONTHS}-{number % MONTHS + 1:02}" for number in range(first, last + 1)]


def _months_section(population: Population) -> Section:
    by_month = {of.month: of for of in population.months}
    months = every_month(list(by_month))
    every = -(-len(months) // (MONTHS * TICK_YEARS))

    def drawn(title: str, values: Mapping[str, int]) -> Card:
        given = [
            Column(
                name=month,
                tick=month[:4] if month.endswith("-01") and int(month[:4]) % every == 0 else "",
                value=values.get(month, 0),
            )
            for month in months
        ]
        return Card(svg=columns(given, title, numbers.short))

    words = [
        "An observation is one company's accounts on the day they became public; a company has one for each year. "
        "Months are those of that day."
    ]
    weight = population.negative_weight
    if weight is not None and weight > 1:
        words.append(
            f"All that become users are kept; of the others a sample, each of which stands for {weight:,.2f} "
            "observations. Figures below are of the rows as they are, without these weights."
        )
    return Section(
        "Observations by month",
        words,
        [
            drawn("Observations", {of.month: of.rows for of in population.months}),
            drawn("Companies", {of.month: of.companies for of in population.months}),
            drawn("Become users within twelve months", {of.month: of.positives for of in population.months}),
        ],
        ["months"],
    )


def _accounting_table(accounting: Sequence[Step]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for step in accounting:
        for reason, left in step.left or [("none", 0)]:
            rows.append((step.step, step.rows_in, step.rows_out, reason, left))
    return Table("row_accounting", ("step", "rows_in", "rows_out", "reason", "rows_left_out"), rows)


def _flow_section(accounting: Sequence[Step]) -> Section:
    steps = {step.step: step for step in accounting}
    absent = [name for name in FLOW if name not in steps]
    if absent:
        raise UserError(
            f"marts.row_accounting has no step {' and no step '.join(absent)}; run `make build`, or name the steps "
            "that a training row goes through in reports/insights.py"
        )
    stages = [Stage(_capital(name), steps[name].rows_in, steps[name].left) for name in FLOW]
    shown = Shown(
        ("step", "rows in", "rows out", "left out"),
        [
            (step.step, *(f"{rows:,}" for rows in (step.rows_in, step.rows_out, step.rows_in - step.rows_out)))
            for step in accounting
        ],
    )
    return Section(
        "From delivered lines to training rows",
        [
            "Balance sheets from the lines as delivered to the rows of the training table, all deliveries together, "
            "and why rows were left out on the way. Bars are as long as they have rows."
        ],
        [
            Card(title="Balance sheets", svg=flow(stages, FLOW_END, "Rows from delivery to training", numbers.count)),
            Card(title="All steps", table=shown, folded=True, note="Reasons are in the CSV file."),
        ],
        ["row_accounting"],
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


def _missing_table(missing: Sequence[Missing]) -> Table:
    return Table(
        "missing",
        ("feature", "in_words", "observations", "missing", "missing_share", "become_users_missing_share"),
        [
            (of.feature.name, of.feature.reason, of.rows, of.missing, of.share, of.positives_share)
            for of in missing
        ],
    )  # fmt: skip


def _missing_section(missing: Sequence[Missing]) -> Section:
    lacking = [of for of in missing if of.missing]
    complete = len(missing) - len(lacking)
    words = ["Share of the observations that lack a variable; the stroke is the share among those that become users. "
             f"Of codes, {queries.UNKNOWN} counts as missing."]  # fmt: skip
    if complete:
        words.append(f"{complete} of {len(missing)} variables are never missing.")
    drawn = [
        Bar(_capital(of.feature.reason), of.share, numbers.share(of.share), of.positives_share) for of in lacking
    ]  # fmt: skip
    third = -(-len(drawn) // 3)
    cards = [
        Card(svg=bars(drawn[start : start + third], "Share of observations that lack a variable", 1.0))
        for start in range(0, len(drawn), third or 1)
    ]
    return Section("What is missing", words, cards, ["missing"])


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


def _differences_section(contrasts: Sequence[Contrast], population: Population) -> Section:
    title = "How users differ from the others"
    if not contrasts:
        return Section(
            title,
            [f"{population.positives:,} observations become users and {population.negatives:,} do not: there is "
             "nothing to compare."],
            figures=["differences"],
        )  # fmt: skip
    words = [
        "Mean of those that become users less mean of the others, in standard deviations: 0.2 is small, 0.5 is plain "
        "to see, 0.8 is large. Right of zero, users have more of it. Values beyond the 1st and 99th percentile count "
        "as these; of a code or a yes, its share is compared. Bars are 95 % intervals, as if observations were "
        "independent.",
        f"The {min(SHOWN_DIFFERENCES, len(contrasts))} greatest of {len(contrasts)}. A difference is no cause.",
    ]
    shown = contrasts[:SHOWN_DIFFERENCES]
    ends = [abs(end) for of in shown for end in (of.difference.low, of.difference.high)]
    scale = Scale(-max(ends), max(ends))
    half = -(-len(shown) // 2)
    cards = [
        Card(
            svg=whiskers(
                [
                    Row(_capital(of.name), [Whisker(of.difference.value, of.difference.low, of.difference.high)],
                        f"{of.difference.value:+.2f}")
                    for of in shown[start : start + half]
                ],
                [""], "Standardised differences", lambda value: f"{value:+.1f}" if value else "0", reference=0.0,
                scale=scale,
            )
        )
        for start in range(0, len(shown), half)
    ]  # fmt: skip
    return Section(title, words, cards, ["differences"])


def _categories_table(found: Insights) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, categories in found.categories.items():
        for place, of in enumerate(categories, start=1):
            share = of.rows / found.population.rows
            rows.append((name, place, of.value, of.rows, share, of.positives, of.positives / of.rows))
    columns_ = ("feature", "place", "value", "observations", "share", "become_users", "become_users_share")
    return Table("categories", columns_, rows)


def _categories_section(found: Insights) -> Section:
    cards = []
    for feature in found.features:
        if feature.kind != "categorical":
            continue
        categories = found.categories[feature.name]
        top = categories[:TOP_VALUES]
        covered = sum(of.rows for of in top) / found.population.rows
        note = feature.name
        if len(categories) > len(top):
            note = f"{feature.name}: the first {len(top)} of {len(categories)} values, {numbers.share(covered)} of all"
        drawn = [
            Bar(of.value or "missing", of.rows / found.population.rows, numbers.share(of.rows / found.population.rows))
            for of in top
        ]
        shown = Shown(
            ("value", "observations", "share", "become users", "share of them"),
            [
                (of.value or "missing", f"{of.rows:,}", numbers.share(of.rows / found.population.rows),
                 f"{of.positives:,}", numbers.share(of.positives / of.rows, 2))
                for of in top
            ],
        )  # fmt: skip
        cards.append(Card(_capital(feature.reason), bars(drawn, f"Share of each {feature.reason}"), note, shown))
    return Section("Codes", ["The values that most observations have."], cards, ["categories"])


def _flags_section(found: Insights) -> list[Section]:
    """Draw how often each yes-or-no variable is yes; nothing where there is none."""
    drawn = []
    for feature in found.features:
        if feature.kind != "numeric" or is_continuous(feature):
            continue
        sides = found.moments[feature.name].values()
        known = sum(side.known for side in sides)
        if known:
            share = sum(side.known * (side.mean or 0.0) for side in sides) / known
            positive = found.moments[feature.name].get(1)
            mark = None if positive is None else positive.mean
            drawn.append(Bar(_capital(feature.reason), share, numbers.share(share), mark))
    if not drawn:
        return []
    words = ["Share of the observations where it is known; the stroke is the share among those that become users."]
    return [Section("Yes or no", words, [Card(svg=bars(drawn, "Share of yes", 1.0))], ["differences"])]


def _groups(found: Insights, feature: str) -> list[tuple[str, str, Group, Known]]:
    """Name the groups of a feature: how they are told apart, what they are called, and what is known of them."""
    known = found.percentiles[feature]
    wanted = [("all", "all", Group()), *(("status", name, Group(label=label)) for label, name in STATUS.items())]
    types = [of.value or queries.UNKNOWN for of in found.categories.get(queries.COMPANY_TYPE, ())]
    wanted += [("company type", name, Group(company_type=name)) for name in dict.fromkeys(types)]
    return [(by, name, group, known[group]) for by, name, group in wanted if group in known]


def _percentiles_table(found: Insights) -> Table:
    names = tuple(f"p{round(100 * point):02}" for point in PERCENTILES)
    rows: list[tuple[Cell, ...]] = [
        (feature, by, name, known.rows, *known.points)
        for feature in found.percentiles
        for by, name, _, known in _groups(found, feature)
    ]
    return Table("percentiles", ("feature", "by", "group", "known", *names), rows)


def histogram(bins: Bins, sides: Mapping[int, Moments]) -> list[Bin]:
    """Turn what was counted in the columns of a histogram into shares of the known values, of all and by label.

    Args:
        bins: The columns.
        sides: What was counted, by label.
    """
    known = sum(side.known for side in sides.values()) or 1
    ends = [None, *bins.edges, None]
    found = []
    for number, (above, up_to) in enumerate(pairwise(ends)):
        counted = sum(side.bins[number] for side in sides.values())
        series = tuple(sides[label].bins[number] / (sides[label].known or 1) for label in STATUS if label in sides)
        found.append(Bin(above, up_to, counted / known, series))
    return found


def _histograms_table(found: Insights) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for feature, bins in found.bins.items():
        sides = found.moments[feature]
        for number, (above, up_to) in enumerate(pairwise([None, *bins.edges, None])):
            rows.append(
                (feature, above, up_to, *(sides[label].bins[number] if label in sides else 0 for label in STATUS))
            )
    return Table("histograms", ("feature", "above", "up_to", "become_users", "others"), rows)


def _numbers_section(found: Insights) -> Section:
    cards = []
    for feature in found.features:
        if not is_continuous(feature):
            continue
        if feature.name not in found.bins:
            cards.append(Card(_capital(feature.reason), note=f"{feature.name}: no observation has it"))
            continue
        cards.append(_number_card(found, feature))
    words = [
        "Columns are all observations, the solid line those that become users, the dashed one the others, each as a "
        "share of its own, whatever the width of a column. The columns at either end hold what lies outside the axis, "
        "which reaches from the 1st to the 99th percentile; where values are spread wide, the axis is logarithmic but "
        "near zero.",
        "Below, on the same axis, for all, by status and for the largest types of company: a line from the 5th to the "
        "95th percentile, a bar over the middle half, a stroke at the median, which is written on the right.",
    ]
    return Section("Numbers", words, cards, ["percentiles", "histograms"])


def _number_card(found: Insights, feature: Feature) -> Card:
    def write(value: float) -> str:
        return numbers.short(value, feature.unit)

    groups = _groups(found, feature.name)
    largest = [name for by, name, _, _ in groups if by == "company type"][:SHOWN_TYPES]
    places = [PERCENTILES.index(point) for point in STRIP_POINTS]
    strips = []
    for by, name, _, known in groups:
        if known.rows >= FEWEST_KNOWN and (by != "company type" or name in largest):
            p05, p25, p50, p75, p95 = (known.points[place] for place in places)
            strips.append(Strip(_capital(name), (p05, p25, p50, p75, p95)))
    sides = found.moments[feature.name]
    names = [STATUS[label] for label in STATUS if label in sides]
    bins = found.bins[feature.name]
    svg = distribution(histogram(bins, sides), strips, names, Axis(bins.scale, write, feature.reason))
    lacking = 1 - sum(side.known for side in sides.values()) / found.population.rows
    shown = Shown(
        ("percentile", *(f".{round(100 * point):02}" for point in PERCENTILES)),
        [(_capital(name), *(write(point) for point in known.points)) for _, name, _, known in groups],
    )
    note = f"{feature.name}, {numbers.share(lacking)} missing" if lacking else feature.name
    return Card(_capital(feature.reason), svg, note, shown)
