"""The reviewer of `make lint`, dbt-bouncer.yml: it has something to look at, and it sees what it is there for."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
CONFIGURATION = yaml.safe_load((ROOT / "dbt-bouncer.yml").read_text(encoding="utf-8"))
MODEL = "model.bookdebts."
Manifest = dict[str, Any]


def reads(child: str, parent: str) -> Callable[[Manifest], None]:
    return lambda manifest: manifest["nodes"][MODEL + child]["depends_on"]["nodes"].append(parent)


def has(model: str, **properties: Any) -> Callable[[Manifest], None]:
    def change(manifest: Manifest) -> None:
        node = manifest["nodes"][MODEL + model]
        for name, value in properties.items():
            node[name] = value
            if name in node["config"]:
                node["config"][name] = value

    return change


def has_column(model: str, column: str, **properties: Any) -> Callable[[Manifest], None]:
    return lambda manifest: manifest["nodes"][MODEL + model]["columns"][column].update(properties)


def lacks(part: str, applies: Callable[[Manifest], bool]) -> Callable[[Manifest], None]:
    def change(manifest: Manifest) -> None:
        manifest[part] = {key: node for key, node in manifest[part].items() if not applies(node)}

    return change


def all_views(manifest: Manifest) -> None:
    for name, node in manifest["nodes"].items():
        if name.startswith(f"{MODEL}int_"):
            node["config"]["materialized"] = "view"


FAULTS = [
    ("check_lineage_permitted_upstream_models", reads("users", f"{MODEL}stg_ukltd__charges")),
    ("check_lineage_permitted_upstream_models", reads("stg_ukltd__charges", f"{MODEL}stg_ukltd__companies")),
    ("check_lineage_permitted_upstream_models", reads("int_observation_statuses", f"{MODEL}users")),
    ("check_lineage_source_cannot_be_used", reads("users", "source.bookdebts.ukltd.ci01")),
    ("check_lineage_seed_cannot_be_used", reads("stg_ukltd__charges", "seed.bookdebts.postcode_areas")),
    ("check_model_max_chained_views", all_views),
    ("check_model_names", has("int_observation_statuses", name="observations")),
    ("check_model_hard_coded_references", has("users", raw_code="select company_number from raw.ci01")),
    ("check_model_description_populated", has("users", description="")),
    ("check_model_column_description_populated", has_column("users", "charges", description="")),
    ("check_model_has_meta_keys", has("users", meta={})),
    ("check_model_contract_enforced_for_public_model", has("users", contract={"enforced": False})),
    ("check_model_columns_have_types", has_column("users", "charges", data_type=None)),
    ("check_model_column_name_complies_to_column_type", has_column("users", "first_charge_date", data_type="varchar")),
    ("check_model_access", has("int_observation_statuses", access="public")),
    ("check_exposure_based_on_non_public_models", has("leads", access="private")),
    ("check_model_has_exposure", lacks("exposures", lambda node: f"{MODEL}leads" in node["depends_on"]["nodes"])),
    ("check_model_has_unique_test", lacks("nodes", lambda node: node.get("attached_node") == f"{MODEL}users")),
    ("check_model_has_unit_tests", lacks("unit_tests", lambda node: node["model"] == "int_observation_statuses")),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    configuration = CONFIGURATION | {"dbt_artifacts_dir": str(folder)}
    (folder / "dbt-bouncer.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return folder


def failures(folder: Path, manifest: Manifest, configuration: str = "dbt-bouncer.yml") -> list[dict[str, Any]]:
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    results = folder / "results.json"
    results.unlink(missing_ok=True)
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt-bouncer"), "run", "--config-file", folder / configuration,
         "--output-file", results],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert results.exists(), done.stderr
    checks = json.loads(results.read_text(encoding="utf-8"))
    failed = [check for check in checks if check["outcome"] != "success"]
    assert bool(failed) == bool(done.returncode)
    return failed


def failed_checks(folder: Path, manifest: Manifest) -> set[str]:
    return {check["check_run_id"].split(":")[0] for check in failures(folder, manifest)}


def test_project_passes(folder: Path, manifest: Manifest) -> None:
    assert not failed_checks(folder, manifest)


@pytest.mark.parametrize(("check", "make_fault"), FAULTS)
def test_fault_is_seen(folder: Path, manifest: Manifest, check: str, make_fault: Callable[[Manifest], None]) -> None:
    faulty = copy.deepcopy(manifest)
    make_fault(faulty)
    assert check in failed_checks(folder, faulty)


def test_every_exclusion_is_needed(folder: Path, manifest: Manifest) -> None:
    checks = CONFIGURATION["manifest_checks"]
    strict = [{name: value for name, value in check.items() if name != "exclude"} for check in checks]
    text = yaml.safe_dump({"dbt_artifacts_dir": str(folder), "manifest_checks": strict})
    (folder / "strict.yml").write_text(text, encoding="utf-8")
    failed = [(check["check_run_id"], check["file_path"]) for check in failures(folder, manifest, "strict.yml")]
    for number, check in enumerate(checks):
        for pattern in check.get("exclude", []):
            paths = [path for run_id, path in failed if run_id.startswith(f"{check['name']}:{number}:")]
            assert any(re.match(pattern, path) for path in paths), f"{check['name']} holds without {pattern}"


def test_every_inclusion_matches_something(manifest: Manifest) -> None:
    paths = {node["original_file_path"] for part in ("nodes", "sources") for node in manifest[part].values()}
    for check in CONFIGURATION["manifest_checks"]:
        assert any(re.match(check.get("include", ""), path) for path in paths), check
