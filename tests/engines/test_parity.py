"""The whole project on Trino as on DuckDB: build, increments, models and predictions, over the same lake.

The tests run in this order; each goes on with what the one before has built.
"""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import rarfile
import yaml

from ingestion.sample.rar_writer import write_rar
from tests.athena.endpoint.failures import QueryFailedError
from tests.athena.endpoint.grammar import check
from tests.athena.main_job import OnAthena
from tests.engines import athena_on_trino
from tests.engines.conftest import ONLY_TABLES, ROOT, Engine, at_once
from tests.engines.parity import OnTrino, compare, written
from tests.engines.trino_server import TrinoServer

TABLES = 55


def both(engines: dict[str, Engine], *command: str) -> dict[str, str]:
    printed = at_once(*(partial(engine.run, *command) for engine in engines.values()))
    return dict(zip(engines, printed, strict=True))


def build(engines: dict[str, Engine], selector: str) -> None:
    """Build on both, on Trino with all tests."""
    at_once(
        lambda: engines["duckdb"].build("--selector", selector, *ONLY_TABLES),
        lambda: engines["trino"].build("--selector", selector),
    )


def copy_lake(engines: dict[str, Engine]) -> None:
    """Give Trino's lake what was landed in DuckDB's."""
    for folder in ("DATA", "LOGS_FTP_EXECUTION"):
        shutil.rmtree(engines["trino"].lake / folder)
        shutil.copytree(engines["duckdb"].lake / folder, engines["trino"].lake / folder)


