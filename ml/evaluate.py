"""Tests both models on later months of companies that they never saw."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.artefacts import FitSummary, Period, TestedRows
from ml.frames import TrainingFrame
from ml.guards import GuardResult, check_fold
from ml.metrics import Estimate, Tested, estimate
from ml.model import fit_model, require_history
from ml.settings import MODEL_NAMES, ModelName, Settings
from ml.split import LABEL_MONTHS, Fold, Observations, evaluation_cut, evaluation_folds, shift_date
from warehouse.errors import UserError


@dataclass(frozen=True)
class Findings:
    """What an evaluation found; the attributes are those of `artefacts.Evaluation` and `artefacts.ModelEvaluation`."""

    training_window: Period
    test_window: Period
    test: TestedRows
    guards: list[GuardResult]
    metrics: dict[ModelName, dict[str, Estimate]]
    folds: dict[ModelName, list[FitSummary]]


def _require(observations: Observations, folds: list[Fold], window: Period, minimum: int) -> None:
    test = np.concatenate([fold.test for fold in folds])
    positives = int(observations.label[test].sum())
    if positives < minimum or positives == len(test):
        raise UserError(
            f"the models cannot be tested: of the observations after {window.after} and until {window.until}, "
            f"{positives} became users and {len(test) - positives} did not, and a test needs {minimum} and 1; "
            "land deliveries that hold those years, then build and train again"
        )


def evaluate(
    frame: TrainingFrame, horizon_date: datetime.date, settings: Settings, say: Callable[[str], None]
) -> Findings:
    """Test the procedure that makes the served models, two years before the horizon.

    Every fold trains both models on the past of its training companies and scores its test companies in the test
    window; the scored rows of all folds are pooled, and the metrics are of the pool.

    Args:
        frame: All rows of `marts.to_train`.
        horizon_date: Labels known by this day are used.
        settings: All settings.
        say: Takes progress lines.

    Raises:
        UserError: When the history is too short, or a leak guard is broken.
    """
    rows = frame.observations
    cut = evaluation_cut(horizon_date)
    training_window = Period(after=None, until=shift_date(cut, -LABEL_MONTHS))
    test_window = Period(after=cut, until=shift_date(horizon_date, -LABEL_MONTHS))
    folds = evaluation_folds(rows, horizon_date, settings.company_folds)
    _require(rows, folds, test_window, settings.minimum_positives)

    guards: list[GuardResult] = []
    summaries: dict[ModelName, list[FitSummary]] = {name: [] for name in MODEL_NAMES}
    probabilities: dict[ModelName, list[NDArray[np.float64]]] = {name: [] for name in MODEL_NAMES}
    for number, fold in enumerate(folds, start=1):
        if not len(fold.test):
            continue
        outside = f"of the companies outside part {number} " if len(folds) > 1 else "of the companies not tested "
        require_history(fold.part, rows, settings.minimum_positives, outside)
        guards.append(check_fold(rows, fold))
        for name in MODEL_NAMES:
            model = fit_model(name, frame, fold.part, settings)
            probabilities[name].append(model.probability(model.log_odds(frame.matrix[fold.test])))
            summaries[name].append(FitSummary.of(model.card))
        made = "; ".join(f"{name} {summaries[name][-1].written()}" for name in MODEL_NAMES)
        say(f"tested part {number} of {len(folds)} of the companies: {len(fold.test):,} observations ({made})")

    test = np.concatenate([fold.test for fold in folds])
    missed = np.concatenate([fold.missed for fold in folds])
    metrics = {
        name: estimate(
            Tested(
                company=rows.company[test],
                label=rows.label[test],
                weight=rows.weight[test],
                probability=np.concatenate(probabilities[name]),
                missed_company=rows.company[missed],
                missed_weight=rows.weight[missed],
            ),
            settings.top_rows,
            settings.bootstrap_samples,
            settings.seed,
        )
        for name in MODEL_NAMES
    }
    return Findings(
        training_window=training_window,
        test_window=test_window,
        test=TestedRows(
            rows=len(test),
            companies=len(np.unique(rows.company[test])),
            positives=int(rows.label[test].sum()),
            missed_positives=len(missed),
        ),
        guards=guards,
        metrics=metrics,
        folds=summaries,
    )
