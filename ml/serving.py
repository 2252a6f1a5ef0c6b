"""The models that serve a month: which versions they are, loaded and held to the marts' features."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from ml.features import Feature, difference
from ml.model import Model
from ml.registry import Registry, Served, read_registry
from ml.settings import MODEL_NAMES, ModelName
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location


@dataclass(frozen=True)
class Serving:
    """A model that serves, and what the predictions say of where they come from."""

    served: Served
    model: Model

    @property
    def model_version(self) -> str:
        """First digits of the hash of its artefacts."""
        return self.served.version.model_version

    @property
    def run_id(self) -> str:
        """Training run that it was registered by."""
        return self.served.run_id


def choose(registry: Registry, horizon_date: datetime.date) -> dict[ModelName, Served]:
    """Choose the version of each model that scores a month.

    Args:
        registry: All versions and events.
        horizon_date: That of the marts to score.

    Raises:
        UserError: When no version of a model may score that month.
    """
    return {name: registry.served(name, horizon_date) for name in MODEL_NAMES}


def describe(chosen: Mapping[ModelName, Served]) -> list[str]:
    """Say in one line which versions serve, and in another which of them were never promoted."""
    lines = [", ".join(served.version.words for served in chosen.values())]
    unpromoted = [name for name, served in chosen.items() if not served.is_champion]
    if unpromoted:
        which = " and ".join(unpromoted)
        lines.append(f"no champion of {which} for this month, so the latest registered serves; see `python -m ml list`")
    return lines


def load(lake: Lake[Location], horizon_date: datetime.date, features: tuple[Feature, ...]) -> dict[ModelName, Serving]:
    """Load the models that serve a month.

    Args:
        lake: Where registry and artefacts are.
        horizon_date: That of the marts to score.
        features: Those of the marts.

    Raises:
        UserError: When no version may score that month, an artefact is absent or not the registered one, or the
            features are not those that a model was trained on.
    """
    current = [(feature.name, feature.kind) for feature in features]
    loaded = {}
    for name, served in choose(read_registry(lake), horizon_date).items():
        model = served.version.load(lake)
        found = difference(model.card.features, current)
        if found:
            raise UserError(
                f"the features are not those {served.version.words} was trained on: {found}; run `make train`"
            )
        loaded[name] = Serving(served, model)
    return loaded
