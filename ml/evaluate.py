"""Tests both models on later months of companies that they never saw, a year at a time."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.artefacts import FitSummary, NaiveTest, Period, SliceTest, TestedModel, TestedRows, WindowTest
from ml.curves import CurveName, CurvePoint, curves
from ml.frames import Matrix, TrainingFrame
from ml.guards import GuardResult, check_fold
from ml.metrics import Estimate, Tested, estimate
from ml.model import Model, fit_models, lacking_history, require_history
from ml.settings import MODEL_NAMES, ModelName, Settings
from ml.slices import slice_values, sliced_columns
from ml.split import (
    LABEL_MONTHS,
    Fold,
    Part,
    enough_folds,
    evaluation_cut,
    evaluation_folds,
    naive_fold,
    shift_date,
    walk_forward,
)
from warehouse.errors import UserError
from warehouse.progress import bar

SLICE_METRICS = (
    "base_rate", "average_precision", "roc_auc", "lift_at_1_percent", "lift_at_10_percent",
    "expected_calibration_error", "listed_precision", "listed_recall",
)  # fmt: skip


class Fitted(Protocol):
    """A model that can be tested, whatever made it."""

    @property
    def threshold(self) -> float:
        """Probability from which on a row is on its list."""

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Probability of each row in the population, shape (rows,)."""

    def written(self) -> str:
        """Say in a few words how it came out."""


F = TypeVar("F", bound=Fitted)
F_co = TypeVar("F_co", bound=Fitted, covariant=True)


class Learner(Protocol[F_co]):
    """Fits one or more models on the rows of a part and on no others; more, where they share the work on the rows."""

    def __call__(self, frame: TrainingFrame, part: Part) -> Mapping[str, F_co]:
        """Fit models on the rows that the part names; returns them by name."""


@dataclass(frozen=True)
class Trial(Generic[F_co]):
    """What learners did on the same folds.

    Attributes:
        tested: By name, the scored rows of all folds, pooled: the same rows in the same order for each.
        fitted: By name, the model of each fold that has test rows.
        guards: What the leak guards found in each of these folds; empty where they were not asked.
    """

    tested: Mapping[str, Tested]
    fitted: Mapping[str, Sequence[F_co]]
    guards: list[GuardResult]


@dataclass(frozen=True)
class Findings:
    """What an evaluation found; the attributes are those of `artefacts.Evaluation` and `artefacts.ModelEvaluation`.

    Attributes:
        tested: By model, the pooled rows of the headline; not written anywhere.
    """

    headline: WindowTest
    earlier_windows: list[WindowTest]
    windows_left_out: list[str]
    naive: NaiveTest | None
    slices: dict[ModelName, list[SliceTest]]
    curves: dict[ModelName, dict[CurveName, list[CurvePoint]]]
    tested: Mapping[ModelName, Tested]


def learner(names: Sequence[ModelName], settings: Settings) -> Learner[Model]:
    """Make the learner of our models of these names."""

    def learn(frame: TrainingFrame, part: Part) -> Mapping[str, Model]:
        return dict(fit_models(names, frame, part, settings).items())

    return learn


def try_learners(
    frame: TrainingFrame,
    folds: Sequence[Fold],
    tried: Sequence[Learner[F]],
    *,
    guarded: bool = True,
    say: Callable[[str], None] = lambda _: None,
    done: Callable[[], None] = lambda: None,
) -> Trial[F]:
    """Fit every learner on every fold's part and score the fold's test rows.

    Args:
        frame: All rows.
        folds: One with no test rows is left out.
        tried: Learners, each with names of its own.
        guarded: Whether the leak guards check each fold; only what is shown as a mistake goes without.
        say: Takes a line a fold.
        done: Called after each learner's work on a fold, as often as `trainings` says.

    Raises:
        UserError: When a leak guard is broken.
    """
    rows = frame.observations
    guards: list[GuardResult] = []
    fitted: dict[str, list[F]] = defaultdict(list)
    probability: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    listed: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)
    for number, fold in enumerate(folds, start=1):
        if not len(fold.test):
            continue
        if guarded:
            guards.append(check_fold(rows, fold))
        matrix = frame.matrix[fold.test]
        for learn in tried:
            for name, model in learn(frame, fold.part).items():
                fitted[name].append(model)
                probability[name].append(model.predict(matrix))
                listed[name].append(probability[name][-1] >= model.threshold)
            done()
        made = [f"{name} {models[-1].written()}" for name, models in fitted.items()]
        parts = round(len(folds) * fold.stands_for)
        say(f"part {number} of {parts} of the companies: {len(fold.test):,} observations ({'; '.join(made)})")
    test, missed = _tested_rows(folds)
    weight = np.concatenate([fold.stands_for * rows.weight[fold.test] for fold in folds])
    missed_weight = np.concatenate([fold.stands_for * rows.weight[fold.missed] for fold in folds])
    tested = {
        name: Tested(
            company=rows.company[test],
            label=rows.label[test],
            weight=weight,
            probability=np.concatenate(probability[name]),
            missed_company=rows.company[missed],
            missed_weight=missed_weight,
            listed=np.concatenate(listed[name]),
        )
        for name in fitted
    }
    return Trial(tested, fitted, guards)


