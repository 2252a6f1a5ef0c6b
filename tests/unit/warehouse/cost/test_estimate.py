"""Bytes and dollars from sizes, checked by hand."""

import pytest

from ml import inputs, predict, summary
from warehouse.cost.estimate import STEPS, Statement, add_up, by_node, scanned
from warehouse.cost.scans import Read
from warehouse.cost.sizes import WHOLE, Size
from warehouse.cost.statements import UNLOADS
from warehouse.prices import MEGABYTE, TERABYTE, Prices

USERS = Size((("company_number", "varchar"), ("charges", "bigint")), {WHOLE: {"company_number": 300, "charges": 50}})
CODES = Size((("code", "varchar"),), {WHOLE: {"code": 7}})
TYPED = Size(
    (("company_number", "varchar"), ("snapshot_month", "varchar")),
    {"2026-10": {"company_number": 1000}, "2026-11": {"company_number": 100}},
)
SIZES = {("marts", "users"): USERS, ("raw", "codes"): CODES, ("staging", "typed"): TYPED}


def statement(*reads: tuple[tuple[str, str], tuple[str, ...]], **more) -> Statement:
    return Statement("node", "marts", tuple(Read(*read) for read in reads), **more)


def test_what_belongs_to_companies_grows_with_them_and_nothing_else():
    both = statement((("marts", "users"), ("charges",)), (("raw", "codes"), ("code",)), other_bytes=1)
    assert scanned(both, SIZES, 10) == 50 * 10 + 7 + 1


def test_a_table_that_is_read_twice_counts_twice():
    twice = statement((("marts", "users"), ("charges",)), (("marts", "users"), ("company_number", "charges")))
    assert scanned(twice, SIZES, 1) == 50 + 350


def test_a_partition_is_read_alone_where_there_are_partitions():
    reads = ((("staging", "typed"), ("company_number", "snapshot_month")), (("raw", "codes"), ("code",)))
    assert scanned(statement(*reads), SIZES, 1) == 1100 + 7
    assert scanned(statement(*reads, partition="2026-11"), SIZES, 1) == 100 + 7
    assert scanned(statement(*reads, partition="2026-12"), SIZES, 1) == 7


def test_each_query_is_billed_by_itself():
    small, large = statement((("raw", "codes"), ("code",))), statement(other_bytes=TERABYTE)
    sums = add_up([small, small, large], SIZES, 1, Prices(athena_tb=5.0))
    assert tuple(sums) == (*STEPS, "total")
    assert sums["marts"] == sums["total"]
    assert (sums["total"].queries, sums["total"].scanned_bytes) == (3, TERABYTE + 14)
    assert sums["total"].usd == pytest.approx(5 + 2 * 5 * 10 * MEGABYTE / TERABYTE)
    assert sums["tests"].usd == 0


def test_statements_of_one_node_are_added_up():
    assert by_node([statement(other_bytes=1), statement(other_bytes=2)], SIZES, 1) == {"node": 3}


def test_what_is_unloaded_is_what_ml_reads():
    assert UNLOADS == {"train": inputs.READS, "predict": predict.READS, "summary": summary.READS}
