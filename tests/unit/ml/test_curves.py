"""Rules of the curves."""

import numpy as np
import pytest

from ml.curves import curves
from ml.metrics import Tested as Scored
from ml.metrics import estimate


@pytest.fixture(scope="module")
def tested():
    rng = np.random.default_rng(3)
    rows = 4000
    label = rng.random(rows) < 0.05
    # rounded, so that lists end within ties
    probability = np.round(rng.beta(1 + 2 * label, 20), 3)
    weight = np.where(label, 1.0, rng.choice([1.0, 5.0], rows))
    return Scored(np.arange(rows), label, weight, probability, np.arange(rows, rows + 7), np.ones(7))


def at(points, x):
    (found,) = [point for point in points if point.x == pytest.approx(x)]
    return found


def test_gain_and_lift_are_the_metrics_at_every_list(tested):
    drawn, metrics = curves(tested), estimate(tested, [], 20, 1)
    for name, share in (("1_percent", 0.01), ("10_percent", 0.1)):
        assert at(drawn["gain"], share).y == pytest.approx(metrics[f"recall_at_{name}"].value)
        assert at(drawn["lift"], share).y == pytest.approx(metrics[f"lift_at_{name}"].value)
        assert at(drawn["gain"], share).rows == pytest.approx(share * tested.weight.sum())


def test_gain_ends_where_only_the_missed_are_left(tested):
    found = tested.label.sum()
    assert curves(tested)["gain"][-1].y == pytest.approx(found / (found + 7))


def test_the_roc_curve_rises_to_one_and_holds_the_area(tested):
    points = curves(tested)["roc"]
    x, y = (np.array([getattr(point, axis) for point in points]) for axis in ("x", "y"))
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= -1e-12).all()
    assert (y[-1], points[-1].rows) == (pytest.approx(1), pytest.approx(tested.weight.sum()))
    assert np.trapezoid(y, x) == pytest.approx(estimate(tested, [], 20, 1)["roc_auc"].value, abs=0.005)


def test_reliability_holds_every_row_once_and_gives_the_calibration_error(tested):
    points = curves(tested)["reliability"]
    rows = np.array([point.rows for point in points])
    gap = np.array([abs(point.x - point.y) for point in points])
    error = estimate(tested, [], 20, 1)["expected_calibration_error"].value
    assert rows.sum() == pytest.approx(tested.weight.sum())
    assert (rows * gap).sum() / rows.sum() == pytest.approx(error)
