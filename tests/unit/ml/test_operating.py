"""Rules of the operating points: where a model's list ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.operating import choose_operating_point
from ml.settings import LargestList, SmallestList

PRECISION = LargestList(precision=0.5, otherwise_top_share=0.2)
RECALL = SmallestList(recall=0.6)


@st.composite
def scored(draw):
    rows = draw(st.integers(1, 30))
    label = draw(st.lists(st.booleans(), min_size=rows, max_size=rows).filter(any))
    probability = draw(st.lists(st.sampled_from([0.05, 0.1, 0.2, 0.4, 0.7]), min_size=rows, max_size=rows))
    weight = draw(st.lists(st.sampled_from([1.0, 4.0]), min_size=rows, max_size=rows))
    return np.array(probability), np.array(label), np.array(weight)


def lists(probability):
    return [probability >= threshold for threshold in sorted(set(probability.tolist()), reverse=True)]


@given(scored(), st.integers(1, 3))
@settings(max_examples=80)
def test_the_precision_list_is_the_largest_that_has_its_precision(case, minimum):
    probability, label, weight = case
    point = choose_operating_point(probability, label, weight, PRECISION, minimum)
    good = [
        each.sum()
        for each in lists(probability)
        if weight[each & label].sum() >= 0.5 * weight[each].sum() and (each & label).sum() >= minimum
    ]
    listed = probability >= point.threshold
    assert point.reached == bool(good)
    if good:
        assert listed.sum() == max(good)
    else:
        assert weight[listed].sum() >= 0.2 * weight.sum() - 1e-9
        assert weight[probability > point.threshold].sum() < 0.2 * weight.sum()


@given(scored())
@settings(max_examples=80)
def test_the_recall_list_is_the_smallest_that_has_its_recall(case):
    probability, label, weight = case
    point = choose_operating_point(probability, label, weight, RECALL, 1)
    enough = [
        each.sum() for each in lists(probability) if weight[each & label].sum() >= 0.6 * weight[label].sum() - 1e-9
    ]
    assert (probability >= point.threshold).sum() == min(enough)
    assert point.reached


@pytest.mark.parametrize(
    ("aim", "words"),
    [
        (PRECISION, "the largest list with a precision of at least 50 %, or else the top 20 %"),
        (RECALL, "the smallest list with a recall of at least 60 %"),
    ],
)
def test_the_aim_is_said_in_words(aim, words):
    probability, label = np.linspace(0.1, 0.9, 10), np.arange(10) == 0
    assert choose_operating_point(probability, label, np.ones(10), aim, 1).objective == words
