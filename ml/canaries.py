"""Leak canaries: small trainings whose outcome is known beforehand; another outcome means that the future leaks in.

All stand on the headline's split with the companies in two halves: each half is tested by a model of the other's past.
Rows count alike here, since a leak is one of rows; each area under ROC is the mean over both halves. Of a large half
all users are taken and as many others as the settings allow.
"""

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from ml.frames import Matrix, TrainingFrame
from ml.metrics import Tested, roc_auc
from ml.settings import Settings
from ml.split import Fold, evaluation_folds, walk_forward
from warehouse.errors import UserError
from warehouse.progress import bar

Labels = NDArray[np.bool_]

CANARIES = 6
HALVES = 2
CHANCE = 0.5
NARROWEST = 0.03  # what shuffled labels may be off by, where the rows are enough to tell
STANDARD_ERRORS = 3  # one honest check in 370 goes beyond
HIGHEST_ALONE = 0.9
FUTURE_NOISE = 0.3  # the planted future feature has an area under ROC of 0.99
SIGNAL = 1.5  # the planted signal has one of 0.86
SIGNAL_FOUND = 0.75


@dataclass(frozen=True)
class Canary:
    """One check and its outcome.

    Attributes:
        name: What was checked.
        found: What came out, written.
        wanted: What must come out, written.
        holds: Whether it did.
    """

    name: str
    found: str
    wanted: str
    holds: bool


def _standard_error(positives: int, rows: int) -> float:
    """Find the standard error of the area under ROC of a score that knows nothing (Mann and Whitney 1947)."""
    return math.sqrt((rows + 1) / (12 * positives * (rows - positives)))


def _thinned(rows: NDArray[np.intp], label: Labels, most: int) -> NDArray[np.intp]:
    """Keep all users and evenly spread others, as many rows in all: what a leak does to a ranking shows in these."""
    if len(rows) <= most:
        return rows
    users, others = rows[label[rows]], rows[~label[rows]]
    kept = np.linspace(0, len(others) - 1, min(max(most - len(users), 1), len(others))).astype(np.intp)
    return np.sort(np.concatenate([users, others[kept]]))


def _halves(frame: TrainingFrame, horizon_date: datetime.date, most: int) -> list[Fold]:
    rows = frame.observations
    folds = [
        replace(
            fold,
            part=replace(fold.part, refit=_thinned(fold.part.refit, rows.label, most)),
            test=_thinned(fold.test, rows.label, most),
        )
        for fold in evaluation_folds(rows, horizon_date, HALVES)
    ]
    for fold in folds:
        for part, indices in (("training", fold.part.refit), ("test", fold.test)):
            positives = int(rows.label[indices].sum())
            if not 0 < positives < len(indices):
                raise UserError(
                    f"the leak canaries cannot run: half of the companies has {positives} users among its "
                    f"{len(indices)} {part} rows; land deliveries that hold more years, then build again"
                )
    return folds


Rows = list[tuple[xgb.DMatrix, xgb.DMatrix]]
"""The rows that each fold learns from, and those that it tests."""


def _rows_of_folds(matrix: Matrix, kinds: list[str], folds: list[Fold], settings: Settings) -> Rows:
    def data(rows: NDArray[np.intp]) -> xgb.DMatrix:
        return xgb.DMatrix(matrix[rows], feature_types=kinds, enable_categorical=True, nthread=settings.nthread)

    return [(data(fold.part.refit), data(fold.test)) for fold in folds]


def _trained_auc(data: Rows, label: Labels, folds: list[Fold], settings: Settings) -> list[float]:
    """Train small models on these rows and labels; returns the area under ROC of each fold's test rows."""
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "eta": 0.3,
        "max_depth": 3,
        "seed": settings.seed,
        "nthread": settings.nthread,
    }
    areas = []
    for fold, (learned, tested) in zip(folds, data, strict=True):
        learned.set_label(label[fold.part.refit])
        trees = xgb.train(parameters, learned, settings.canaries.rounds)
        areas.append(_auc(trees.predict(tested), label, fold))
    return areas


def _auc(score: NDArray[np.floating], label: Labels, fold: Fold) -> float:
    none = np.array([], dtype=np.int64)
    count = len(fold.test)
    return roc_auc(
        Tested(np.arange(count), label[fold.test], np.ones(count), score.astype(np.float64), none, none.astype(float))
    )


def _kinds(frame: TrainingFrame) -> list[str]:
    return ["c" if feature.kind == "categorical" else "q" for feature in frame.encoder.features]


def _shuffled_labels(frame: TrainingFrame, folds: list[Fold], settings: Settings) -> Canary:
    """Learn nothing from labels in random order; several shuffles narrow down what is chance."""
    generator = np.random.default_rng(settings.seed)
    areas: list[float] = []
    # the rows are the same in every order of the labels
    data = _rows_of_folds(frame.matrix, _kinds(frame), folds, settings)
    for _ in range(settings.canaries.shuffles):
        label = frame.observations.label.copy()
        for rows in (rows for fold in folds for rows in (fold.part.refit, fold.test)):
            # within the part, so that each keeps its users
            label[rows] = generator.permutation(label[rows])
        areas += _trained_auc(data, label, folds, settings)
    of_fold = [_standard_error(int(frame.observations.label[fold.test].sum()), len(fold.test)) for fold in folds]
    area, error = float(np.mean(areas)), math.sqrt(float(np.mean(np.square(of_fold))) / len(areas))
    width = max(NARROWEST, STANDARD_ERRORS * error)
    return Canary(
        f"area under ROC with shuffled labels, mean of {settings.canaries.shuffles} shuffles",
        f"{area:.3f}",
        f"{CHANCE - width:.3f} to {CHANCE + width:.3f}",
        abs(area - CHANCE) <= width,
    )


