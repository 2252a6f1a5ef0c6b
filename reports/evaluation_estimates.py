"""Estimates of whole tests and of slices, with their intervals: sections of the report `evaluation`."""

from collections.abc import Sequence

from reports import numbers
from reports.evaluation_queries import Metric
from reports.evaluation_told import NAIVE, WALK_FORWARD, WHOLE, Told, Write, fine, interval, ratio, tick, whisker
from reports.page import Card, Section, Shown
from reports.plots import Row, whiskers
from reports.scales import Scale

CHIEF: tuple[tuple[str, str, Write], ...] = (
    ("lift_at_1_percent", "Lift at the top 1 %", ratio),
    ("lift_at_10_percent", "Lift at the top 10 %", ratio),
    ("precision_at_100", "Share of users among the first 100", numbers.share),
    ("recall_at_10_percent", "Share of users found in the top 10 %", numbers.share),
    ("average_precision", "Average precision", fine),
    ("roc_auc", "Area under ROC", fine),
    ("expected_calibration_error", "Calibration error", lambda value: numbers.share(value, 2)),
    ("base_rate", "Rate of users among all", lambda value: numbers.share(value, 2)),
)
YEARLY: tuple[tuple[str, str, float | None], ...] = (
    ("average_precision", "Average precision", None),
    ("lift_at_1_percent", "Lift at the top 1 %", 1.0),
    ("roc_auc", "Area under ROC", 0.5),
)
SLICED, SLICED_IN_WORDS = "lift_at_10_percent", "lift at the top 10 %"


def _missed(told: Told) -> int:
    """Count the users that no model scored, who are among the false negatives of every one."""
    model = told.models[0]
    return round(told.value(model, "true_positives") + told.value(model, "false_negatives") - told.test.positives)


def chief_section(told: Told) -> Section:
    """Show the chief metrics of the headline."""
    test, missed = told.test, _missed(told)
    words = [
        f"Tested on {test.rows:,} observations of companies that the tested models never saw, public in the twelve "
        f"months after {told.headline}. {test.positives:,} became users within twelve months"
        + (f"; {missed:,} more could not be scored, and count as not found." if missed > 0 else "."),
        "Lift is how many times as many users a list has as one picked by chance. Average precision and the area under "
        "ROC judge the whole ranking: chance has the rate of users in the one and 0.5 in the other.",
    ]
    rows = [
        (words_, *(interval(told.metric(model, metric), write) for model in told.models))
        for metric, words_, write in CHIEF
        if any(told.metric(model, metric) for model in told.models)
    ]
    table = Shown(("", *(f"{model} model" for model in told.models)), rows)
    return Section("How good they are", words, [Card(table=table, folded=False, wide=True)], ["metrics"])


def _yearly_cards(told: Told, tests: Sequence[tuple[str, str, str]]) -> list[Card]:
    """Draw the chief metrics of several tests, each given as its name, split and fold."""
    cards = []
    for metric, title, chance in YEARLY:
        rows = []
        for name, split, fold in tests:
            found = [told.metric(model, metric, split, fold) for model in told.models]
            users = next((of.positives for of in found if of is not None), 0)
            rows.append(Row(name, [whisker(of) for of in found], f"{users:,} users"))
        scale = Scale(0.4, 1.0) if metric == "roc_auc" else None
        write = ratio if metric.startswith("lift") else fine
        table = Shown(
            ("test", *(f"{model} model" for model in told.models)),
            [
                (name, *(interval(told.metric(model, metric, split, fold), write) for model in told.models))
                for name, split, fold in tests
            ],
        )
        svg = whiskers(rows, told.models, title, tick, reference=chance, scale=scale)
        cards.append(Card(title, svg, table=table))
    return cards


def years_section(told: Told) -> Section:
    """Draw the chief metrics of every year that was tested."""
    tests = [(f"after {fold}", WALK_FORWARD, fold) for fold in told.folds]
    run = told.found.run
    words = [
        "Each year was tested by models that learned from nothing after it began, and from none of its companies. The "
        "last is the headline."
    ]
    if run.windows_left_out:
        years = "year" if run.windows_left_out == 1 else "years"
        words.append(f"{run.windows_left_out} earlier {years} could not be tested: too few users by then.")
    return Section("Year by year", words, _yearly_cards(told, tests), ["metrics"])


def naive_section(told: Told) -> Section:
    """Draw the headline beside what a split at random would have claimed."""
    title = "What a careless split would have claimed"
    folds = sorted({of.fold for of in told.found.metrics if of.split == NAIVE})
    if not folds:
        return Section(title, ["No split at random was tested: one of its parts had no users."])
    metric = "average_precision"
    model = told.models[0]
    naive, honest = told.metric(model, metric, NAIVE, folds[0]), told.metric(model, metric)
    words = [
        "Rows at random into training and test, so that the models know the test's companies and its future: shown for "
        "comparison, used for nothing."
    ]
    if naive and honest and naive.value and honest.value:
        words.append(
            f"It would claim an average precision of {naive.value:.3f} for the {model} model, where the honest test "
            f"finds {honest.value:.3f}: {naive.value / honest.value:.1f} times as much."
        )
    tests = [(f"honest, after {told.headline}", WALK_FORWARD, told.headline), ("rows at random", NAIVE, folds[0])]
    return Section(title, words, _yearly_cards(told, tests), ["metrics"])


def slices_section(told: Told) -> Section:
    """Draw the lift of every slice that has enough users."""
    cards = []
    for name in dict.fromkeys(of.slice for of in told.found.metrics if of.slice != WHOLE):
        by_value: dict[str, dict[str, Metric]] = {}
        for of in told.found.metrics:
            if of.slice == name and of.metric == SLICED:
                by_value.setdefault(of.slice_value, {})[of.model_name] = of
        rows, shown = [], []
        for value, models in sorted(by_value.items(), key=lambda item: -next(iter(item[1].values())).rows):
            counted = next(iter(models.values()))
            found = [models.get(model) for model in told.models]
            note = f"{counted.positives:,} of {counted.rows:,}"
            if any(whisker(of) for of in found):
                rows.append(Row(value, [whisker(of) for of in found], note))
            shown.append((value, f"{counted.rows:,}", f"{counted.positives:,}", *(interval(of, ratio) for of in found)))
        svg = whiskers(rows, told.models, f"{SLICED_IN_WORDS} by {name}", tick, reference=1.0) if rows else ""
        few = len(shown) - len(rows)
        table = Shown((name.replace("_", " "), "tested", "users", *(f"{model} model" for model in told.models)), shown)
        note = f"{few} of {len(shown)} have too few users to tell" if few else ""
        cards.append(Card(f"By {name.replace('_', ' ')}", svg, note, table))
    words = [
        f"The {SLICED_IN_WORDS} of each slice, among its own companies; the dashed line is chance. On the right, how "
        "many of those tested became users. Of many slices some are high or low by chance: read the intervals."
    ]
    return Section("Slices", words if cards else ["The settings of this run name no slices."], cards, ["metrics"])
