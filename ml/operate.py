"""The commands on the registry: promote, roll back, archive, check."""

import datetime
from collections.abc import Callable

from ml.artefacts import fingerprint
from ml.features import Feature
from ml.inputs import read_inputs
from ml.model import require_history
from ml.promotion import Decision, Evidence, Gate, canary_gates, decide, reload_gate, wanted_versions
from ml.registry import Registry, Version
from ml.registry_tables import archive, read_registry, rollback
from ml.serving import choose, load
from ml.settings import ModelName, Settings
from ml.split import training_part
from ml.tables import register_tables
from warehouse.engines import open_engine
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.s3 import Location
from warehouse.settings import Settings as Environment


def promote(environment: Environment, settings: Settings, wanted: str, why: str, *, dry_run: bool) -> list[Decision]:
    """Promote a version, or the latest of every model, where every gate holds.

    Args:
        environment: Where lake and warehouse are; the marts are what the gates are checked on.
        settings: The limits of the gates.
        wanted: A version, the beginning of one, or `latest`.
        why: In the actor's words.
        dry_run: Whether to check only.

    Returns:
        What became of each.

    Raises:
        UserError: When there is no such version, its artefacts are not the registered ones, or the marts do not suit.
    """
    lake = Lake(environment.lake)
    decisions = []
    with alone(lake, "ml", "training or prediction"):
        registry = read_registry(lake)
        events = wanted_versions(registry, wanted)
        horizon, frame = read_inputs(environment, settings)
        evidence = Evidence(horizon.date, frame, settings, canary_gates(frame, horizon.date, settings), {})
        for event in events:
            decision, registry = decide(lake, registry, event, evidence, why=why, dry_run=dry_run)
            decisions.append(decision)
        if not dry_run:
            register_tables(open_engine(environment), lake)
    return decisions


def _changed(
    environment: Environment, change: Callable[[Lake[Location], Registry], Version], *, dry_run: bool
) -> Version:
    lake = Lake(environment.lake)
    with alone(lake, "ml", "training or prediction"):
        version = change(lake, read_registry(lake))
        if not dry_run:
            register_tables(open_engine(environment), lake)
    return version


def roll_back(environment: Environment, name: ModelName, why: str, *, dry_run: bool) -> Version:
    """Make the champion before the present one the champion again, and return it.

    Raises:
        UserError: When there is none before, or its artefacts are not the registered ones.
    """
    return _changed(environment, lambda lake, held: rollback(lake, held, name, why, dry_run=dry_run), dry_run=dry_run)


def withdraw(environment: Environment, version: str, why: str, *, dry_run: bool) -> Version:
    """Archive a version, named by itself or its beginning, and return it.

    Raises:
        UserError: When there is no such version, or it is archived.
    """
    return _changed(environment, lambda lake, held: archive(lake, held, version, why, dry_run=dry_run), dry_run=dry_run)


def _serving_gates(lake: Lake[Location], horizon_date: datetime.date, features: tuple[Feature, ...]) -> list[Gate]:
    registry = read_registry(lake)
    if not registry.events:
        return []
    chosen = choose(registry, horizon_date)
    gates = []
    for name, served in load(lake, chosen, features).items():
        gate = reload_gate(chosen[name].version.log_odds_sha256, fingerprint(served.model))
        gates.append(Gate(f"{gate.name} {name} {served.version}", gate.found, gate.wanted, gate.holds))
    return gates


def check(environment: Environment, settings: Settings) -> tuple[datetime.date, list[Gate]]:
    """Check, without writing anything, that the month can be trained and predicted.

    The marts are as their feature definitions say and their history suffices, no leak canary finds anything, and the
    models that serve are the registered ones, of the marts' features, and say what they said when they were registered.

    Args:
        environment: Where lake and warehouse are.
        settings: All settings.

    Returns:
        The horizon, and what was checked.

    Raises:
        UserError: When the marts do not suit, or an artefact is not the registered one.
    """
    lake = Lake(environment.lake)
    horizon, frame = read_inputs(environment, settings)
    require_history(training_part(frame.observations, horizon.date), frame.observations, settings.minimum_positives)
    gates = [*_serving_gates(lake, horizon.date, frame.encoder.features), *canary_gates(frame, horizon.date, settings)]
    return horizon.date, gates
