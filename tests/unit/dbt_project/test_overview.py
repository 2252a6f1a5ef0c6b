"""The overview's table of rules names what exists: each term its model or macro, and unit tests of just that."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
OVERVIEW = (ROOT / "dbt_project/models/_overview__docs.md").read_text(encoding="utf-8")
TERMS = {
    "company history", "company never delivered", "company_group", "current row", "features",
    "first_charge_date", "growth", "horizon_date", "invoice-finance charge", "is_current_user", "is_eligible",
    "key that does not parse", "lead", "live company", "lookup coverage", "month that is built",
    "months_since_previous", "normalised name", "observed_on of accounts", "possible user", "previous accounts",
    "provider", "provider figures", "public date of a charge", "review by rank of rules", "row accounting", "section",
    "similar group", "similar_since", "size_band", "split_bucket", "status of an observation", "text as typed",
    "to_predict", "to_train", "user",
}  # fmt: skip


def rules() -> dict[str, tuple[list[str], list[str]]]:
    """The rows of the table: term to holders and unit tests."""
    table = OVERVIEW.split("| Term |")[1].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {term: (re.findall(r"`(\w+)`", held), re.findall(r"`(\w+)`", shown)) for term, _, held, shown in rows}


@pytest.fixture(scope="module")
def macros_of(manifest: dict[str, Any]) -> dict[str, set[str]]:
    """The macros that each model depends on, also through other macros, by the names of both."""

    def below(name: str) -> set[str]:
        found = {name}
        for macro in manifest["macros"].get(name, {}).get("depends_on", {}).get("macros", []):
            if macro.startswith("macro.bookdebts.") and macro not in found:
                found |= below(macro)
        return found

    return {
        node["name"]: {
            macro.rsplit(".", 1)[1]
            for name in node["depends_on"]["macros"]
            if name.startswith("macro.bookdebts.")
            for macro in below(name)
        }
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


def test_every_term_is_in_the_table() -> None:
    assert {part for term in rules() for part in term.split(", ")} == TERMS


@pytest.mark.parametrize("term", rules())
def test_term_is_held_by_models_or_macros_and_shown_by_unit_tests_of_them(
    term: str, manifest: dict[str, Any], macros_of: dict[str, set[str]]
) -> None:
    held, shown = rules()[term]
    models = {name for name in held if name in macros_of}
    macros = {name for name in held if f"macro.bookdebts.{name}" in manifest["macros"]}
    assert held
    assert set(held) == models | macros
    assert shown
    tested = {test["name"]: test["model"] for test in manifest["unit_tests"].values()}
    for name in shown:
        assert name in tested, f"no unit test has this name; those of {held} are " + ", ".join(
            sorted(test for test, model in tested.items() if model in held or macros & macros_of[model])
        )
        assert tested[name] in held or macros & macros_of[tested[name]], name


def test_every_mart_that_a_newcomer_reads_first_exists(manifest: dict[str, Any]) -> None:
    linked = re.findall(r"#!/model/([\w.]+)", OVERVIEW)
    assert linked
    assert all(manifest["nodes"][name]["config"]["access"] == "public" for name in linked)
