"""Columns of a histogram hold every value once, and few values lie outside."""

from hypothesis import given
from hypothesis import strategies as st

from reports.bins import COLUMNS, FEW_VALUES, choose_bins

amounts = st.floats(min_value=-1e12, max_value=1e12, allow_subnormal=False).map(lambda value: round(value, 3))


@given(st.lists(amounts, min_size=4, max_size=4), st.booleans())
def test_edges_ascend_and_reach_from_the_low_to_the_high_percentile(values, whole):
    low, quarter, three_quarters, high = sorted(round(value) if whole else value for value in values)
    bins = choose_bins(low, quarter, three_quarters, high, whole=whole)
    assert list(bins.edges) == sorted(set(bins.edges))
    assert 2 <= len(bins.edges) <= 80
    assert bins.edges[-1] >= high - 1e-9 * abs(high)
    assert bins.edges[0] <= low + 1e-9 * abs(low)
    assert (bins.scale.low, bins.scale.high) == (bins.edges[0], bins.edges[-1])


@given(st.integers(-1000, 1000), st.integers(0, FEW_VALUES))
def test_each_of_a_few_whole_numbers_has_at_most_one_other_in_its_column(low, spread):
    bins = choose_bins(low, low, low + spread, low + spread, whole=True)
    columns = [sum(edge < number for edge in bins.edges) for number in range(low, low + spread + 1)]
    assert max(columns.count(column) for column in columns) <= 2
    if spread < COLUMNS:
        assert len(set(columns)) == spread + 1


def test_what_spreads_over_many_magnitudes_gets_a_bent_axis_with_zero_on_an_edge_or_in_the_middle():
    assert choose_bins(0, 1e3, 1e4, 1e7, whole=True).scale.kind == "bent"
    assert choose_bins(0, 1e3, 1e4, 1e7, whole=True).edges[0] == 0
    both = choose_bins(-1e6, 1e3, 1e4, 1e7, whole=False)
    assert both.edges[0] < 0 < both.edges[-1]
    assert -both.scale.bend in both.edges
    assert both.scale.bend in both.edges
    assert choose_bins(0, 20, 80, 100, whole=False).scale.kind == "linear"


def test_a_constant_has_a_column_of_its_own():
    bins = choose_bins(12, 12, 12, 12, whole=True)
    assert [edge for edge in bins.edges if 11 < edge < 13] == [11.5, 12.5]
    assert len(choose_bins(0.3, 0.3, 0.3, 0.3, whole=False).edges) == 2
