"""What a reviewer would check by hand, read off the manifest, where dbt-bouncer.yml cannot say it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp

ROOT = Path(__file__).resolve().parents[3]
KEYS_OF_A_PROPERTIES_FILE = {
    "models": {"models"},
    "marts": {"models"},
    "sources": {"sources"},
    "unit_tests": {"unit_tests"},
}


def unfiltered_staging(sql: str, month: str) -> Iterator[str]:
    """Staging models of the delivery that a select reads without keeping to the month being built."""
    for select in sqlglot.parse_one(sql, dialect="duckdb").find_all(exp.Select):
        read = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or [])]
        tables = {source.this.name for source in read if source and isinstance(source.this, exp.Table)}
        condition = select.args.get("where")
        if condition is None or f"snapshot_month <= '{month}'" not in condition.sql(dialect="duckdb"):
            yield from sorted(name for name in tables if name.startswith("stg_ukltd__"))


@pytest.mark.parametrize(
    ("sql", "unfiltered"),
    [
        ("select * from staging.stg_ukltd__charges", ["stg_ukltd__charges"]),
        ("select * from staging.stg_ukltd__charges where snapshot_month <= '2000-01'", []),
        ("select * from staging.stg_ukltd__charges where a > 1", ["stg_ukltd__charges"]),
        ("select 1 as a from t inner join staging.stg_ukltd__charges as c on t.a = c.a", ["stg_ukltd__charges"]),
        (
            "with a as (select * from staging.stg_ukltd__charges where snapshot_month <= '2000-01'),"
            " b as (select count(*) as n from staging.stg_ukltd__companies) select * from a cross join b",
            ["stg_ukltd__companies"],
        ),
    ],
)
def test_reader_of_staging_that_forgets_the_month_is_seen(sql: str, unfiltered: list[str]) -> None:
    assert list(unfiltered_staging(sql, "2000-01")) == unfiltered


def test_readers_of_staging_keep_to_the_month_being_built(manifest: dict[str, Any]) -> None:
    about_staging_itself = {
        name
        for name, node in manifest["nodes"].items()
        if str(node.get("attached_node")).startswith("model.bookdebts.stg_ukltd__")
    }
    readers = [
        node
        for name, node in manifest["nodes"].items()
        if name not in about_staging_itself
        and any(
            parent.startswith("model.bookdebts.stg_ukltd__") for parent in node.get("depends_on", {}).get("nodes", [])
        )
    ]
    assert readers
    assert not [
        (node["name"], found)
        for node in readers
        if (found := list(unfiltered_staging(node["compiled_code"], "2000-01")))
    ]


def test_files_of_properties_are_named_after_what_they_hold() -> None:
    for path in (ROOT / "dbt_project/models").rglob("*.yml"):
        if path.name in {"_groups.yml", "_exposures.yml"}:
            expected = {path.stem.removeprefix("_")}
        else:
            name = re.fullmatch(r"_[a-z0-9_]+?__([a-z_]+)", path.stem)
            assert name, path
            assert (name[1] == "marts") <= ("marts" in path.parts), path
            expected = KEYS_OF_A_PROPERTIES_FILE[name[1]]
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) - {"version", "anchors"} == expected, path


def test_every_macro_is_alone_in_a_file_of_its_name_described_above_and_used(manifest: dict[str, Any]) -> None:
    own = {name: macro for name, macro in manifest["macros"].items() if macro["package_name"] == "bookdebts"}
    nodes = [*manifest["nodes"].values(), *manifest["macros"].values()]
    used = {name for node in nodes for name in node.get("depends_on", {}).get("macros", [])}
    for macro in own.values():
        path = ROOT / "dbt_project" / macro["original_file_path"]
        name = re.sub(r"^(?:default|duckdb|athena|trino|test)_+", "", macro["name"])
        assert name == path.stem, macro["name"]
        assert path.read_text(encoding="utf-8").startswith("{#-"), f"{path.name} does not begin with what it is for"
        implements = macro["name"].endswith(f"__{path.stem}")
        overrides_dbt = f"macro.dbt.{macro['name']}" in manifest["macros"]
        assert implements or overrides_dbt or macro["unique_id"] in used, f"{macro['name']} is not used"


def test_everything_belongs_to_a_group_with_an_owner(manifest: dict[str, Any]) -> None:
    assert all(group["owner"]["email"] for group in manifest["groups"].values())
    groups = {group["name"] for group in manifest["groups"].values()}
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in {"model", "test"}]
    assert not [node["name"] for node in nodes if node["config"]["group"] not in groups]


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
