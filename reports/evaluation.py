"""The report `evaluation`: how good the models of a run are, and what that does not say, as training wrote it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ml.tables import show_tables
from reports import evaluation_queries as queries
from reports import numbers
from reports.evaluation_queries import Comparison, Evaluation, Metric, Point, Run, read_evaluation
from reports.page import Card, Page, Section, Shown
from reports.plots import Axis, Bar, Curve, Row, Whisker, bars, curves, whiskers
from reports.scales import Scale
from reports.writing import Report
from warehouse.engines import open_engine
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment

WALK_FORWARD, NAIVE, WHOLE = "walk_forward", "naive", "all"
OURS = "xgboost"
SHOWN_FEATURES = 15
FEW_POSITIVES = 200

Write = Callable[[float], str]


def _ratio(value: float) -> str:
    return f"{value:.1f}"


def _fine(value: float) -> str:
    return f"{value:.3f}"


def _tick(value: float) -> str:
    return f"{value:g}"


CHIEF: tuple[tuple[str, str, Write], ...] = (
    ("lift_at_1_percent", "Lift at the top 1 %", _ratio),
    ("lift_at_10_percent", "Lift at the top 10 %", _ratio),
    ("precision_at_100", "Share of users among the first 100", numbers.share),
    ("recall_at_10_percent", "Share of users found in the top 10 %", numbers.share),
    ("average_precision", "Average precision", _fine),
    ("roc_auc", "Area under ROC", _fine),
    ("expected_calibration_error", "Calibration error", lambda value: numbers.share(value, 2)),
    ("base_rate", "Rate of users among all", lambda value: numbers.share(value, 2)),
)
YEARLY: tuple[tuple[str, str, float | None], ...] = (
    ("average_precision", "Average precision", None),
    ("lift_at_1_percent", "Lift at the top 1 %", 1.0),
    ("roc_auc", "Area under ROC", 0.5),
)
COMPARED = ("lift_at_1_percent", "Lift at the top 1 %", 1.0), ("average_precision", "Average precision", None)
SLICED, SLICED_IN_WORDS = "lift_at_10_percent", "lift at the top 10 %"
LISTED, LISTED_SHARE = "recall_at_10_percent", 0.1  # of a learner, on the plot of our gain


class Told:
    """Look-ups in what the tables say of a run."""

    def __init__(self, found: Evaluation) -> None:
        """Order the metrics by what they are of."""
        self.found = found
        self.models = sorted({metric.model_name for metric in found.metrics})
        self._metrics = {
            (of.model_name, of.split, of.fold, of.slice, of.slice_value, of.metric): of for of in found.metrics
        }
        self.headline = found.run.headline_fold

    def metric(self, model: str, metric: str, split: str = WALK_FORWARD, fold: str = "") -> Metric | None:
        """Find a metric of a whole test, the headline's where no fold is named; None where there is none."""
        return self._metrics.get((model, split, fold or self.headline, WHOLE, WHOLE, metric))

    def value(self, model: str, metric: str) -> float:
        """Find the estimate of a metric of the headline; 0 where there is none."""
        found = self.metric(model, metric)
        return 0.0 if found is None or found.value is None else found.value

    def points(self, model: str, curve: str) -> list[Point]:
        """Find the points of a curve in their order."""
        return [point for point in self.found.points if (point.model_name, point.curve) == (model, curve)]

    @property
    def test(self) -> Metric:
        """Any metric of the headline, which knows how many rows were tested."""
        return next(of for of in self.found.metrics if of.fold == self.headline and of.slice == WHOLE)

    @property
    def folds(self) -> list[str]:
        """Name the years that were tested, the earliest first."""
        return sorted({of.fold for of in self.found.metrics if of.split == WALK_FORWARD})


def evaluation_report(environment: Environment, run: str) -> tuple[Report, Run]:
    """Make the report of a run.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        run: The run, or how its name begins, or `latest`.

    Raises:
        UserError: When there is no such run, or the tables hold nothing of it.
    """
    lake = Lake(environment.lake)
    with open_engine(environment).reading(queries.MARTS) as connection:
        show_tables(connection, lake, queries.TABLES)
        found = read_evaluation(connection, run, environment.month)
    return compose(found), found.run


def compose(found: Evaluation) -> Report:
    """Draw what the tables say."""
    told, run = Told(found), found.run
    page = Page(
        title="Evaluation: how good the models are",
        about=f"Run {run.run_id}, {run.score_month}: learned from {run.rows:,} observations of {run.companies:,} "
        f"companies, {run.positives:,} of them positive, public before {run.horizon_date}. All intervals are of 95 %.",
        headline=headline(told),
        sections=[
            _chief_section(told),
            _gain_section(told),
            _reliability_section(told),
            _years_section(told),
            _naive_section(told),
            _lists_section(told),
            _slices_section(told),
            _importance_section(found, told.models),
            Section("What these numbers do not say", limits(told)),
        ],
        folder=f"evaluation_{run.run_id}",
    )
    return Report(page, found.tables())


