"""Other ways to rank companies, as learners that are tested like our models and calibrated like them.

Each is told what ours are told: the same rows, the latest year of the part to choose by, and calibration by models that
never saw the companies that they score. An opponent is a ranking without a list, so it has no operating point.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.calibration import Calibration, fit_calibration, log_odds_offset
from ml.draw import drawn
from ml.evaluate import F, Learner
from ml.frames import Matrix, TrainingFrame
from ml.metrics import Tested, point
from ml.model import calibration_parts
from ml.settings import Settings
from ml.slices import slice_values
from ml.split import Part

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

LogOdds = Callable[[Matrix], Floats]
"""Log-odds of each row under the training sample, shape (rows,)."""
Fit = Callable[[TrainingFrame, Rows], LogOdds]
"""Learns from these rows of the frame and from no others."""
Recipe = Callable[[TrainingFrame, Part], tuple[str, Fit]]
"""Chooses how to fit from a part's `fit` and `slice`; with what it chose, in a few words."""

CHOSEN_BY = "average_precision"
CLOSEST_TO_CERTAIN = 1e-6


@dataclass(frozen=True)
class Ranking:
    """A fitted opponent."""

    log_odds: LogOdds
    offset: float
    calibration: Calibration
    chosen: str
    threshold: float = math.inf

    def predict(self, matrix: Matrix) -> Floats:
        """Calibrated probability of each row in the population, shape (rows,)."""
        return self.calibration.probability(self.log_odds(matrix) - self.offset)

    def written(self) -> str:
        """Say in a few words what was chosen."""
        return self.chosen


def learner(name: str, recipe: Recipe, settings: Settings) -> Learner[Ranking]:
    """Make a learner that is corrected for sampling and calibrated as `model.fit_model` does it.

    Args:
        name: What it is called.
        recipe: How to fit.
        settings: How many rows are learned from, and how many positives a slope of the calibration needs.
    """

    def learn(frame: TrainingFrame, part: Part) -> Mapping[str, Ranking]:
        part, rows = drawn(part, frame.observations, settings.learned_rows, settings.seed)
        frame = replace(frame, observations=rows)
        chosen, fit = recipe(frame, part)
        offset = log_odds_offset(rows.label[part.refit], rows.weight[part.refit], 1.0)
        log_odds = np.full(len(part.slice), np.nan)
        for others, scored in calibration_parts(part, rows, settings.enough_positives):
            log_odds[scored] = fit(frame, others)(frame.matrix[part.slice[scored]])
        is_scored = ~np.isnan(log_odds)
        unseen = part.slice[is_scored]
        calibration = fit_calibration(
            log_odds[is_scored] - offset, rows.label[unseen], rows.weight[unseen], settings.calibration_positives
        )
        return {name: Ranking(fit(frame, part.refit), offset, calibration, chosen)}

    return learn


def best_of(candidates: Sequence[tuple[str, Fit]]) -> Recipe:
    """Make a recipe that takes the candidate with the best average precision on the part's latest year."""

    def choose(frame: TrainingFrame, part: Part) -> tuple[str, Fit]:
        rows, watched = frame.observations, part.slice
        none = np.array([], dtype=np.int64)

        def precision(fit: Fit) -> float:
            scored = fit(frame, part.fit)(frame.matrix[watched])
            tested = Tested(
                rows.company[watched], rows.label[watched], rows.weight[watched], scored, none, none.astype(np.float64)
            )
            return point(tested, CHOSEN_BY)

        found = [precision(fit) for _, fit in candidates]
        return candidates[int(np.argmax(found))]

    return choose


def log_odds_of(probability: Floats) -> Floats:
    """Turn probabilities into log-odds; one that claims to be certain is taken as nearly so."""
    bounded = np.clip(probability, CLOSEST_TO_CERTAIN, 1 - CLOSEST_TO_CERTAIN)
    log_odds: Floats = np.log(bounded / (1 - bounded))
    return log_odds


def rate_of_cells(columns: Sequence[str], settings: Settings) -> Recipe:
    """Make the recipe of a rule: a company is as likely as the training companies of its cell, such as size x sector.

    Each cell begins with one user among as many rows as that takes at the rate of all, so that a cell of two companies
    is no certainty.

    Args:
        columns: Features that make the cells; numeric ones by the bands of the slices.
        settings: The bands.
    """

    def cells(frame: TrainingFrame, matrix: Matrix) -> NDArray[np.str_]:
        values = (
            slice_values(matrix, frame.encoder, column, settings.slices.bands.get(column, ())) for column in columns
        )
        return np.array(["\x1f".join(cell) for cell in zip(*values, strict=True)])

    def fit(frame: TrainingFrame, trained: Rows) -> LogOdds:
        label = frame.observations.label[trained]
        rate = label.mean()
        names, place = np.unique(cells(frame, frame.matrix[trained]), return_inverse=True)
        rates = (np.bincount(place, weights=label) + 1) / (np.bincount(place) + 1 / rate)
        of_cell = dict(zip(names.tolist(), rates.tolist(), strict=True))

        def log_odds(matrix: Matrix) -> Floats:
            return log_odds_of(np.array([of_cell.get(cell, rate) for cell in cells(frame, matrix).tolist()]))

        return log_odds

    return best_of([(" x ".join(columns), fit)])


def fewer_negatives(prefix: str, learn: Learner[F], share: float, seed: int) -> Learner[F]:
    """Make a learner that is shown only a share of the negatives, each standing for as many more, as in to_train.

    Args:
        prefix: Stands before the names of what learns.
        learn: What learns from the rest.
        share: Of the negatives, above 0 and below 1.
        seed: Of the choice, which is one for all folds.
    """

    def learn_less(frame: TrainingFrame, part: Part) -> Mapping[str, F]:
        rows = frame.observations
        negatives = np.flatnonzero(~rows.label)
        chosen = np.random.default_rng(seed).permutation(negatives)[: max(1, round(share * len(negatives)))]
        kept = rows.label.copy()
        kept[chosen] = True
        weight = np.where(rows.label, rows.weight, rows.weight * len(negatives) / len(chosen))
        less = replace(
            part,
            fit=part.fit[kept[part.fit]],
            slice=part.slice[kept[part.slice]],
            refit=part.refit[kept[part.refit]],
        )
        learned = learn(replace(frame, observations=replace(rows, weight=weight)), less)
        return {f"{prefix} {name}": model for name, model in learned.items()}

    return learn_less
