"""What the models learned from, and how: sections of the report `card`."""

import json
import math
from collections.abc import Callable

from ml.text import flattened
from reports import numbers
from reports.families import UNDEFINED
from reports.model_card_queries import Served, Serving
from reports.model_card_words import LABEL, PROCEDURE, by_model, stands_for
from reports.page import Card, Section, Shown
from reports.plots import Bar, bars

DELIVERIES = 12
EXAMPLES = 4


def data_section(served: Served) -> Section:
    """Say what the models learned from."""
    table = by_model(
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
    shown = served.deliveries[-DELIVERIES:]
    deliveries = Shown(
        ("delivery", "rows", "rejected", "sample"),
        [
            (of.delivery, f"{of.landed_rows:,}", f"{of.rejected_lines:,}", "yes" if of.is_sample else "no")
            for of in shown
        ],
    )
    up_to = f"Up to {served.horizon.month}"
    note = (
        up_to
        if len(shown) == len(served.deliveries)
        else f"{up_to}, the last {len(shown):,} of {len(served.deliveries):,}"
    )
    weights = {model.name: _negative_weight(model) for model in served.models}
    sampled = [f"{name} model: {stands_for(weight)}" for name, weight in weights.items()]
    if len({round(weight, 6) for weight in weights.values()}) == 1:
        sampled = [stands_for(next(iter(weights.values())))]
    return Section(
        "What they learned from",
        [*LABEL, *sampled],
        [
            Card("Training rows", table=table, folded=False),
            Card("Deliveries behind them", note=note, table=deliveries, folded=False),
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
    ordered = sorted(families.items(), key=lambda item: -len(item[1]))
    table = Shown(
        ("family", "features", *(f"share, {model.label}" for model in served.models)),
        [
            (
                family,
                f"{len(names):,}",
                *(numbers.share(shares.get((model.name, family), 0.0)) for model in served.models),
            )
            for family, names in ordered
        ],
    )
    drawn = [Bar(family, len(names), f"{len(names):,}") for family, names in ordered]
    examples = Shown(
        ("family", "such as"), [(family, "; ".join(names[:EXAMPLES])) for family, names in ordered], prose=True
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
            Card("Features by family", bars(drawn, "Features by family")),
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
        [Card("Settings and what came out", table=by_model(served, rows), folded=False, wide=True)],
        ["settings", "versions"],
    )
