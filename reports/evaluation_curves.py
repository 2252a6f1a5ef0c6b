"""Curves of the headline, and other ways to rank beside them: sections of the report `evaluation`."""

from reports import numbers
from reports.evaluation_queries import Comparison
from reports.evaluation_told import Told, Write, fine, interval, ratio, tick, whisker
from reports.page import Card, Section, Shown
from reports.plots import Axis, Curve, Row, curves, whiskers
from reports.scales import Scale

OURS = "xgboost"
COMPARED = ("lift_at_1_percent", "Lift at the top 1 %", 1.0), ("average_precision", "Average precision", None)
LISTED, LISTED_SHARE = "recall_at_10_percent", 0.1  # of a learner, on the plot of our gain


def gain_section(told: Told) -> Section:
    """Draw gain and lift, and what other learners reach on the same rows."""
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
        Axis(Scale(0.0, max(highest, 1.0) * 1.05), tick, "times as many users as by chance"),
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
    write = ratio if metric.startswith("lift") else fine
    rows = [Row(_learner(of, model), [whisker(of)], "" if of.value is None else write(of.value)) for of in tried]
    svg = whiskers(rows, [""], f"{title} beside the {model} model", tick, reference=chance)
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


def reliability_section(told: Told) -> Section:
    """Draw probabilities against what became of the companies."""
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
