"""The tables of the registry, `ml_model_version` and `ml_model_event`: read whole, and only ever added to.

Every version and every event is a file of its own. The caller of what writes holds the lake's lock.
"""

import datetime
import getpass
import io
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ml.artefacts import fingerprint, save_model
from ml.model import Model
from ml.registry import EVENTS, VERSIONS, Action, Event, Procedure, Registry, Version
from ml.settings import ModelName, Settings
from ml.tables import PARTITION, append
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location

TICK = datetime.timedelta(microseconds=1)

VERSION_SCHEMA = pa.schema(
    [
        ("model_name", pa.string()), ("model_version", pa.string()), ("run_id", pa.string()),
        ("horizon_date", pa.date32()), ("artefacts", pa.string()), ("log_odds_sha256", pa.string()),
        ("data_sha256", pa.string()), ("training_rows", pa.int64()), ("training_positives", pa.int64()),
        ("rounds", pa.int32()), ("procedure", pa.string()),
    ]
)  # fmt: skip
EVENT_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()), ("happened_at", pa.timestamp("us")), ("action", pa.string()),
        ("model_name", pa.string()), ("model_version", pa.string()), ("run_id", pa.string()), ("actor", pa.string()),
        ("why", pa.string()), ("gates", pa.string()),
    ]
)  # fmt: skip


def _rows(lake: Lake[Location], table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    paths: list[Location] = sorted(lake.ml_table(table).glob(f"{PARTITION}=*/*.parquet"))
    for path in paths:
        month = path.parent.name.partition("=")[2]
        # without hive partitioning, which would take the month for a number
        content = pq.ParquetFile(io.BytesIO(path.read_bytes())).read()
        found += [{PARTITION: month} | row for row in content.to_pylist()]
    return found


def read_registry(lake: Lake[Location]) -> Registry:
    """Read all versions and events from the lake; both are few.

    Args:
        lake: Where the tables are.
    """
    versions = {
        (row["model_name"], row["model_version"]): Version(**row | {"artefacts": json.loads(row["artefacts"])})
        for row in _rows(lake, VERSIONS)
    }
    events = sorted((Event(**row) for row in _rows(lake, EVENTS)), key=lambda event: event.event_id)
    return Registry(versions, events)


def actor(environment: Mapping[str, str] = os.environ) -> str:
    """Name who runs this: `ML_ACTOR`, or the name of the operating system's user."""
    given = environment.get("ML_ACTOR", "").strip()
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return f"user {os.getuid()}"


def record(
    lake: Lake[Location],
    registry: Registry,
    action: Action,
    version: Version,
    *,
    run_id: str,
    why: str = "",
    gates: Sequence[Mapping[str, Any]] = (),
) -> Registry:
    """Write an event, and return the registry that holds it.

    The caller holds the lake's lock, so the clock is the only thing that could bring two events out of order; an event
    is told at least a microsecond after the one before.

    Args:
        lake: Where to.
        registry: As it is.
        action: What is done.
        version: To which version.
        run_id: Training run that it was registered by.
        why: In the actor's words.
        gates: What was checked before.
    """
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    if registry.events:
        now = max(now, registry.events[-1].happened_at + TICK)
    event = Event(
        score_month=version.score_month,
        event_id=f"{now:%Y%m%dT%H%M%S%f}Z-{uuid.uuid4().hex[:8]}",
        happened_at=now,
        action=action,
        model_name=version.model_name,
        model_version=version.model_version,
        run_id=run_id,
        actor=actor(),
        why=why,
        gates=json.dumps(list(gates), sort_keys=True),
    )
    row = asdict(event)
    del row[PARTITION]
    append(lake, EVENTS, event.score_month, event.event_id, pa.Table.from_pylist([row], schema=EVENT_SCHEMA))
    return Registry(registry.versions, [*registry.events, event])


def store(
    lake: Lake[Location], registry: Registry, month: str, *, run_id: str, settings: Settings, model: Model
) -> Version:
    """Write a model's artefacts, and its row where it has none.

    Args:
        lake: Where to.
        registry: As it is.
        month: Score month of the marts that it learned from, `YYYY-MM`.
        run_id: Training run that made it.
        settings: Those of the run.
        model: The model.
    """
    card = model.card
    version, artefacts = save_model(lake, card.cut.strftime("%Y%m%d"), model)
    known = registry.versions.get((card.model_name, version))
    if known is not None:
        return known
    made = Version(
        score_month=month,
        model_name=card.model_name,
        model_version=version,
        run_id=run_id,
        horizon_date=card.cut,
        artefacts=artefacts,
        log_odds_sha256=fingerprint(model),
        data_sha256=card.data_sha256,
        training_rows=card.rows,
        training_positives=card.positives,
        rounds=card.rounds,
        procedure=Procedure.of(card.model_name, settings).text(),
    )
    row = asdict(made) | {"artefacts": json.dumps(artefacts, sort_keys=True)}
    del row[PARTITION]
    name = f"{card.model_name}-{version}"
    append(lake, VERSIONS, month, name, pa.Table.from_pylist([row], schema=VERSION_SCHEMA))
    return made


def register(lake: Lake[Location], registry: Registry, version: Version, run_id: str) -> Registry:
    """Tell that a run has made a version, unless that is the last thing that was registered.

    Args:
        lake: Where the registry is.
        registry: As it is.
        version: Its row is written.
        run_id: The training run.

    Returns:
        The registry after it.
    """
    registry = Registry({**registry.versions, (version.model_name, version.model_version): version}, registry.events)
    latest = [e for e in registry.events if e.action == "register" and e.model_name == version.model_name]
    if latest and (latest[-1].model_version, latest[-1].run_id) == (version.model_version, run_id):
        return registry
    return record(lake, registry, "register", version, run_id=run_id)


def rollback(lake: Lake[Location], registry: Registry, name: ModelName, why: str, *, dry_run: bool) -> Version:
    """Make the champion before the present one the champion again.

    Args:
        lake: Where the registry is.
        registry: As it is.
        name: Which model.
        why: In the actor's words.
        dry_run: Whether to write nothing.

    Returns:
        The version that is champion then.

    Raises:
        UserError: When there is no champion before, or its artefacts are not those that were registered.
    """
    champions = registry.champions(name)
    if len(champions) < 2:  # noqa: PLR2004
        held = f"{champions[0].model_version} is the first champion" if champions else "nothing was promoted yet"
        raise UserError(f"there is no earlier champion of {name} to go back to: {held}")
    before = champions[-2]
    version = registry.of(before)
    version.load(lake)
    if not dry_run:
        record(lake, registry, "rollback", version, run_id=before.run_id, why=why)
    return version


def archive(lake: Lake[Location], registry: Registry, version: str, why: str, *, dry_run: bool) -> Version:
    """Withdraw a version: it is never served, promoted or gone back to again. Its artefacts stay.

    Args:
        lake: Where the registry is.
        registry: As it is.
        version: Which, by its name or the beginning of its name.
        why: In the actor's words.
        dry_run: Whether to write nothing.

    Returns:
        The version.

    Raises:
        UserError: When there is no such version, or it is archived.
    """
    event = registry.find(version)
    found = registry.of(event)
    if found.model_version in registry.archived(found.model_name):
        raise UserError(f"{found.words} is archived already")
    if not dry_run:
        record(lake, registry, "archive", found, run_id=event.run_id, why=why)
    return found
