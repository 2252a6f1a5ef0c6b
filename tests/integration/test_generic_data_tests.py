"""Each generic data test on a tiny relation that keeps its rule and on one that breaks it, in one run of dbt."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GENERIC_TESTS = ROOT / "tests" / "dbt" / "generic"


def volume(file: str, now: int, before: int | str) -> dict[str, object]:
    return {
        "file": f"'{file}'",
        "snapshot_month": "'2026-11'",
        "delivery": "'UKLTD_M_20261101'",
        "now": now,
        "before": before,
    }


def period(key: str, valid_from: str, valid_to: str | None) -> dict[str, object]:
    return {
        "a": f"'{key}'",
        "valid_from": f"date '{valid_from}'",
        "valid_to": f"date '{valid_to}'" if valid_to else "cast(null as date)",
        "is_current": "false" if valid_to else "true",
    }


# Rows of each relation as SQL. What follows `__` is what the test that its name begins with makes of it.
RELATIONS: dict[str, list[dict[str, object]]] = {
    "int_horizon": [{"horizon_date": "date '2026-11-01'"}],
    "known": [{"a": 1, "b": "'x'"}, {"a": 1, "b": "'y'"}, {"a": 2, "b": "'x'"}],
    "before_horizon__holds": [{"d": "date '2026-10-31'"}, {"d": "cast(null as date)"}],
    "before_horizon__breaks": [{"d": "date '2026-10-31'"}, {"d": "date '2026-11-01'"}],
    "condition_holds__holds": [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": "cast(null as integer)", "b": 2}],
    "condition_holds__breaks": [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": "cast(null as integer)", "b": 3}],
    "growth_of_amounts__holds": [
        {"x": 30, "x_previous": -20, "x_growth": 2.5},
        {"x": 30, "x_previous": 0, "x_growth": "cast(null as double)"},
        {"x": 30, "x_previous": "cast(null as bigint)", "x_growth": "cast(null as double)"},
        {"x": "cast(null as bigint)", "x_previous": 20, "x_growth": "cast(null as double)"},
    ],
    "growth_of_amounts__breaks": [{"x": 30, "x_previous": -20, "x_growth": -2.5}],
    "growth_of_amounts_by_nothing__breaks": [{"x": 0, "x_previous": 0, "x_growth": 0.0}],
    "growth_of_amounts_missing__breaks": [{"x": 30, "x_previous": 20, "x_growth": "cast(null as double)"}],
    "matches_pattern__holds": [{"t": "'01110'"}, {"t": "cast(null as varchar)"}],
    "matches_pattern__breaks": [{"t": "'01110'"}, {"t": "'1110'"}],
    "periods_do_not_overlap__holds": [
        period("a", "2026-08-01", "2026-10-01"),
        period("a", "2026-10-01", None),
        period("b", "2026-09-01", None),
    ],
    "periods_do_not_overlap__breaks": [
        period("a", "2026-08-01", "2026-11-01"),
        period("a", "2026-10-01", None),
    ],
    "periods_do_not_overlap_gap__breaks": [
        period("a", "2026-08-01", "2026-09-01"),
        period("a", "2026-10-01", None),
    ],
    "periods_do_not_overlap_two_current__breaks": [
        period("a", "2026-08-01", None),
        period("a", "2026-10-01", None),
    ],
    "relationships_combination__holds": [
        {"a": 1, "c": "'y'"},
        {"a": 2, "c": "'x'"},
        {"a": 9, "c": "cast(null as varchar)"},
    ],
    "relationships_combination__breaks": [{"a": 2, "c": "'y'"}],
    "unique_combination__holds": [{"a": 1, "b": 1}, {"a": 1, "b": 2}],
    "unique_combination__breaks": [{"a": 1, "b": 1}, {"a": 1, "b": 1}],
    "unique_combination_of_nulls__breaks": [{"a": 1, "b": "cast(null as integer)"}],
    "volume_near__holds": [
        volume("MR01", 1199, 1000),
        volume("LULQ01", 99, 198),
        volume("CI01", 99, "cast(null as bigint)"),
    ],
    "volume_near__warns": [
        volume("MR01", 800, 1000),
        volume("CI01", 1499, 1000),
    ],
    "volume_near__breaks": [
        volume("MR01", 1500, 1000),
        volume("CI01", 1000, 1000),
    ],
    "volume_near_nothing_left__breaks": [
        volume("MR01", 0, 100),
    ],
    "within_range__holds": [{"n": 0}, {"n": 99}, {"n": "cast(null as integer)"}],
    "within_range_below__breaks": [{"n": -1}, {"n": 50}],
    "within_range_above__breaks": [{"n": 100}, {"n": 50}],
    "within_range_share__holds": [{"n": 100}, {"n": 50}],
    "within_range_share__breaks": [{"n": 100}, {"n": 101}, {"n": 50}],
}
ARGUMENTS = {
    "before_horizon": {"column_name": "d"},
    "condition_holds": {"condition": "a >= b", "at_least": 0.75, "key": ["a", "b"]},
    "growth_of_amounts": {"amounts": ["x"]},
    "periods_do_not_overlap": {"key": "a"},
    "matches_pattern": {"column_name": "t", "pattern": "^[0-9]{5}$"},
    "relationships_combination": {"columns": ["a", "c"], "to": "ref('known')", "fields": ["a", "b"]},
    "unique_combination": {"columns": ["a", "b"]},
    "volume_near": {"column_name": "now", "reference": "before"},
    "within_range": {"column_name": "n", "min": 0, "max": 99},
    "within_range_share": {"column_name": "n", "min": 0, "max": 99, "at_least": 0.5},
}
READS_MARTS = {"codes_are_looked_up"}  # shown in test_lookups_and_history_data_tests.py
STATUS = {"holds": "pass", "breaks": "fail", "warns": "warn"}


def of_relation(relation: str, names: dict[str, object]) -> str:
    """Longest of the names that the relation's begins with."""
    return max((name for name in names if relation.startswith(name)), key=len)


