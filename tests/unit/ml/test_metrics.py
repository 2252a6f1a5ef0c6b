"""Rules of the metrics and their intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from ml.metrics import Tested as Scored
from ml.metrics import estimate, paired_difference, paired_differences, point, roc_auc


def scored_rows(label, probability, weight=None, *, company=None, missed_weight=(), listed=None):
    rows = len(label)
    missed = np.array(missed_weight, dtype=np.float64)
    return Scored(
        company=np.arange(rows) if company is None else np.asarray(company),
        label=np.asarray(label, dtype=bool),
        weight=np.ones(rows) if weight is None else np.asarray(weight, dtype=np.float64),
        probability=np.asarray(probability, dtype=np.float64),
        missed_company=np.arange(rows, rows + len(missed)),
        missed_weight=missed,
        listed=None if listed is None else np.asarray(listed, dtype=bool),
    )


@st.composite
def scored(draw):
    rows = draw(st.integers(2, 40))
    label = draw(st.lists(st.booleans(), min_size=rows, max_size=rows).filter(lambda drawn: 0 < sum(drawn) < rows))
    # few distinct values, so that ties are the rule
    probability = draw(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=rows, max_size=rows))
    weight = draw(st.lists(st.sampled_from([0.5, 1.0, 3.0, 20.0]), min_size=rows, max_size=rows))
    return np.array(label), np.array(probability), np.array(weight)


@given(scored(), st.lists(st.sampled_from([1.0, 2.5]), max_size=4))
@settings(max_examples=60)
def test_weighted_metrics_agree_with_scikit_learn_and_missed_positives_dilute_them(case, missed):
    label, probability, weight = case
    found = estimate(scored_rows(label, probability, weight, missed_weight=missed), [], 20, 1)
    positives = weight[label].sum()
    seen = positives / (positives + sum(missed))
    expected = average_precision_score(label, probability, sample_weight=weight) * seen
    assert found["average_precision"].value == pytest.approx(expected)
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(label, probability, sample_weight=weight))
    assert found["brier"].value == pytest.approx(brier_score_loss(label, probability, sample_weight=weight))
    assert found["base_rate"].value == pytest.approx((positives + sum(missed)) / (weight.sum() + sum(missed)))


def test_the_top_of_a_list_is_counted_in_population_rows():
    # 1,000 population rows: the first stands for 1 row and is positive, the second for 9 and is not, the rest is below
    label = [True, False] + [True] * 9 + [False] * 11
    weight = [1.0, 9.0] + [1.0] * 9 + [981 / 11] * 11
    probability = np.linspace(0.9, 0.1, 22)
    found = estimate(scored_rows(label, probability, weight), [10, 19, 5000], 20, 1)
    assert found["precision_at_1_percent"].value == pytest.approx(1 / 10)
    assert found["recall_at_1_percent"].value == pytest.approx(1 / 10)
    assert found["lift_at_1_percent"].value == pytest.approx(10)
    assert found["recall_at_10"].value == pytest.approx(0.1)
    assert found["precision_at_19"].value == pytest.approx(10 / 19)
    assert not [name for name in found if "5000" in name]


def test_a_tie_across_the_end_of_the_list_gives_its_share_in_any_order():
    label = np.array([True] * 3 + [False] * 97)
    for order in (slice(None), slice(None, None, -1)):
        found = estimate(scored_rows(label[order], np.full(100, 0.3)), [50], 20, 1)
        assert found["recall_at_50"].value == pytest.approx(0.5)
        assert found["lift_at_1_percent"].value == pytest.approx(1.0)
        assert found["roc_auc"].value == pytest.approx(0.5)


def test_missed_positives_lower_lift_and_recall():
    label, probability = np.arange(200) < 4, np.linspace(0.9, 0.1, 200)
    complete = estimate(scored_rows(label, probability), [], 20, 1)
    diluted = estimate(scored_rows(label, probability, missed_weight=[1.0] * 4), [], 20, 1)
    assert complete["recall_at_1_percent"].value == pytest.approx(2 / 4)
    assert diluted["recall_at_1_percent"].value == pytest.approx(2 / 8)
    assert diluted["lift_at_1_percent"].value == pytest.approx(1 / (8 / 204))


def test_calibration_error_is_the_gap_between_promise_and_rate():
    label = np.tile([True, False, False, False], 250)
    probability = np.where(np.arange(1000) < 500, 0.25, 0.35)
    found = estimate(scored_rows(label, probability), [], 20, 1)
    assert found["expected_calibration_error"].value == pytest.approx(0.05)


def test_rows_of_one_company_count_as_one_draw():
    rng = np.random.default_rng(5)
    label, probability = rng.random(300) < 0.2, rng.random(300)
    once = estimate(scored_rows(label, probability), [], 50, 1)
    company = np.repeat(np.arange(300), 4)
    repeated = estimate(scored_rows(np.repeat(label, 4), np.repeat(probability, 4), company=company), [], 50, 1)
    for name, of_one in once.items():
        of_four = repeated[name]
        assert (of_four.value, of_four.low, of_four.high) == pytest.approx((of_one.value, of_one.low, of_one.high))


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(6)
    covered = {"base_rate": 0, "roc_auc": 0}
    truth = {"base_rate": 0.2, "roc_auc": 0.760}  # normal scores one standard deviation apart: Phi(1 / sqrt(2))
    for seed in range(100):
        label = rng.random(300) < 0.2
        probability = 1 / (1 + np.exp(-rng.normal(label.astype(float), 1.0)))
        found = estimate(scored_rows(label, probability), [], 100, seed)
        for name, value in truth.items():
            covered[name] += found[name].low <= value <= found[name].high
    assert all(85 <= count <= 100 for count in covered.values()), covered


@pytest.mark.parametrize(("error", "least"), [(0.0, 25), (0.1, 52)])
def test_the_interval_of_the_calibration_error_holds_its_value_and_mostly_the_truth(error, least):
    rng = np.random.default_rng(8)
    covered = 0
    for seed in range(60):
        probability = rng.uniform(0.05, 0.3, 600)
        label = rng.random(600) < probability + error
        found = estimate(scored_rows(label, probability), [], 100, seed)["expected_calibration_error"]
        assert 0 <= found.low <= found.value <= found.high
        covered += found.low <= error <= found.high
    assert covered >= least, covered


def test_every_interval_holds_its_value():
    rng = np.random.default_rng(9)
    for seed in range(10):
        probability = rng.beta(1, 12, 3000)
        found = estimate(scored_rows(rng.random(3000) < probability, probability), [100], 200, seed)
        for name, metric in found.items():
            assert metric.low <= metric.value <= metric.high, (seed, name)


def test_the_same_seed_gives_the_same_interval():
    rng = np.random.default_rng(7)
    rows = scored_rows(rng.random(200) < 0.3, rng.random(200))
    assert estimate(rows, [100], 40, 9) == estimate(rows, [100], 40, 9)
    assert estimate(rows, [100], 40, 9) != estimate(rows, [100], 40, 10)


@given(scored(), st.lists(st.sampled_from([1.0, 2.5]), max_size=4), st.sampled_from([0.05, 0.25, 0.6]))
@settings(max_examples=40)
def test_the_confusion_matrix_holds_every_row_and_every_missed_positive_once(case, missed, threshold):
    label, probability, weight = case
    listed = probability >= threshold
    found = estimate(scored_rows(label, probability, weight, missed_weight=missed, listed=listed), [], 20, 1)
    cells = {
        name: found[name].value for name in ("true_positives", "false_positives", "false_negatives", "true_negatives")
    }
    assert sum(cells.values()) == pytest.approx(weight.sum() + sum(missed))
    assert cells["true_positives"] == pytest.approx(weight[label & listed].sum())
    assert cells["false_positives"] == pytest.approx(weight[~label & listed].sum())
    assert cells["false_negatives"] == pytest.approx(weight[label & ~listed].sum() + sum(missed))
    assert found["listed_recall"].value == pytest.approx(cells["true_positives"] / (weight[label].sum() + sum(missed)))
    precision = weight[label & listed].sum() / weight[listed].sum() if listed.any() else 0.0
    assert found["listed_precision"].value == pytest.approx(precision)


def two_models(signal_of_b):
    rng = np.random.default_rng(11)
    label = rng.random(1500) < 0.1
    shared = rng.normal(size=1500)
    a = scored_rows(label, 1 / (1 + np.exp(-(1.2 * label + shared))))
    return a, scored_rows(label, 1 / (1 + np.exp(-(signal_of_b * label + shared + rng.normal(scale=0.1, size=1500)))))


def test_a_difference_is_that_of_the_metrics_and_its_interval_is_narrower_than_theirs():
    a, b = two_models(0.9)
    of_a, of_b = (estimate(rows, [100], 200, 3) for rows in (a, b))
    for metric in ("roc_auc", "average_precision", "lift_at_10_percent", "recall_at_100", "brier"):
        found = paired_difference(a, b, metric, 200, 3)
        assert found.value == pytest.approx(of_a[metric].value - of_b[metric].value)
        assert found.low <= found.value <= found.high
    auc = paired_difference(a, b, "roc_auc", 200, 3)
    assert auc.low > 0
    assert auc.high - auc.low < (of_a["roc_auc"].high - of_a["roc_auc"].low) / 2
    assert of_b["roc_auc"].high > of_a["roc_auc"].low  # their own intervals could not tell them apart


def test_a_model_does_not_differ_from_itself():
    a, _ = two_models(0.9)
    found = paired_difference(a, a, "average_precision", 50, 3)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_models_are_compared_on_the_same_rows_by_a_metric_that_is_there():
    a, b = two_models(0.9)
    with pytest.raises(ValueError, match="only be compared on the same rows"):
        paired_difference(a, scored_rows(~b.label, b.probability), "roc_auc", 20, 1)
    with pytest.raises(ValueError, match="precision_at_5000 is no metric of these rows"):
        paired_difference(a, b, "precision_at_5000", 20, 1)


def test_the_area_alone_is_that_of_the_estimate_for_any_score():
    a, _ = two_models(0.9)
    label, score = a.label, np.log(a.probability) * 7
    assert roc_auc(scored_rows(label, score)) == pytest.approx(roc_auc_score(label, score))


def test_one_metric_alone_and_all_differences_at_once_are_those_of_the_estimates():
    a, b = two_models(0.9)
    of_a, all_of_them = estimate(a, [100], 20, 3), paired_differences(a, b, [100], 20, 3)
    assert list(all_of_them) == list(of_a)
    for metric, found in of_a.items():
        assert point(a, metric) == pytest.approx(found.value)
        assert all_of_them[metric] == paired_difference(a, b, metric, 20, 3)
    with pytest.raises(ValueError, match="profit is no metric of these rows; there are average_precision"):
        point(a, "profit")


def test_a_subset_keeps_the_rows_and_the_missed_positives_that_are_named():
    rows = scored_rows([True, False, True], [0.5, 0.4, 0.3], missed_weight=[1.0, 2.0], listed=[True, False, False])
    part = rows.subset(np.array([True, False, True]), np.array([False, True]))
    assert part.label.tolist() == [True, True]
    assert part.probability.tolist() == [0.5, 0.3]
    assert part.listed.tolist() == [True, False]
    assert (part.missed_weight.tolist(), part.missed_company.tolist()) == ([2.0], [4])
