"""Training and prediction end to end on a warehouse with planted effects."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from ml.__main__ import main
from ml.predict import predict
from ml.registry_tables import read_registry
from ml.settings import SliceSettings, read_settings
from ml.tables import read_tables
from ml.train import train
from tests.unit.ml.synthetic import Planted, make_world, write_horizon, write_warehouse
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment
from warehouse.storage import exclusive

ROOT = Path(__file__).resolve().parents[2]
# one thread: threads that wait for each other are slow where tests run side by side
SLICES = SliceSettings(columns=("section", "age_years"), bands={"age_years": (10, 20)}, minimum_positives=10)
SETTINGS = read_settings().model_copy(
    update={"nthread": 1, "bootstrap_samples": 40, "company_folds": 3, "test_windows": 2, "slices": SLICES}
)
MONTH_FILES = "score_month=2026-10"


def run_all(folder: Path, order: str = "company_number") -> Environment:
    environment = Environment(folder / "lake", folder / "warehouse.duckdb", None)
    write_warehouse(environment.warehouse, make_world(Planted()), order)
    train(environment, SETTINGS)
    predict(environment, SETTINGS)
    return environment


def content(lake: Path) -> dict[str, bytes]:
    """Every file but the query log and the events of models, which tell when they happened."""
    timed = {"LOGS_QUERY_EXECUTION", "ml_model_event"}
    files = (path for path in lake.rglob("*") if path.is_file() and not timed & set(path.parts))
    return {str(path.relative_to(lake)): path.read_bytes() for path in files}


def model_folder(environment: Environment, name: str) -> Path:
    (version,) = (v for v in read_registry(Lake(environment.lake)).versions.values() if v.model_name == name)
    return version.folder(Lake(environment.lake))


def rows(warehouse: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run_all(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def copied(finished, tmp_path):
    """A copy that a test may damage."""
    shutil.copytree(finished.lake, tmp_path / "lake")
    shutil.copy(finished.warehouse, tmp_path / "warehouse.duckdb")
    return Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None)


def change(environment: Environment, *statements: str) -> None:
    with duckdb.connect(str(environment.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)
        write_horizon(connection)


def test_the_same_marts_and_settings_give_the_same_bytes(finished, tmp_path):
    again = run_all(tmp_path, order="hash(company_number || accounts_date)")
    assert content(again.lake) == content(finished.lake)


def test_predicting_again_changes_nothing(copied):
    before = content(copied.lake)
    predict(copied, SETTINGS)
    assert content(copied.lake) == before


def test_the_evaluation_says_what_was_tested_and_how_good_it_is(finished):
    evaluation = json.loads(Lake(finished.lake).evaluation("20261001").read_text())
    assert evaluation["test_window"] == {"after": "2024-10-01", "until": "2025-10-01"}
    assert evaluation["training_window"] == {"after": None, "until": "2023-10-01"}
    window = "observed_on > date '2024-10-01' and observed_on + interval 12 month <= date '2026-10-01'"
    tested = rows(finished.warehouse, f"""
        select count(*) filter (similar_since < date '2024-10-01'),
               count(*) filter (label = 1 and similar_since < date '2024-10-01'),
               count(*) filter (label = 1 and similar_since >= date '2024-10-01')
        from marts.to_train where {window}""")  # fmt: skip
    test = evaluation["test"]
    assert tested == [(test["rows"], test["positives"], test["missed_positives"])]
    assert test["missed_positives"] > 0
    guards = evaluation["guards"]
    assert sum(guard["test_companies"] for guard in guards) == test["companies"]
    assert all(guard["training_companies"] > guard["test_companies"] for guard in guards)
    assert all(guard["last_similar_since"] < "2024-10-01" for guard in guards)
    for model in evaluation["models"].values():
        for name in ("roc_auc", "average_precision", "lift_at_1_percent", "base_rate"):
            metric = model["metrics"][name]
            assert metric["low"] < metric["value"] < metric["high"]
        assert model["metrics"]["roc_auc"]["low"] > 0.6
        assert all(metric["low"] <= metric["value"] <= metric["high"] for metric in model["metrics"].values())


def test_the_evaluation_says_what_a_careless_split_would_have_claimed_and_what_stays_unseen(finished):
    evaluation = json.loads(Lake(finished.lake).evaluation("20261001").read_text())
    ((rows_of_mart,),) = rows(finished.warehouse, "select count(*) from marts.to_train")
    assert evaluation["naive"]["test"]["rows"] == round(0.2 * rows_of_mart)
    assert set(evaluation["naive"]["metrics"]) == {"precision", "recall"}
    assert evaluation["unlabelled_users"]["low_factor"] == pytest.approx(1 / 0.95)
    assert "5 % to 25 % of users leave none" in evaluation["unlabelled_users"]["meaning"]


def expected_metrics(evaluation: dict) -> list[tuple]:
    """The rows of ml_metric that an evaluation file says, worked out from the file alone."""
    headline = evaluation["test_window"]["after"]
    whole = [
        (name, "walk_forward", window["fold"], "all", "all", model["metrics"], window["test"])
        for window in evaluation["earlier_windows"]
        for name, model in window["models"].items()
    ]
    whole += [
        (name, "naive", "random", "all", "all", metrics, evaluation["naive"]["test"])
        for name, metrics in evaluation["naive"]["metrics"].items()
    ]
    for name, model in evaluation["models"].items():
        whole.append((name, "walk_forward", headline, "all", "all", model["metrics"], evaluation["test"]))
        whole += [
            (name, "walk_forward", headline, part["slice"], part["slice_value"], part["metrics"], part)
            for part in model["slices"]
        ]
    return [
        (evaluation["run_id"], *key, metric, *([found[bound] for bound in ("value", "low", "high")] if found else
         [None] * 3), counted["positives"], counted["rows"])
        for *key, metrics, counted in whole
        for metric, found in metrics.items()
    ]  # fmt: skip


def test_the_tables_say_what_the_evaluation_file_says(finished):
    evaluation = json.loads(Lake(finished.lake).evaluation("20261001").read_text())
    run_id = evaluation["run_id"]
    metrics = rows(finished.warehouse, """
        select run_id, model_name, split, fold, slice, slice_value, metric, value, low, high, positives, rows
        from ml.ml_metric""")  # fmt: skip
    assert sorted(metrics, key=repr) == sorted(expected_metrics(evaluation), key=repr)
    assert {row[4] for row in metrics} == {"all", "section", "age_years"}
    assert {row[7] is None for row in metrics if row[4] != "all"} == {True, False}
    assert all(None not in row for row in metrics if row[4] == "all")

    curves = rows(finished.warehouse, "select model_name, curve, point, x, y, rows from ml.ml_curve order by all")
    assert curves == sorted(
        (name, curve, number, point["x"], point["y"], point["rows"])
        for name, model in evaluation["models"].items()
        for curve, points in model["curves"].items()
        for number, point in enumerate(points)
    )
    assert {row[1] for row in curves} == {"gain", "lift", "roc", "reliability"}

    importance = rows(finished.warehouse, """
        select model_name, importance_rank, feature, gain, mean_contribution
        from ml.ml_feature_importance order by all""")  # fmt: skip
    assert importance == sorted(
        (name, found["importance_rank"], found["feature"], found["gain"], found["mean_contribution"])
        for name, model in evaluation["models"].items()
        for found in model["importance"]
    )

    ((found_id, horizon, sha256, settings, trained, positives, windows, headline),) = rows(finished.warehouse, """
        select run_id, horizon_date, data_sha256, settings, rows, positives, test_windows, headline_fold
        from ml.ml_run""")  # fmt: skip
    assert (found_id, str(horizon), sha256) == (run_id, "2026-10-01", evaluation["training"]["sha256"])
    assert json.loads(settings) == evaluation["settings"]
    assert (trained, positives) == (evaluation["training"]["rows"], evaluation["training"]["positives"])
    assert (windows, headline) == (1 + len(evaluation["earlier_windows"]), evaluation["test_window"]["after"])
    assert windows == 2


def test_what_a_model_looks_at_is_what_was_planted(finished):
    ranked = rows(finished.warehouse, """
        select feature, gain, mean_contribution from ml.ml_feature_importance
        where model_name = 'recall' order by importance_rank""")  # fmt: skip
    assert {row[0] for row in ranked[:3]} == {"trade_debtors", "growth", "section"}
    assert sum(row[1] for row in ranked) == pytest.approx(1)
    assert [row[2] for row in ranked] == sorted((row[2] for row in ranked), reverse=True)


def test_runs_stand_beside_each_other_and_the_same_run_is_one(copied):
    train(copied, SETTINGS)
    assert rows(copied.warehouse, "select count(*), count(distinct run_id) from ml.ml_run") == [(1, 1)]
    train(copied, SETTINGS.model_copy(update={"seed": 2}))
    assert rows(copied.warehouse, "select count(*), count(distinct settings_sha256) from ml.ml_run") == [(2, 2)]
    for table in ("ml_metric", "ml_curve", "ml_feature_importance"):
        counts = rows(copied.warehouse, f"select run_id, count(*) from ml.{table} group by 1")
        assert len(counts) == 2, table


def test_every_table_of_ml_has_the_columns_and_types_of_its_source_definition(finished):
    for table in read_tables(Lake(finished.lake)).values():
        described = rows(finished.warehouse, f"describe {table.schema}.{table.name}")
        assert [(row[0], row[1].lower()) for row in described] == list(table.columns), table.name
        for path in table.folder.glob("score_month=*/*.parquet"):
            assert set(pq.read_schema(path).names) == {name for name, _ in table.columns} - {"score_month"}, path


def test_the_canaries_are_run_by_a_command_and_a_leak_ends_it(copied, monkeypatch, capsys):
    monkeypatch.setenv("LAKE", str(copied.lake))
    monkeypatch.setenv("WAREHOUSE", str(copied.warehouse))
    monkeypatch.delenv("MONTH", raising=False)
    main(["check"])
    # six canaries, and two models that say what they said when they were registered
    assert capsys.readouterr().out.count("\nholds: ") == 8
    change(copied, "update marts.to_train set noise = label + noise / 4")
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 3
    (failed,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILS")]
    assert failed.startswith("FAILS: highest area under ROC of a single feature, out of time: 0.9")


def test_every_eligible_company_is_ranked_once_by_each_model(finished):
    counts = rows(finished.warehouse, """
        select model_name, count(*), count(distinct company_number), min(rank), max(rank), max(score_month)
        from ml.predictions group by 1 order by 1""")  # fmt: skip
    ((eligible,),) = rows(finished.warehouse, "select count(*) from marts.to_predict where is_eligible")
    expected = [(name, eligible, eligible, 1, eligible, "2026-10") for name in ("precision", "recall")]
    assert counts == expected
    assert rows(finished.warehouse, """
        select company_number from ml.predictions
        except select company_number from marts.to_predict where is_eligible""") == []  # fmt: skip
    out_of_order = rows(finished.warehouse, """
        select count(*) from ml.predictions as better join ml.predictions as worse
        on better.model_name = worse.model_name and worse.rank = better.rank + 1
        where (better.probability, better.score) < (worse.probability, worse.score)
        or ((better.probability, better.score) = (worse.probability, worse.score)
            and better.company_number > worse.company_number)""")  # fmt: skip
    assert out_of_order == [(0,)]


def test_predictions_name_the_run_and_the_version_that_were_evaluated(finished):
    evaluation = json.loads(Lake(finished.lake).evaluation("20261001").read_text())
    named = rows(finished.warehouse, "select distinct model_name, model_version, run_id from ml.predictions order by 1")
    assert named == [
        (name, evaluation["models"][name]["model_version"], evaluation["run_id"]) for name in ("precision", "recall")
    ]
    assert rows(finished.warehouse, "select distinct run_id from ml.prediction_reasons") == [(evaluation["run_id"],)]


def test_relations_have_the_columns_and_types_of_the_source_definitions(finished):
    described = rows(finished.warehouse, "describe ml.predictions")
    assert [(row[0], row[1]) for row in described] == [
        ("score_month", "VARCHAR"), ("company_number", "VARCHAR"), ("model_name", "VARCHAR"),
        ("model_version", "VARCHAR"), ("run_id", "VARCHAR"), ("score", "DOUBLE"), ("probability", "DOUBLE"),
        ("rank", "INTEGER"),
    ]  # fmt: skip
    assert [row[0] for row in rows(finished.warehouse, "describe ml.prediction_reasons")] == [
        "score_month", "company_number", "model_name", "run_id", "reason_rank", "feature", "direction",
        "contribution", "value", "reason",
    ]  # fmt: skip


def test_every_listed_company_has_its_three_reasons_raising_ones_first(finished):
    incomplete = rows(finished.warehouse, """
        select company_number, model_name from ml.prediction_reasons group by all
        having list(reason_rank order by reason_rank) != [1, 2, 3]""")  # fmt: skip
    assert incomplete == []
    assert rows(finished.warehouse, """
        select count(*) from ml.prediction_reasons
        where (direction = 'raises') != (contribution > 0) or reason is null
        or (direction = 'lowers') != (reason like '%(speaks against)')""") == [(0,)]  # fmt: skip
    assert rows(finished.warehouse, """
        select count(*) from ml.prediction_reasons as first join ml.prediction_reasons as second
        using (company_number, model_name) where second.reason_rank = first.reason_rank + 1
        and first.direction = 'lowers' and second.direction = 'raises'""") == [(0,)]  # fmt: skip
    assert rows(finished.warehouse, """
        select count(distinct company_number || model_name) from ml.prediction_reasons
        """) == rows(finished.warehouse, "select count(*) from ml.predictions")  # fmt: skip


def test_a_reason_states_the_companys_own_value_and_its_true_place(finished):
    found = rows(finished.warehouse, """
        select trade_debtors, value, reason, direction,
            (select avg((peer.trade_debtors < own.trade_debtors)::int) from marts.to_predict as peer
             where peer.is_eligible and peer.trade_debtors is not null) as below
        from ml.prediction_reasons join marts.to_predict as own using (company_number)
        where feature = 'trade_debtors' and value is not null and reason like '%more than%'""")  # fmt: skip
    assert len(found) > 20
    for debtors, value, reason, moves, below in found:
        assert value == f"£{debtors:,}"
        place = f"more than {int(100 * below + 1e-9)} % of companies scored where it is known"
        against = " (speaks against)" if moves == "lowers" else ""
        assert reason == f"trade debtors of £{debtors:,}, {place}{against}"


def test_batches_leave_no_trace_in_what_is_written(copied):
    written = []
    for batch_rows in (10_000, 7):
        predict(copied, SETTINGS.model_copy(update={"peer_rows": 50, "batch_rows": batch_rows}))
        written.append(content(copied.lake))
    assert written[0] == written[1]


def test_reasons_are_for_the_best_rows_only(copied):
    predict(copied, SETTINGS.model_copy(update={"reasons_rows": 5}))
    assert rows(copied.warehouse, """
        select max(rank), count(distinct rank) from ml.predictions join ml.prediction_reasons
        using (score_month, company_number, model_name)""") == [(5, 5)]  # fmt: skip


def test_every_company_gets_reasons_when_all_are_asked_for(copied, monkeypatch):
    few = SETTINGS.model_copy(update={"reasons_rows": 5})
    predict(copied, few)
    of_the_best = rows(copied.warehouse, "select * from ml.prediction_reasons order by all")
    predict(copied, few, all_reasons=True)
    ((companies, reasons),) = rows(copied.warehouse, """
        select count(distinct company_number), count(*) from ml.prediction_reasons""")  # fmt: skip
    ((scored,),) = rows(copied.warehouse, "select count(distinct company_number) from ml.predictions")
    assert (companies, reasons) == (scored, 6 * scored)
    assert set(of_the_best) < set(rows(copied.warehouse, "select * from ml.prediction_reasons"))


def test_no_reasons_are_found_when_none_are_asked_for(copied):
    predict(copied, SETTINGS.model_copy(update={"reasons_rows": 0}))
    assert rows(copied.warehouse, "select * from ml.prediction_reasons") == []


def test_drift_is_of_every_feature_and_of_each_models_score(copied, capsys):
    change(copied, "update marts.to_predict set debtor_days = debtor_days + 40, section = 'G' where is_eligible")
    predict(copied, SETTINGS)
    features = [row[0] for row in rows(copied.warehouse, "select feature from marts.feature_definitions")]
    found = rows(copied.warehouse, "select model_name, feature, psi, level, run_id, model_version from ml.ml_drift")
    assert sorted(row[:2] for row in found) == sorted(
        (name, feature) for name in ("precision", "recall") for feature in [*features, "score"]
    )
    named = set(rows(copied.warehouse, "select distinct model_name, run_id, model_version from ml.predictions"))
    assert {(row[0], row[4], row[5]) for row in found} == named
    psi = {row[:2]: row[2] for row in found}
    assert all(psi[name, "debtor_days"] > 1 and psi[name, "section"] > 1 for name in ("precision", "recall"))
    assert all(psi[name, "noise"] < SETTINGS.drift_warning for name in ("precision", "recall"))
    level = {row[:2]: row[3] for row in found}
    assert (level["recall", "debtor_days"], level["recall", "noise"]) == ("alarm", "stable")
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "stability index" in each]
    assert "above 0.1: " in line
    assert "debtor_days" in line
    assert "noise" not in line


def test_no_cell_of_a_list_is_a_formula_to_a_spreadsheet(finished):
    lists = sorted(finished.lake.rglob("LIST_POSITIVE_CLASS/*.csv"))
    assert len(lists) >= 3
    cells = [cell for path in lists for row in csv.reader(path.open(encoding="utf-8")) for cell in row]
    assert cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


def test_the_lists_hold_what_their_names_say(finished):
    folder = Lake(finished.lake).lists("20261001")

    def read(name: str) -> list[dict[str, str]]:
        with (folder / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    full, cut, numbers = (read(n) for n in ("full_prediction", "full_prediction_proba_75", "reg_prediction_proba_75"))
    assert [(len(full),)] == rows(finished.warehouse, "select count(*) from ml.predictions")
    assert cut == [row for row in full if float(row["score"]) >= 0.75]
    assert cut
    assert [row["company_number"] for row in numbers] == sorted({row["company_number"] for row in cut})
    assert all(len(row["company_number"]) == 8 for row in numbers)


@pytest.mark.parametrize("artefact", ["model.ubj", "model.json"])
def test_an_artefact_that_was_tampered_with_is_refused(copied, artefact):
    path = model_folder(copied, "recall") / artefact
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=f"{artefact} is not the artefact that was registered"):
        predict(copied, SETTINGS)


def test_an_absent_artefact_or_model_asks_for_what_makes_it(copied):
    (model_folder(copied, "recall") / "model.ubj").unlink()
    with pytest.raises(UserError, match=r"model.ubj is absent; `python -m ml retrain --from-run RUN` makes it again"):
        predict(copied, SETTINGS)
    shutil.rmtree(Lake(copied.lake).ml_table("ml_model_event"))
    with pytest.raises(UserError, match=r"no precision model is registered .* run `make train`"):
        predict(copied, SETTINGS)


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        (["delete from marts.feature_definitions where feature = 'noise'"], "removed noise; run `make train`"),
        (
            [
                "insert into marts.feature_definitions values (90, 'margin', 'numeric', 'ratio', '', 'margin')",
                "alter table marts.to_predict add margin double",
            ],
            "added margin; run `make train`",
        ),
        (["update marts.feature_definitions set position = 90 where feature = 'growth'"], "in another order"),
        (["alter table marts.to_predict drop growth"], "marts.to_predict differs .* lacks growth"),
        (["update marts.to_predict set is_eligible = false"], "no eligible company"),
        (["delete from marts.to_predict"], "marts.to_predict has no rows: .* run `make build`"),
        (["update marts.to_predict set company_number = null where growth > 1"], "rows without company_number"),
        (["insert into marts.to_predict from marts.to_predict where is_eligible limit 1"], "twice"),
    ],
)
def test_marts_that_do_not_suit_the_models_are_refused_and_the_lake_stays(copied, statements, complaint):
    before = content(copied.lake)
    change(copied, *statements)
    with pytest.raises(UserError, match=complaint):
        predict(copied, SETTINGS)
    assert content(copied.lake) == before


@pytest.mark.parametrize("command", [train, predict])
def test_another_month_than_the_marts_is_refused(finished, command):
    asked = Environment(finished.lake, finished.warehouse, "2026-09")
    with pytest.raises(
        UserError, match=r"MONTH=2026-09, but the marts are built for 2026-10; run `make build MONTH=2026-09`"
    ):
        command(asked, SETTINGS)


def test_a_company_with_two_buckets_stops_the_training(copied):
    before = content(copied.lake)
    change(copied, "update marts.to_train set split_bucket = extract(year from observed_on)::int * 33 % 100")
    with pytest.raises(UserError, match="is in the training and in the test part"):
        train(copied, SETTINGS)
    assert content(copied.lake) == before


def test_a_training_waits_for_no_lock_and_reads_nothing_before_it_has_it(tmp_path):
    lake = Lake(tmp_path / "lake")
    with (
        exclusive(lake.work() / "ml.lock", "test"),
        pytest.raises(UserError, match="another training or prediction holds"),
    ):
        train(Environment(lake.root, tmp_path / "absent.duckdb", None), SETTINGS)


def test_it_is_said_where_only_the_level_was_calibrated(copied, capsys):
    train(copied, SETTINGS.model_copy(update={"calibration_positives": 10_000}))
    printed = capsys.readouterr().out
    assert printed.count("only the level calibrated") == 2 * (SETTINGS.test_windows * SETTINGS.company_folds + 1)


def test_a_training_that_draws_its_rows_says_so_and_counts_those_that_it_learned_from(copied, capsys):
    train(copied, SETTINGS.model_copy(update={"learned_rows": 1000}))
    assert "train: a training learns from 1,000 rows at most, drawn from those it knows" in capsys.readouterr().out
    evaluation = json.loads(Lake(copied.lake).evaluation("20261001").read_text())
    assert evaluation["training"]["rows"] == 1000
    assert evaluation["training"]["positives"] <= 500
    known = rows(copied.warehouse, """
        select count(*) from marts.to_train
        where observed_on + interval 12 month <= date '2026-10-01' and similar_since <= observed_on""")  # fmt: skip
    assert known[0][0] > 1000
    newest = rows(copied.warehouse, f"""
        select distinct training_rows from ml.ml_model_version where run_id = '{evaluation["run_id"]}'""")  # fmt: skip
    assert newest == [(1000,)]


def test_a_fold_whose_history_is_too_short_is_named(copied):
    change(copied, "delete from marts.to_train where label = 1 and split_bucket >= 34 and observed_on < '2022-10-01'")
    with pytest.raises(UserError, match="of the observations of the companies outside part 1 until"):
        train(copied, SETTINGS)


def test_a_short_history_ends_in_one_sentence(copied):
    change(copied, "delete from marts.to_train where observed_on < date '2022-01-01'")
    with pytest.raises(UserError, match="the history is too short") as raised:
        train(copied, SETTINGS)
    assert "\n" not in str(raised.value)


def test_relations_exist_before_anything_was_predicted(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("WAREHOUSE", str(tmp_path / "warehouse.duckdb"))
    monkeypatch.delenv("MONTH", raising=False)
    main(["register"])
    assert rows(tmp_path / "warehouse.duckdb", "select * from ml.predictions") == []
    assert rows(tmp_path / "warehouse.duckdb", "select score_month, reason from ml.prediction_reasons") == []


def test_all_score_months_are_shown_and_half_written_files_are_not(copied, monkeypatch):
    predictions = Lake(copied.lake).predictions()
    earlier = predictions / "score_month=2026-09"
    shutil.copytree(predictions / MONTH_FILES, earlier)
    shutil.copy(earlier / "predictions.parquet", earlier / ".predictions.parquet.unfinished")
    monkeypatch.setenv("LAKE", str(copied.lake))
    monkeypatch.setenv("WAREHOUSE", str(copied.warehouse))
    monkeypatch.delenv("MONTH", raising=False)
    main(["register"])
    expected = pq.read_metadata(earlier / "predictions.parquet").num_rows
    assert rows(copied.warehouse, "select score_month, count(*) from ml.predictions group by 1 order by 1") == [
        ("2026-09", expected),
        ("2026-10", expected),
    ]


@pytest.fixture
def with_leads(copied, monkeypatch):
    """A copy with the marts that the summary reads, named by the environment."""
    change(
        copied,
        "create table marts.users as select i % 2 = 0 as is_current_user from range(5) as t(i)",
        "create table marts.users_not_users as select distinct company_number from marts.to_train",
        """create table marts.leads as select precision.rank as lead_rank, company_number,
        'COMPANY ' || company_number as company_name, 'Manufacturing' as sector, null as region,
        precision.probability as precision_probability, recall.probability as recall_probability, reason as reason_1,
        precision.score_month, precision.run_id, recall.run_id as recall_run_id
        from ml.predictions as precision join ml.predictions as recall using (company_number)
        left join ml.prediction_reasons as reasons using (company_number)
        where precision.model_name = 'precision' and recall.model_name = 'recall'
        and reasons.model_name = 'precision' and reason_rank = 1""",
    )
    monkeypatch.setenv("LAKE", str(copied.lake))
    monkeypatch.setenv("WAREHOUSE", str(copied.warehouse))
    monkeypatch.setenv("MONTH", "2026-10")
    return copied


def test_the_summary_shows_counts_quality_and_the_first_leads(with_leads, capsys):
    main(["summary"])
    printed = capsys.readouterr().out
    evaluation = json.loads(Lake(with_leads.lake).evaluation("20261001").read_text())
    lift = evaluation["models"]["recall"]["metrics"]["lift_at_1_percent"]
    assert f"{lift['value']:.1f} ({lift['low']:.1f} to {lift['high']:.1f})" in printed
    assert "5, 3 of them today" in printed
    (earlier,) = evaluation["earlier_windows"]
    for label, found in (
        ("after 2023-10-01", earlier["models"]["recall"]["metrics"]),
        ("after 2024-10-01", evaluation["models"]["recall"]["metrics"]),
        ("rows at random", evaluation["naive"]["metrics"]["recall"]),
    ):
        (line,) = [line for line in printed.splitlines() if line.startswith(label)]
        assert line.endswith("{value:.3f} ({low:.3f} to {high:.3f})".format(**found["average_precision"]))
    assert evaluation["unlabelled_users"]["meaning"] in " ".join(printed.split())
    assert "could not be tested" not in printed
    assert "from the day the company's accounts became public" in printed
    leads = rows(with_leads.warehouse, "select company_name, reason_1 from marts.leads order by lead_rank limit 11")
    for name, reason in leads[:10]:
        assert name in printed
        assert reason in printed
    assert leads[10][0] not in printed
    assert str(Lake(with_leads.lake).lists("20261001")) in printed


def test_the_summary_says_where_the_rows_learned_from_were_drawn(with_leads, capsys):
    main(["summary"])
    assert "of them positive: those whose year is over" in capsys.readouterr().out
    (path,) = Lake(with_leads.lake).run("").parent.glob("*.json")
    evaluation = json.loads(path.read_text())
    evaluation["settings"]["learned_rows"] = evaluation["training"]["rows"]
    path.write_text(json.dumps(evaluation))
    main(["summary"])
    assert "of them positive: drawn from those whose year is over" in capsys.readouterr().out


@pytest.mark.parametrize(
    "statement",
    [
        "update marts.leads set run_id = 'another'",
        "update marts.leads set recall_run_id = 'another'",
        "update marts.leads set score_month = '2026-09'",
        "delete from marts.leads",
        "drop table marts.leads",
    ],
)
def test_leads_of_another_run_than_the_evaluation_are_not_summarised(with_leads, statement):
    change(with_leads, statement)
    with pytest.raises(UserError, match="run `make predict`"):
        main(["summary"])


def test_a_command_that_cannot_work_says_one_sentence_and_ends_non_zero(tmp_path):
    environment = os.environ | {"LAKE": str(tmp_path / "lake"), "WAREHOUSE": str(tmp_path / "no.duckdb"), "MONTH": ""}
    ended = subprocess.run(
        [sys.executable, "-m", "ml", "train"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: there is no warehouse at")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("mart", ["to_train", "to_predict"])
def test_marts_of_different_builds_are_refused(copied, mart):
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.execute(
            f"delete from marts.{mart} where company_number = (select min(company_number) from marts.{mart})"
        )
    for run in (train, predict):
        with pytest.raises(UserError, match="the last build ended between them"):
            run(copied, SETTINGS)