def deliver_again(sample: Path, delivery: str, *files: str) -> None:
    """Have the vendor deliver half the lines of these files."""
    manifest = json.loads((sample / "manifest.json").read_text(encoding="utf-8"))
    for file in files:
        delivered = manifest["deliveries"][delivery][file]
        archive = sample / "deliveries" / delivery / delivered["archive"]
        with rarfile.RarFile(archive) as opened:
            member = opened.namelist()[0]
            header, *lines = opened.read(member).split(b"\n")
        archive.unlink()
        write_rar(archive, [(member, b"\n".join([header, *lines[: len(lines) // 2]]) + b"\n")])
        delivered["archive_bytes"] = archive.stat().st_size
    (sample / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def unequal(engines: dict[str, Engine], server: TrinoServer, *schemas: str) -> list[str]:
    """Tables of these schemas that are not the same on both."""
    compared = compare(engines["duckdb"].warehouse, [OnTrino(server)], schemas)
    assert compared
    return [found.table for found in compared if not found.is_equal]


@pytest.fixture(scope="module")
def built(engines: dict[str, Engine]) -> dict[str, Engine]:
    """Everything up to the features, on Trino with all its tests."""
    build(engines, "features")
    return engines


@pytest.fixture(scope="module")
def scored(built: dict[str, Engine], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Engine]:
    """Trained, predicted and built to the end, on Trino with all tests."""
    settings = yaml.safe_load((ROOT / "ml/settings.yml").read_text(encoding="utf-8"))
    quicker = tmp_path_factory.mktemp("settings") / "settings.yml"
    quicker.write_text(
        yaml.safe_dump(settings | {"bootstrap_samples": 40, "company_folds": 2, "test_windows": 2}), encoding="utf-8"
    )
    both(built, "ml", "train", "--settings", str(quicker))
    both(built, "ml", "predict")
    build(built, "scores")
    return built


def test_models_and_predictions_are_the_same(scored):
    def content(engine: Engine) -> dict[str, bytes]:
        timed = {"LOGS_QUERY_EXECUTION", "ml_model_event"}  # what tells when it happened
        files = (path for path in engine.lake.rglob("*") if path.is_file() and not timed & set(path.parts))
        return {str(path.relative_to(engine.lake)): path.read_bytes() for path in files}

    on_duckdb, on_trino = content(scored["duckdb"]), content(scored["trino"])
    assert any("LIST_USERS_PREDICTED/" in name for name in on_trino)
    assert any("MODELS" in name for name in on_trino)
    assert [name for name in on_duckdb.keys() | on_trino.keys() if on_duckdb.get(name) != on_trino.get(name)] == []


def test_the_summary_is_the_same_but_for_places(scored):
    texts = {name: text.split("\nwarehouse ")[0] for name, text in both(scored, "ml", "summary").items()}
    assert "The first 10 leads" in texts["trino"]
    assert texts["trino"] == texts["duckdb"]


def test_every_table_is_equal(scored, server, tmp_path, capsys):
    with athena_on_trino.built(tmp_path, server, scored["duckdb"].lake) as account:
        compared = compare(scored["duckdb"].warehouse, [OnTrino(server), OnAthena(account)])
    with capsys.disabled():
        print(f"\n{written(compared)}")
    assert [found for found in compared if not found.is_equal] == []
    assert len(compared) >= TABLES


def test_every_statement_that_ran_is_of_the_grammar_of_422(scored):
    with pytest.raises(QueryFailedError):
        check("select a::date from t")
    folder = scored["trino"].folder / "target/run/bookdebts"
    statements = {path: path.read_text(encoding="utf-8").strip().removesuffix(";") for path in folder.rglob("*.sql")}
    assert len(statements) > 400
    refused = {}
    for path, statement in statements.items():
        try:
            check(statement)
        except QueryFailedError as error:
            refused[str(path)] = str(error)
    assert refused == {}


def test_docs_and_freshness_work_on_trino(scored):
    trino = scored["trino"]
    trino.run("warehouse", "dbt", "docs", "generate", "--static")
    page = (trino.folder / "target/static_index.html").read_text(encoding="utf-8")
    assert "model.bookdebts.leads" in page
    assert "latest month landed on" in trino.run("warehouse", "dbt", "source", "freshness")


def test_a_folder_that_holds_more_than_the_logs_name_is_refused(scored):
    trino = scored["trino"]
    folder = trino.lake / "DATA/UNZIP_DATA_APPEND_ALL/CI01/snapshot_month=2026-10"
    stray = folder / "CI01_S_20261001.parquet"
    shutil.copy(next(folder.glob("*.parquet")), stray)
    refused = trino.attempt("ingestion", "register")
    assert refused.returncode == 1
    assert f"{stray} is in a folder of the table raw.ci01, but does not belong to it" in refused.stderr
    stray.unlink()
    trino.run("ingestion", "register")


def test_a_redelivered_month_replaces_itself_as_on_duckdb(scored, server):
    duckdb, trino = scored["duckdb"], scored["trino"]
    before = server.query('select snapshot_month, "$path" from staging.stg_ukltd__companies group by 1, 2')
    deliver_again(duckdb.folder.parent / "sample", "UKLTD_M_20261001", "CI01", "AC01")
    duckdb.run("ingestion", "ingest")
    copy_lake(scored)
    trino.register()
    both(scored, "warehouse", "dbt", "run", "--select", "staging", "current_rows")
    after = server.query('select snapshot_month, "$path" from staging.stg_ukltd__companies group by 1, 2')
    assert {row for row in before if row[0] != "2026-10"} == {row for row in after if row[0] != "2026-10"}
    assert {row for row in before if row[0] == "2026-10"}.isdisjoint(after)
    assert unequal(scored, server, "staging", "intermediate") == []


def test_a_run_killed_between_its_two_statements_is_made_up_for(scored, server):
    server.query("delete from staging.stg_ukltd__charges where snapshot_month = '2026-09'")
    assert unequal(scored, server, "staging") == ["staging.stg_ukltd__charges"]
    scored["trino"].run("warehouse", "dbt", "run", "--select", "stg_ukltd__charges")
    assert unequal(scored, server, "staging") == []


def changed_project(engine: Engine, folder: Path, file: str, *replacement: str) -> Callable[..., str]:
    """Gives what runs dbt on an engine from a copy of the project with something else in one file."""
    for part in ("dbt_project", "macros", "seeds", "profiles", "tests/dbt", "warehouse"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("target", "logs"))
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert replacement[0] in text
    path.write_text(text.replace(*replacement), encoding="utf-8")
    # dbt goes on from what it has parsed, and takes a file back only from one that is newer
    (folder / "target").mkdir()
    shutil.copy(engine.folder / "target/partial_parse.msgpack", folder / "target")
    return partial(engine.run, "warehouse", "dbt", "run", cwd=folder, DBT_TARGET_PATH=str(folder / "target"))


def test_a_type_that_the_contract_changes_is_another_type_after_the_next_build(scored, server, tmp_path):
    column = "name: directors_count\n            data_type: "
    types = "select data_type from information_schema.columns where table_schema = 'staging' "
    types += "and table_name = 'stg_ukltd__companies' and column_name = 'directors_count'"
    trino, only = scored["trino"], ("--select", "stg_ukltd__companies")
    contract = "dbt_project/models/staging/ukltd/_ukltd__sources.yml"
    changed_project(trino, tmp_path, contract, f"{column}integer", f"{column}bigint")(*only)
    assert server.query(types) == [("bigint",)]
    assert server.query("select sum(directors_count) > 0 from staging.stg_ukltd__companies") == [(True,)]
    trino.run("warehouse", "dbt", "run", *only, "--full-refresh")  # dbt makes no column narrower
    assert server.query(types) == [("integer",)]
    assert unequal(scored, server, "staging") == []


def test_a_macro_that_differs_on_trino_is_seen(scored, server, tmp_path):
    add_months = ("macros/cross_db/add_months.sql", "('month', {{", "('month', 1 + {{")
    run = changed_project(scored["trino"], tmp_path, *add_months)
    run("--select", "int_observation_statuses", "users_not_users")
    assert "marts.users_not_users" in unequal(scored, server, "marts")
