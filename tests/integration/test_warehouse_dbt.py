"""dbt as the commands run it: a warehouse that cannot be had is a sentence, a failed build is a status."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from warehouse.settings import schema_name
from warehouse.storage import exclusive

ROOT = Path(__file__).resolve().parents[2]


def run_dbt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "warehouse", "dbt", *arguments],
        cwd=ROOT,
        env=os.environ | {"WAREHOUSE": str(folder / "warehouse.duckdb"), "DBT_TARGET_PATH": str(folder / "target")},
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
