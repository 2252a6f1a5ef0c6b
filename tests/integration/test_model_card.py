"""The model card on a real lake and warehouse: it says what training, promotion and prediction wrote."""

import json
import math
import shutil
from collections import Counter
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml.__main__ import main
from ml.artefacts import load_run
from ml.compare import SCHEMA, TABLE
from ml.predict import predict
from ml.registry_tables import read_registry
from ml.settings import Settings, read_settings
from ml.tables import append, partition_file
from ml.train import train
from reports.families import FAMILIES
from tests.integration.report_pages import add_deliveries, assert_a_page, figures, text_of
from tests.unit.ml.synthetic import DEFINITIONS, HORIZON, Planted, make_world, write_horizon, write_warehouse
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment

KEEP = 0.5  # of the negatives
PLANTED = Planted(companies=1600, negative_share=KEEP)
QUICK = [
    "nthread=1", "bootstrap_samples=40", "company_folds=2", "test_windows=2", "canaries.shuffles=2",
    "models.precision.minimum_rounds=20", "models.precision.maximum_rounds=40",
    "models.recall.minimum_rounds=20", "models.recall.maximum_rounds=40", "promotion.calibration_error=5",
    "slices.columns=[section, age_years]", "slices.bands={age_years: [10, 20]}",
]  # fmt: skip


def settings(*overrides: str) -> Settings:
    return read_settings(overrides=[*QUICK, *overrides])


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Environment:
    folder = tmp_path_factory.mktemp("finished")
    environment = Environment(folder / "lake", folder / "warehouse.duckdb", None)
    write_warehouse(environment.warehouse, make_world(PLANTED))
    with duckdb.connect(str(environment.warehouse)) as connection:
        add_deliveries(connection)
    train(environment, settings())
    predict(environment, settings())
    return environment


@pytest.fixture
def copied(finished, tmp_path) -> Environment:
    shutil.copytree(finished.lake, tmp_path / "lake")
    shutil.copy(finished.warehouse, tmp_path / "warehouse.duckdb")
    return Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None)


@pytest.fixture
def run(monkeypatch, capsys):
    def command(environment: Environment, *words: str) -> str:
        monkeypatch.setenv("LAKE", str(environment.lake))
        monkeypatch.setenv("WAREHOUSE", str(environment.warehouse))
        monkeypatch.setenv("ML_ACTOR", "<Ada>")
        monkeypatch.delenv("MONTH", raising=False)
        main(list(words))
        return capsys.readouterr().out

    return command


@pytest.fixture
def made(run, tmp_path):
    def make(environment: Environment) -> Path:
        run(environment, "report", "card", "--output", str(tmp_path / "out"))
        return tmp_path / "out/card.html"

    return make


