"""Other ways to rank companies beside the models: fair, on the same rows, and honest about what is absent."""

import dataclasses
import sys

import numpy as np
import pytest
import yaml

from ml.compare import (
    ALL_NEGATIVES,
    ALL_ROWS,
    FEWER_NEGATIVES,
    OURS,
    compare,
    compare_marts,
    comparison_lines,
    comparison_table,
)
from ml.evaluate import headline_folds, try_learners
from ml.features import read_features
from ml.frames import read_training
from ml.marts import Horizon
from ml.model import fit_models
from ml.opponents import best_of, fewer_negatives, learner, rate_of_cells
from ml.settings import read_settings
from ml.tables import SOURCES_FILE
from tests.unit.ml.synthetic import HORIZON, Planted, make_world, write_warehouse
from warehouse.engines.duckdb import connect
from warehouse.errors import UserError
from warehouse.settings import Settings as Environment

SMALL = [
    "nthread=1", "bootstrap_samples=40", "company_folds=2", "comparison.forest_trees=20",
    "comparison.rule_columns=[section, age_years]", "slices.bands={age_years: [5, 15], company_age_years: [2]}",
    "models.precision.minimum_rounds=20", "models.recall.minimum_rounds=20", "comparison.negatives_share=0.3",
]  # fmt: skip
MONTH = Horizon(HORIZON, "2026-10")


def made_of(*overrides):
    return read_settings(overrides=[*SMALL, *overrides])


def frame_of(path, planted):
    write_warehouse(path, make_world(planted))
    with connect(path) as connection:
        return read_training(connection, read_features(connection), 50_000)


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    return frame_of(tmp_path_factory.mktemp("marts") / "warehouse.duckdb", Planted())


@pytest.fixture(scope="module")
def compared(frame):
    return compare(frame, MONTH, made_of(), lambda _: None)


def of(compared, model, learner_name):
    (found,) = [row for row in compared if (row.model_name, row.learner) == (model, learner_name)]
    return found


def test_every_learner_stands_beside_both_models(compared):
    names = {(row.model_name, row.learner) for row in compared}
    others = {"rule", "logistic_regression", "random_forest", "lightgbm", FEWER_NEGATIVES, ALL_NEGATIVES}
    assert names == {(model, name) for model in ("precision", "recall") for name in {OURS, *others}}
    assert of(compared, "recall", "rule").metrics == of(compared, "precision", "rule").metrics
    assert of(compared, "recall", "rule").differences != of(compared, "precision", "rule").differences


def test_learners_of_all_features_see_the_planted_effects_and_the_rule_sees_one(compared):
    for name in ("logistic_regression", "random_forest", "lightgbm", FEWER_NEGATIVES):
        assert of(compared, "recall", name).metrics["roc_auc"].low > 0.6, name
    assert of(compared, "recall", "rule").differences["roc_auc"].high < 0


def test_a_learner_that_knows_more_is_found_better(frame):
    blind = ["minimum_rounds=1", "maximum_rounds=1", "max_depth=1", "colsample_bytree=0.01"]
    compared = compare(frame, MONTH, made_of(*(f"models.recall.{text}" for text in blind)), lambda _: None)
    for name in ("logistic_regression", "random_forest", "lightgbm"):
        assert of(compared, "recall", name).differences["roc_auc"].low > 0, name


def test_opponents_are_calibrated_too(compared):
    for name in ("rule", "logistic_regression", "random_forest", "lightgbm"):
        metrics = of(compared, "precision", name).metrics
        assert metrics["expected_calibration_error"].value < 0.5 * metrics["base_rate"].value, name


def test_the_same_seed_gives_the_same_table(frame, compared):
    again = compare(frame, MONTH, made_of(), lambda _: None)
    assert comparison_table("a", again).equals(comparison_table("a", compared))


def test_threads_of_the_forest_leave_no_trace(frame):
    from ml.opponents_sklearn import random_forest  # noqa: PLC0415 - as a command without it does not load it

    settings = made_of()
    fold = headline_folds(frame, HORIZON, settings)[0]
    one, two = (
        learner("forest", random_forest(settings.model_copy(update={"nthread": threads})), settings)(frame, fold.part)
        for threads in (1, 2)
    )
    assert (
        one["forest"].predict(frame.matrix[fold.test]).tolist()
        == two["forest"].predict(frame.matrix[fold.test]).tolist()
    )


def test_all_negatives_are_the_same_model_where_to_train_holds_them(compared):
    same = of(compared, "precision", ALL_NEGATIVES)
    assert same.metrics == of(compared, "precision", OURS).metrics
    assert {(e.value, e.low, e.high) for e in same.differences.values()} == {(0.0, 0.0, 0.0)}
    assert same.note == "to_train holds all negatives: the same model"


def test_negatives_that_were_not_sampled_are_not_pretended(tmp_path):
    sampled = frame_of(tmp_path / "warehouse.duckdb", Planted(companies=300, negative_share=0.5))
    compared = compare(sampled, MONTH, made_of("bootstrap_samples=20"), lambda _: None)
    row = of(compared, "precision", ALL_NEGATIVES)
    assert row.metrics == {}
    assert "one in 2 negatives" in row.note
    table = comparison_table("a", compared).to_pylist()
    cells = [line for line in table if line["learner"] == ALL_NEGATIVES and line["model_name"] == "precision"]
    assert {line["value"] for line in cells} == {None}
    assert len(cells) == len(of(compared, "precision", OURS).metrics)