def trainings(folds: Sequence[Fold], learners: int = 1) -> int:
    """Count how often so many learners learn under folds."""
    return learners * sum(1 for fold in folds if len(fold.test))


def headline_folds(frame: TrainingFrame, horizon_date: datetime.date, settings: Settings) -> list[Fold]:
    """Split for the latest test window, which every comparison of models is made on, and check its history.

    Raises:
        UserError: When the history is too short for the settings.
    """
    folds = _folds(frame, horizon_date, settings)
    lacking = _untested(frame, folds, horizon_date, settings)
    if lacking:
        raise UserError(
            f"the models cannot be tested: {lacking}; land deliveries that hold those years, then build and train again"
        )
    for number, fold in enumerate(folds, start=1):
        if len(fold.test):
            require_history(fold.part, frame.observations, settings.minimum_positives, _outside(number, len(folds)))
    return folds


def earlier_folds(
    frame: TrainingFrame, horizon_date: datetime.date, settings: Settings
) -> tuple[dict[datetime.date, list[Fold]], list[str]]:
    """Split for the test windows before the headline's; no row that the headline tests is in any of them.

    Returns:
        Folds by the horizon of their window, the earliest first; and what each window lacks that cannot be tested.
    """
    folds, left_out = {}, []
    for horizon in walk_forward(horizon_date, settings.test_windows)[:-1]:
        of_window = _folds(frame, horizon, settings)
        lacking = _lacking(frame, of_window, horizon, settings)
        if lacking:
            left_out.append(f"{_test_window(horizon).written()}: {lacking}")
        else:
            folds[horizon] = of_window
    return folds, left_out


def evaluate(
    frame: TrainingFrame, horizon_date: datetime.date, settings: Settings, say: Callable[[str], None]
) -> Findings:
    """Test the procedure that makes the served models, walking forward year by year; the last year is the headline.

    Every fold trains both models on the past of its training companies and scores its test companies in the test
    window; the scored rows of a window's folds are pooled, and the metrics are of the pool. Beside it stands what a
    split at random would have claimed.

    Args:
        frame: All rows of `marts.to_train`.
        horizon_date: Labels known by this day are used.
        settings: All settings.
        say: Takes progress lines.

    Raises:
        UserError: When the history is too short for the headline, a leak guard is broken, or a slice is not defined.
    """
    sliced, unsliced = sliced_columns(frame.encoder, settings.slices)
    if unsliced:
        say(f"no slices by {', '.join(unsliced)}: not among the features")
    folds = headline_folds(frame, horizon_date, settings)
    earlier, left_out = earlier_folds(frame, horizon_date, settings)
    for left in left_out:
        say(f"the year {left}; it is left out")
    total = sum(map(trainings, [*earlier.values(), folds])) + 1
    with bar("testing both models", total) as shown:
        windows = [
            _window_test(frame, horizon, early, settings, say=say, done=shown.advance)[0]
            for horizon, early in earlier.items()
        ]
        headline, tested = _window_test(frame, horizon_date, folds, settings, say=say, done=shown.advance)
        naive = _naive_test(frame, horizon_date, settings, say)
        shown.advance()
        slices = {name: _slices(frame, folds, tested[name], sliced, settings) for name in MODEL_NAMES}
    return Findings(
        headline=headline,
        earlier_windows=windows,
        windows_left_out=left_out,
        naive=naive,
        slices=slices,
        curves={name: curves(tested[name]) for name in MODEL_NAMES},
        tested=tested,
    )


def _test_window(horizon: datetime.date) -> Period:
    return Period(after=evaluation_cut(horizon), until=shift_date(horizon, -LABEL_MONTHS))


def _outside(number: int, parts: int) -> str:
    return f"of the companies outside part {number} " if parts > 1 else "of the companies not tested "


def _folds(frame: TrainingFrame, horizon: datetime.date, settings: Settings) -> list[Fold]:
    rows = frame.observations
    return enough_folds(evaluation_folds(rows, horizon, settings.company_folds), rows.label, settings.enough_positives)


