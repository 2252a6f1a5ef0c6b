"""The report `insights`: the training table as it is, drawn from the marts and their feature definitions."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from ml.features import Feature
from reports import insights_queries as queries
from reports import numbers
from reports.bins import Bins
from reports.insights_findings import (
    COMPANY_TYPE,
    STATUS,
    TOP_VALUES,
    Contrast,
    Insights,
    Missing,
    find_contrasts,
    find_missing,
    groups_of,
    is_continuous,
    read_insights,
    tables,
)
from reports.insights_queries import PERCENTILES, Moments, Population, Step
from reports.origin import notice
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
SHOWN_TYPES = 4
SHOWN_DIFFERENCES = 25
FEWEST_KNOWN = 20  # values that percentiles are drawn from
STRIP_POINTS = (0.05, 0.25, 0.50, 0.75, 0.95)
MONTHS = 12
TICK_YEARS = 12  # of which not every one has its tick

# the steps that a training row goes through, in their order, and what it is in the end
FLOW = ("landing AC01", "current accounts", "observations to train on")
FLOW_END = "training rows"


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
            _differences_section(find_contrasts(found), population),
            _missing_section(find_missing(found)),
            _categories_section(found),
            *_flags_section(found),
            _numbers_section(found),
        ],
        folder=NAME,
        notice=notice(found.deliveries),
    )
    return Report(page, tables(found))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


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
            Card(title="All steps", table=shown, note="Reasons are in the CSV file."),
        ],
        ["row_accounting", "deliveries"],
    )


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

    groups = groups_of(found, feature.name)
    largest = [name for by, name, _, _ in groups if by == COMPANY_TYPE][:SHOWN_TYPES]
    places = [PERCENTILES.index(point) for point in STRIP_POINTS]
    strips = []
    for by, name, _, known in groups:
        if known.rows >= FEWEST_KNOWN and (by != COMPANY_TYPE or name in largest):
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
