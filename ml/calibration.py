"""From a model's output on the training sample to a probability in the population."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Method = Literal["logistic", "level"]

MAXIMUM_STEPS = 200
LONGEST_STEP = 2.0
TOLERANCE = 1e-10


def sigmoid(log_odds: Floats) -> Floats:
    """Turn log-odds into a probability, without overflow."""
    half: Floats = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return half


def log_odds_offset(label: NDArray[np.bool_], weight: Floats, scale_pos_weight: float) -> float:
    """How far training shifted the log-odds away from the population's.

    Sampling keeps one negative for every `weight` negatives, which multiplies the odds by the mean weight of the
    negatives over that of the positives (King and Zeng 2001, "Logistic regression in rare events data", prior
    correction); `scale_pos_weight` multiplies them once more.

    Args:
        label: Training rows, shape (n,), both classes present.
        weight: Population rows that each stands for, shape (n,).
        scale_pos_weight: Weight of a positive in the training.

    Returns:
        What to subtract from the model's log-odds.
    """
    return float(np.log(weight[~label].mean() / weight[label].mean()) + np.log(scale_pos_weight))


@dataclass(frozen=True)
class UnlabelledUsers:
    """What a probability of a first charge says of a first use, where some users leave no charge.

    Attributes:
        low_share, high_share: The least and the greatest share of users assumed to leave none.
        low_factor, high_factor: What a probability of a first charge is multiplied by.
        meaning: The same in one sentence.
    """

    low_share: float
    high_share: float
    low_factor: float
    high_factor: float
    meaning: str


def unlabelled_users(low: float, high: float) -> UnlabelledUsers:
    """Find the range of the probability of a first use from what share of the users leaves no charge.

    Elkan and Noto (2008), "Learning classifiers from only positive and unlabeled data": where each positive is labelled
    with the same probability c, whatever its features, that of being positive is p / c, p being that of being labelled.
    Here c is 1 less the share.

    Args:
        low: The least share, 0 to below 1.
        high: The greatest share, not below `low`.
    """
    factors = 1 / (1 - low), 1 / (1 - high)
    meaning = (
        "A probability is of a first registered charge; if "
        f"{100 * low:g} % to {100 * high:g} % of users leave none (confidential_share, an assumption), that of a first "
        f"use is {factors[0]:.2f} to {factors[1]:.2f} times as high."
    )
    return UnlabelledUsers(low, high, *factors, meaning)


@dataclass(frozen=True)
class Calibration:
    """The map from log-odds to calibrated probability: sigmoid(intercept + slope * log-odds).

    Attributes:
        method: `logistic` when both numbers were fitted, `level` when only the intercept was.
        intercept: In log-odds.
        slope: Above 0, so the order of the rows stays.
    """

    method: Method
    intercept: float
    slope: float

    def probability(self, log_odds: Floats) -> Floats:
        """Calibrated probability of prior-corrected log-odds, any shape."""
        return sigmoid(self.intercept + self.slope * log_odds)


def _loss(design: Floats, target: Floats, weight: Floats, offset: Floats, parameters: Floats) -> float:
    log_odds = offset + design @ parameters
    return float(weight @ (np.logaddexp(0.0, log_odds) - target * log_odds))


def _newton(design: Floats, target: Floats, weight: Floats, offset: Floats) -> Floats:
    """Fit a weighted logistic regression by Newton steps; the classes must overlap."""
    parameters = np.zeros(design.shape[1])
    loss = _loss(design, target, weight, offset, parameters)
    for _ in range(MAXIMUM_STEPS):
        probability = sigmoid(offset + design @ parameters)
        gradient = design.T @ (weight * (target - probability))
        curvature = (design * (weight * probability * (1 - probability))[:, None]).T @ design
        step = np.linalg.solve(curvature, gradient)
        # far from the solution the curvature is nearly 0 and a whole step would leave the region where it is known
        size = min(1.0, LONGEST_STEP / float(np.abs(step).max()))
        while (
            next_loss := _loss(design, target, weight, offset, parameters + size * step)
        ) > loss and size > TOLERANCE:
            size /= 2
        parameters = parameters + size * step
        if abs(loss - next_loss) <= TOLERANCE * (1 + abs(loss)):
            return parameters
        loss = next_loss
    raise ArithmeticError(f"a calibration did not converge in {MAXIMUM_STEPS} steps")


def _overlap(log_odds: Floats, label: NDArray[np.bool_]) -> bool:
    """Whether no threshold parts the classes; where one does, the best slope is infinite."""
    positives, negatives = log_odds[label], log_odds[~label]
    return bool(positives.min() < negatives.max() and negatives.min() < positives.max())


def fit_calibration(log_odds: Floats, label: NDArray[np.bool_], weight: Floats, minimum_positives: int) -> Calibration:
    """Fit the two numbers of a logistic calibration on rows the model has not seen.

    Platt (1999) on the logit instead of the margin of a support vector machine, with the rows weighted to the
    population. With fewer positives than `minimum_positives`, or where the best slope is not a positive number (the
    model does not rank these rows, or separates them completely), only the level is fitted: the intercept that makes
    the mean probability equal the observed rate.

    Args:
        log_odds: Prior-corrected log-odds, shape (n,).
        label: Shape (n,), both classes present.
        weight: Shape (n,).
        minimum_positives: Positives from which on a slope is fitted.
    """
    target, constant = label.astype(np.float64), np.ones((len(label), 1))
    if label.sum() >= minimum_positives and _overlap(log_odds, label):
        # centred and scaled, since otherwise the two parameters are hard to tell apart
        centre, scale = float(np.average(log_odds, weights=weight)), float(np.std(log_odds))
        standard = np.hstack([constant, ((log_odds - centre) / scale)[:, None]])
        intercept, slope = (float(value) for value in _newton(standard, target, weight, np.zeros(len(label))))
        if slope > 0:
            return Calibration("logistic", intercept - slope * centre / scale, slope / scale)
    return Calibration("level", float(_newton(constant, target, weight, log_odds)[0]), 1.0)
