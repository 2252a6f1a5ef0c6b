"""Rules of the gates before a promotion, on plain values, and of the comparison that one of them needs."""

import datetime

import numpy as np
import pytest

from ml.features import read_features
from ml.frames import read_training
from ml.metrics import Estimate, estimate, paired_difference
from ml.metrics import Tested as Scored
from ml.promotion import Slice, age_gate, calibration_gate, lift_gate, pooled_test, reload_gate, slice_gates
from ml.registry import Procedure
from ml.settings import read_settings
from tests.unit.ml.synthetic import HORIZON, Planted, make_world, write_warehouse
from warehouse.engines.duckdb import connect

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


def test_only_slices_with_enough_positives_are_held_against_chance():
    slices = [Slice("region", "Wales", 30, 1.5), Slice("region", "London", 30, 1.0), Slice("size", "<100k", 29, 0.2),
              Slice("size", "50m+", 500, None)]  # fmt: skip
    gates = slice_gates(slices, 30)
    assert [(gate.name, gate.holds) for gate in gates] == [
        ("lift for region Wales", True),
        ("lift for region London", False),
    ]


def test_a_model_that_scores_otherwise_than_when_it_was_registered_is_refused():
    assert reload_gate("a" * 64, "a" * 64).holds
    assert not reload_gate("a" * 64, "b" * 64).holds


def scored(probability, seed=3, companies=200):
    rng = np.random.default_rng(seed)
    n = len(probability)
    return Scored(
        company=rng.integers(0, companies, n),
        label=rng.random(n) < 0.1,
        weight=np.ones(n),
        probability=probability,
        missed_company=np.array([1, 2], dtype=np.int64),
        missed_weight=np.ones(2),
    )


def test_a_test_does_not_differ_from_itself():
    found = scored(np.random.default_rng(1).random(2000))
    assert paired_difference(found, found, "lift_at_1_percent", 40, 5) == Estimate(0.0, 0.0, 0.0)


def test_a_difference_is_that_of_the_two_values_and_changes_sign_with_their_order():
    blind = scored(np.random.default_rng(1).random(2000))
    seeing = scored(np.clip(blind.label * 0.5 + np.random.default_rng(2).random(2000) * 0.6, 0, 1))
    for metric in ("lift_at_1_percent", "average_precision", "recall_at_100"):
        forth, back = (paired_difference(*pair, metric, 60, 5) for pair in ((seeing, blind), (blind, seeing)))
        values = [estimate(of, (100,), 20, 5)[metric].value for of in (seeing, blind)]
        assert forth.value == pytest.approx(values[0] - values[1])
        assert (back.value, back.low, back.high) == pytest.approx((-forth.value, -forth.high, -forth.low))
        assert forth.low > 0


def test_what_two_tests_have_in_common_cancels_out():
    first = scored(np.random.default_rng(1).random(2000))
    label = first.label * 0.3 + first.probability * 0.7
    second = scored(np.clip(label + np.random.default_rng(4).normal(0, 0.002, 2000), 0, 1))
    base = scored(label)
    alone = estimate(base, (), 200, 5)["average_precision"]
    paired = paired_difference(base, second, "average_precision", 200, 5)
    assert paired.high - paired.low < 0.3 * (alone.high - alone.low)


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
