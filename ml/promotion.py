"""Which version becomes the champion: the gates, what they are held against, and the promotion itself.

A gate is one check before a promotion. Each takes plain values, so that it can be read and tested by itself; all that
were checked are kept with the event.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ml.artefacts import Evaluation, SliceTest, fingerprint, load_run
from ml.canaries import run_canaries
from ml.evaluate import headline_folds, learner, trainings, try_learners
from ml.features import require_same
from ml.frames import TrainingFrame
from ml.metrics import CALIBRATION_ERROR, Estimate, Tested, paired_difference
from ml.registry import Event, Procedure, Registry, Version
from ml.registry_tables import record
from ml.settings import MODEL_NAMES, ModelName, Settings
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.progress import bar
from warehouse.s3 import Location

LATEST = "latest"
LIFT = "lift_at_1_percent"
SLICE_LIFT = "lift_at_10_percent"
SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Gate:
    """One check before a promotion.

    Attributes:
        name: What is checked.
        found, wanted: In words and figures.
        holds: Whether it lets the version pass.
    """

    name: str
    found: str
    wanted: str
    holds: bool

    @property
    def line(self) -> str:
        """The gate in one line."""
        return f"{self.name}: {self.found}, wanted {self.wanted}"


@dataclass(frozen=True)
class Evidence:
    """What versions are held against, read and computed once for all of them.

    Attributes:
        horizon_date: Of the present marts.
        frame: Their training data.
        settings: The limits, and the folds of the comparison.
        canaries: A gate for each leak canary, or one that says why they could not run.
        tested: By model name, what an evaluation on this data has just found by these very settings; may be empty.
    """

    horizon_date: datetime.date
    frame: TrainingFrame
    settings: Settings
    canaries: tuple[Gate, ...]
    tested: Mapping[ModelName, Tested]


@dataclass(frozen=True)
class Decision:
    """What became of the wish to promote a version.

    Attributes:
        version: Which.
        before: The champion's version until then, None if there was none.
        gates: What was checked.
        promoted: Whether it was made the champion, or would be without `--dry-run`.
    """

    version: Version
    before: str | None
    gates: tuple[Gate, ...]
    promoted: bool

    @property
    def is_champion_already(self) -> bool:
        """Whether there was nothing to decide."""
        return self.before == self.version.model_version

    @property
    def refusals(self) -> list[Gate]:
        """The gates that do not hold."""
        return [gate for gate in self.gates if not gate.holds]

    def lines(self) -> list[str]:
        """Say in one line what became of it, and in one more each which gates do not hold."""
        if self.is_champion_already:
            return [f"{self.version.words} is the champion already"]
        if self.promoted:
            after = f", after {self.before}" if self.before else ""
            return [f"{self.version.words} is the champion now{after}; {len(self.gates)} gates hold"]
        return [f"{self.version.words} is not promoted: {gate.line}" for gate in self.refusals]


def age_gate(candidate: datetime.date, champion: datetime.date | None) -> Gate:
    """Hold a version against going back in time: that is what a rollback is for.

    Args:
        candidate: Horizon date of the version.
        champion: That of the champion, None if there is none.
    """
    found = f"trained on what was known at {candidate}"
    if champion is None:
        return Gate("age", found, "any day, since there is no champion", True)
    return Gate("age", found, f"{champion} or later, as the champion", candidate >= champion)


def lift_gate(difference_: Estimate | None, champion: str | None) -> Gate:
    """Hold the lift at the top 1 % against the champion's.

    The champion's own trees have seen the labels of the test, so its figures there would be too good. What is compared
    is how the two were made: models by the settings of each, trained and tested under the same folds of the present
    data, and the difference of their lifts over the same resamples of companies. Equal settings make equal models
    there, which needs no evaluation.

    It does not hold where the whole 95 % interval of the difference lies below 0.

    Args:
        difference_: Version less champion, None where the settings are equal.
        champion: Version of the champion, None if there is none.
    """
    if champion is None:
        return Gate("lift", "no champion to be held against", "not below the champion's", True)
    if difference_ is None:
        return Gate("lift", f"made by the same settings as {champion}", "not below the champion's", True)
    found = f"at the top 1 % it differs by {difference_.written(2)} from what the settings of {champion} reach"
    return Gate("lift", found, "an interval that does not lie below 0", difference_.high >= 0)


def calibration_gate(error: Estimate, base_rate: Estimate, limit: float) -> Gate:
    """Hold the expected calibration error against a share of the base rate, for only beside that is it small or large.

    Args:
        error: Expected calibration error.
        base_rate: Share of the population that becomes a user.
        limit: Largest error, as a share of the base rate.
    """
    largest = limit * base_rate.value
    wanted = f"at most {largest:.4f}, {limit:g} of the base rate"
    return Gate("calibration error", f"{error.value:.4f}", wanted, error.value <= largest)


def slice_gates(slices: Sequence[SliceTest], minimum_positives: int) -> list[Gate]:
    """Hold the model against being worse than chance for a part of the companies.

    By the lift at the top 10 % of the slice: its top 1 % holds too few users to tell.

    Args:
        slices: All parts.
        minimum_positives: Smaller parts tell nothing.
    """
    gates = []
    for part in slices:
        lift = part.metrics.get(SLICE_LIFT)
        if lift is not None and part.positives >= minimum_positives:
            name = f"lift for {part.slice} {part.slice_value}"
            gates.append(Gate(name, f"{lift.value:.2f} at its top 10 %", "above 1", lift.value > 1))
    return gates


def canary_gates(frame: TrainingFrame, horizon_date: datetime.date, settings: Settings) -> tuple[Gate, ...]:
    """Run the leak canaries; where the history is too short for them, that is what does not hold.

    Args:
        frame: The present training data.
        horizon_date: Of that data.
        settings: All settings.
    """
    try:
        found = run_canaries(frame, horizon_date, settings)
    except UserError as error:
        return (Gate("canaries", str(error), "canaries that can run", False),)
    return tuple(Gate(canary.name, canary.found, canary.wanted, canary.holds) for canary in found)


def reload_gate(registered: str, loaded: str) -> Gate:
    """Hold what the stored artefacts say of a fixed batch against what the model said when it was registered.

    Args:
        registered: SHA-256 of the log-odds then.
        loaded: That of what the artefacts say now.
    """
    found, wanted = (f"log-odds {text[:SHOWN_DIGITS]}" for text in (loaded, registered))
    return Gate("reload", found, f"{wanted}, as registered", loaded == registered)


def pooled_test(
    name: ModelName, frame: TrainingFrame, horizon_date: datetime.date, procedure: Procedure, settings: Settings
) -> Tested:
    """Test models of one procedure under the folds of the headline.

    Args:
        name: Which model.
        frame: All rows.
        horizon_date: Labels known by this day are used.
        procedure: How the models are made.
        settings: For everything else.

    Raises:
        UserError: When the history is too short.
    """
    models = settings.models.model_copy(update={name: procedure.booster})
    made = settings.model_copy(
        update={"models": models, "seed": procedure.seed, "calibration_positives": procedure.calibration_positives}
    )
    folds = headline_folds(frame, horizon_date, settings)
    with bar(f"testing how {name} was made", trainings(folds)) as shown:
        return try_learners(frame, folds, [learner([name], made)], done=shown.advance).tested[name]


def _compared(candidate: Version, champion: Version | None, evidence: Evidence) -> Gate:
    if champion is None:
        return lift_gate(None, None)
    name, settings = candidate.model_name, evidence.settings
    try:
        ours, theirs = (version.read_procedure() for version in (candidate, champion))
    except UserError as error:
        return Gate("lift", str(error), "settings that can be compared", False)
    if ours == theirs:
        return lift_gate(None, champion.model_version)
    tests = []
    for procedure in (ours, theirs):
        known = evidence.tested.get(name) if procedure == Procedure.of(name, settings) else None
        tests.append(known or pooled_test(name, evidence.frame, evidence.horizon_date, procedure, settings))
    found = paired_difference(tests[0], tests[1], LIFT, settings.bootstrap_samples, settings.seed)
    return lift_gate(found, champion.model_version)


def check_gates(
    lake: Lake[Location], candidate: Version, champion: Version | None, evaluation: Evaluation, evidence: Evidence
) -> tuple[Gate, ...]:
    """Check every gate of a version.

    Args:
        lake: Where its artefacts are.
        candidate: The version.
        champion: The champion of its model, None if there is none.
        evaluation: That of its run.
        evidence: What it is held against.

    Raises:
        UserError: When an artefact is not the registered one, or the model is not of the present features.
    """
    model = candidate.load(lake)
    require_same(candidate.words, model.card.features, evidence.frame.encoder.features)
    found, limits = evaluation.models[candidate.model_name], evidence.settings.promotion
    return (
        age_gate(candidate.horizon_date, None if champion is None else champion.horizon_date),
        _compared(candidate, champion, evidence),
        calibration_gate(found.metrics[CALIBRATION_ERROR], found.metrics["base_rate"], limits.calibration_error),
        *slice_gates(found.slices, limits.slice_positives),
        reload_gate(candidate.log_odds_sha256, fingerprint(model)),
        *evidence.canaries,
    )


def decide(
    lake: Lake[Location],
    registry: Registry,
    event: Event,
    evidence: Evidence,
    *,
    why: str = "",
    dry_run: bool = False,
) -> tuple[Decision, Registry]:
    """Promote a registered version if every gate holds.

    Args:
        lake: Where the registry is; the caller holds its lock.
        registry: As it is.
        event: The version's registration.
        evidence: What it is held against.
        why: In the actor's words.
        dry_run: Whether to write nothing.

    Returns:
        What became of it, and the registry after it.

    Raises:
        UserError: When the version is archived, or as `check_gates` does.
    """
    version = registry.of(event)
    if version.model_version in registry.archived(version.model_name):
        raise UserError(f"{version.words} is archived, so it cannot be promoted")
    held = registry.champion(version.model_name)
    champion = None if held is None else registry.of(held)
    before = None if champion is None else champion.model_version
    if before == version.model_version:
        return Decision(version, before, (), promoted=False), registry
    evaluation = load_run(lake, event.run_id)
    gates = check_gates(lake, version, champion, evaluation, evidence)
    promoted = all(gate.holds for gate in gates)
    if promoted and not dry_run:
        kept = [asdict(gate) for gate in gates]
        registry = record(lake, registry, "promote", version, run_id=event.run_id, why=why, gates=kept)
    return Decision(version, before, gates, promoted), registry


def wanted_versions(registry: Registry, wanted: str) -> list[Event]:
    """Find the registrations that `promote` is asked for.

    Args:
        registry: All versions and events.
        wanted: A version, the beginning of one, or `latest` for the latest of every model.

    Raises:
        UserError: When there is none.
    """
    if wanted != LATEST:
        return [registry.find(wanted)]
    found = [registered[-1] for name in MODEL_NAMES if (registered := registry.registered(name))]
    if not found:
        raise UserError("no model is registered in this lake; run `make train`")
    return found
