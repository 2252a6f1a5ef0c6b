"""Rules of the gates before a promotion, on plain values, and of the comparison that one of them needs."""

import datetime

import pytest

from ml import promotion
from ml.artefacts import SliceTest
from ml.features import read_features
from ml.frames import read_training
from ml.metrics import Estimate, paired_difference
from ml.promotion import (
    age_gate,
    calibration_gate,
    canary_gates,
    lift_gate,
    pooled_test,
    reload_gate,
    slice_gates,
)
from ml.registry import Procedure
from ml.settings import read_settings
from tests.unit.ml.synthetic import HORIZON, Planted, make_world, write_warehouse
from warehouse.engines.duckdb import connect
from warehouse.errors import UserError

SETTINGS = read_settings().model_copy(update={"nthread": 1, "bootstrap_samples": 40, "company_folds": 2})
OCTOBER, NOVEMBER = datetime.date(2026, 10, 1), datetime.date(2026, 11, 1)


@pytest.mark.parametrize(
    ("candidate", "champion", "holds"),
    [(OCTOBER, None, True), (OCTOBER, OCTOBER, True), (NOVEMBER, OCTOBER, True), (OCTOBER, NOVEMBER, False)],
)
def test_a_champion_is_not_followed_by_what_knows_less(candidate, champion, holds):
    assert age_gate(candidate, champion).holds is holds


@pytest.mark.parametrize(
    ("difference", "champion", "holds"),
    [
        (None, None, True),
        (None, "abc", True),
        (Estimate(2.0, 1.0, 3.0), "abc", True),
        (Estimate(-1.0, -2.0, 0.5), "abc", True),
        (Estimate(-1.0, -2.0, -0.1), "abc", False),
    ],
)
def test_the_lift_must_not_be_below_the_champions_beyond_chance(difference, champion, holds):
    assert lift_gate(difference, champion).holds is holds


@pytest.mark.parametrize(("error", "holds"), [(0.0049, True), (0.005, True), (0.0051, False)])
def test_the_calibration_error_is_held_against_a_share_of_the_base_rate(error, holds):
    gate = calibration_gate(Estimate(error, 0.0, 1.0), Estimate(0.01, 0.008, 0.012), 0.5)
    assert gate.holds is holds
    assert "at most 0.0050, 0.5 of the base rate" in gate.line


def part(value: str, positives: int, lift: float | None) -> SliceTest:
    found = None if lift is None else Estimate(lift, 0.0, 9.0)
    metrics = {"lift_at_10_percent": found, "lift_at_1_percent": Estimate(0.0, 0.0, 0.0)}
    return SliceTest(slice="region", slice_value=value, rows=1000, positives=positives, metrics=metrics)


def test_only_slices_with_enough_positives_are_held_against_chance():
    slices = [part("Wales", 30, 1.5), part("London", 30, 1.0), part("Kent", 29, 0.2), part("York", 500, None)]
    assert [(gate.name, gate.holds) for gate in slice_gates(slices, 30)] == [
        ("lift for region Wales", True),
        ("lift for region London", False),
    ]


def test_canaries_that_cannot_run_hold_nothing_up_but_the_promotion(monkeypatch):
    def too_short(*_):
        raise UserError("the leak canaries cannot run: too few users")

    monkeypatch.setattr(promotion, "run_canaries", too_short)
    (gate,) = canary_gates(None, HORIZON, SETTINGS)
    assert (gate.holds, gate.found) == (False, "the leak canaries cannot run: too few users")


def test_a_model_that_scores_otherwise_than_when_it_was_registered_is_refused():
    assert reload_gate("a" * 64, "a" * 64).holds
    assert not reload_gate("a" * 64, "b" * 64).holds


def test_a_procedure_that_learns_nothing_is_beaten_under_the_same_folds(tmp_path):
    write_warehouse(tmp_path / "warehouse.duckdb", make_world(Planted()))
    with connect(tmp_path / "warehouse.duckdb", read_only=True) as connection:
        frame = read_training(connection, read_features(connection), 10_000)
    usual = Procedure.of("precision", SETTINGS)
    dull = usual.model_copy(update={"booster": usual.booster.model_copy(update={"min_child_weight": 1e6})})
    learned, constant = (pooled_test("precision", frame, HORIZON, made, SETTINGS) for made in (usual, dull))
    assert (learned.company == constant.company).all()
    assert not lift_gate(paired_difference(constant, learned, "roc_auc", 40, 1), "abc").holds
    assert lift_gate(paired_difference(learned, constant, "roc_auc", 40, 1), "abc").holds
