"""Rules of the reasons in words."""

import numpy as np
import pytest

from ml.features import Feature
from ml.reasons import Peers, Shares, choose, direction, sentence, written_value

WHERE_KNOWN = "companies scored where it is known"


def feature(unit, kind="numeric", reason="trade debtors"):
    return Feature("x", kind, unit, reason)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("gbp", 412000, "£412,000"),
        ("gbp", -1234567, "-£1,234,567"),
        ("gbp", -0.2, "£0"),
        ("ratio", 1.234, "1.23"),
        ("ratio", -0.001, "0.00"),
        ("growth", 0.254, "+25 %"),
        ("growth", -0.5, "-50 %"),
        ("growth", 12.0, "+1,200 %"),
        ("growth", -0.001, "+0 %"),
        ("weeks", 52, "52 weeks"),
        ("percent", 45.25, "45.2 %"),
        ("days", 61.6, "62 days"),
        ("days", 1, "1 day"),
        ("months", 12, "12 months"),
        ("years", 7.25, "7.2 years"),
        ("years", 1, "1 year"),
        ("count", 12500, "12,500"),
        ("count", 0, "0"),
        ("flag", True, "yes"),
        ("flag", 0, "no"),
        ("gbp", None, None),
        ("ratio", float("nan"), None),
    ],
)
def test_a_value_is_written_by_its_unit(unit, value, expected):
    assert written_value(feature(unit), value) == expected


def test_a_code_is_written_as_it_is():
    assert written_value(feature("code", "categorical"), "0161") == "0161"


@pytest.mark.parametrize(
    ("unit", "value", "shares", "expected"),
    [
        ("gbp", "£4,120", Shares(0.919, 0.001, 0.08, 0), "trade debtors of £4,120, more than 91 % of companies scored"),
        ("gbp", "£5", Shares(0.1, 0.1, 0.8, 0), "trade debtors of £5, less than 80 % of companies scored"),
        ("gbp", "£0", Shares(0.0, 0.7, 0.3, 0), "trade debtors of £0, as for 70 % of companies scored"),
        ("gbp", "£9", Shares(1, 0, 0, 0.4), f"trade debtors of £9, more than 100 % of {WHERE_KNOWN}"),
        ("gbp", None, Shares(0, 0, 0, 0.375), "trade debtors: none given, as for 37 % of companies scored"),
        ("count", "12", Shares(0.6, 0.1, 0.3, 0), "trade debtors: 12, more than 60 % of companies scored"),
        ("days", "1 day", Shares(0.1, 0.1, 0.8, 0), "trade debtors: 1 day, less than 80 % of companies scored"),
        ("flag", "yes", Shares(0.9, 0.1, 0, 0), "trade debtors: yes, as for 10 % of companies scored"),
        ("code", "C", Shares(0.9, 0.004, 0.1, 0), "trade debtors: C, as for less than 1 % of companies scored"),
    ],
)  # fmt: skip
def test_a_reason_names_the_value_and_its_place_among_the_companies(unit, value, shares, expected):
    assert sentence(feature(unit), value, shares, "raises") == expected
    assert sentence(feature(unit), value, shares, "lowers") == f"{expected} (speaks against)"


def test_what_raises_comes_first_and_what_lowers_fills_up():
    contributions = np.array(
        [[0.1, -0.9, 0.4, 0.2], [-0.1, -0.9, 0.4, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, -0.1, -0.2, 0.0]]
    )
    assert choose(contributions).tolist() == [[2, 3, 0], [2, 1, 0], [-1, -1, -1], [2, 1, -1]]
    assert [direction(value) for value in (0.4, -0.9)] == ["raises", "lowers"]


def test_shares_are_of_the_peers_whose_value_is_known():
    peers = Peers(np.array([[1, 0], [2, 0], [2, 1], [4, 0], [np.nan, 0]], dtype=np.float32))
    values = np.array([2, 5, np.nan], dtype=np.float32)
    two, five, unknown = peers.shares(0, values)
    assert two == Shares(0.25, 0.5, 0.25, pytest.approx(0.2))
    assert five == Shares(1.0, 0.0, 0.0, pytest.approx(0.2))
    assert unknown == Shares(0.0, 0.0, 0.0, pytest.approx(0.2))
    assert peers.shares(1, values[:0]) == []
    assert peers.shares(1, np.zeros(1, dtype=np.float32))[0].equal == pytest.approx(0.8)


def test_where_no_peers_value_is_known_all_are_unknown():
    peers = Peers(np.full((3, 1), np.nan, dtype=np.float32))
    assert peers.shares(0, np.array([1, np.nan], dtype=np.float32)) == [Shares(0.0, 0.0, 0.0, 1.0)] * 2
