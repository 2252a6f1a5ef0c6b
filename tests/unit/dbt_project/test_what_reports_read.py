"""What the reports read is what dbt says that they read, and the flow that is drawn follows the project's steps."""

from itertools import pairwise
from typing import Any

import pytest

from reports import evaluation_queries, insights_queries, monthly_queries
from reports.insights import FLOW
from reports.monthly import LIST


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("insights_report", {*insights_queries.READS}),
        ("evaluation_report", {*evaluation_queries.MARTS, *evaluation_queries.TABLES}),
        ("monthly_report", {*monthly_queries.READS, *monthly_queries.TABLES}),
    ],
)
def test_the_exposure_of_a_report_names_what_it_reads(manifest: dict[str, Any], name: str, reads: set[str]) -> None:
    exposure = manifest["exposures"][f"exposure.bookdebts.{name}"]
    assert {node.rsplit(".", 1)[1] for node in exposure["depends_on"]["nodes"]} == reads


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