def write_project(folder: Path) -> None:
    tests = {path.stem: path for path in GENERIC_TESTS.glob("*.sql")}
    project = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    (folder / "dbt_project.yml").write_text(
        yaml.safe_dump(
            {name: project[name] for name in ("name", "profile", "config-version", "flags", "vars")}
            | {"macro-paths": ["macros"], "test-paths": ["tests"]}
            | {"models": {project["name"]: {"+materialized": "table"}}}
            | {"on-run-end": ["{{ show_failed_tests(results) }}"]}
        ),
        encoding="utf-8",
    )
    shutil.copytree(ROOT / "macros", folder / "macros")
    shutil.copytree(GENERIC_TESTS, folder / "tests" / "generic")
    (folder / "models").mkdir()
    models = []
    for relation, rows in RELATIONS.items():
        selects = ["select " + ", ".join(f"{value} as {name}" for name, value in row.items()) for row in rows]
        (folder / "models" / f"{relation}.sql").write_text(" union all ".join(selects), encoding="utf-8")
        if "__" in relation:
            test = {"name": f"test_of_{relation}", "arguments": ARGUMENTS[of_relation(relation, ARGUMENTS)]}
            models.append({"name": relation, "data_tests": [{of_relation(relation, tests): test}]})
    (folder / "models" / "models.yml").write_text(yaml.safe_dump({"models": models}), encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    finished = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", "build",
         "--project-dir", folder, "--profiles-dir", ROOT / "profiles", "--target-path", folder / "target"],
        cwd=ROOT, env=os.environ | {"WAREHOUSE": ":memory:", "DO_NOT_TRACK": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    statuses = {result["unique_id"].split(".")[2]: str(result["status"]) for result in results}
    return statuses, finished.stdout


@pytest.mark.parametrize("relation", [name for name in RELATIONS if "__" in name])
def test_a_data_test_passes_what_keeps_its_rule_and_finds_what_breaks_it(run, relation):
    statuses, _ = run
    assert statuses[f"test_of_{relation}"] == STATUS[relation.partition("__")[2]]


def test_every_generic_data_test_is_shown_to_pass_and_to_fail():
    for path in GENERIC_TESTS.glob("*.sql"):
        if path.stem in READS_MARTS:
            continue
        outcomes = {name.partition("__")[2] for name in RELATIONS if "__" in name and name.startswith(path.stem)}
        assert {"holds", "breaks"} <= outcomes, path.stem


def test_a_failure_says_how_many_rows_and_which(run):
    _, output = run
    assert (
        "fail test_of_condition_holds__breaks: rows_checked 2, rows_that_fail 1, share_that_holds 0.5000, "
        "at_least 0.7500, first_example 1 2, last_example 1 2" in output
    )


def test_an_alarm_about_volumes_names_file_and_month(run):
    _, output = run
    assert (
        "fail test_of_volume_near__breaks: file MR01, snapshot_month 2026-11, delivery UKLTD_M_20261101, now 1500"
        in output
    )
    assert (
        "warn test_of_volume_near__warns: file MR01, snapshot_month 2026-11, delivery UKLTD_M_20261101, now 800"
        in output
    )
    assert "volume_near__holds" not in output
