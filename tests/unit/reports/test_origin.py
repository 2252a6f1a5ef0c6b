"""Whoever reads figures of invented companies is told so."""

import pytest

from reports.origin import Delivery, delivery_table, notice


def delivery(month: str, *, is_sample: bool) -> Delivery:
    return Delivery(f"UKLTD_M_{month.replace('-', '')}01", "monthly", month, 13, 6000, 5, is_sample)


@pytest.mark.parametrize(
    ("samples", "reals", "words"),
    [
        (3, 0, "Sample data. All 3 deliveries behind these figures are of invented companies"),
        (1, 2, "Sample data. 1 of the 3 deliveries behind these figures are of invented companies"),
        (0, 0, "No delivery behind these figures is known"),
    ],
)
def test_the_notice_says_how_many_deliveries_are_of_the_sample(samples, reals, words):
    given = [delivery(f"2026-{month:02}", is_sample=month <= samples) for month in range(1, samples + reals + 1)]
    assert notice(given).startswith(words)


def test_real_deliveries_need_no_notice():
    assert notice([delivery("2026-09", is_sample=False)]) == ""


def test_the_deliveries_are_figures():
    assert delivery_table([delivery("2026-09", is_sample=True)]).csv() == (
        "delivery,delivery_kind,snapshot_month,files,landed_rows,rejected_lines,is_sample\n"
        "UKLTD_M_20260901,monthly,2026-09,13,6000,5,True\n"
    )