def _tested_rows(folds: Sequence[Fold]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.concatenate([fold.test for fold in folds]), np.concatenate([fold.missed for fold in folds])


def _untested(frame: TrainingFrame, folds: Sequence[Fold], horizon: datetime.date, settings: Settings) -> str | None:
    """Say what the test rows of a window lack."""
    test, window = _tested_rows(folds)[0], _test_window(horizon)
    positives = int(frame.observations.label[test].sum())
    if settings.minimum_positives <= positives < len(test):
        return None
    return (
        f"of the observations after {window.after} and until {window.until}, {positives} became users and "
        f"{len(test) - positives} did not, and a test needs {settings.minimum_positives} and 1"
    )


def _lacking(frame: TrainingFrame, folds: Sequence[Fold], horizon: datetime.date, settings: Settings) -> str | None:
    """Say what a window lacks to be tested."""
    histories = (
        lacking_history(fold.part, frame.observations, settings.minimum_positives, _outside(number, len(folds)))
        for number, fold in enumerate(folds, start=1)
        if len(fold.test)
    )
    return _untested(frame, folds, horizon, settings) or next(filter(None, histories), None)


def _test(frame: TrainingFrame, folds: Sequence[Fold]) -> TestedRows:
    rows = frame.observations
    test, missed = _tested_rows(folds)
    return TestedRows(
        rows=len(test),
        companies=len(np.unique(rows.company[test])),
        positives=int(rows.label[test].sum()),
        missed_positives=len(missed),
    )


def _estimates(tested: Tested, settings: Settings) -> dict[str, Estimate]:
    return estimate(tested, settings.top_rows, settings.bootstrap_samples, settings.seed)


def _window_test(
    frame: TrainingFrame,
    horizon: datetime.date,
    folds: Sequence[Fold],
    settings: Settings,
    *,
    say: Callable[[str], None],
    done: Callable[[], None],
) -> tuple[WindowTest, dict[ModelName, Tested]]:
    window = _test_window(horizon)
    ours = [learner(MODEL_NAMES, settings)]
    trial = try_learners(frame, folds, ours, say=lambda line: say(f"tested {window.written()}, {line}"), done=done)
    models = {
        name: TestedModel(
            metrics=_estimates(trial.tested[name], settings),
            folds=[FitSummary.of(model.card) for model in trial.fitted[name]],
        )
        for name in MODEL_NAMES
    }
    test = WindowTest(
        fold=str(window.after),
        training_window=Period(after=None, until=shift_date(evaluation_cut(horizon), -LABEL_MONTHS)),
        test_window=window,
        test=_test(frame, folds),
        guards=trial.guards,
        models=models,
    )
    return test, {name: trial.tested[name] for name in MODEL_NAMES}


def _naive_test(
    frame: TrainingFrame, horizon_date: datetime.date, settings: Settings, say: Callable[[str], None]
) -> NaiveTest | None:
    fold = naive_fold(frame.observations, horizon_date, settings.seed)
    lacking = lacking_history(fold.part, frame.observations, 1) or not frame.observations.label[fold.test].any()
    if lacking:
        say("no split at random for comparison: too few users in one of its parts")
        return None
    trial = try_learners(frame, [fold], [learner(MODEL_NAMES, settings)], guarded=False)
    say(f"tested a split at random, for comparison: {len(fold.test):,} observations")
    metrics = {name: _estimates(trial.tested[name], settings) for name in MODEL_NAMES}
    return NaiveTest(test=_test(frame, [fold]), metrics=metrics)


def _slices(
    frame: TrainingFrame, folds: Sequence[Fold], tested: Tested, columns: Sequence[str], settings: Settings
) -> list[SliceTest]:
    """Estimate each slice of the headline on its own rows; where few became users, only count them."""
    test, missed = _tested_rows(folds)
    slices = []
    for column in columns:
        of = partial(slice_values, encoder=frame.encoder, column=column, bands=settings.slices.bands.get(column, ()))
        of_test, of_missed = of(frame.matrix[test]), of(frame.matrix[missed])
        for value in np.unique(of_test).tolist():
            part = tested.subset(of_test == value, of_missed == value)
            positives, rows = int(part.label.sum()), len(part.label)
            estimates = _estimates(part, settings) if settings.slices.minimum_positives <= positives < rows else {}
            slices.append(
                SliceTest(
                    slice=column,
                    slice_value=value,
                    rows=rows,
                    positives=positives,
                    metrics={name: estimates.get(name) for name in SLICE_METRICS},
                )
            )
    return slices
