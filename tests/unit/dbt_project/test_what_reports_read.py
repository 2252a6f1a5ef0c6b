"""What the reports read is what dbt says that they read, and what they say and draw is what the project says."""

from itertools import pairwise
from typing import Any

import pytest

from ml.__main__ import REPORTS as KINDS
from reports import evaluation_queries, index, insights_queries, leads, model_card_queries, monthly_queries
from reports.insights import FLOW
from reports.monthly import LIST

KIND_OF_TYPE = {"varchar": "text", "date": "date", "integer": "whole", "bigint": "whole", "double": "number"}


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("insights_report", {*insights_queries.READS}),
        ("evaluation_report", {*evaluation_queries.MARTS, *evaluation_queries.TABLES}),
        ("card_report", {*model_card_queries.READS, *model_card_queries.TABLES}),
        ("leads_report", {*leads.READS, *leads.TABLES}),
        ("monthly_report", {*monthly_queries.READS, *monthly_queries.TABLES}),
    ],
)
def test_the_exposure_of_a_report_names_what_it_reads(manifest: dict[str, Any], name: str, reads: set[str]) -> None:
    exposure = manifest["exposures"][f"exposure.bookdebts.{name}"]
    assert {node.rsplit(".", 1)[1] for node in exposure["depends_on"]["nodes"]} == reads


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"text", "index"}))
def test_the_exposure_of_a_report_is_named_as_it_is_and_leads_to_the_index_page(
    manifest: dict[str, Any], kind: str
) -> None:
    exposure = manifest["exposures"][f"exposure.bookdebts.{kind}_report"]
    assert exposure["label"].startswith(index.REPORTS[kind].title)
    assert f"`python -m ml {index.REPORTS[kind].command}`" in exposure["description"]
    # the documentation is published in a folder beside the page
    assert exposure["url"] == f"../{index.NAME}.html"


def test_the_columns_of_leads_are_described_in_the_words_of_its_metadata(manifest: dict[str, Any]) -> None:
    columns = manifest["nodes"]["model.bookdebts.leads"]["columns"].values()
    described = " ".join(manifest["nodes"]["model.bookdebts.lead_columns"]["compiled_code"].split())
    places = []
    for position, column in enumerate(columns, start=1):
        words = " ".join(column["description"].split()).replace("'", "''")
        kind = column["config"]["meta"].get("kind") or KIND_OF_TYPE[column["data_type"]]
        places.append(described.index(f"( {position}, '{column['name']}', '{kind}', '{words}' )"))
    assert places == sorted(places)
    assert described.count("( ") == len(places) + described[: places[0]].count("( ")


def test_the_steps_that_are_drawn_follow_each_other_and_end_in_the_training_rows(manifest: dict[str, Any]) -> None:
    test = manifest["nodes"]["test.bookdebts.rows_out_of_a_step_are_rows_in_of_the_next"]
    steps = " ".join(test["compiled_code"].split())
    for before, step in pairwise(FLOW):
        assert f"'{step}' as step, '{before}' as step_before" in steps
    (screened,) = (node for node in manifest["nodes"].values() if node["name"] == "int_outcomes_by_step")
    assert f"'{FLOW[-1]}' as step" in screened["compiled_code"]
    assert "int_training_rows__screened" in screened["compiled_code"]


def test_the_list_that_the_letter_judges_is_one_that_is_counted(manifest: dict[str, Any]) -> None:
    assert f"'{LIST}'" in manifest["nodes"]["model.bookdebts.ml_outcome"]["compiled_code"]