def rows(environment: Environment, query: str) -> list[tuple]:
    with duckdb.connect(str(environment.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def of(table: list[dict[str, str]], **wanted: str) -> list[dict[str, str]]:
    return [row for row in table if all(row[name] == value for name, value in wanted.items())]


def test_the_card_lies_in_the_lake_and_is_the_same_when_made_again(copied, run):
    said = run(copied, "report", "card")
    page = Lake(copied.lake).reports(HORIZON.strftime("%Y%m%d")) / "card.html"
    assert str(page) in said
    assert_a_page(page)
    before = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    answer = json.loads(run(copied, "report", "card", "--json"))
    assert {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()} == before
    assert {answer["page"], *answer["figures"]} == {str(path) for path in before}


def test_the_versions_are_those_that_predictions_were_made_by(finished, made):
    page = made(finished)
    words = text_of(page)
    scored = rows(finished, "select distinct model_name, model_version, run_id from ml.predictions")
    given = [(row["model_name"], row["model_version"], row["run_id"]) for row in figures(page, "versions")]
    assert sorted(given) == sorted(scored)
    assert all(f"{name} {version} (champion, promoted " in words for name, version, _ in scored)


def test_the_card_says_what_the_models_learned_from(finished, made):
    page = made(finished)
    words = text_of(page)
    ((learned, companies, positives),) = rows(finished, "select rows, companies, positives from ml.ml_run")
    assert f"observations {learned:,} {learned:,}" in words
    assert f"companies {companies:,} {companies:,}" in words
    assert f"positive {positives:,} {positives:,}" in words
    assert f"share positive {100 * positives / learned:.2f} %" in words
    assert f"each stands for {1 / KEEP:.2f} of the population ({100 * KEEP:.1f} % were kept)" in words
    assert "Sample data. All 3 deliveries behind these figures are of invented companies" in words
    assert "UKLTD_S_20260801 18,000 15 yes" in words
    assert "UKLTD_M_20261101" not in words
    counted = Counter(FAMILIES[unit] for _, _, unit, _ in DEFINITIONS)
    for family, features in counted.items():
        units = ", ".join(f"'{unit}'" for unit, its_family in FAMILIES.items() if its_family == family)
        shares = [
            rows(finished, f"""
                select sum(mean_contribution) filter (unit in ({units})) / sum(mean_contribution)
                from ml.ml_feature_importance join marts.feature_definitions using (feature)
                where model_name = '{model}'""")[0][0]
            for model in ("precision", "recall")
        ]  # fmt: skip
        assert f"{family} {features} {' '.join(f'{100 * share:.1f} %' for share in shares)}" in words
    assert [row["feature"] for row in figures(page, "features")] == [name for name, *_ in DEFINITIONS]


def test_the_card_says_how_the_lists_end_and_how_the_models_came_out_as_registered(finished, made):
    page = made(finished)
    words = text_of(page)
    lake = Lake(finished.lake)
    ((run_id,),) = rows(finished, "select run_id from ml.ml_run")
    evaluation = load_run(lake, run_id)
    points = [evaluation.models[name].operating_point for name in ("precision", "recall")]
    assert f"ends at a probability of {' '.join(f'{100 * point.threshold:.2f} %' for point in points)}" in words
    assert f"the list is to be {points[0].objective} {points[1].objective}" in words
    for version in read_registry(lake).versions.values():
        (row,) = of(figures(page, "versions"), model_name=version.model_name)
        card = version.load(lake).card
        assert int(row["trees"]) == version.rounds
        assert float(row["calibration_slope"]) == card.calibration.slope
        assert float(row["list_threshold"]) == card.operating_point.threshold
        booster = json.loads(version.procedure)["booster"]
        given = {row["setting"]: row["value"] for row in of(figures(page, "settings"), model_name=version.model_name)}
        assert given["booster.eta"] == str(booster["eta"])
        hashes = {row["file"]: row["sha256"] for row in of(figures(page, "artefacts"), model_name=version.model_name)}
        assert hashes == version.artefacts
        for sha256 in (*version.artefacts.values(), version.log_odds_sha256, version.data_sha256):
            assert sha256 in words
    ((libraries,),) = rows(finished, "select libraries from ml.ml_run")
    assert "make build MONTH=2026-10 " in words
    assert f" .venv/bin/python -m ml retrain --from-run {run_id} " in words
    assert all(f"{name} {number}" in words for name, number in json.loads(libraries).items())


def test_the_card_has_the_metrics_of_the_test_and_names_the_slices_that_are_worst(finished, made):
    page = made(finished)
    words = text_of(page)
    found = rows(
        finished, "select model_name, slice, slice_value, metric, value, low, high, positives from ml.ml_metric"
    )
    metrics = pd.DataFrame(
        found, columns=["model_name", "slice", "slice_value", "metric", "value", "low", "high", "positives"]
    )
    assert len(figures(page, "metrics")) == len(metrics)
    for model in ("precision", "recall"):
        listed = rows(finished, f"""
            select value, low, high from ml.ml_metric, ml.ml_run where (model_name, metric, slice) =
            ('{model}', 'listed_recall', 'all') and fold = headline_fold""")  # fmt: skip
        value, low, high = (100 * number for number in listed[0])
        assert f"{value:.1f} % ({low:.1f} % to {high:.1f} %)" in words
        slices = metrics[(metrics.model_name == model) & (metrics.slice != "all")]
        lifts = slices[slices.metric == "lift_at_10_percent"]
        known = lifts.dropna().sort_values("value", kind="stable")
        assert len(known) > 1
        assert f"{model.capitalize()} model, the lowest of {len(known)}: " in words
        worst = known.iloc[0]
        assert (
            f": {worst.slice.replace('_', ' ')} {worst.slice_value} {worst.value:.1f} ({worst.low:.1f} to "
            f"{worst.high:.1f}), {worst.positives:,} users" in words
        )
        weak = known[known.low <= 1]
        for value in weak.slice_value:
            assert value in words.split(f"{model.capitalize()} model, the lowest of", 1)[1].split(" model, the", 1)[0]
        if len(lifts) > len(known):
            assert f"Of {len(lifts) - len(known)} of {len(lifts)} slices nothing is known" in words


def test_the_card_shows_each_gate_and_what_became_of_the_versions(finished, made):
    page = made(finished)
    words = text_of(page)
    promoted = rows(finished, "select model_name, gates, actor from ml.ml_model_event where action = 'promote'")
    assert len(promoted) == 2
    for model, gates, actor in promoted:
        kept = json.loads(gates)
        shown = [(row["gate"], row["found"], row["wanted"]) for row in of(figures(page, "gates"), model_name=model)]
        assert shown == [(gate["name"], gate["found"], gate["wanted"]) for gate in kept]
        assert all(f"{gate['name']} {gate['found']} {gate['wanted']}" in words for gate in kept)
        assert f"by {actor} (every gate held after its training); {len(kept)} of {len(kept)} gates held." in words
    assert [row["action"] for row in figures(page, "events")] == ["register", "register", "promote", "promote"]


def test_drift_is_that_of_the_month_that_was_scored(finished, copied, made):
    page = made(finished)
    words = text_of(page)
    for model in ("precision", "recall"):
        drift = rows(finished, f"select feature, psi, level from ml.ml_drift where model_name = '{model}'")
        given = of(figures(page, "drift"), model_name=model)
        assert {(row["feature"], float(row["stability_index"]), row["drift_level"]) for row in given} == set(drift)
        levels = Counter(level for *_, level in drift)
        counted = f"{levels['warning']} at warning and {levels['alarm']} at alarm"
        assert f"{model.capitalize()} model, 2026-10: of {len(drift)}, its own score among them, {counted}" in words
    partition_file(Lake(copied.lake), "ml_drift", "2026-10").unlink()
    assert "Precision model: it has scored no month yet." in text_of(made(copied))


def test_baselines_stand_beside_the_models_where_they_were_tried(copied, made):
    assert "chance is the only baseline here" in text_of(made(copied))
    ((run_id,),) = rows(copied, "select run_id from ml.ml_run")
    tried = [
        {"run_id": run_id, "model_name": model, "metric": metric, "learner": learner, "value": 6.5, "low": 6.0,
         "high": 7.0} | ({} if learner == "xgboost" else
                         {"difference": -1.25, "difference_low": -2.5, "difference_high": 0.75})
        for model in ("precision", "recall")
        for metric in ("lift_at_1_percent", "average_precision")
        for learner in ("xgboost", "rule")
    ]  # fmt: skip
    append(Lake(copied.lake), TABLE, "2026-10", run_id, pa.Table.from_pylist(tried, SCHEMA))
    page = made(copied)
    assert_a_page(page)
    assert "rule 6.5 -1.2 (-2.5 to +0.8)" in text_of(page)
    assert len(figures(page, "comparison")) == len(tried)


def test_models_of_two_runs_stand_beside_each_other_each_with_its_own_figures(copied, run, made):
    (first,) = (row[0] for row in rows(copied, "select run_id from ml.ml_run"))
    train(copied, settings("seed=2", "test_windows=1", "company_folds=1", "canaries.shuffles=3"))
    (second,) = {row[0] for row in rows(copied, "select run_id from ml.ml_run")} - {first}
    run(copied, "rollback", "precision", "--why", "it was <better>")
    page = made(copied)
    assert_a_page(page)
    words = text_of(page)
    assert {row["model_name"]: row["run_id"] for row in figures(page, "versions")} == {
        "precision": first, "recall": second,
    }  # fmt: skip
    assert "It was gone back to " in words
    assert "by <Ada>." in words
    assert "it was <better>" in words
    assert "A later precision model is registered and does not serve: " in words
    assert f"Run {first} (precision): 2 years tested" in words
    assert f"Run {second} (recall): 1 year tested" in words
    assert "Precision model: Tested on " in words
    assert "Recall model: Tested on " in words
    assert "Precision model: Precision model" not in words
    assert words.count("A lift is against companies picked by chance") == 1
    assert f"--from-run {first}" in words
    assert f"--from-run {second}" in words
    for model, run_id in (("precision", first), ("recall", second)):
        expected = rows(copied, f"""
            select value, low, high from ml.ml_metric join ml.ml_run using (run_id) where (run_id, model_name, metric,
            slice, split) = ('{run_id}', '{model}', 'average_precision', 'all', 'walk_forward')
            and fold = headline_fold""")  # fmt: skip
        value, low, high = expected[0]
        assert f"{value:.3f} ({low:.3f} to {high:.3f})" in words
        ((known,),) = rows(copied, f"""
            select count(*) from ml.ml_metric where (run_id, model_name) = ('{run_id}', '{model}')""")  # fmt: skip
        assert len(of(figures(page, "metrics"), model_name=model)) == known


def test_a_version_that_was_never_promoted_says_so(tmp_path, run, made):
    environment = Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None)
    write_warehouse(environment.warehouse, make_world(PLANTED))
    with duckdb.connect(str(environment.warehouse)) as connection:
        add_deliveries(connection)
    train(environment, settings("promotion.calibration_error=0.0001"))
    words = text_of(made(environment))
    assert words.count("never promoted: the latest registered serves, since there is no champion") == 4
    assert "Recall model: no gate was kept, since it was never promoted." in words
    assert "Recall model: it has scored no month yet." in words


def test_what_is_lost_or_absent_is_an_error_in_one_sentence(copied, run, tmp_path):
    def refused(environment: Environment) -> str:
        with pytest.raises(Exception, match=r".") as ended:
            run(environment, "report", "card", "--output", str(tmp_path / "out"))
        assert type(ended.value).__name__ == "UserError"
        assert not (tmp_path / "out").exists()
        return str(ended.value)

    bare = Environment(tmp_path / "bare", copied.warehouse, None)
    assert "no precision model is registered" in refused(bare)
    ((version, run_id),) = rows(
        copied, "select model_version, run_id from ml.ml_model_version where model_name = 'recall'"
    )
    (trees,) = copied.lake.glob(f"ALGORITHM/**/{version}/model.ubj")
    content = trees.read_bytes()
    trees.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert f"{trees} is not the artefact that was registered" in refused(copied)
    trees.write_bytes(content)
    (metrics,) = Lake(copied.lake).ml_table("ml_metric").glob(f"*/{run_id}.parquet")
    metrics.unlink()
    assert f"ml.ml_metric has no rows of run {run_id}; run `make train` again" in refused(copied)
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.execute("update marts.horizon set horizon_date = '2026-01-01'")
        write_horizon(connection)
        connection.execute("drop table marts.delivery_volumes")
    assert "run `make " in refused(copied)


def test_a_feature_that_left_the_definitions_is_counted_as_such(copied, made):
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.execute("delete from marts.feature_definitions where feature = 'noise'")
    words = text_of(made(copied))
    assert "no longer a feature 1 " in words
    assert "no longer a feature noise" in words


def test_the_weight_of_a_row_is_that_of_the_training_table(finished):
    ((weight,),) = rows(finished, "select avg(sample_weight) filter (label = 0) from marts.to_train")
    for version in read_registry(Lake(finished.lake)).versions.values():
        card = version.load(Lake(finished.lake)).card
        assert np.isclose(math.exp(card.log_odds_offset) / card.scale_pos_weight, weight)
