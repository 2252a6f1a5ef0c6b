"""What a reviewer of the dbt project would check by hand, read off its manifest."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
REFUSED_SQL = re.compile(
    r"\bqualify\b|\basof\b|\bignore nulls\b|\btablesample\b|group by all|order by all|::|[\[\]](?![^']*')"
    r"|(?:,|\bselect)\s+null as\b|\bstruct\b|\bgreatest\b|\bleast\b|\bsplit_part\b|\bregexp_extract\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("target")
    subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", "compile", "--no-partial-parse",
         "--project-dir", "dbt_project", "--profiles-dir", "profiles", "--target-path", target],
        cwd=ROOT, check=True, env=os.environ | {"WAREHOUSE": ":memory:", "DO_NOT_TRACK": "1"},
    )  # fmt: skip
    content: dict[str, Any] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def layer(node: dict[str, Any]) -> str:
    return str(node["fqn"][1])


def parents(manifest: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    everything = manifest["nodes"] | manifest["sources"]
    return [everything[name] for name in node["depends_on"]["nodes"]]


def test_every_model_states_its_grain_and_is_described(models: list[dict[str, Any]]) -> None:
    assert not [node["name"] for node in models if not node["description"]]
    assert not [node["name"] for node in models if not node["config"]["meta"].get("grain")]
    assert not [
        f"{node['name']}.{name}"
        for node in models
        for name, column in node["columns"].items()
        if not column["description"]
    ]


def test_every_model_has_a_tested_key(manifest: dict[str, Any], models: list[dict[str, Any]]) -> None:
    tested: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("test_metadata"):
            tested.setdefault(node["attached_node"], set()).add(node["test_metadata"]["name"])
    assert not [
        node["name"]
        for node in models
        if "unique_combination" not in tested.get(node["unique_id"], set())
        and not {"unique", "not_null"} <= tested.get(node["unique_id"], set())
    ]


def test_only_staging_reads_sources(manifest: dict[str, Any], models: list[dict[str, Any]]) -> None:
    assert not [
        node["name"]
        for node in models
        if layer(node) != "staging" and any(parent["resource_type"] == "source" for parent in parents(manifest, node))
    ]
    assert not [
        node["name"]
        for node in models
        if layer(node) == "staging" and any(parent["resource_type"] == "model" for parent in parents(manifest, node))
    ]


def test_no_model_is_built_on_more_than_four_views_in_a_row(
    manifest: dict[str, Any], models: list[dict[str, Any]]
) -> None:
    def views_below(node: dict[str, Any]) -> int:
        if node["resource_type"] != "model" or node["config"]["materialized"] != "view":
            return 0
        return 1 + max((views_below(parent) for parent in parents(manifest, node)), default=0)

    assert max(views_below(node) for node in models) <= 4


def test_model_names_say_their_layer(models: list[dict[str, Any]]) -> None:
    prefixes = {"staging": "stg_", "intermediate": "int_", "marts": ""}
    assert not [node["name"] for node in models if not node["name"].startswith(prefixes[layer(node)])]
    assert not [node["name"] for node in models if layer(node) == "marts" and node["name"][:4] in {"stg_", "int_"}]


def test_models_say_nothing_that_an_engine_refuses_or_reads_differently(models: list[dict[str, Any]]) -> None:
    assert not [(node["name"], found) for node in models if (found := REFUSED_SQL.findall(node["compiled_code"]))]


def test_to_predict_describes_the_same_features_as_to_train(models: list[dict[str, Any]]) -> None:
    by_name = {node["name"]: node for node in models}
    features = {
        mart: {name: column["config"]["meta"]["feature"] for name, column in by_name[mart]["columns"].items()
               if "feature" in column["config"]["meta"]}
        for mart in ("to_train", "to_predict")
    }  # fmt: skip
    assert features["to_train"] == features["to_predict"]
    assert all(feature["kind"] in {"numeric", "categorical"} for feature in features["to_train"].values())
    assert all(feature["reason"] and feature["source_columns"] for feature in features["to_train"].values())


def test_features_are_no_names_numbers_or_dates(models: list[dict[str, Any]]) -> None:
    to_train = next(node for node in models if node["name"] == "to_train")
    features = [name for name, column in to_train["columns"].items() if "feature" in column["config"]["meta"]]
    assert not [name for name in features if re.search(r"name|number$|_date$|_on$|provider|lender", name)]
    assert not {"company_number", "label", "sample_weight", "split_bucket", "similar_since"} & set(features)
