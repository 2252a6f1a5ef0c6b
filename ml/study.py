"""Searches hyper-parameters with optuna, seeded, in a journal that a search which was ended can be resumed from."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from ml.settings import BoosterSettings, RangeSettings

DIGITS = 3


def _distributions(present: BoosterSettings, ranges: Mapping[str, RangeSettings]) -> dict[str, BaseDistribution]:
    """Make the space, widened where the present value lies outside."""
    space: dict[str, BaseDistribution] = {}
    for name, of in ranges.items():
        value = getattr(present, name)
        low, high = min(of.low, value), max(of.high, value)
        if of.scale == "whole":
            space[name] = IntDistribution(int(low), int(high))
        else:
            space[name] = FloatDistribution(low, high, log=of.scale == "log" and low > 0)
    return space


def _settings(present: BoosterSettings, tried: Mapping[str, float]) -> BoosterSettings:
    """Put what was tried in the place of what is there, rounded to what a settings file would be written with."""
    rounded = {name: value if isinstance(value, int) else float(f"{value:.{DIGITS}g}") for name, value in tried.items()}
    return BoosterSettings.model_validate(present.model_dump() | rounded)


def _cut_unfinished_line(journal: Path) -> None:
    """Cut off a last line that a killed search did not write whole; optuna would write the next one behind it."""
    if journal.exists():
        content = journal.read_bytes()
        os.truncate(journal, content.rfind(b"\n") + 1)


def search(
    journal: Path,
    present: BoosterSettings,
    ranges: Mapping[str, RangeSettings],
    *,
    trials: int,
    seed: int,
    value_of: Callable[[BoosterSettings], float],
    say: Callable[[str], None],
) -> tuple[BoosterSettings, float]:
    """Try settings until so many were tried, the present ones first.

    What is tried next depends on the seed and on the completed trials alone, so that a search which was ended and
    resumed tries the same settings as one that was not.

    Args:
        journal: File of the search; trials that it holds count.
        present: The settings to begin with.
        ranges: Where to search.
        trials: How many settings are tried in all.
        seed: Of the search.
        value_of: What settings reach; more is better.
        say: Takes a line a trial.

    Returns:
        The best settings, and what they reach.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    _cut_unfinished_line(journal)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(storage=storage, study_name=journal.stem, direction="maximize", load_if_exists=True)
    space = _distributions(present, ranges)

    def completed() -> list[FrozenTrial]:
        return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    if not completed():
        value = value_of(present)
        params = {name: getattr(present, name) for name in space}
        study.add_trial(create_trial(params=params, distributions=space, value=value))
        say(f"trial 1 of {trials}, the present settings: {value:.5f}")
    else:
        say(f"{len(completed())} trials are in {journal}")
    while (done := len(completed())) < trials:
        study.sampler = TPESampler(seed=seed + done)
        trial = study.ask(space)
        value = value_of(_settings(present, trial.params))
        study.tell(trial, value)
        say(f"trial {done + 1} of {trials}: {value:.5f}, best {study.best_value:.5f}")
    first = completed()[0]
    if study.best_value <= (first.value or 0.0):
        return present, study.best_value
    return _settings(present, study.best_params), study.best_value
