"""Numbers are short, and what is not nothing is never written as nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.numbers import count, share, short

FACTORS = {"k": 1e3, "m": 1e6, "bn": 1e9, "tn": 1e12}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_234_567, "gbp", "£1.23m"), (-45_600, "gbp", "-£45.6k"), (0, "gbp", "£0"), (999_999, "gbp", "£1m"),
        (0.5, "growth", "+50 %"), (-0.251, "growth", "-25.1 %"), (0, "growth", "0 %"), (12, "months", "12 mo"),
        (7.293, "years", "7.29 y"), (45.1, "percent", "45.1 %"), (-0.00012, "ratio", "-0.0001"), (3, "count", "3"),
        (2.5e13, "gbp", "£25tn"), (120_000, "count", "120k"), (300, "count", "300"), (0.002453, "ratio", "0.0025"),
    ],
)  # fmt: skip
def test_a_value_is_written_by_its_unit(value, unit, text):
    assert short(value, unit) == text


@given(st.floats(min_value=-9e14, max_value=9e14).filter(lambda value: value == 0 or abs(value) > 0.1))
def test_three_digits_of_a_value_can_be_read_back(value):
    text = short(value)
    letters = text.lstrip("-0123456789.")
    assert float(text.removesuffix(letters)) * FACTORS.get(letters, 1) == pytest.approx(value, rel=0.0051, abs=1e-9)


def test_a_share_is_none_or_all_only_where_it_is():
    assert [share(value) for value in (0, 1e-6, 0.1234, 1 - 1e-6, 1, None)] == [
        "0.0 %", "< 0.1 %", "12.3 %", "> 99.9 %", "100.0 %", "",
    ]  # fmt: skip
    assert share(0.00004, 2) == "< 0.01 %"
    assert count(1234.4) == "1,234"
