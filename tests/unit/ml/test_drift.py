"""Rules of the drift: bins from training, counts by batch, the population stability index and its levels."""

import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml.drift import Baseline, Bins, Counter, baseline, code_bins, feature_bins, level, number_bins, stability_index
from ml.predict import drift_line

NAN = float("nan")


def floats(*values):
    return np.array(values, dtype=np.float32)


def numeric(*shares, edges=(1.0,)):
    return Bins(name="x", kind="numeric", edges=edges, shares=shares)


def test_a_number_is_cut_at_its_deciles_and_missing_is_a_bin():
    column = np.append(np.arange(1, 91), np.full(10, np.nan)).astype(np.float32)
    bins = number_bins("x", column, np.ones(100))
    assert bins.edges == (9.0, 18.0, 27.0, 36.0, 45.0, 54.0, 63.0, 72.0, 81.0)
    assert bins.shares == pytest.approx([0.09] * 10 + [0.1])


def test_values_that_are_many_share_a_bin():
    bins = number_bins("x", floats(*[0] * 80, *range(1, 21)), np.ones(100))
    assert bins.edges == (0.0, 10.0)
    assert bins.shares == pytest.approx([0.8, 0.1, 0.1, 0.0])


def test_a_constant_and_a_column_without_values_have_one_bin_and_that_of_the_missing():
    assert number_bins("x", floats(3, 3), np.ones(2)).edges == ()
    assert number_bins("x", floats(3, 3), np.ones(2)).shares == (1.0, 0.0)
    assert number_bins("x", floats(NAN, NAN), np.ones(2)).shares == (0.0, 1.0)


def test_rows_count_as_the_population_that_they_stand_for():
    column, weight = floats(0, 1, 2, NAN), np.array([1.0, 6.0, 1.0, 2.0])
    assert number_bins("x", column, weight).shares == pytest.approx([0.1, 0.6, 0.1, 0.2])
    assert code_bins("x", column, weight).shares == pytest.approx([0.1, 0.6, 0.1, 0.2])


def test_a_code_that_training_did_not_hold_counts_with_the_missing():
    bins = code_bins("x", floats(0, 2, 2, NAN), np.ones(4))
    assert bins.counts(floats(2, 1, 0, 2, NAN, 7)).tolist() == [1, 2, 3]


@given(
    arrays(np.float32, st.integers(1, 60), elements=st.floats(-5, 5, width=16) | st.just(NAN)),
    arrays(np.float32, st.integers(0, 60), elements=st.floats(-9, 9, width=16) | st.just(NAN)),
)
def test_every_value_is_in_the_one_bin_that_its_edges_say(training, scored):
    bins = number_bins("x", training, np.ones(len(training)))
    limits = [-math.inf, *bins.edges, math.inf]
    expected = [int(((scored > low) & (scored <= high)).sum()) for low, high in pairwise(limits)]
    assert bins.counts(scored).tolist() == [*expected, int(np.isnan(scored).sum())]
    # training itself has not moved
    assert stability_index(bins, len(training), bins.counts(training)) == pytest.approx(0, abs=1e-9)


def test_the_index_is_the_sum_over_bins_of_the_change_times_the_log_of_the_ratio():
    bins, counts = numeric(0.5, 0.3, 0.2), np.array([20, 30, 50])
    expected = (0.2 - 0.5) * math.log(0.2 / 0.5) + 0 + (0.5 - 0.2) * math.log(0.5 / 0.2)
    assert stability_index(bins, 1000, counts) == pytest.approx(expected)


def test_an_empty_bin_counts_as_half_a_row_and_one_that_is_empty_twice_not_at_all():
    gone = stability_index(numeric(0.5, 0.5, 0.0), 1000, np.array([100, 0, 0]))
    assert gone == pytest.approx(0.5 * math.log(2) + (0.005 - 0.5) * math.log(0.005 / 0.5))
    come = stability_index(numeric(1.0, 0.0, 0.0), 1000, np.array([50, 50, 0]))
    assert come == pytest.approx((0.5 - 1) * math.log(0.5) + (0.5 - 0.0005) * math.log(0.5 / 0.0005))


def test_levels_begin_above_their_limits():
    assert [level(index, 0.1, 0.25) for index in (0.1, 0.11, 0.25, 0.26)] == ["stable", "warning", "warning", "alarm"]


def test_batches_add_up_to_the_whole():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(500, 2)).astype(np.float32)
    matrix[:, 1] = rng.integers(0, 4, 500)
    features = [("amount", "numeric"), ("sector", "categorical")]
    bins = feature_bins(features, matrix, np.ones(500))
    training = baseline(bins, 500, matrix[:, 0].astype(np.float64), np.ones(500))
    moved = (matrix + 1).T
    parts, whole = Counter(training), Counter(training)
    whole.add({**training.counts(moved), "score": training.score.counts(moved[0])})
    for batch in np.array_split(moved, 7, axis=1):
        parts.add({**training.counts(batch), "score": training.score.counts(batch[0])})
    assert parts.indices() == whole.indices()
    assert list(whole.indices()) == ["amount", "sector", "score"]
    assert all(index > 0.1 for index in whole.indices().values())


def test_a_baseline_written_as_json_is_the_same_one():
    bins = feature_bins([("amount", "numeric")], floats(0.1, 0.2, NAN)[:, None], np.ones(3))
    training = baseline(bins, 3, np.zeros(3), np.ones(3))
    assert Baseline.model_validate_json(training.model_dump_json()) == training


def rows_of(*found):
    names = ("model_name", "feature", "psi", "level")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in found])


def test_what_has_moved_is_one_line_most_first():
    drift = rows_of(
        ("precision", "age", 0.12, "warning"), ("precision", "noise", 0.01, "stable"),
        ("precision", "score", 0.02, "stable"), ("recall", "age", 0.12, "warning"), ("recall", "score", 0.31, "alarm"),
    )  # fmt: skip
    moved = "moved from training by a stability index above 0.1: "
    assert drift_line(drift, 0.1) == f"{moved}score of recall 0.31 (alarm), age 0.12"
    many = rows_of(*(("recall", f"f{number}", 0.2 + number, "warning") for number in range(7)))
    assert drift_line(many, 0.1) == f"{moved}f6 6.20, f5 5.20, f4 4.20, f3 3.20, f2 2.20 and 2 more, see ml.ml_drift"


def test_nothing_that_has_moved_is_said_too():
    line = "no feature and no score has moved from training by a stability index above 0.1"
    assert drift_line(rows_of(("recall", "age", 0.1, "stable")), 0.1) == line
