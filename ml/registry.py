"""The registry of models: the append-only tables of versions and of what became of them, and what serves by them.

What a version is never changes; what became of it is told by events, each in a file of its own. The champion of a model
follows from the events alone, so nothing has to be kept in step with them.
"""

import datetime
import getpass
import io
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from ml.artefacts import MEND, fingerprint, load_model, save_model
from ml.model import Model
from ml.settings import BoosterSettings, ModelName, Settings
from ml.tables import PARTITION, append
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location

Action = Literal["register", "promote", "rollback", "archive"]
VERSIONS, EVENTS = "ml_model_version", "ml_model_event"
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


class Procedure(BaseModel):
    """The settings that a model of one name is made by; two runs of one procedure differ in their data only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    calibration_positives: int
    booster: BoosterSettings

    @classmethod
    def of(cls, name: ModelName, settings: Settings) -> "Procedure":
        """Take a model's procedure from all settings."""
        return cls(
            seed=settings.seed,
            calibration_positives=settings.calibration_positives,
            booster=settings.models.of(name),
        )

    def text(self) -> str:
        """Write the procedure as JSON whose bytes depend on nothing but its content."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


@dataclass(frozen=True)
class Version:
    """A row of `ml_model_version`: what is true of a version for ever.

    Attributes:
        score_month: Month of the marts that it learned from, `YYYY-MM`.
        model_name: `precision` or `recall`.
        model_version: First digits of the hash of its artefacts.
        run_id: Training run that made it first.
        horizon_date: Nothing that became known later was used.
        artefacts: SHA-256 of each file in its folder.
        log_odds_sha256: Hash of what it says of a fixed batch.
        data_sha256: Hash of what it learned from.
        training_rows, training_positives: How much that was.
        rounds: Trees.
        procedure: Its `Procedure` as JSON.
    """

    score_month: str
    model_name: ModelName
    model_version: str
    run_id: str
    horizon_date: datetime.date
    artefacts: Mapping[str, str]
    log_odds_sha256: str
    data_sha256: str
    training_rows: int
    training_positives: int
    rounds: int
    procedure: str

    @property
    def words(self) -> str:
        """The version as a message names it."""
        return f"{self.model_name} {self.model_version} (trained for {self.score_month})"

    def folder(self, lake: Lake[Location]) -> Location:
        """Where its artefacts are."""
        return lake.model(self.horizon_date.strftime("%Y%m%d"), self.model_name, self.model_version)

    def load(self, lake: Lake[Location]) -> Model:
        """Load the model and check that it is the one that was registered.

        Raises:
            UserError: When an artefact is absent or another.
        """
        return load_model(self.folder(lake), self.artefacts)

    def read_procedure(self) -> Procedure:
        """Read the settings that it was made by.

        Raises:
            UserError: When they are those of another version of the program.
        """
        try:
            return Procedure.model_validate_json(self.procedure)
        except ValidationError:
            raise UserError(
                f"{self.words} was made by settings that this version of the program does not know; archive it with "
                f"`python -m ml archive {self.model_version}`"
            ) from None


@dataclass(frozen=True)
class Event:
    """A row of `ml_model_event`: who did what to a version, when and why.

    Attributes:
        score_month: That of the version.
        event_id: Sorts by time; also the name of the event's file.
        happened_at: UTC, without a zone.
        action: What was done.
        model_name, model_version: To which.
        run_id: Training run that the version was registered by at the time.
        actor: Who did it.
        why: In the actor's words, or empty.
        gates: What was checked before, as JSON; `[]` where nothing was.
    """

    score_month: str
    event_id: str
    happened_at: datetime.datetime
    action: Action
    model_name: ModelName
    model_version: str
    run_id: str
    actor: str
    why: str
    gates: str


@dataclass(frozen=True)
class Choice:
    """A version that scores a month, and by which event it does."""

    version: Version
    event: Event
    is_champion: bool

    @property
    def run_id(self) -> str:
        """The training run that the version was registered by."""
        return self.event.run_id


@dataclass(frozen=True)
class Registry:
    """All versions and events.

    Attributes:
        versions: By model name and version.
        events: In the order of time.
    """

    versions: Mapping[tuple[str, str], Version]
    events: Sequence[Event]

    def of(self, event: Event) -> Version:
        """Find the version that an event is about.

        Raises:
            UserError: When its row is lost.
        """
        try:
            return self.versions[event.model_name, event.model_version]
        except KeyError:
            raise UserError(
                f"the table ml.{VERSIONS} lacks {event.model_name} {event.model_version}, which ml.{EVENTS} names; "
                f"{MEND}"
            ) from None

    def archived(self, name: str) -> set[str]:
        """Name the versions of a model that were archived."""
        return {event.model_version for event in self.events
                if event.model_name == name and event.action == "archive"}  # fmt: skip

    def champions(self, name: str) -> list[Event]:
        """Follow the promotions of a model: its champions that could be rolled back to, and last the present one.

        A promotion puts a version on top, a rollback takes those above its version away, and an archived version is
        not there at all. So two rollbacks go two champions back, instead of to and fro.
        """
        stack: list[Event] = []
        for event in self.events:
            if event.model_name != name:
                continue
            if event.action == "promote":
                stack.append(event)
            elif event.action == "rollback":
                while stack and stack[-1].model_version != event.model_version:
                    stack.pop()
        archived = self.archived(name)
        kept: list[Event] = []
        for event in stack:
            if event.model_version in archived:
                continue
            if not kept or kept[-1].model_version != event.model_version:
                kept.append(event)
        return kept

    def champion(self, name: str) -> Event | None:
        """Find the promotion by which a model's champion is champion; None before any."""
        champions = self.champions(name)
        return champions[-1] if champions else None

    def registered(self, name: str) -> list[Event]:
        """Registrations of the versions of a model that are not archived, in the order of time."""
        archived = self.archived(name)
        return [
            event
            for event in self.events
            if event.model_name == name and event.action == "register" and event.model_version not in archived
        ]

    def served(self, name: ModelName, horizon_date: datetime.date) -> Choice:
        """Choose the version that scores a month.

        The latest champion that learned from nothing later than the month's horizon; for an earlier month that is
        built again, the champion of today has seen what it is asked for. Where there is none, the latest registered.

        Args:
            name: Which model.
            horizon_date: That of the marts to score.

        Raises:
            UserError: When no version may score that month.
        """
        for is_champion, events in ((True, self.champions(name)), (False, self.registered(name))):
            known = [event for event in events if self.of(event).horizon_date <= horizon_date]
            if known:
                event = known[-1] if is_champion else max(known, key=lambda e: (self.of(e).horizon_date, e.event_id))
                return Choice(self.of(event), event, is_champion)
        raise UserError(
            f"no {name} model is registered that was trained on what was known at {horizon_date}; run `make train`"
        )

    def find(self, version: str) -> Event:
        """Find the latest registration of a version by its name, or the beginning of its name.

        Raises:
            UserError: When none or several versions are called so.
        """
        found = {(event.model_name, event.model_version): event for event in self.events
                 if event.action == "register" and event.model_version.startswith(version)}  # fmt: skip
        if not version or not found:
            raise UserError(f"no version {version} is registered; `python -m ml list` names the versions")
        if len(found) > 1:
            names = ", ".join(" ".join(key) for key in sorted(found))
            raise UserError(f"{version} could be any of {names}; write more of its digits")
        return next(iter(found.values()))

    def status(self, name: str, version: str) -> str:
        """Say what a version is now: `champion`, `earlier champion`, `archived` or `registered`."""
        champions = [event.model_version for event in self.champions(name)]
        if version in self.archived(name):
            return "archived"
        if version in champions:
            return "champion" if champions[-1] == version else "earlier champion"
        return "registered"


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
