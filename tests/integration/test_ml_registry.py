"""What becomes of trained models: registered, promoted or refused, served, gone back to, made again, exported."""

import json
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
import yaml

from ml.__main__ import main
from ml.artefacts import fingerprint, load_run
from ml.predict import predict
from ml.registry_tables import read_registry
from ml.settings import Settings, read_settings
from ml.train import train
from tests.s3_store import serve_s3
from tests.unit.ml.synthetic import Planted, make_world, write_horizon, write_warehouse
from warehouse import storage
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import S3Path
from warehouse.settings import Settings as Environment
from warehouse.storage import exclusive

QUICK = [
    "nthread=1", "bootstrap_samples=40", "company_folds=1", "test_windows=1", "canaries.shuffles=2",
    "models.precision.minimum_rounds=20", "models.precision.maximum_rounds=40",
    "models.recall.minimum_rounds=20", "models.recall.maximum_rounds=40", "promotion.calibration_error=5",
]  # fmt: skip
DULL = "models.precision.min_child_weight=1000000"  # trees that cannot split
KEEN = "models.precision.max_depth=2"


def settings(*overrides: str) -> Settings:
    return read_settings(overrides=[*QUICK, *overrides])


def arguments(*overrides: str) -> list[str]:
    return [word for text in (*QUICK, *overrides) for word in ("-o", text)]


def champions(environment: Environment) -> dict[str, str]:
    held = read_registry(Lake(environment.lake))
    return {name: event.run_id for name in ("precision", "recall") if (event := held.champion(name))}