def interval(metric: Metric | None, write: Write) -> str:
    """Write an estimate as `8.3 (3.0 to 12.8)`; `too few users` where there is none."""
    if metric is None or metric.value is None or metric.low is None or metric.high is None:
        return "too few users"
    return f"{write(metric.value)} ({write(metric.low)} to {write(metric.high)})"


def headline(told: Told) -> str:
    """Say in one sentence how good the model is that ranks the few best, or the first there is."""
    model = "precision" if "precision" in told.models else told.models[0]
    lift, test = told.metric(model, "lift_at_1_percent"), told.test
    if lift is None or lift.value is None or lift.low is None or lift.high is None:
        return f"Tested on {test.rows:,} observations, of which {test.positives:,} became users."
    return (
        f"Among the 1 % that the {model} model ranked first, {lift.value:.1f} times as many became users as among as "
        f"many picked by chance (95 % interval {lift.low:.1f} to {lift.high:.1f})."
    )


def _missed(told: Told) -> int:
    """Count the users that no model scored, who are among the false negatives of every one."""
    model = told.models[0]
    return round(told.value(model, "true_positives") + told.value(model, "false_negatives") - told.test.positives)


def _whisker(metric: Metric | Comparison | None) -> Whisker | None:
    if metric is None or metric.value is None or metric.low is None or metric.high is None:
        return None
    return Whisker(metric.value, metric.low, metric.high)


def _chief_section(told: Told) -> Section:
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


def _gain_section(told: Told) -> Section:
    tried = [of for of in told.found.comparison if of.learner != OURS and of.value is not None]
    letters = {
        learner: chr(ord("A") + number) for number, learner in enumerate(dict.fromkeys(of.learner for of in tried))
    }
    found = {of.learner: of.value for of in tried if of.metric == LISTED and of.value is not None}
    marks = [(LISTED_SHARE, recall, letters[learner]) for learner, recall in found.items()]
    share_axis = Axis(Scale(0.0, 1.0), lambda value: f"{100 * value:.0f} %", "share of companies on the list")
    gain = curves(
        [Curve(model, [(p.x, p.y) for p in told.points(model, "gain")]) for model in told.models],
        share_axis,
        Axis(Scale(0.0, 1.0), lambda value: f"{100 * value:.0f} %", "share of the users on it"),
        plain=[(0.0, 0.0), (1.0, 1.0)],
        points=marks,
    )
    lifts = {model: [(p.x, p.y) for p in told.points(model, "lift")] for model in told.models}
    highest = max((y for points in lifts.values() for _, y in points), default=1.0)
    lift = curves(
        [Curve(model, points) for model, points in lifts.items()],
        Axis(Scale(0.0, 1.0, "root"), lambda value: f"{100 * value:g} %", "share of companies on the list"),
        Axis(Scale(0.0, max(highest, 1.0) * 1.05), _tick, "times as many users as by chance"),
        plain=[(0.0, 1.0), (1.0, 1.0)],
    )
    note = ", ".join(f"{letter} {learner.replace('_', ' ')}" for learner, letter in letters.items())
    cards = [
        Card("Gain", gain, f"Diamonds: the top 10 % by {note}" if note else ""),
        Card("Lift", lift, "The lower axis is stretched where lists are short."),
    ]
    words = ["The thin line is chance: a list in no order."]
    if tried:
        words.append(
            "Other ways to rank, fitted and tested on the same rows, stand beside each model. Differences are over the "
            "same resamples of companies, so they are surer than the bars suggest; one above zero speaks for the other."
        )
    else:
        words.append(
            "ml_comparison has nothing of this run, so chance is the only baseline here; `make compare` tests a rule, "
            "logistic regression, random forest and LightGBM on the same rows."
        )
    cards += [
        _comparison_card(told, model, metric, title, chance)
        for model in told.models
        for metric, title, chance in COMPARED
        if tried
    ]
    return Section("Gain and lift against the baselines", words, cards, ["curves", "comparison"])


def _comparison_card(told: Told, model: str, metric: str, title: str, chance: float | None) -> Card:
    found = [of for of in told.found.comparison if (of.model_name, of.metric) == (model, metric)]
    tried = [of for of in found if of.value is not None]
    write = _ratio if metric.startswith("lift") else _fine
    rows = [Row(_learner(of, model), [_whisker(of)], "" if of.value is None else write(of.value)) for of in tried]
    svg = whiskers(rows, [""], f"{title} beside the {model} model", _tick, reference=chance)
    table = Shown(
        ("learner", title.lower(), "less ours"),
        [(_learner(of, model), write(of.value or 0.0), _difference(of, write)) for of in tried],
    )
    untried = "; ".join(f"{of.learner.replace('_', ' ')}: {of.note}" for of in found if of.value is None and of.note)
    return Card(f"{title}, beside the {model} model", svg, f"Not tried: {untried}" if untried else "", table)


