"""The list of each model and the features that it looks at: sections of the report `evaluation`."""

from collections.abc import Mapping, Sequence
from typing import Any

from reports import numbers
from reports.evaluation_queries import Evaluation
from reports.evaluation_told import Told, fine, interval
from reports.page import Card, Section, Shown
from reports.plots import Bar, bars

SHOWN_FEATURES = 15


def objective(settings: Mapping[str, Any], model: str) -> str:
    """Say what the list of a model is to be, by the settings of its run; nothing where they do not say."""
    wanted = settings.get("operating_points", {}).get(model, {})
    if "precision" in wanted:
        otherwise = wanted.get("otherwise_top_share")
        found = f"the largest with a precision of at least {100 * wanted['precision']:g} %"
        return found if otherwise is None else f"{found}, or else the top {100 * otherwise:g} %"
    return f"the smallest with a recall of at least {100 * wanted['recall']:g} %" if "recall" in wanted else ""


def lists_section(told: Told) -> Section:
    """Count right and wrong at the end of each model's list."""
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


def importance_section(found: Evaluation, models: Sequence[str]) -> Section:
    """Draw what moves each model, by feature and by family, and of what families its reasons are."""
    cards = []
    for model in models:
        own = [of for of in found.importance if of.model_name == model]
        drawn = [Bar(of.in_words, of.mean_contribution, fine(of.mean_contribution)) for of in own[:SHOWN_FEATURES]]
        table = Shown(
            ("feature", "family", "mean contribution", "gain"),
            [(of.in_words, of.family, fine(of.mean_contribution), numbers.share(of.gain)) for of in own],
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
