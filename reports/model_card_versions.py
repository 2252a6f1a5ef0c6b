"""The versions that serve: what they are, how they were promoted, how to make them again; parts of the card."""

from ml.registry import Event
from reports.model_card_queries import Served, Serving
from reports.model_card_words import by_model, joined
from reports.page import Card, Section, Shown

EVENTS = 20
ACTIONS = {
    "register": "registered", "promote": "promoted to champion", "rollback": "made champion again",
    "archive": "archived",
}  # fmt: skip


def standing(model: Serving) -> str:
    """Say by what a version serves."""
    if not model.choice.is_champion:
        return "never promoted: the latest registered serves, since there is no champion"
    return f"champion, promoted {model.choice.event.happened_at:%Y-%m-%d}"


def details_section(served: Served) -> Section:
    """Name the versions and where they come from."""
    table = by_model(
        served,
        [
            ("version", lambda of: of.choice.version.model_version),
            ("stands as", standing),
            ("made by run", lambda of: of.choice.run_id),
            ("knows", lambda of: f"what was public before {of.choice.version.horizon_date}"),
            ("kind", lambda of: f"{of.card.rounds:,} trees of depth {of.card.parameters['max_depth']} (XGBoost)"),
            ("looks at", lambda of: f"{len(of.card.features):,} features"),
            ("gives", lambda _: "a score, and a calibrated probability of a first charge within twelve months"),
        ],
    )
    words = [
        "One version of each of two models serves. Both are of the same kind: `precision` is made to rank the few best "
        "companies, `recall` to miss few users."
    ]
    words += [
        f"A later {model.name} model is registered and does not serve: "
        f"{joined([f'{of.model_version} ({of.happened_at:%Y-%m-%d})' for of in model.waiting])}."
        for model in served.models
        if model.waiting
    ]
    words.append(
        "The program is under Apache-2.0. Questions about a list go to whoever runs it; who promoted these versions "
        "stands under Promotion."
    )
    return Section("What the models are", words, [Card(table=table, folded=False, wide=True)], ["versions"])


def _is_of(event: Event, model: Serving) -> bool:
    version = model.choice.version
    return (event.model_name, event.model_version) == (version.model_name, version.model_version)


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
        back = [of for of in served.events if of.action == "rollback" and _is_of(of, model)]
        words.append(
            f"{model.label.capitalize()}: promoted {event.happened_at:%Y-%m-%d %H:%M} UTC by {event.actor}{why}; "
            f"{held:,} of {len(gates):,} gates held."
            + (f" It was gone back to {back[-1].happened_at:%Y-%m-%d %H:%M} UTC by {back[-1].actor}." if back else "")
        )
        rows = [(gate.name, gate.found, gate.wanted) for gate in gates]
        table = Shown(("gate", "found", "wanted"), rows, prose=True)
        cards.append(Card(f"Gates, {model.label}", table=table, folded=False, wide=True))
    shown = served.events[-EVENTS:]
    history = Shown(
        ("when (UTC), by whom", "what", "why"),
        [
            (
                f"{of.happened_at:%Y-%m-%d %H:%M}, {of.actor}",
                f"{of.model_name} {of.model_version} {ACTIONS[of.action]}"
                + (", serves" if any(_is_of(of, model) for model in served.models) else ""),
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
