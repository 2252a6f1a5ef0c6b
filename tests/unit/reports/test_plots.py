"""Pictures stay on their paper, marks are as long as their figures, and texts from the data are only texts."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.bins import choose_bins
from reports.canvas import SMALL
from reports.plots import (
    Axis,
    Bar,
    Bin,
    Column,
    Curve,
    Row,
    Stage,
    Strip,
    Whisker,
    bars,
    columns,
    curves,
    distribution,
    flow,
    whiskers,
)
from reports.scales import Scale
from tests.unit.reports.drawn import assert_inside, elements, hinted, parsed, path_points, texts

HOSTILE = "<script>alert('1')</script> & \"more\""
names = st.one_of(
    st.just(HOSTILE), st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=90)
)
amounts = st.floats(min_value=0, max_value=1e9)


def written(value: float) -> str:
    return f"{value:.6g}"


@given(st.lists(st.tuples(names, amounts), min_size=1, max_size=120))
@settings(max_examples=30)
def test_columns_are_as_high_as_their_values_and_stay_inside(values):
    root = parsed(
        columns([Column(f"{n} {name}", "2026", value) for n, (name, value) in enumerate(values)], "t", written)
    )
    assert_inside(root)
    heights = [float(mark.attrib["height"]) for mark in elements(root, "rect")]
    assert len(heights) == len(values)
    highest = max(value for _, value in values)
    for height, (_, value) in zip(heights, values, strict=True):
        assert height == pytest.approx(max(heights) * (value / highest if highest else 0), abs=0.11)


@given(st.lists(st.tuples(names, amounts, st.one_of(st.none(), amounts)), min_size=1, max_size=20))
@settings(max_examples=30)
def test_bars_are_as_long_as_their_values_and_stay_inside(values):
    given_bars = [Bar(f"{n} {name}", value, f"{value:.3g}", mark) for n, (name, value, mark) in enumerate(values)]
    root = parsed(bars(given_bars, "t"))
    assert_inside(root)
    full = {float(mark.attrib["width"]) for mark in elements(root, "rect")[::2]}
    longest = max(max(value, mark or 0) for _, value, mark in values)
    assert len(full) == 1
    for mark, (_, value, _) in zip(elements(root, "rect")[1::2], values, strict=True):
        assert float(mark.attrib["width"]) == pytest.approx(max(full) * (value / longest if longest else 0), abs=0.11)


def some_bins(counts: list[int], others: list[int], edges: tuple[float, ...]) -> list[Bin]:
    ends = [None, *edges, None]
    total, other = sum(counts) or 1, sum(others) or 1
    return [
        Bin(above, up_to, (first + second) / (total + other), (first / total, second / other))
        for above, up_to, first, second in zip(ends, ends[1:], counts, others, strict=False)
    ]


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4), st.data())
@settings(max_examples=40)
def test_a_histogram_has_a_column_for_each_bin_without_gaps_and_as_high_as_its_share(values, data):
    low, quarter, three_quarters, high = sorted(values)
    chosen = choose_bins(low, quarter, three_quarters, high, whole=False)
    counts = st.lists(st.integers(0, 1000), min_size=len(chosen.edges) + 1, max_size=len(chosen.edges) + 1)
    bins = some_bins(data.draw(counts), data.draw(counts), chosen.edges)
    strips = [Strip(HOSTILE, (low, quarter, (quarter + three_quarters) / 2, three_quarters, high))]
    root = parsed(distribution(bins, strips, ["users", "others"], Axis(chosen.scale, written, HOSTILE)))
    assert_inside(root)
    drawn = elements(root, "rect")[: len(bins)]
    starts = [float(mark.attrib["x"]) for mark in drawn]
    ends = [start + float(mark.attrib["width"]) for start, mark in zip(starts, drawn, strict=True)]
    assert starts == sorted(starts)
    inner = list(zip(ends[1:-2], starts[2:-1], strict=True))
    assert all(end == pytest.approx(start, abs=0.11) for end, start in inner)
    highest = max(value for found in bins for value in (found.share, *found.series)) or 1
    for mark, found in zip(drawn, bins, strict=True):
        assert float(mark.attrib["height"]) == pytest.approx(74 * found.share / highest, abs=0.11)
    lines = list(elements(root, "path"))
    assert len(lines) == 2
    assert all(len(path_points(line.attrib["d"])) == 2 * len(bins) for line in lines)
    # told apart without colours
    assert len({line.attrib["stroke-dasharray"] for line in lines}) == 2


@given(st.lists(st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 20), st.floats(0, 20)), min_size=2, max_size=2),
                min_size=1, max_size=12))  # fmt: skip
@settings(max_examples=40)
def test_a_whisker_reaches_from_its_low_to_its_high_end_in_the_order_of_its_axis(values):
    rows = [
        Row(
            f"{number} {HOSTILE}", [Whisker(value, value - below, value + above) for value, below, above in row], "note"
        )
        for number, row in enumerate(values)
    ]
    root = parsed(whiskers(rows, ["precision", "recall"], "t", written, reference=1.0))
    assert_inside(root)
    lines = hinted(root, "line")
    assert len(lines) <= 2 * len(rows)
    places = sorted(
        (one.low, one.high, float(line.attrib["x1"]), float(line.attrib["x2"]))
        for row in rows
        for one in row.found
        for line in [lines[f"{row.name}: {written(one.value)} ({written(one.low)} to {written(one.high)})"]]
    )
    assert [place[2] for place in places] == sorted(place[2] for place in places)
    assert all(x1 <= x2 for _, _, x1, x2 in places)


def test_a_row_without_an_estimate_is_named_and_left_blank():
    root = parsed(whiskers([Row("few", [None]), Row("many", [Whisker(2, 1, 3)])], [""], "t", written))
    assert {"few", "many"} <= set(texts(root))
    assert len(hinted(root, "line")) == 1


def test_curves_pass_their_points_and_their_points_names_do_not_overlap():
    axis = Axis(Scale(0, 1), written, HOSTILE)
    given_curves = [Curve("a", [(0, 0), (0.5, 0.8), (1, 1)]), Curve("b", [(0, 0), (1, 1)], marked=True)]
    marks = [(0.1, 0.5 + place / 1000, letter) for place, letter in enumerate("ABCDE")]
    root = parsed(curves(given_curves, axis, axis, plain=[(0, 0), (1, 1)], points=marks))
    assert_inside(root)
    plain, first, second = (path_points(line.attrib["d"]) for line in elements(root, "path"))
    assert plain == second == [first[0], first[-1]]
    (left, bottom), (x, y), (right, top) = first
    assert x == pytest.approx((left + right) / 2, abs=0.11)
    assert y == pytest.approx(bottom + 0.8 * (top - bottom), abs=0.11)
    heights = sorted(float(text.attrib["y"]) for text in elements(root, "text") if text.text in set("ABCDE"))
    assert all(lower - upper >= SMALL - 0.11 for upper, lower in itertools.pairwise(heights))


@given(st.lists(st.lists(st.tuples(names, st.integers(1, 10**7)), max_size=6), min_size=1, max_size=4),
       st.integers(0, 10**8))  # fmt: skip
@settings(max_examples=30)
def test_what_flows_is_as_broad_as_it_has_rows(lost, remaining):
    rows, stages = remaining, []
    for number, left in reversed(list(enumerate(lost))):
        rows += sum(count for _, count in left)
        stages.insert(0, Stage(f"{number} {HOSTILE}", rows, left))
    root = parsed(flow(stages, "left over", "t", lambda value: f"{value:,.0f}"))
    assert_inside(root)
    bands = [element for element in elements(root, "rect") if element.attrib["height"] == "18.0"]
    wanted = [*(stage.rows_in for stage in stages), remaining]
    broadest = float(bands[0].attrib["width"])
    assert len(bands) == len(wanted)
    for band, count in zip(bands, wanted, strict=True):
        assert float(band.attrib["width"]) == pytest.approx(
            max(broadest * count / (wanted[0] or 1), 1 if count else 0), abs=0.11
        )
    assert f"{remaining:,} left over" in texts(root)
    for stage in stages:
        assert any(text.startswith(f"{stage.rows_in:,} ") for text in texts(root))


def test_texts_from_the_data_are_escaped_and_stay_whole():
    svg = bars([Bar(HOSTILE, 1.0, "1")], HOSTILE)
    assert "<script" not in svg
    assert HOSTILE in texts(parsed(svg))
    assert not re.search(r"(?:href|src|url\()", svg)
