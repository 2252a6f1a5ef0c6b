"""dbt as the commands run it: a warehouse that cannot be had is a sentence, a failed build is a status."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from warehouse.lake import Lake
from warehouse.query_log import read
from warehouse.settings import schema_name
from warehouse.storage import exclusive

ROOT = Path(__file__).resolve().parents[2]


def run_dbt(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "warehouse", "dbt", *arguments],
        cwd=ROOT,
        env=os.environ
        | {
            "LAKE": str(folder / "lake"),
            "WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
        }
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_warehouse_in_use_is_found_before_dbt_starts(tmp_path):
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")):
        finished = run_dbt(tmp_path, "build")
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"error: {tmp_path / 'warehouse.duckdb'} is in use by another process")
    assert finished.stderr.count("\n") == 1


def test_a_second_run_of_dbt_is_refused_before_it_starts(tmp_path):
    with exclusive(tmp_path / "warehouse.duckdb.lock", "run of dbt"):
        finished = run_dbt(tmp_path, "build")
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: another run of dbt holds")
    assert finished.stderr.count("\n") == 1


def test_a_folder_is_no_warehouse(tmp_path):
    (tmp_path / "warehouse.duckdb").mkdir()
    finished = run_dbt(tmp_path, "build")
    assert finished.returncode == 1
    assert "is a folder; name a file in it" in finished.stderr
    assert "delete" not in finished.stderr


@pytest.mark.parametrize("content", [b"not a database at all", b""])
def test_a_file_that_is_no_warehouse_is_named_with_the_way_out(tmp_path, content):
    (tmp_path / "warehouse.duckdb").write_bytes(content)
    finished = run_dbt(tmp_path, "seed")
    assert finished.returncode == 1
    assert "cannot be opened as a DuckDB file" in finished.stderr
    assert "or delete it" in finished.stderr


def test_a_seed_that_contradicts_itself_warns_with_both_spellings(tmp_path):
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema seeds")
        connection.execute(
            "create table seeds.person_entitled_adjusted as select * from (values "
            "('Alpha & Co Ltd', 'Alpha', 'bank', 'certain'), ('ALPHA AND CO. LIMITED', 'Alpha', 'bank', 'no')"
            ") as names (person_entitled, provider, provider_type, certainty)"
        )
    finished = run_dbt(tmp_path, "test", "--select", "spellings_of_a_reviewed_name_agree_on_its_certainty")
    assert finished.returncode == 0
    assert (
        "warn spellings_of_a_reviewed_name_agree_on_its_certainty: normalised_name ALPHA AND CO LIMITED, "
        "one_spelling ALPHA AND CO. LIMITED, another_spelling Alpha & Co Ltd, one_certainty certain" in finished.stdout
    )


def test_a_failed_build_names_the_marts_that_an_earlier_one_left(tmp_path):
    finished = run_dbt(tmp_path, "build", "--select", "int_horizon+1", "--resource-type", "model")
    assert finished.returncode == 1
    (left,) = re.findall("not rebuilt, as an earlier build left them: (.*); mend what failed above", finished.stdout)
    assert "horizon" in left.split(", ")


def test_a_schema_prefix_keeps_a_developer_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("SCHEMA_PREFIX", "ana")
    assert run_dbt(tmp_path, "parse").returncode == 0
    manifest = json.loads((tmp_path / "target" / "manifest.json").read_text(encoding="utf-8"))
    found = {
        node["schema"]
        for kind in ("nodes", "sources")
        for node in manifest[kind].values()
        if node["resource_type"] in {"source", "seed", "model"}
    }
    assert found == {schema_name(schema) for schema in ("raw", "staging", "intermediate", "marts", "ml", "seeds")}
    assert all(schema.startswith("ana_") for schema in found)


def logged(folder: Path) -> list[dict]:
    return [query for path in sorted(Lake(folder / "lake").query_logs().glob("*.json")) for query in read(path)]


def test_every_query_of_dbt_is_in_the_query_log_and_no_text_is(tmp_path):
    assert run_dbt(tmp_path, "seed").returncode == 0
    seeds = [query for query in logged(tmp_path) if query["node"].startswith("seed.bookdebts.")]
    assert {query["node"].split(".")[2] for query in seeds} >= {"person_entitled_adjusted", "postcode_areas"}
    assert {query["status"] for query in seeds} == {query["engine"] for query in seeds} ^ {"duckdb", "success"}
    assert all(len(query["text_sha256"]) == 64 and query["seconds"] >= 0 for query in seeds)
    assert {query["scanned_bytes"] for query in seeds} == {None}  # DuckDB does not count them
    (file,) = Lake(tmp_path / "lake").query_logs().iterdir()
    assert not re.search("select |create (table|schema)|insert ", file.read_text(encoding="utf-8"), flags=re.IGNORECASE)


def test_a_query_that_failed_is_in_the_query_log_and_a_later_run_adds_to_the_file(tmp_path):
    assert run_dbt(tmp_path, "run", "--select", "int_horizon").returncode == 1
    (failed,) = [query for query in logged(tmp_path) if query["status"] == "failed"]
    assert failed["node"] == "model.bookdebts.int_horizon"
    before = logged(tmp_path)
    run_dbt(tmp_path, "run", "--select", "int_horizon")
    after = logged(tmp_path)
    assert after[: len(before)] == before
    (again,) = [query for query in after[len(before) :] if query["status"] == "failed"]
    assert again["text_sha256"] == failed["text_sha256"]
    assert again["run_id"] != failed["run_id"]


def test_a_log_that_cannot_be_written_is_a_warning_and_dbt_ends_as_it_would(tmp_path):
    lake = tmp_path / "a file"
    lake.touch()
    finished = run_dbt(tmp_path, "seed", LAKE=str(lake))
    assert finished.returncode == 0
    assert re.fullmatch(r"warning: \d+ queries are missing in the query log: .*a file.*\n", finished.stderr)


@pytest.mark.parametrize(("arguments", "status"), [(("parse",), 0), (("nonsense",), 2), (("build", "--nope"), 2)])
def test_dbt_ends_with_its_own_status(tmp_path, arguments, status):
    finished = run_dbt(tmp_path, *arguments)
    assert finished.returncode == status
    assert "Traceback" not in finished.stderr
    assert bool(finished.stderr) == bool(status)
