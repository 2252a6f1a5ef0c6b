"""How the models were judged, and where they are weak: sections of the report `card`."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from reports import numbers
from reports.evaluation_estimates import SLICED, SLICED_IN_WORDS, slices_section
from reports.evaluation_queries import Metric
from reports.evaluation_told import WHOLE, Told, interval, ratio
from reports.model_card_queries import Served, Serving
from reports.model_card_words import METRICS, by_model, joined
from reports.page import Card, Section
from reports.plots import Bar, bars

WORST = 3
NO_BETTER = 1.0
DRIFTED = 10


def _name(told: Told) -> str:
    return f"{joined(told.models)} model".capitalize()


def words_of_all(served: Served, write: Callable[[Told], Sequence[str]]) -> list[str]:
    """Put the words of several runs together: those that all share once, the others with the model that they are of.

    Args:
        served: The models.
        write: Gives the words of one run.
    """
    parts = [(told, write(told)) for told in served.told]
    common = [words for words in parts[0][1] if all(words in own for _, own in parts)]
    return common + [f"{_name(told)}: {words}" for told, own in parts for words in own if words not in common]


def of_all(served: Served, draw: Callable[[Told], Section]) -> Section:
    """Draw a section of an evaluation for all models, whose runs may differ.

    Args:
        served: The models.
        draw: Makes the section of one run.
    """
    sections = {told.found.run.run_id: draw(told) for told in served.told}
    first = next(iter(sections.values()))
    if len(sections) == 1:
        return first
    cards = []
    for told in served.told:
        name = _name(told)
        for card in sections[told.found.run.run_id].cards:
            is_named = card.title.startswith(name)
            cards.append(card if is_named else replace(card, title=f"{name}: {card.title}" if card.title else name))
    words = words_of_all(served, lambda told: sections[told.found.run.run_id].words)
    return Section(first.title, words, cards, first.figures)


def factors_section(served: Served) -> Section:
    """Name what the test is told apart by, and what it is not."""
    names = dict.fromkeys(of.slice for told in served.told for of in told.found.metrics if of.slice != WHOLE)
    by = f"by {joined([name.replace('_', ' ') for name in names])}" if names else "by nothing, as its settings say"
    return Section(
        "What results may depend on",
        [
            "What a company does, where it is, how large and how old it is. The test is told apart "
            f"{by}, one at a time; by two at once too few users would be left.",
            "No row holds a person's age, sex, origin or name, so nothing can be said about groups of persons.",
        ],
    )


def lists_section(served: Served) -> Section:
    """Say what is measured, and where each model's list ends."""

    def measured(metric: str) -> Callable[[Serving], str]:
        return lambda of: interval(served.told_of(of).metric(of.name, metric), numbers.share)

    table = by_model(
        served,
        [
            ("the list is to be", lambda of: of.card.operating_point.objective),
            ("reached when it was chosen", lambda of: "yes" if of.card.operating_point.reached else "no"),
            ("ends at a probability of", lambda of: numbers.share(of.card.operating_point.threshold, 2)),
            ("tested: share of all on it", measured("listed_share")),
            ("tested: share of it that became users", measured("listed_precision")),
            ("tested: share of users on it", measured("listed_recall")),
        ],
    )
    return Section(
        "How they are measured, and where their lists end",
        [
            *METRICS,
            "A list ends at a probability that was chosen on the latest year before the horizon. What was tested are "
            "lists that models made in the same way chose for themselves before their test.",
        ],
        [Card("End of each list", table=table, folded=False, wide=True)],
        ["versions", "metrics"],
    )


def tested_section(served: Served) -> Section:
    """Say on what the models were tested."""
    words = []
    for told in served.told:
        test, run = told.test, told.found.run
        years = "1 year tested" if run.test_windows == 1 else f"{run.test_windows:,} years tested one after another"
        words.append(
            f"Run {run.run_id} ({joined(told.models)}): {years}, each by models that learned "
            f"from nothing after it began and from none of its companies. The last begins after {told.headline}: "
            f"{test.rows:,} observations, of which {test.positives:,} became users."
        )
    words.append(
        "The models that serve learned from these years too and cannot be tested yet: what is judged here is the way "
        "they were made."
    )
    return Section("What they were tested on", words)


def _named(of: Metric) -> str:
    return f"{of.slice.replace('_', ' ')} {of.slice_value}"


def _worst(served: Served, model: Serving) -> list[str]:
    """Name the slices that a model ranks worst, and those where it may be no better than chance."""
    found = [
        of
        for of in served.told_of(model).found.metrics
        if of.model_name == model.name and of.slice != WHOLE and of.metric == SLICED
    ]
    known = sorted((of for of in found if of.value is not None), key=lambda of: of.value or 0.0)
    if not known:
        return [f"{model.label.capitalize()}: no slice has enough users to tell."] if found else []
    worst = [f"{_named(of)} {interval(of, ratio)}, {of.positives:,} users" for of in known[:WORST]]
    words = [f"{model.label.capitalize()}, the lowest of {len(known):,}: {'; '.join(worst)}."]
    chance = [_named(of) for of in known if of.low is not None and of.low <= NO_BETTER]
    if chance:
        words.append(f"By its interval it may be no better than chance for {joined(chance)}.")
    few = len(found) - len(known)
    if few:
        words.append(f"Of {few:,} of {len(found):,} slices nothing is known: too few users.")
    return [" ".join(words)]


def worst_slices_section(served: Served) -> Section:
    """Draw the slices, and name the worst in words."""
    section = of_all(served, slices_section)
    worst = [words for model in served.models for words in _worst(served, model)]
    title = f"Slices: where the {SLICED_IN_WORDS} is low"
    return Section(title, [*worst, *section.words], section.cards, section.figures)


def drift_section(served: Served) -> Section:
    """Draw how far the companies scored have moved from training."""
    words, cards = [], []
    for model in served.models:
        if not model.drift:
            words.append(f"{model.label.capitalize()}: it has scored no month yet.")
            continue
        levels = {level: sum(of.drift_level == level for of in model.drift) for level in ("warning", "alarm")}
        words.append(
            f"{model.label.capitalize()}, {model.drift[0].score_month}: of {len(model.drift):,}, its own score among "
            f"them, {levels['warning']:,} at warning and {levels['alarm']:,} at alarm; the furthest is "
            f"{model.drift[0].in_words} with {model.drift[0].stability_index:.3f}."
        )
        limit = served.told_of(model).found.run.settings.get("drift_warning")
        drawn = [
            Bar(of.in_words, of.stability_index, f"{of.stability_index:.3f} {of.drift_level}", limit)
            for of in model.drift[:DRIFTED]
        ]
        note = f"The first {len(drawn)} of {len(model.drift)}" + (
            f"; the stroke is the warning, {limit:g}" if limit else ""
        )
        cards.append(Card(model.label.capitalize(), bars(drawn, "Population stability index"), note))
    words.append(
        "By the population stability index of the companies scored against the training of the model: 0 is no change."
    )
    return Section("Drift of what was scored last", words, cards, ["drift"])
