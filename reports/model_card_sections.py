"""The parts of the report `card` that an evaluation does not draw: versions, data, slices, drift, promotion."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from ml.text import flattened
from reports import numbers
from reports.evaluation_estimates import SLICED, SLICED_IN_WORDS, slices_section
from reports.evaluation_queries import Metric
from reports.evaluation_told import WHOLE, Told, interval, ratio
from reports.families import UNDEFINED
from reports.model_card_queries import Served, Serving
from reports.model_card_words import LABEL, METRICS, PROCEDURE, joined, stands_for
from reports.page import Card, Section, Shown
from reports.plots import Bar, bars

WORST = 3
NO_BETTER = 1.0
DRIFTED = 10
EVENTS = 20
ACTIONS = {
    "register": "registered", "promote": "promoted to champion", "rollback": "made champion again",
    "archive": "archived",
}  # fmt: skip


def of_all(served: Served, draw: Callable[[Told], Section]) -> Section:
    """Draw a section of an evaluation for all models, whose runs may differ.

    Args:
        served: The models.
        draw: Makes the section of one run.
    """
    parts = [(told, draw(told)) for told in served.told]
    first = parts[0][1]
    if len(parts) == 1:
        return first
    common = [words for words in first.words if all(words in part.words for _, part in parts)]
    words, cards = list(common), []
    for told, part in parts:
        name = f"{joined(told.models)} model".capitalize()
        words += [f"{name}: {own}" for own in part.words if own not in common]
        cards += [replace(card, title=f"{name}: {card.title}" if card.title else name) for card in part.cards]
    return Section(first.title, words, cards, first.figures)


def _by_model(served: Served, rows: Sequence[tuple[str, Callable[[Serving], str]]], first: str = "") -> Shown:
    """Set the models beside each other, a column each."""
    return Shown(
        (first, *(model.label for model in served.models)),
        [(name, *(write(model) for model in served.models)) for name, write in rows],
        prose=True,
    )


def standing(model: Serving) -> str:
    """Say by what a version serves."""
    if not model.choice.is_champion:
        return "never promoted: the latest registered serves, since there is no champion"
    event = model.choice.event
    return f"champion since {event.happened_at:%Y-%m-%d}"


def details_section(served: Served) -> Section:
    """Name the versions and where they come from."""
    table = _by_model(
        served,
        [
            ("version", lambda of: of.choice.version.model_version),
            ("stands as", standing),
            ("made by run", lambda of: of.choice.run_id),
            ("knows", lambda of: f"what was public before {of.choice.version.horizon_date}"),
            ("is", lambda of: f"{of.card.rounds:,} trees of depth {of.card.parameters['max_depth']} (XGBoost)"),
            ("looks at", lambda of: f"{len(of.card.features):,} features"),
            ("gives", lambda _: "a score, and a calibrated probability of a first charge within twelve months"),
        ],
    )
    words = [
        "One version of each of two models serves. Both are the same kind of model on the same rows; `precision` "
        "stops growing where the top of its list is best, `recall` where the whole ranking is, with positives weighing "
        "as much as all others."
    ]
    words += [
        f"A later {model.name} model is registered and was not promoted: "
        f"{joined([f'{of.model_version} ({of.happened_at:%Y-%m-%d})' for of in model.waiting])}."
        for model in served.models
        if model.waiting
    ]
    words.append(
        "The program is under Apache-2.0. Questions about a list go to whoever runs it; who promoted these versions "
        "stands under Promotion."
    )
    return Section("What the models are", words, [Card(table=table, folded=False, wide=True)], ["versions"])


def lists_section(served: Served) -> Section:
    """Say what is measured, and where each model's list ends."""

    def measured(metric: str) -> Callable[[Serving], str]:
        return lambda of: interval(served.told_of(of).metric(of.name, metric), numbers.share)

    table = _by_model(
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
        years = f"{run.test_windows:,} {'year' if run.test_windows == 1 else 'years'}"
        words.append(
            f"Run {run.run_id} ({joined(told.models)}): {years} tested one after another, each by models that learned "
            f"from nothing after it began and from none of its companies. The last begins after {told.headline}: "
            f"{test.rows:,} observations, of which {test.positives:,} became users."
        )
    words.append(
        "The models that serve learned from these years too and cannot be tested yet: what is judged here is the way "
        "they were made."
    )
    return Section("What they were tested on", words)


def data_section(served: Served) -> Section:
    """Say what the models learned from."""
    table = _by_model(
        served,
        [
            ("horizon", lambda of: str(of.choice.version.horizon_date)),
            ("observations", lambda of: f"{of.choice.version.training_rows:,}"),
            ("companies", lambda of: f"{served.told_of(of).found.run.companies:,}"),
            ("positive", lambda of: f"{of.choice.version.training_positives:,}"),
            ("share positive", lambda of: numbers.share(
                of.choice.version.training_positives / of.choice.version.training_rows, 2)),
            ("latest year, calibrated on", lambda of: f"{of.card.slice_rows:,}, {of.card.slice_positives:,} positive"),
        ],
    )  # fmt: skip
    deliveries = Shown(
        ("delivery", "month", "rows", "rejected lines", "of the sample"),
        [
            (of.delivery, of.snapshot_month, f"{of.landed_rows:,}", f"{of.rejected_lines:,}",
             "yes" if of.is_sample else "no")
            for of in served.deliveries
        ],
    )  # fmt: skip
    weights = {model.name: _negative_weight(model) for model in served.models}
    sampled = [f"{name} model: {stands_for(weight)}" for name, weight in weights.items()]
    if len({round(weight, 6) for weight in weights.values()}) == 1:
        sampled = [stands_for(next(iter(weights.values())))]
    return Section(
        "What they learned from",
        [*LABEL, *sampled],
        [
            Card("Training rows", table=table, folded=False),
            Card("Deliveries behind them", note=f"Up to {served.horizon.month}", table=deliveries, folded=False),
        ],
        ["versions", "deliveries"],
    )


def _negative_weight(model: Serving) -> float:
    """Tell how many population rows a negative stands for, from the offset that the artefacts keep."""
    return math.exp(model.card.log_odds_offset) / model.card.scale_pos_weight


def features_section(served: Served) -> Section:
    """Count the features by family, and say what each family contributes."""
    known = {of.feature: of for of in served.variables}
    used = list(dict.fromkeys(name for model in served.models for name, _ in model.card.features))
    families: dict[str, list[str]] = {}
    for name in used:
        family = known[name].family if name in known else UNDEFINED
        families.setdefault(family, []).append(known[name].in_words if name in known else name)
    shares = {(of.model_name, of.family): of.share for told in served.told for of in told.found.families}
    rows = [
        (family, f"{len(names):,}", *(numbers.share(shares.get((model.name, family), 0.0)) for model in served.models))
        for family, names in sorted(families.items(), key=lambda item: -len(item[1]))
    ]
    table = Shown(("family", "features", *(f"share, {model.label}" for model in served.models)), rows)
    drawn = [Bar(family, len(names), f"{len(names):,}") for family, names in families.items()]
    examples = Shown(
        ("family", "such as"), [(family, "; ".join(names[:4])) for family, names in families.items()], prose=True
    )
    words = [
        f"{len(used):,} features, each computed from accounts, company facts and charges that were public on the day. "
        "Features of a family are measured alike. Shares are of what all features contribute to the log-odds of the "
        "training rows; what moves a model is no cause."
    ]
    return Section(
        "The features",
        words,
        [
            Card("Features by family", bars(sorted(drawn, key=lambda bar: -bar.value), "Features by family")),
            Card("Families", table=table, folded=False),
            Card("What they are", table=examples, folded=False),
        ],
        ["features", "importance", "importance_by_family"],
    )


def training_section(served: Served) -> Section:
    """Say how the models were made, by the settings that were registered with them."""
    procedures = {model.name: flattened(json.loads(model.choice.version.procedure)) for model in served.models}
    settings = list(dict.fromkeys(name for procedure in procedures.values() for name in procedure))
    rows: list[tuple[str, Callable[[Serving], str]]] = [
        (name.removeprefix("booster."), lambda of, name=name: str(procedures[of.name].get(name, "")))  # type: ignore[misc]
        for name in settings
    ]
    rows += [
        ("weight of a positive", lambda of: f"{of.card.scale_pos_weight:,.3g}"),
        ("trees", lambda of: f"{of.card.rounds:,}"),
        ("calibrated", lambda of: "level and slope" if of.card.calibration.method == "logistic" else "level only"),
        ("slope", lambda of: f"{of.card.calibration.slope:.2f}"),
    ]
    return Section(
        "How they were trained",
        [*PROCEDURE, "Settings by their names in `ml/settings.yml`, then what came out."],
        [Card("Settings and what came out", table=_by_model(served, rows), folded=False, wide=True)],
        ["settings", "versions"],
    )


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
        words.append(f"There it may be no better than chance: {joined(chance)}.")
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


def promotion_section(served: Served) -> Section:
    """Show each gate and what it found, and what became of all versions."""
    words, cards = [], []
    for model in served.models:
        event, gates = model.choice.event, model.gates
        if not model.choice.is_champion:
            words.append(f"{model.label.capitalize()}: no gate was kept, since it was never promoted.")
            continue
        why = f" ({event.why})" if event.why else ""
        held = sum(gate.holds for gate in gates)
        words.append(
            f"{model.label.capitalize()}: promoted {event.happened_at:%Y-%m-%d %H:%M} UTC by {event.actor}{why}; "
            f"{held:,} of {len(gates):,} gates held."
        )
        rows = [(gate.name, gate.found, gate.wanted, "yes" if gate.holds else "no") for gate in gates]
        table = Shown(("gate", "found", "wanted", "holds"), rows, prose=True)
        cards.append(Card(f"Gates, {model.label}", table=table, folded=False))
    serving = {(of.name, of.choice.version.model_version) for of in served.models}
    shown = served.events[-EVENTS:]
    history = Shown(
        ("when (UTC)", "what", "version", "by", "why"),
        [
            (
                f"{of.happened_at:%Y-%m-%d %H:%M}",
                ACTIONS[of.action],
                f"{of.model_name} {of.model_version}"
                + (", serves" if (of.model_name, of.model_version) in serving else ""),
                of.actor,
                of.why,
            )
            for of in shown
        ],
        prose=True,
    )
    note = f"The last {len(shown):,} of {len(served.events):,}" if len(shown) < len(served.events) else ""
    cards.append(Card("What became of the versions", note=note, table=history, folded=False, wide=True))
    words.append("A version is promoted only where every gate holds; one that is withdrawn never serves again.")
    return Section("Promotion", words, cards, ["gates", "events"])


def again_section(served: Served) -> Section:
    """Say how to make the same models again, and by what they are known."""
    words = []
    for told in served.told:
        run = told.found.run
        libraries = ", ".join(f"{name} {version}" for name, version in sorted(run.libraries.items()))
        words.append(
            f"`make build MONTH={run.score_month}`, then `.venv/bin/python -m ml retrain --from-run {run.run_id}`, "
            f"with {libraries}: it makes the {joined(told.models)} model again and ends with an error where a byte "
            "differs."
        )
    words.append("When this page was written, the artefacts in the lake had the hashes that were registered.")
    rows = [
        (f"{model.name} {model.choice.version.model_version}: {name}", value)
        for model in served.models
        for name, value in (
            *sorted(model.choice.version.artefacts.items()),
            ("what it says of a fixed batch", model.choice.version.log_odds_sha256),
            ("training data", model.choice.version.data_sha256),
        )
    ]
    rows += [(f"run {told.found.run.run_id}: settings", told.found.run.settings_sha256) for told in served.told]
    table = Shown(("of", "SHA-256"), rows, prose=True)
    return Section(
        "How to make them again", words, [Card("Hashes", table=table, folded=False, wide=True)],
        ["artefacts", "versions", "settings"],
    )  # fmt: skip
