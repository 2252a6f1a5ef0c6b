"""Standardised differences against their definition, worked out from the values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.differences import Sample, standardised_difference

samples = st.lists(st.floats(-100, 100), min_size=2, max_size=30).filter(lambda values: np.var(values) > 1e-6)


def sample(values) -> Sample:
    return Sample(len(values), float(np.mean(values)), float(np.var(values, ddof=1)))


@given(samples, samples)
def test_a_difference_is_that_of_the_means_in_pooled_standard_deviations(first, second):
    found = standardised_difference(sample(first), sample(second))
    pooled = np.sqrt((np.var(first, ddof=1) + np.var(second, ddof=1)) / 2)
    assert found.value == pytest.approx((np.mean(first) - np.mean(second)) / pooled)
    assert found.low < found.value < found.high
    turned = standardised_difference(sample(second), sample(first))
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_a_share_is_compared_as_the_mean_of_its_yes_and_no():
    found = standardised_difference(Sample.of_share(200, 60), Sample.of_share(1000, 100))
    assert found.value == pytest.approx((0.3 - 0.1) / np.sqrt((0.3 * 0.7 + 0.1 * 0.9) / 2))


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        found = standardised_difference(sample(rng.normal(0.4, 1, 60)), sample(rng.normal(0, 1, 300)))
        hits += found.low <= 0.4 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


def test_what_never_varies_is_not_compared():
    assert standardised_difference(Sample.of_share(10, 10), Sample.of_share(5, 5)) is None
