"""Rules of the way from a model's output to a probability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.calibration import Calibration, fit_calibration, log_odds_offset, sigmoid, unlabelled_users


def _population(rows: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-4.5, 1.2, rows)
    return log_odds, rng.random(rows) < sigmoid(log_odds)


@pytest.mark.parametrize(("share", "positive_weight", "stretch"), [(1.0, 1.0, 1.0), (0.1, 1.0, 1.6), (0.05, 20.0, 0.6)])
def test_true_probabilities_come_back_from_a_sampled_reweighted_and_distorted_model(share, positive_weight, stretch):
    truth, label = _population(300_000)
    kept = label | (np.random.default_rng(4).random(len(label)) < share)
    weight = np.where(label, 1.0, 1 / share)[kept]
    offset = log_odds_offset(label[kept], weight, positive_weight)
    model_output = stretch * truth[kept] + offset  # what a distorted model says under the sample
    calibration = fit_calibration(model_output - offset, label[kept], weight, 30)
    assert calibration.method == "logistic"
    probability = calibration.probability(stretch * truth)
    for low, high in ((-9, -6), (-6, -4.5), (-4.5, -3), (-3, -1)):
        rows = (truth > low) & (truth <= high)
        assert probability[rows].mean() == pytest.approx(sigmoid(truth[rows]).mean(), rel=0.12)


def test_prior_correction_is_the_log_of_the_sampling_ratio_and_of_the_positives_weight():
    label = np.array([True, False, False, False])
    assert log_odds_offset(label, np.array([1.0, 25.0, 25.0, 25.0]), 4.0) == pytest.approx(np.log(100))


def test_few_positives_calibrate_the_level_and_leave_the_slope():
    truth, label = _population(2_000)
    label[np.flatnonzero(label)[5:]] = False
    calibration = fit_calibration(truth + 2, label, np.ones(len(label)), 30)
    assert (calibration.method, calibration.slope) == ("level", 1.0)
    assert calibration.probability(truth + 2).sum() == pytest.approx(label.sum())


@pytest.mark.parametrize("separated", [False, True])
def test_a_slope_that_is_no_positive_number_is_not_used(separated):
    truth, label = _population(20_000)
    log_odds = np.where(label, 3.0, -3.0) if separated else -truth
    calibration = fit_calibration(log_odds, label, np.ones(len(label)), 30)
    assert (calibration.method, calibration.slope) == ("level", 1.0)


def test_outputs_that_are_all_the_same_get_the_base_rate():
    label = np.arange(1000) < 100
    calibration = fit_calibration(np.full(1000, -1.0), label, np.where(label, 1.0, 3.0), 30)
    assert calibration.probability(np.array([-1.0]))[0] == pytest.approx(100 / 2800)


@given(
    st.lists(st.floats(-30, 30), min_size=2, max_size=30),
    st.floats(-5, 5),
    st.floats(0.01, 5),
)
@settings(max_examples=50)
def test_calibration_never_changes_the_order(log_odds, intercept, slope):
    probability = Calibration("logistic", intercept, slope).probability(np.sort(log_odds))
    assert (np.diff(probability) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


def test_unlabelled_users_raise_a_probability_by_what_is_seen_of_them():
    # 1,000 users of a kind that has 4,000 companies, of whom 20 % leave no charge: 800 are labelled
    found = unlabelled_users(0.1, 0.2)
    assert 800 / 4000 * found.high_factor == pytest.approx(1000 / 4000)
    assert found.low_factor == pytest.approx(1 / 0.9)
    assert "if 10 % to 20 % of users leave none" in found.meaning
    assert "1.11 to 1.25 times as high" in found.meaning


def test_where_every_user_leaves_a_charge_a_probability_is_what_it_is():
    found = unlabelled_users(0, 0)
    assert (found.low_factor, found.high_factor) == (1, 1)