def _learner(of: Comparison, model: str) -> str:
    return f"the {model} model" if of.learner == OURS else of.learner.replace("_", " ")


def _difference(of: Comparison, write: Write) -> str:
    if of.difference is None or of.difference_low is None or of.difference_high is None:
        return ""
    return (
        f"{_signed(of.difference, write)} ({_signed(of.difference_low, write)} to {_signed(of.difference_high, write)})"
    )


def _signed(value: float, write: Write) -> str:
    return ("+" if value > 0 else "") + write(value)


def _reliability_section(told: Told) -> Section:
    cards = []
    for model in told.models:
        points = told.points(model, "reliability")
        highest = max(max(point.x, point.y) for point in points) * 1.1 or 1.0
        scale = Scale(0.0, highest, "root")
        drawn = [(point.x, point.y) for point in sorted(points, key=lambda point: point.x)]
        svg = curves(
            [Curve(f"{model} model", drawn, marked=True)],
            Axis(scale, lambda value: f"{100 * value:g} %", "mean probability of a tenth"),
            Axis(scale, lambda value: f"{100 * value:g} %", "share that became users"),
            plain=[(0.0, 0.0), (highest, highest)],
        )
        table = Shown(
            ("tenth", "mean probability", "became users", "companies"),
            [
                (str(number), numbers.share(point.x, 2), numbers.share(point.y, 2), numbers.count(point.rows))
                for number, point in enumerate(points, start=1)
            ],
        )
        error = interval(told.metric(model, "expected_calibration_error"), lambda value: numbers.share(value, 2))
        cards.append(Card(f"{model} model".capitalize(), svg, f"Mean distance from the line: {error}", table))
    words = [
        "Companies in ten groups of equal size by their probability: on the thin line, as many became users as were "
        "promised; below it fewer. Both axes are stretched near zero, where most companies are."
    ]
    return Section("Reliability", words, cards, ["curves"])


def _yearly_cards(told: Told, tests: Sequence[tuple[str, str, str]]) -> list[Card]:
    """Draw the chief metrics of several tests, each given as its name, split and fold."""
    cards = []
    for metric, title, chance in YEARLY:
        rows = []
        for name, split, fold in tests:
            found = [told.metric(model, metric, split, fold) for model in told.models]
            users = next((of.positives for of in found if of is not None), 0)
            rows.append(Row(name, [_whisker(of) for of in found], f"{users:,} users"))
        scale = Scale(0.4, 1.0) if metric == "roc_auc" else None
        write = _ratio if metric.startswith("lift") else _fine
        table = Shown(
            ("test", *(f"{model} model" for model in told.models)),
            [
                (name, *(interval(told.metric(model, metric, split, fold), write) for model in told.models))
                for name, split, fold in tests
            ],
        )
        svg = whiskers(rows, told.models, title, _tick, reference=chance, scale=scale)
        cards.append(Card(title, svg, table=table))
    return cards


def _years_section(told: Told) -> Section:
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


def _naive_section(told: Told) -> Section:
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


def objective(settings: Mapping[str, Any], model: str) -> str:
    """Say what the list of a model is to be, by the settings of its run; nothing where they do not say."""
    wanted = settings.get("operating_points", {}).get(model, {})
    if "precision" in wanted:
        otherwise = wanted.get("otherwise_top_share")
        found = f"the largest with a precision of at least {100 * wanted['precision']:g} %"
        return found if otherwise is None else f"{found}, or else the top {100 * otherwise:g} %"
    return f"the smallest with a recall of at least {100 * wanted['recall']:g} %" if "recall" in wanted else ""


def _lists_section(told: Told) -> Section:
    cards = []
    for model in told.models:
        cells = {
            name: numbers.count(told.value(model, name))
            for name in ("true_positives", "false_positives", "false_negatives", "true_negatives")
        }
        table = Shown(
            ("observations", "became users", "did not"),
            [
                ("on the list", cells["true_positives"], cells["false_positives"]),
                ("not on it", cells["false_negatives"], cells["true_negatives"]),
            ],
        )
        of = {name: told.metric(model, f"listed_{name}") for name in ("share", "precision", "recall")}
        aim = objective(told.found.run.settings, model)
        note = (
            (f"Aim: {aim}. " if aim else "")
            + f"On the list: {interval(of['share'], numbers.share)} of all. Of those listed, "
            f"{interval(of['precision'], numbers.share)} became users; of all users, "
            f"{interval(of['recall'], numbers.share)} are listed."
        )
        cards.append(Card(f"List of the {model} model", note=note, table=table, folded=False))
    words = [
        "Each model's list ends at a probability that was chosen, before the test, by what the list is to be. Counts "
        "are of the population: a sampled observation counts as those that it stands for."
    ]
    return Section("Right and wrong at the end of each list", words, cards, ["metrics"])


