"""Values that DuckDB must compute as Trino does, once a query of Trino's SQL was translated for it."""

import datetime as dt

import pyarrow as pa
import pytest

from tests.athena.endpoint.backend import View
from tests.athena.endpoint.failures import QueryFailedError
from tests.athena.endpoint.on_duckdb import DuckDB


def run(query: str, *relations: View) -> pa.Table:
    return DuckDB().run(query, relations, lambda _: None)


@pytest.mark.parametrize(
    ("expression", "value", "type_"),
    [
        ("date_add('month', 6, date '2026-08-31')", dt.date(2027, 2, 28), pa.date32()),
        ("date_add('day', -1, date_add('month', 1, date '2026-01-31'))", dt.date(2026, 2, 27), pa.date32()),
        ("date_diff('day', date '2026-03-01', date '2026-02-01')", -28, pa.int64()),
        ("cast(date_parse('28/02/2026', '%d/%m/%Y') as date)", dt.date(2026, 2, 28), pa.date32()),
        ("try(cast(date_parse('31/02/2026', '%d/%m/%Y') as date))", None, pa.date32()),
        ("regexp_replace('a--b--c', '-+', ' ')", "a b c", pa.string()),
        ("regexp_replace('ab', '(a)(b)', '$2$1')", "ba", pa.string()),
        (r"regexp_like('A1', '^[A-Z][0-9]\z')", True, pa.bool_()),
        ("lower(to_hex(md5(to_utf8('abc'))))", "900150983cd24fb0d6963f7d28e17f72", pa.string()),
        ("from_base(substr('ff0', 1, 2), 16) % 100", 55, pa.int64()),
        ("trim(chr(9) || 'a' || chr(8195))", "a", pa.string()),
        ("trim(chr(160) || 'a')", "\u00a0a", pa.string()),
        ("upper('groß')", "GROß", pa.string()),
        ("7 / 2", 3, pa.int32()),
        ("-7 / 2", -3, pa.int32()),
        ("cast(7 as double) / 2", 3.5, pa.float64()),
        ("case when 'a' || cast(null as varchar) is null then 1 else 0 end", 1, pa.int32()),
        ("greatest(1, cast(null as integer))", None, pa.int32()),
        ("(select sum(x) from (values 1, 2) as t (x))", 3, pa.int64()),
        ("timestamp '2026-01-01 10:00:00.123456'", dt.datetime(2026, 1, 1, 10, 0, 0, 123000), pa.timestamp("ms")),
    ],
)  # fmt: skip
def test_an_expression_has_trinos_value_and_type(expression, value, type_):
    found = run(f"select {expression} as value")
    assert found["value"].to_pylist() == [value]
    assert found.schema.field("value").type == type_


def test_a_view_reads_another_and_the_catalog_may_be_named():
    first = View("a", "first", (), "select 1 as one")
    second = View("b", "second", (), 'select one + 1 as two from "awsdatacatalog"."a"."first"')
    assert run("select two from b.second", first, second).to_pylist() == [{"two": 2}]
    assert run("select two from (b.second) order by two", first, second).to_pylist() == [{"two": 2}]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("select date_add('hour', 1, timestamp '2026-01-01 00:00:00')", "NOT_EMULATED"),
        ("select from_base('7', 8)", "NOT_EMULATED"),
        ("select no_function_of_either(1)", "no_function_of_either"),
    ],
)
def test_what_fails_says_why(query, reason):
    with pytest.raises(QueryFailedError, match=reason):
        run(query)