def test_models_that_learn_from_drawn_rows_stand_beside_those_that_learn_from_all(frame, compared):
    drawn = compare(frame, MONTH, made_of().model_copy(update={"learned_rows": 600}), lambda _: None)
    every, before = of(drawn, "recall", ALL_ROWS), of(compared, "recall", OURS)
    assert every.metrics["average_precision"] == before.metrics["average_precision"]
    assert every.note == "with all rows, where ours learn from 600"
    gain = every.metrics["roc_auc"].value - of(drawn, "recall", OURS).metrics["roc_auc"].value
    assert every.differences["roc_auc"].value == pytest.approx(gain)
    assert gain != 0
    assert of(drawn, "recall", ALL_NEGATIVES).metrics == {}
    other = "logistic_regression"
    assert of(drawn, "recall", other).metrics != of(compared, "recall", other).metrics


def test_fewer_negatives_stand_for_all(frame):
    seen = []

    def note(shown, part):
        seen.append((shown, part))
        return fit_models(["precision"], shown, part, made_of())

    part = headline_folds(frame, HORIZON, made_of())[0].part
    assert set(fewer_negatives("fewer", note, 0.3, 1)(frame, part)) == {"fewer precision"}
    ((shown, less),) = seen
    before, after = frame.observations, shown.observations
    assert after.label[less.refit].sum() == before.label[part.refit].sum()
    assert (~after.label[less.refit]).sum() == pytest.approx(0.3 * (~before.label[part.refit]).sum(), rel=0.1)
    assert after.weight[less.refit].sum() == pytest.approx(before.weight[part.refit].sum(), rel=0.1)


def test_the_rule_is_the_rate_of_a_cell_with_one_user_at_the_rate_of_all_before_it(frame):
    _, fit = rate_of_cells(["section"], made_of())(frame, headline_folds(frame, HORIZON, made_of())[0].part)
    rows = np.arange(0, len(frame.matrix), 3)
    label, section = frame.observations.label, frame.matrix[:, 7]
    rate = 1 / (1 + np.exp(-fit(frame, rows)(frame.matrix)))
    for code in np.unique(section):
        cell = label[rows][section[rows] == code]
        expected = (cell.sum() + 1) / (len(cell) + 1 / label[rows].mean())
        assert rate[section == code] == pytest.approx(expected)


def test_the_candidate_that_ranks_the_latest_year_better_is_taken(frame):
    label = dict(zip(frame.matrix[:, 8].tolist(), frame.observations.label.tolist(), strict=True))

    def knowing(sign):
        return lambda _frame, _rows: lambda matrix: np.array([sign * label[x] for x in matrix[:, 8].tolist()], float)

    part = headline_folds(frame, HORIZON, made_of())[0].part
    assert best_of([("wrong", knowing(-1)), ("right", knowing(1))])(frame, part)[0] == "right"


def test_what_is_not_installed_is_said(frame, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    compared = compare(frame, MONTH, made_of("bootstrap_samples=20"), lambda _: None)
    assert of(compared, "precision", "lightgbm").note == "lightgbm cannot be imported; `make compare` installs it"
    assert any("lightgbm cannot be imported" in line for line in comparison_lines(compared))
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UserError, match="needs sklearn; `make compare` installs it"):
        compare(frame, MONTH, made_of(), lambda _: None)


def test_a_rule_without_its_columns_is_left_out(frame):
    compared = compare(
        frame, MONTH, made_of("bootstrap_samples=20", "comparison.rule_columns=[shoe_size]"), lambda _: None
    )
    assert of(compared, "recall", "rule").note == "the marts have no feature shoe_size"


def test_learners_are_tested_on_the_same_rows(frame):
    settings = made_of()
    folds = headline_folds(frame, HORIZON, settings)
    tried = [learner("a", rate_of_cells(["section"], settings), settings),
             learner("b", rate_of_cells(["age_years"], settings), settings)]  # fmt: skip
    trial = try_learners(frame, folds, tried)
    shared = [
        field.name for field in dataclasses.fields(trial.tested["a"]) if field.name not in ("probability", "listed")
    ]
    assert all(np.array_equal(getattr(trial.tested["a"], n), getattr(trial.tested["b"], n)) for n in shared)


def test_the_command_writes_the_table_of_the_source_definitions(tmp_path):
    environment = Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None)
    write_warehouse(environment.warehouse, make_world(Planted(companies=300)))
    compared = compare_marts(environment, made_of("bootstrap_samples=20"), lambda _: None)
    (source,) = yaml.safe_load(SOURCES_FILE.read_text(encoding="utf-8"))["sources"]
    (defined,) = [table for table in source["tables"] if table["name"] == "ml_comparison"]
    with connect(environment.warehouse) as connection:
        found = connection.execute("select * from ml.ml_comparison")
        assert [column[0] for column in found.description] == [column["name"] for column in defined["columns"]]
        ((rows, keys),) = connection.execute(
            "select count(*), count(distinct (run_id, model_name, learner, metric)) from ml.ml_comparison"
        ).fetchall()
    assert rows == keys == sum(len(of(compared, row.model_name, OURS).metrics) for row in compared)
