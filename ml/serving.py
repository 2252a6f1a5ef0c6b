"""The models that serve a month: which versions they are, loaded and held to the marts' features."""

import datetime
from collections.abc import Mapping

from ml.features import Feature, require_same
from ml.registry import Choice, Registry
from ml.scoring import Served
from ml.settings import MODEL_NAMES, ModelName
from warehouse.lake import Lake
from warehouse.s3 import Location


def choose(registry: Registry, horizon_date: datetime.date) -> dict[ModelName, Choice]:
    """Choose the version of each model that scores a month.

    Args:
        registry: All versions and events.
        horizon_date: That of the marts to score.

    Raises:
        UserError: When no version of a model may score that month.
    """
    return {name: registry.served(name, horizon_date) for name in MODEL_NAMES}


def describe(chosen: Mapping[ModelName, Choice]) -> list[str]:
    """Say in one line which versions serve, and in another which of them were never promoted."""
    lines = [", ".join(choice.version.words for choice in chosen.values())]
    unpromoted = [name for name, choice in chosen.items() if not choice.is_champion]
    if unpromoted:
        which = " and ".join(unpromoted)
        lines.append(f"no champion of {which} for this month, so the latest registered serves; see `python -m ml list`")
    return lines


def load(
    lake: Lake[Location], chosen: Mapping[ModelName, Choice], features: tuple[Feature, ...]
) -> dict[ModelName, Served]:
    """Load the chosen models.

    Args:
        lake: Where their artefacts are.
        chosen: The version of each model.
        features: Those of the marts.

    Raises:
        UserError: When an artefact is absent or not the registered one, or the features are not those that a model was
            trained on.
    """
    loaded = {}
    for name, choice in chosen.items():
        version = choice.version
        model = version.load(lake)
        next_step = "run `make train`"
        if choice.is_champion:
            next_step += f"; if its model is not promoted, `python -m ml archive {version.model_version}` makes way"
        require_same(version.words, model.card.features, features, next_step)
        loaded[name] = Served(model, version.model_version, choice.run_id)
    return loaded