def _slices_section(told: Told) -> Section:
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
            if any(_whisker(of) for of in found):
                rows.append(Row(value, [_whisker(of) for of in found], note))
            shown.append(
                (value, f"{counted.rows:,}", f"{counted.positives:,}", *(interval(of, _ratio) for of in found))
            )
        svg = whiskers(rows, told.models, f"{SLICED_IN_WORDS} by {name}", _tick, reference=1.0) if rows else ""
        few = len(shown) - len(rows)
        table = Shown((name.replace("_", " "), "tested", "users", *(f"{model} model" for model in told.models)), shown)
        note = f"{few} of {len(shown)} have too few users to tell" if few else ""
        cards.append(Card(f"By {name.replace('_', ' ')}", svg, note, table))
    words = [
        f"The {SLICED_IN_WORDS} of each slice, among its own companies; the dashed line is chance. On the right, how "
        "many of those tested became users. Of many slices some are high or low by chance: read the intervals."
    ]
    return Section("Slices", words if cards else ["The settings of this run name no slices."], cards, ["metrics"])


def _importance_section(found: Evaluation, models: Sequence[str]) -> Section:
    cards = []
    for model in models:
        own = [of for of in found.importance if of.model_name == model]
        drawn = [Bar(of.in_words, of.mean_contribution, _fine(of.mean_contribution)) for of in own[:SHOWN_FEATURES]]
        table = Shown(
            ("feature", "family", "mean contribution", "gain"),
            [(of.in_words, of.family, _fine(of.mean_contribution), numbers.share(of.gain)) for of in own],
        )
        svg = bars(drawn, f"Features that move the {model} model most")
        cards.append(Card(f"{model} model: features".capitalize(), svg, f"The first {len(drawn)} of {len(own)}", table))
        families = [
            Bar(of.family, of.share or 0.0, numbers.share(of.share)) for of in found.families if of.model_name == model
        ]
        cards.append(
            Card(f"{model} model: families".capitalize(), bars(families, "Share of all contributions", 1.0),
                 "Share of what all features contribute")
        )  # fmt: skip
        reasons = [
            Bar(of.family, of.share, numbers.share(of.share)) for of in found.reasons if of.model_name == model
        ]  # fmt: skip
        if reasons:
            cards.append(
                Card(f"{model} model: reasons given".capitalize(), bars(reasons, "Share of the reasons given", 1.0),
                     "Share of the reasons that raise a company's probability, in its latest predictions")
            )  # fmt: skip
    words = [
        "How far each feature moves the log-odds of the training rows, up or down, on the average. Features of a "
        "family are measured in the same way. What moves a model need not move a company: nothing here is a cause."
    ]
    if not found.reasons:
        words.append("No reasons of this run's models are there: they have not made predictions.")
    figures = ["importance", "importance_by_family", "reasons_by_family"]
    return Section("What the models look at", words, cards, figures)


def limits(told: Told) -> list[str]:
    """Say what must not be read from the numbers, by what the tables know of the run."""
    run, test = told.found.run, told.test
    found = [
        "A probability is for the twelve months from the day the company's accounts became public, and the test scored "
        "accounts as they appeared; of a company whose accounts have been public for a while, part of them is over.",
        "A user is a company with a registered charge in a financier's name. Who uses invoice finance without one is "
        "counted as not a user, in training and in the test." + _confidential(run.settings),
    ]
    if test.positives < FEW_POSITIVES:
        found.append(
            f"The headline rests on {test.positives:,} users: what lies within the intervals is no difference."
        )
    found += [
        "The intervals say what other companies of the same year might have brought, not what another year will: for "
        "that, read the years beside each other.",
        "Tested were models made in the same way from earlier observations; the models that serve learned from the "
        "tested year as well, and nobody can test them yet.",
        "A lift is against companies picked by chance, not against what a sales team would have picked.",
    ]
    return found


def _confidential(settings: Mapping[str, Any]) -> str:
    share = settings.get("confidential_share")
    if not share:
        return ""
    low, high = share["low"], share["high"]
    return (
        f" If {100 * low:g} % to {100 * high:g} % of users leave none, which is an assumption, a first use is "
        f"{1 / (1 - low):.2f} to {1 / (1 - high):.2f} times as likely as a first charge."
    )
