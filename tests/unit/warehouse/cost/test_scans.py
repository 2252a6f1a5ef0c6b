"""Reads are counted as an engine counts them that expands every view and CTE."""

import pytest

from warehouse.cost.scans import Planner, Read
from warehouse.errors import UserError

TABLES = {
    ("marts", "users"): (("company_number", "varchar"), ("charges", "bigint"), ("provider", "varchar")),
    ("marts", "figures"): (("provider", "varchar"), ("users", "bigint")),
}


@pytest.fixture
def planner() -> Planner:
    return Planner("my-warehouse", TABLES)


def read(planner: Planner, query: str) -> list[tuple[str, list[str]]]:
    found = planner.reads(query, "model.bookdebts.node")
    return sorted((scan.relation[1], sorted(scan.columns)) for scan in found)


def test_only_the_columns_that_the_result_needs_are_read(planner):
    query = """
with

users as (

    select * from "my-warehouse"."marts"."users"

)

select charges from users
"""
    assert planner.reads(query, "node") == [Read(("marts", "users"), ("charges",))]


def test_a_column_that_only_filters_is_read_too(planner):
    assert read(planner, "select charges from \"my-warehouse\".marts.users where provider = 'x'") == [
        ("users", ["charges", "provider"])
    ]


def test_a_count_reads_no_column(planner):
    assert read(planner, 'select count(*) from "my-warehouse".marts.users') == [("users", [])]


def test_a_cte_is_read_as_often_as_it_is_named(planner):
    query = """
with

users as (

    select * from "my-warehouse".marts.users

),

counted as (
    select provider, count(*) as companies from users group by provider
)

select counted.companies
from counted
inner join counted as again on counted.provider = again.provider
left join users on counted.provider = users.provider
where users.charges > 1
"""
    assert read(planner, query) == [
        ("users", ["charges", "provider"]),
        ("users", ["provider"]),
        ("users", ["provider"]),
    ]


def test_views_are_expanded_whatever_their_order(planner):
    planner.add_views(
        {
            ("marts", "above"): 'select charges from "my-warehouse".marts.below',
            ("marts", "below"): 'select users.* from "my-warehouse".marts.users where provider is not null',
        }
    )
    assert read(planner, 'select max(charges) from "my-warehouse".marts.above') == [("users", ["charges", "provider"])]


def test_a_cte_that_is_not_written_as_ours_are_is_refused(planner):
    query = (
        'with u as (select * from "my-warehouse".marts.users) select 1 from u as a join u as b on a.charges = b.charges'
    )
    with pytest.raises(UserError, match=r"a CTE of model\.bookdebts\.node does not begin"):
        read(planner, query)


@pytest.mark.parametrize("query", ["select * from marts.gone", "select gone from {}.marts.users"])
def test_a_warehouse_that_lacks_something_is_a_sentence(planner, query):
    with pytest.raises(UserError, match=r"not built as model\.bookdebts\.node reads it .*; run `make run` first"):
        read(planner, query.format('"my-warehouse"'))
    with pytest.raises(UserError, match=r"not built as the project is now .*; run `make run` first"):
        planner.add_views({("marts", "view"): "select * from marts.gone"})
