"""The registry of models: versions, what became of them, and which of them serves.

What a version is never changes; what became of it is told by events. The champion of a model follows from the events
alone, so nothing has to be kept in step with them. The tables that hold both are in `registry_tables`.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ml.artefacts import MEND, load_card, load_model
from ml.model import Model, ModelCard
from ml.settings import BoosterSettings, ModelName, Settings
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location

Action = Literal["register", "promote", "rollback", "archive"]
VERSIONS, EVENTS = "ml_model_version", "ml_model_event"


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

    def read_card(self, lake: Lake[Location]) -> ModelCard:
        """Read what is known of the model besides its trees, and check that its artefacts are the registered ones.

        Raises:
            UserError: When an artefact is absent or another.
        """
        return load_card(self.folder(lake), self.artefacts)

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