def _company_alone(frame: TrainingFrame, folds: list[Fold]) -> Canary:
    """Learn nothing from who a company is, since training never saw it.

    The model is a memory: the rate of a company's own training rows, and that of all for a company that has none. The
    digits of the number would be no canary, since numbers are given in the order of incorporation and tell the age.
    """
    rows = frame.observations
    areas = []
    for fold in folds:
        trained = fold.part.refit
        companies = len(rows.company_numbers)
        seen = np.bincount(rows.company[trained], minlength=companies)
        users = np.bincount(rows.company[trained], weights=rows.label[trained], minlength=companies)
        rate = np.where(seen > 0, users / np.maximum(seen, 1), rows.label[trained].mean())
        areas.append(_auc(rate[rows.company[fold.test]], rows.label, fold))
    area = float(np.mean(areas))
    return Canary(
        "area under ROC of the company number alone",
        f"{area:.3f}",
        f"{CHANCE - NARROWEST:.3f} to {CHANCE + NARROWEST:.3f}",
        abs(area - CHANCE) <= NARROWEST,
    )


def _alone(column: Matrix, kind: str, frame: TrainingFrame, folds: list[Fold], settings: Settings) -> float:
    data = _rows_of_folds(column.reshape(-1, 1), [kind], folds, settings)
    return float(np.mean(_trained_auc(data, frame.observations.label, folds, settings)))


def _single_features(frame: TrainingFrame, folds: list[Fold], settings: Settings) -> Canary:
    areas = {
        feature.name: _alone(frame.matrix[:, place], kind, frame, folds, settings)
        for place, (feature, kind) in enumerate(zip(frame.encoder.features, _kinds(frame), strict=True))
    }
    name = max(areas, key=areas.__getitem__)
    return Canary(
        "highest area under ROC of a single feature, out of time",
        f"{areas[name]:.3f} ({name})",
        f"at most {HIGHEST_ALONE:.3f}",
        areas[name] <= HIGHEST_ALONE,
    )


def _planted_future(frame: TrainingFrame, folds: list[Fold], settings: Settings) -> Canary:
    """Catch a feature that knows the outcome, by the check of single features."""
    label = frame.observations.label
    noise = np.random.default_rng(settings.seed).normal(size=len(label))
    area = _alone((label + FUTURE_NOISE * noise).astype(np.float32), "q", frame, folds, settings)
    return Canary(
        "area under ROC of a planted feature that knows the future",
        f"{area:.3f}",
        f"above {HIGHEST_ALONE:.3f}, where the check of single features catches it",
        area > HIGHEST_ALONE,
    )


def _planted_signal(frame: TrainingFrame, folds: list[Fold], settings: Settings) -> Canary:
    """Find the one feature that speaks of the outcome: a learner that cannot would be silent on leaks too."""
    label = frame.observations.label
    signal = np.random.default_rng(settings.seed).normal(SIGNAL * label, 1.0).astype(np.float32)
    # the other features are dealt out anew, so that what is found is the planted one
    others = frame.matrix[np.random.default_rng(settings.seed + 1).permutation(len(label))]
    data = _rows_of_folds(np.column_stack([others, signal]), [*_kinds(frame), "q"], folds, settings)
    area = float(np.mean(_trained_auc(data, label, folds, settings)))
    return Canary(
        "area under ROC with a planted signal among features that say nothing",
        f"{area:.3f}",
        f"at least {SIGNAL_FOUND:.3f}",
        area >= SIGNAL_FOUND,
    )


def _shared_companies(frame: TrainingFrame, horizon_date: datetime.date, settings: Settings) -> Canary:
    company, companies = frame.observations.company, len(frame.observations.company_numbers)
    shared = 0
    folds = 0
    for horizon in walk_forward(horizon_date, settings.test_windows):
        for fold in evaluation_folds(frame.observations, horizon, settings.company_folds):
            is_trained, is_tested = (np.zeros(companies, dtype=np.bool_) for _ in range(2))
            for rows in (fold.part.fit, fold.part.slice, fold.part.refit):
                is_trained[company[rows]] = True
            is_tested[company[fold.test]] = True
            shared += int((is_trained & is_tested).sum())
            folds += 1
    return Canary(f"companies in both the training and the test rows of {folds} folds", str(shared), "0", not shared)


def canaries(frame: TrainingFrame, horizon_date: datetime.date, settings: Settings) -> Iterator[Canary]:
    """Run one canary after another, the cheap ones first.

    Args:
        frame: All rows of `marts.to_train`.
        horizon_date: Labels known by this day are used.
        settings: All settings.

    Raises:
        UserError: When the history holds too few users for any of them.
    """
    folds = _halves(frame, horizon_date, settings.canaries.rows)
    yield _shared_companies(frame, horizon_date, settings)
    yield _company_alone(frame, folds)
    yield _planted_future(frame, folds, settings)
    yield _planted_signal(frame, folds, settings)
    yield _single_features(frame, folds, settings)
    yield _shuffled_labels(frame, folds, settings)


def run_canaries(frame: TrainingFrame, horizon_date: datetime.date, settings: Settings) -> list[Canary]:
    """Run all canaries; the arguments are those of `canaries`."""
    with bar("looking for leaks", CANARIES) as shown:
        return list(shown.follow(canaries(frame, horizon_date, settings)))
