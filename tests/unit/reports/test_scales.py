"""Axes: order is kept, ends are ends, ticks are round, inside and apart."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.scales import MOST_TICKS, NARROWEST_GAP, Scale, nice_step, rounded_steps

magnitudes = st.floats(min_value=1e-6, max_value=1e12)


@st.composite
def scales(draw) -> Scale:
    kind = draw(st.sampled_from(["linear", "root", "bent"]))
    low = 0.0 if kind == "root" else draw(st.one_of(st.just(0.0), magnitudes, magnitudes.map(lambda value: -value)))
    width = draw(magnitudes)
    if kind == "linear":
        width = max(width, abs(low) / 1000)
    largest = max(abs(low), abs(low + width))
    return Scale(low, low + max(width, largest / 1000), kind, largest / 10 ** draw(st.integers(1, 5)))


@given(scales(), st.lists(st.floats(min_value=-1e13, max_value=1e13), min_size=2, max_size=20))
def test_places_keep_the_order_of_values_and_stay_between_the_ends(scale, values):
    places = [scale.place(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)
    assert scale.place(scale.low) == 0
    assert scale.place(scale.high) == pytest.approx(1)


@given(scales())
def test_ticks_are_round_ascending_and_inside(scale):
    ticks = scale.ticks()
    assert list(ticks) == sorted(set(ticks))
    room = 1e-6 * (scale.high - scale.low)
    assert all(scale.low - room <= tick <= scale.high + room for tick in ticks)
    assert 2 <= len(ticks) <= max(MOST_TICKS + 1, 1 / NARROWEST_GAP + 1)
    if ticks != Scale(scale.low, scale.high).ticks():
        places = [scale.place(tick) for tick in ticks]
        assert all(after - before >= NARROWEST_GAP - 1e-9 for before, after in itertools.pairwise(places))
        leading = {f"{abs(tick):.6e}"[0] for tick in ticks if tick}
        assert leading <= {"1", "2", "5"}


@given(magnitudes)
def test_a_step_is_the_next_of_one_two_and_five(width):
    step = nice_step(width)
    assert width * (1 - 1e-6) <= step <= 2.5 * width * (1 + 1e-6)
    assert f"{step:.6e}"[0] in "125"


@given(magnitudes, st.floats(min_value=1, max_value=1e6))
def test_steps_of_magnitudes_reach_the_high_end_and_go_no_further(low, times):
    found = rounded_steps((1, 2, 5), low, low * times)
    assert found == sorted(set(found))
    assert found[0] >= low * (1 - 1e-6)
    assert found[-1] >= low * times * (1 - 1e-6)
    assert all(value < low * times for value in found[:-1])


def test_a_root_stretches_what_is_near_zero_and_a_bent_axis_what_is_near_its_bend():
    assert Scale(0, 1, "root").place(0.25) == 0.5
    bent = Scale(-1000, 1000, "bent", 1)
    assert bent.place(0) == 0.5
    assert bent.place(10) - bent.place(0) > 0.5 * (bent.place(1000) - bent.place(10))
    assert math.isclose(bent.place(10) + bent.place(-10), 1)