def rows(environment: Environment, query: str) -> list[tuple]:
    with duckdb.connect(str(environment.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def change(environment: Environment, statement: str) -> None:
    with duckdb.connect(str(environment.warehouse)) as connection:
        connection.execute(statement)
        write_horizon(connection)


def events(environment: Environment) -> list[tuple[str, str]]:
    return [(event.action, event.model_name) for event in read_registry(Lake(environment.lake)).events]


def content(lake: Path) -> dict[str, bytes]:
    files = (path for path in lake.rglob("*") if path.is_file() and "LOGS_QUERY_EXECUTION" not in path.parts)
    return {str(path.relative_to(lake)): path.read_bytes() for path in files}


def artefact(environment: Environment, run_id: str, name: str = "precision") -> Path:
    lake = Lake(environment.lake)
    version = load_run(lake, run_id).models[name].model_version
    return lake.model("20261001", name, version) / "model.ubj"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A lake after its first training, and the name of that run."""
    folder = tmp_path_factory.mktemp("first")
    environment = Environment(folder / "lake", folder / "warehouse.duckdb", None)
    write_warehouse(environment.warehouse, make_world(Planted()))
    return environment, train(environment, settings()).run_id


@pytest.fixture(scope="module")
def third(first, tmp_path_factory):
    """A lake after two more: one that is refused and one that is accepted, and the names of all three runs."""
    folder = tmp_path_factory.mktemp("third")
    shutil.copytree(first[0].lake, folder / "lake")
    shutil.copy(first[0].warehouse, folder / "warehouse.duckdb")
    environment = Environment(folder / "lake", folder / "warehouse.duckdb", None)
    return environment, [first[1], *(train(environment, settings(change)).run_id for change in (DULL, KEEN))]


def copy_of(environment: Environment, folder: Path) -> Environment:
    shutil.copytree(environment.lake, folder / "lake")
    shutil.copy(environment.warehouse, folder / "warehouse.duckdb")
    return Environment(folder / "lake", folder / "warehouse.duckdb", None)


@pytest.fixture
def place(monkeypatch):
    """Names a lake and a warehouse to the commands."""

    def name(environment: Environment) -> Environment:
        monkeypatch.setenv("LAKE", str(environment.lake))
        monkeypatch.setenv("WAREHOUSE", str(environment.warehouse))
        monkeypatch.delenv("MONTH", raising=False)
        return environment

    return name


@pytest.fixture
def after_one(first, tmp_path, place):
    return place(copy_of(first[0], tmp_path)), first[1]


@pytest.fixture
def after_three(third, tmp_path, place):
    return place(copy_of(third[0], tmp_path)), third[1]


def test_a_first_training_is_registered_and_promoted_where_every_gate_holds(first):
    environment, run_id = first
    assert champions(environment) == {"precision": run_id, "recall": run_id}
    told = rows(environment, "select action, model_name, run_id, gates from ml.ml_model_event order by event_id")
    assert [row[:3] for row in told] == [
        (action, name, run_id) for action in ("register", "promote") for name in ("precision", "recall")
    ]
    for *_, gates in told[2:]:
        found = json.loads(gates)
        assert all(gate["holds"] for gate in found)
        names = " ".join(gate["name"] for gate in found)
        assert all(word in names for word in ("age", "lift", "calibration error", "reload", "shuffled labels"))
    versions = rows(environment, "select model_name, run_id, horizon_date::varchar from ml.ml_model_version order by 1")
    assert versions == [("precision", run_id, "2026-10-01"), ("recall", run_id, "2026-10-01")]


def test_the_same_training_again_changes_nothing_in_the_lake(after_one):
    environment, run_id = after_one
    before = content(environment.lake)
    assert train(environment, settings()).run_id == run_id
    assert content(environment.lake) == before


def test_a_worse_procedure_is_refused_and_a_like_one_accepted(third):
    environment, (first_run, dull_run, keen_run) = third
    held = read_registry(Lake(environment.lake))
    promoted = [(event.model_name, event.run_id) for event in held.events if event.action == "promote"]
    assert promoted == [("precision", first_run), ("recall", first_run), ("precision", keen_run)]
    assert champions(environment) == {"precision": keen_run, "recall": first_run}
    dull = load_run(Lake(environment.lake), dull_run).models["precision"].model_version
    assert held.status("precision", dull) == "registered"


def test_a_refused_promotion_says_which_gate_in_one_line_and_ends_with_three(after_three, capsys):
    environment, (_, dull_run, _) = after_three
    before = content(environment.lake)
    dull = load_run(Lake(environment.lake), dull_run).models["precision"].model_version
    with pytest.raises(SystemExit) as ended:
        main(["promote", dull, *arguments()])
    assert ended.value.code == 3
    printed = capsys.readouterr().out.splitlines()
    refused = f"precision {dull} (trained for 2026-10) is not promoted: lift: at the top 1 % it differs by -"
    assert any(line.startswith(refused) for line in printed)
    assert all("is not promoted" in line for line in printed)
    assert content(environment.lake) == before


def test_a_dry_run_promotes_nothing_and_tells_the_same_gates(after_three, capsys):
    environment, (first_run, *_) = after_three
    version = load_run(Lake(environment.lake), first_run).models["precision"].model_version
    before = content(environment.lake)
    main(["promote", version, "--dry-run", "--json", *arguments()])
    (decision,) = json.loads(capsys.readouterr().out)
    assert decision["promoted"]
    assert content(environment.lake) == before
    main(["promote", version, "--json", "--why", "the old one after all", *arguments()])
    (done,) = json.loads(capsys.readouterr().out)
    assert done == decision
    last = read_registry(Lake(environment.lake)).events[-1]
    assert (last.action, last.model_version, last.why) == ("promote", version, "the old one after all")
    assert json.loads(last.gates) == decision["gates"]


def test_the_champions_serve_each_with_its_own_version_and_run(after_three):
    environment, (first_run, _, keen_run) = after_three
    lake = Lake(environment.lake)
    predict(environment, settings())
    named = rows(environment, "select distinct model_name, model_version, run_id from ml.predictions order by 1")
    assert named == [
        (name, load_run(lake, run).models[name].model_version, run)
        for name, run in (("precision", keen_run), ("recall", first_run))
    ]
    reasons = rows(environment, "select distinct model_name, run_id from ml.prediction_reasons order by 1")
    assert reasons == [("precision", keen_run), ("recall", first_run)]


def test_the_summary_is_of_the_models_that_serve(after_three, capsys):
    environment, (first_run, dull_run, keen_run) = after_three
    predict(environment, settings())
    change(environment, "create table marts.users as select true as is_current_user")
    change(environment, "create table marts.users_not_users as select distinct company_number from marts.to_train")
    change(environment, """create table marts.leads as select precision.rank as lead_rank, company_number,
        company_number as company_name, null as sector, null as region, null as reason_1,
        precision.probability as precision_probability, recall.probability as recall_probability,
        precision.score_month, precision.run_id, recall.run_id as recall_run_id
        from ml.predictions as precision join ml.predictions as recall using (company_number)
        where precision.model_name = 'precision' and recall.model_name = 'recall'""")  # fmt: skip
    capsys.readouterr()
    main(["summary"])
    printed = capsys.readouterr().out
    lake = Lake(environment.lake)
    for name, run_id in (("precision", keen_run), ("recall", first_run)):
        metrics = load_run(lake, run_id).models[name].metrics
        assert metrics["average_precision"].written(3) in printed
    assert f"The recall model is of run {first_run}" in printed
    assert str(lake.run(keen_run)) in printed
    assert dull_run not in printed


def test_champions_of_different_vocabularies_score_as_each_does_alone(after_one):
    environment, _ = after_one
    predict(environment, settings())
    query = "select company_number, probability from ml.predictions where model_name = 'recall' order by 1"
    alone = rows(environment, query)
    change(environment, "update marts.to_train set section = 'A' where section = 'C' and split_bucket < 50")
    train(environment, settings("promotion.calibration_error=100"))
    main(["rollback", "recall"])
    change(environment, "update marts.to_train set section = 'C' where section = 'A'")
    predict(environment, settings())
    assert len({run for (run,) in rows(environment, "select distinct run_id from ml.predictions")}) == 2
    assert rows(environment, query) == alone


def test_a_rollback_is_one_command_and_predictions_follow(after_three, capsys, monkeypatch):
    environment, (first_run, _, _) = after_three
    monkeypatch.setenv("ML_ACTOR", "ana")
    main(["rollback", "precision", "--dry-run"])
    assert "dry run, nothing is written" in capsys.readouterr().out
    assert champions(environment)["precision"] != first_run
    main(["rollback", "precision", "--why", "complaints"])
    assert "is champion" in capsys.readouterr().out
    assert champions(environment)["precision"] == first_run
    last = rows(environment, "select action, actor, why from ml.ml_model_event order by event_id desc limit 1")
    assert last == [("rollback", "ana", "complaints")]
    predict(environment, settings())
    assert rows(environment, "select distinct run_id from ml.predictions") == [(first_run,)]
    with pytest.raises(UserError, match="no earlier champion of precision"):
        main(["rollback", "precision"])


@pytest.mark.parametrize("written", [0, 5, 11, 12, 13])
def test_a_training_that_is_killed_leaves_the_champions_and_is_made_up_for(after_one, monkeypatch, written):
    environment, first_run = after_one
    left = iter(range(written))
    publish = storage.publish

    def publish_some(*of):
        if next(left, None) is None:
            raise KeyboardInterrupt
        publish(*of)

    monkeypatch.setattr(storage, "publish", publish_some)
    with pytest.raises(KeyboardInterrupt):
        train(environment, settings(KEEN))
    monkeypatch.undo()
    assert champions(environment) == {"precision": first_run, "recall": first_run}
    predict(environment, settings())
    assert rows(environment, "select distinct run_id from ml.predictions") == [(first_run,)]
    run_id = train(environment, settings(KEEN)).run_id
    assert champions(environment) == {"precision": run_id, "recall": first_run}
    assert events(environment)[-3:] == [("register", "precision"), ("register", "recall"), ("promote", "precision")]


def test_nobody_goes_back_to_artefacts_that_are_not_the_registered_ones(after_three):
    environment, (first_run, *_) = after_three
    artefact(environment, first_run).write_bytes(b"another")
    before = events(environment)
    with pytest.raises(UserError, match="is not the artefact that was registered"):
        main(["rollback", "precision"])
    assert events(environment) == before


def test_an_archived_champion_is_withdrawn_and_no_training_brings_it_back(after_three, capsys):
    environment, (first_run, _, keen_run) = after_three
    version = load_run(Lake(environment.lake), keen_run).models["precision"].model_version
    main(["archive", version[:6], "--why", "wrong data"])
    assert champions(environment)["precision"] == first_run
    train(environment, settings(KEEN))
    assert f"precision {version} was archived" in capsys.readouterr().out
    with pytest.raises(UserError, match="is archived, so it cannot be promoted"):
        main(["promote", version, *arguments()])
    predict(environment, settings())
    served = rows(environment, "select distinct run_id from ml.predictions where model_name = 'precision'")
    assert served == [(first_run,)]


def test_a_first_month_whose_gates_do_not_hold_still_ends_with_predictions(tmp_path, capsys):
    environment = Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None)
    write_warehouse(environment.warehouse, make_world(Planted()))
    run_id = train(environment, settings("promotion.calibration_error=1e-9")).run_id
    printed = capsys.readouterr().out
    assert printed.count("is not promoted: calibration error: ") == 2
    assert champions(environment) == {}
    predict(environment, settings())
    said = [line for line in capsys.readouterr().out.splitlines() if "no champion" in line]
    assert said == [
        "predict: no champion of precision and recall for this month, so the latest registered serves; "
        "see `python -m ml list`"
    ]
    assert rows(environment, "select distinct run_id from ml.predictions") == [(run_id,)]


def test_a_version_of_other_features_is_not_promoted(after_three):
    environment, (first_run, *_) = after_three
    version = load_run(Lake(environment.lake), first_run).models["precision"].model_version
    change(environment, "delete from marts.feature_definitions where feature = 'noise'")
    with pytest.raises(UserError, match=r"was trained on: removed noise; run `make train`"):
        main(["promote", version, *arguments()])


def test_a_run_is_made_again_byte_for_byte_and_lost_artefacts_come_back(after_three, capsys):
    environment, (first_run, *_) = after_three
    before = content(environment.lake)
    artefact(environment, first_run).unlink()
    main(["retrain", "--from-run", first_run[:8], "--dry-run"])
    assert not artefact(environment, first_run).exists()
    main(["retrain", "--from-run", first_run[:8]])
    assert capsys.readouterr().out.count("came out the same, byte for byte") == 4
    assert content(environment.lake) == before


def test_a_run_of_other_data_is_not_made_again_and_the_difference_is_named(after_one):
    environment, run_id = after_one
    change(environment, "update marts.to_train set noise = noise + 1 where split_bucket = 0")
    before = content(environment.lake)
    with pytest.raises(UserError, match=rf"run {run_id} cannot be made again from these marts: data \w+, now \w+"):
        main(["retrain", "--from-run", "latest"])
    assert content(environment.lake) == before


def test_a_run_that_came_out_another_names_the_library(after_one):
    environment, run_id = after_one
    path = Lake(environment.lake).run(run_id)
    evaluation = json.loads(path.read_text())
    evaluation["libraries"]["xgboost"] = "2.0.0"
    evaluation["models"]["precision"]["model_version"] = "0123456789ab"
    path.write_text(json.dumps(evaluation))
    with pytest.raises(UserError, match=r"precision came out as \w+, not 0123456789ab: xgboost 2\.0\.0, now "):
        main(["retrain", "--from-run", run_id])


def test_a_fingerprint_is_of_what_a_model_says(third):
    environment, runs = third
    lake = Lake(environment.lake)
    held = read_registry(lake)
    versions = {run: held.versions["precision", load_run(lake, run).models["precision"].model_version] for run in runs}
    found = {run: fingerprint(version.load(lake)) for run, version in versions.items()}
    assert len(set(found.values())) == 3
    assert found == {run: version.log_odds_sha256 for run, version in versions.items()}


def test_a_version_that_scores_otherwise_than_registered_fails_the_check(after_one, capsys):
    environment, _ = after_one
    main(["check", *arguments()])
    assert "FAILS" not in capsys.readouterr().out
    lake = Lake(environment.lake)
    held = read_registry(lake)
    (path,) = lake.ml_table("ml_model_version").glob("*/precision-*.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"create table held as from read_parquet('{path}', hive_partitioning = false)")
        connection.execute("update held set log_odds_sha256 = repeat('0', 64)")
        connection.execute(f"copy held to '{path}' (format parquet)")
    with pytest.raises(SystemExit) as ended:
        main(["check", "--json", *arguments()])
    assert ended.value.code == 3
    gates = json.loads(capsys.readouterr().out)["gates"]
    version = held.champion("precision").model_version
    assert [gate["name"] for gate in gates if not gate["holds"]] == [f"reload precision {version}"]


def test_a_dry_run_of_training_or_prediction_writes_nothing(after_one, capsys):
    environment, run_id = after_one
    before = content(environment.lake)
    main(["train", "--dry-run", *arguments()])
    assert f"this would be run {run_id}; nothing was trained or written" in capsys.readouterr().out
    main(["predict", "--dry-run", *arguments()])
    assert "nothing was scored or written" in capsys.readouterr().out
    assert content(environment.lake) == before


def test_runs_and_versions_are_listed_shown_and_told_apart(after_three, capsys):
    environment, (first_run, dull_run, keen_run) = after_three

    def told(*words: str) -> str:
        main(list(words))
        return capsys.readouterr().out

    listed = json.loads(told("list", "--json"))
    assert [(v["model_name"], v["run_id"], v["status"]) for v in listed] == [
        ("precision", first_run, "earlier champion"), ("precision", dull_run, "registered"),
        ("precision", keen_run, "champion"), ("recall", keen_run, "champion"),
    ]  # fmt: skip
    text = told("list")
    assert all(f"{version['model_version']}  {version['status']}" in text for version in listed)

    shown = json.loads(told("show", keen_run[:10], "--json"))
    assert shown["run_id"] == keen_run
    assert shown["models"]["precision"]["status"] == "champion"
    assert {event["action"] for event in shown["events"]} == {"register", "promote"}
    assert told("show", "latest") == told("show", keen_run) == told("show", listed[2]["model_version"])
    text = told("show", dull_run)
    assert re.search(r"models\.precision\.min_child_weight +1000000\.0", text)
    assert f"Run {dull_run}" in text

    difference = json.loads(told("diff", first_run, keen_run, "--json"))
    changed = difference["differs"]
    assert changed["settings.models.precision.max_depth"] == [3, 2]
    assert set(changed) == {"run_id", "settings.models.precision.max_depth", "model_version.precision"}
    assert "precision.average_precision" in difference["metrics"]
    assert re.search(r"settings\.models\.precision\.max_depth +3 +2", told("diff", first_run, keen_run))
    assert told("diff", first_run, first_run) == "the two are the same run\n"

    reported = told("report", first_run)
    lift = load_run(Lake(environment.lake), first_run).models["recall"].metrics["lift_at_1_percent"]
    assert lift.written(4) in reported
    assert all(word in reported for word in ("at random", "slice", "trade_debtors"))
    tables = json.loads(told("report", first_run, "--json"))
    assert set(tables) == {"ml_run", "ml_metric", "ml_curve", "ml_feature_importance"}
    assert tables["ml_run"][0]["run_id"] == first_run
    assert told("report") == told("report", keen_run)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["show", "nothing"], "there is no run nothing in this lake"),
        (["promote", "nothing"], "no version nothing is registered"),
        (["archive", ""], "no version  is registered"),
        (["train", "-o", "eta=1"], "eta: extra inputs are not permitted"),
        (["train", "-o", "models.precision.eta"], "is not key=value"),
        (["train", "-o", "seed.of.all=1"], "seed, which is no group of settings"),
        (["train", "-o", "models.precision.eta=[1"], "has a value that is no YAML"),
        (["train", "-o", "models.precision.eta=7"], r"with -o models.precision.eta=7 .*less than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(after_one, words, complaint):
    before = content(after_one[0].lake)
    with pytest.raises(UserError, match=complaint) as raised:
        main(words)
    assert "\n" not in str(raised.value)
    assert content(after_one[0].lake) == before


@pytest.mark.parametrize("words", [["list"], ["show", "latest"], ["report"], ["export", "mlflow", "runs"]])
def test_an_empty_lake_is_told_as_such(tmp_path, place, words, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place(Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None))
    try:
        main(words)
    except UserError as error:
        print(error)
    assert "run `make train`" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_command_line_ends_with_two(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["rollback", "neither"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "3  a gate does not hold" in capsys.readouterr().out


def test_a_champion_of_settings_that_nobody_knows_any_more_can_only_be_archived(after_one, capsys):
    environment, run_id = after_one
    (path,) = Lake(environment.lake).ml_table("ml_model_version").glob("*/precision-*.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"create table held as from read_parquet('{path}', hive_partitioning = false)")
        connection.execute("update held set procedure = '{}'")
        connection.execute(f"copy held to '{path}' (format parquet)")
    train(environment, settings(KEEN))
    version = load_run(Lake(environment.lake), run_id).models["precision"].model_version
    assert f"does not know; archive it with `python -m ml archive {version}`" in capsys.readouterr().out
    assert champions(environment)["precision"] == run_id
    main(["archive", version])
    main(["promote", "latest", *arguments()])
    assert champions(environment)["precision"] != run_id


def test_a_champion_of_other_features_says_how_to_make_way(after_one):
    environment, run_id = after_one
    change(environment, "delete from marts.feature_definitions where feature = 'noise'")
    version = load_run(Lake(environment.lake), run_id).models["precision"].model_version
    with pytest.raises(UserError, match=f"removed noise; run `make train`; .* `python -m ml archive {version}` makes"):
        predict(environment, settings())


def test_nothing_is_written_while_another_holds_the_lake(after_three):
    environment, _ = after_three
    before = events(environment)
    with exclusive(Lake(environment.lake).work() / "ml.lock", "test"):
        for words in (["rollback", "precision"], ["promote", "latest"], ["retrain", "--from-run", "latest"]):
            with pytest.raises(UserError, match="another training or prediction holds"):
                main(words)
    assert events(environment) == before


def test_an_evaluation_by_itself_prints_what_a_training_would_and_writes_nothing(after_one, capsys):
    environment, run_id = after_one
    before = content(environment.lake)
    main(["evaluate", "--json", *arguments()])
    found = json.loads(capsys.readouterr().out)
    trained = load_run(Lake(environment.lake), run_id)
    for name, metrics in found.items():
        lift = trained.models[name].metrics["lift_at_1_percent"]
        assert metrics["lift_at_1_percent"] == {"value": lift.value, "low": lift.low, "high": lift.high}
    assert set(found) == {"precision", "recall"}
    main(["evaluate", *arguments()])
    assert "at random" in capsys.readouterr().out
    assert content(environment.lake) == before


def test_the_registry_is_the_same_on_s3(first, tmp_path, monkeypatch, capsys):
    (tmp_path / "s3").mkdir()
    with serve_s3(tmp_path / "s3", "models") as store:
        lake = S3Path("models", "lake")
        shutil.copy(first[0].warehouse, tmp_path / "warehouse.duckdb")
        named = {"LAKE": str(lake), "LAKE_WORK": str(tmp_path / "work"), "MONTH": ""}
        for name, value in (store.environment | named | {"WAREHOUSE": str(tmp_path / "warehouse.duckdb")}).items():
            monkeypatch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        main(["train", *arguments()])
        main(["train", *arguments(KEEN)])
        main(["rollback", "precision"])
        held = read_registry(Lake(lake))
        assert [(event.action, event.model_name) for event in held.events] == [
            ("register", "precision"), ("register", "recall"), ("promote", "precision"), ("promote", "recall"),
            ("register", "precision"), ("register", "recall"), ("promote", "precision"), ("rollback", "precision"),
        ]  # fmt: skip
        assert held.champion("precision").run_id == first[1]
        main(["show", "latest"])
        assert "earlier champion" not in capsys.readouterr().out
        main(["export", "mlflow", str(tmp_path / "mlruns")])
        assert len(read_store(tmp_path / "mlruns")) == 4


def read_store(folder: Path) -> dict[str, dict]:
    """Read a file store of MLflow as its documentation lays it out: run by run."""
    runs = {}
    for experiment in folder.iterdir():
        meta = yaml.safe_load((experiment / "meta.yaml").read_text())
        assert (meta["experiment_id"], meta["lifecycle_stage"], meta["name"]) == (
            experiment.name,
            "active",
            "bookdebts",
        )
        for run in (path for path in experiment.iterdir() if path.is_dir()):
            info = yaml.safe_load((run / "meta.yaml").read_text())
            assert (info["run_id"], info["experiment_id"], info["status"]) == (run.name, experiment.name, 3)
            assert info["artifact_uri"] == (run / "artifacts").as_uri()
            metrics = {}
            for path in (run / "metrics").iterdir():
                (line,) = path.read_text().splitlines()
                at, value, step = line.split(" ")
                assert (int(at), int(step)) == (info["start_time"], 0)
                metrics[path.name] = float(value)
            runs[info["run_name"]] = {
                "metrics": metrics,
                "params": {path.name: path.read_text() for path in (run / "params").iterdir()},
                "tags": {path.name: path.read_text() for path in (run / "tags").iterdir()},
                "artifacts": {path.name: path.read_bytes() for path in (run / "artifacts").iterdir()},
            }
    return runs


def read_by_mlflow(folder: Path) -> dict[str, dict]:
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    client = MlflowClient(tracking_uri=folder.as_uri())
    (experiment,) = client.search_experiments()
    return {
        run.info.run_name: {"metrics": run.data.metrics, "params": run.data.params, "tags": run.data.tags}
        for run in client.search_runs([experiment.experiment_id])
    }


def test_the_export_is_what_mlflow_reads(after_three, tmp_path, capsys, monkeypatch):
    environment, (first_run, *_) = after_three
    folder = tmp_path / "mlruns"
    main(["export", "mlflow", str(folder)])
    assert "6 runs in" in capsys.readouterr().out
    found = read_store(folder)
    assert len(found) == 6
    evaluation = load_run(Lake(environment.lake), first_run)
    model = evaluation.models["precision"]
    run = found[f"precision 2026-10 {first_run}"]
    lift = model.metrics["lift_at_1_percent"]
    assert [run["metrics"][f"lift_at_1_percent{end}"] for end in ("", ".low", ".high")] == [
        lift.value, lift.low, lift.high,
    ]  # fmt: skip
    assert run["params"]["model.max_depth"] == "3"
    assert run["params"]["data_sha256"] == evaluation.training.sha256
    assert (run["tags"]["run_id"], run["tags"]["status"]) == (first_run, "earlier champion")
    assert run["artifacts"]["model.ubj"] == artefact(environment, first_run).read_bytes()
    if find_spec("mlflow"):
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        for name, values in read_by_mlflow(folder).items():
            assert all(found[name][part] == of for part, of in values.items())
    before = content(folder)
    main(["export", "mlflow", str(folder)])
    assert content(folder) == before
