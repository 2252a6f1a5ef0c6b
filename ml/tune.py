"""The command `tune`: searches better hyper-parameters, says what they gain, and proposes them as a settings file.

Every trial is tested as an evaluation tests, under the folds of the years before the headline's. The headline's own
test year is never looked at: settings chosen by it would make its figures too good, and there is no other such year.
"""

import datetime
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from ml.evaluate import earlier_folds, learner, trainings, try_learners
from ml.extras import required_module
from ml.frames import TrainingFrame
from ml.inputs import read_inputs
from ml.metrics import Estimate, Tested, paired_difference, point
from ml.settings import BoosterSettings, ModelName, Settings
from ml.split import Fold
from ml.train import describe, name_run
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.progress import bar
from warehouse.settings import Settings as Environment

STUDY = "ml.study"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Proposal:
    """What a search found for one model.

    Attributes:
        model_name: Which.
        metric: What was raised.
        present: What the present settings reach.
        gain: What the best settings reach more, over the same resamples of companies.
        changes: The hyper-parameters that differ; empty where nothing better was found.
    """

    model_name: ModelName
    metric: str
    present: float
    gain: Estimate
    changes: dict[str, float]

    @property
    def is_made(self) -> bool:
        """Whether the gain is more than chance; otherwise nothing is proposed."""
        return bool(self.changes) and self.gain.low > 0

    def lines(self) -> list[str]:
        """Say what was found, and the settings that differ."""
        metric = self.metric.replace("_", " ")
        if not self.changes:
            return [f"{self.model_name}: nothing better than the present settings, {metric} {self.present:.4f}"]
        chance = "" if self.is_made else "; the interval reaches 0, so it may be chance and is not proposed"
        changes = " ".join(f"-o models.{self.model_name}.{name}={value:g}" for name, value in self.changes.items())
        return [
            f"{self.model_name}: {metric} {self.present:.4f} by the present settings, "
            f"{self.gain.written(4)} more by the best{chance}",
            f"  {changes}",
        ]


def tuning_folds(frame: TrainingFrame, horizon_date: datetime.date, settings: Settings) -> list[Fold]:
    """Split for the search: the folds of all years before the headline's that can be tested.

    Raises:
        UserError: When there is none.
    """
    folds, left_out = earlier_folds(frame, horizon_date, settings)
    if not folds:
        lacking = "; ".join(left_out) or "test_windows is 1"
        raise UserError(
            f"there is no year to tune on before the one that the models are judged by: {lacking}; "
            "land deliveries that hold more years, or set test_windows higher"
        )
    return [fold for of_window in folds.values() for fold in of_window]


def with_booster(settings: Settings, name: ModelName, booster: BoosterSettings) -> Settings:
    """Put other hyper-parameters in the place of a model's."""
    return settings.model_copy(update={"models": settings.models.model_copy(update={name: booster})})


def tune(
    frame: TrainingFrame, folds: Sequence[Fold], name: ModelName, settings: Settings, *, journal: Path, say: Say
) -> Proposal:
    """Search better hyper-parameters for one model.

    Args:
        frame: All rows of `marts.to_train`.
        folds: What every trial is tested under, see `tuning_folds`.
        name: Which model.
        settings: All settings.
        journal: File of the search; one that is there is resumed.
        say: Takes a line a trial.

    Raises:
        UserError: When optuna is absent, the aim is no metric of these rows, or a leak guard is broken.
    """
    study = required_module(STUDY, "optuna", "tune")
    metric, present = settings.tuning.aims.of(name), settings.models.of(name)

    def test(booster: BoosterSettings) -> Tested:
        tried = [learner([name], with_booster(settings, name, booster))]
        with bar(f"testing settings of {name}", trainings(folds)) as shown:
            return try_learners(frame, folds, tried, done=shown.advance).tested[name]

    def value(booster: BoosterSettings) -> float:
        try:
            return point(test(booster), metric)
        except ValueError as error:
            raise UserError(f"tuning.aims.{name}: {error}") from None

    best, _ = study.search(
        journal,
        present,
        settings.tuning.ranges,
        trials=settings.tuning.trials,
        seed=settings.seed,
        value_of=value,
        say=lambda line: say(f"{name}, {line}"),
    )
    before = test(present)
    gain = paired_difference(test(best), before, metric, settings.bootstrap_samples, settings.seed)
    changes = {key: found for key, found in best.model_dump().items() if found != getattr(present, key)}
    return Proposal(name, metric, point(before, metric), gain, changes)


def proposed_settings(settings: Settings, proposals: Sequence[Proposal]) -> Settings:
    """Put what is proposed in the place of the present hyper-parameters."""
    for proposal in proposals:
        if proposal.is_made:
            present = settings.models.of(proposal.model_name)
            booster = BoosterSettings.model_validate(present.model_dump() | proposal.changes)
            settings = with_booster(settings, proposal.model_name, booster)
    return settings


def name_search(run_id: str, name: ModelName) -> str:
    """Name the search for a model on the data and settings of a run."""
    return hashlib.sha256(json.dumps([run_id, name]).encode()).hexdigest()[:16]


def tune_marts(
    environment: Environment, settings: Settings, names: Sequence[ModelName], output: Path, say: Say
) -> list[Proposal]:
    """Search on the marts of the month, and write what is proposed to a settings file of its own.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        settings: All settings.
        names: The models to tune.
        output: File to write; nothing is written where nothing is proposed.
        say: Takes progress lines.

    Raises:
        UserError: When the file is there, the marts do not suit, or as `tune` and `tuning_folds` do.
    """
    required_module(STUDY, "optuna", "tune")
    if output.exists():
        raise UserError(f"{output} is there already; name another file with --output, or remove it")
    lake = Lake(environment.lake)
    with alone(lake, "tune", "tuning"):
        horizon, frame = read_inputs(environment, settings)
        say(describe(horizon, frame))
        folds = tuning_folds(frame, horizon.date, settings)
        rows = sum(len(fold.test) for fold in folds)
        say(f"{len(folds)} folds, {rows:,} test rows, none of them of the year that the models are judged by")
        # more trials continue a search, anything else begins another
        unlimited = settings.model_copy(update={"tuning": settings.tuning.model_copy(update={"trials": 1})})
        run_id = name_run(horizon, frame.sha256(), unlimited)
        journals = {name: lake.work() / "tuning" / f"{name_search(run_id, name)}.journal" for name in names}
        proposals = [tune(frame, folds, name, settings, journal=journals[name], say=say) for name in names]
    if any(proposal.is_made for proposal in proposals):
        found = [f"# {line}\n" for proposal in proposals for line in proposal.lines()]
        content = yaml.safe_dump(
            proposed_settings(settings, proposals).model_dump(mode="json"), sort_keys=False, default_flow_style=None
        )
        output.write_text(f"# Proposed by `python -m ml tune`.\n{''.join(found)}{content}", encoding="utf-8")
    return proposals


def tuning_lines(proposals: Sequence[Proposal], output: Path) -> list[str]:
    """Write what a search found and what to do with it."""
    lines = [line for proposal in proposals for line in proposal.lines()]
    if any(proposal.is_made for proposal in proposals):
        return [
            *lines,
            "The years that chose these settings also measured them, so part of the gain is luck.",
            f"Nothing was changed; `python -m ml train --settings {output}` tests them on the year that was kept back,",
            "and promotes what they make if every gate holds.",
        ]
    return [*lines, "Nothing is proposed, and nothing was changed."]
