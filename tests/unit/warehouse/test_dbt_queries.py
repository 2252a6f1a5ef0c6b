"""Queries read from dbt's own events, as its adapters fire them."""

import threading

import pytest
from dbt.adapters.events.types import AdapterEventDebug, BuildingCatalog, SQLQuery, SQLQueryStatus
from dbt.events.types import ConcurrencyLine, NodeFinished, NodeStart
from dbt_common.events.base_types import BaseEvent, msg_from_base_event

from warehouse.dbt_progress import DbtProgress
from warehouse.dbt_queries import DbtQueries
from warehouse.progress import Bar
from warehouse.query_log import FAILED, SUCCESS, UNFINISHED, Query, text_hash

NODE = {"unique_id": "model.bookdebts.users"}


@pytest.fixture
def taken() -> list[Query]:
    return []


@pytest.fixture
def queries(taken: list[Query]) -> DbtQueries:
    return DbtQueries(taken.append)


def fire(queries: DbtQueries, *events: BaseEvent) -> None:
    for event in events:
        queries.take(msg_from_base_event(event))


def begins(sql: str, **info: str) -> BaseEvent:
    return SQLQuery(conn_name="list_schemas", sql=sql, node_info=info or NODE)


def says(message: str) -> BaseEvent:
    return AdapterEventDebug(name="Athena", base_msg=message, args=[], node_info=NODE)


def ends(status: str, query_id: str = "") -> BaseEvent:
    return SQLQueryStatus(status=status, elapsed=1.0, node_info=NODE, query_id=query_id)


def test_a_query_on_trino_has_its_id_and_rows(queries, taken):
    fire(queries, begins("create table x"), ends("CREATE TABLE (1_234 rows)", "20261120_1"))
    (query,) = taken
    assert (query.node, query.text_sha256) == (NODE["unique_id"], text_hash("create table x"))
    assert (query.status, query.rows, query.query_id) == (SUCCESS, 1234, "20261120_1")


def test_a_query_of_no_node_has_the_name_of_its_connection(queries, taken):
    fire(queries, begins("select 1", unique_id=""), ends("OK"))
    assert [query.node for query in taken] == ["list_schemas"]


def test_transactions_are_no_queries(queries, taken):
    fire(queries, begins("BEGIN"), ends("OK"), begins("select 1"), ends("OK"), begins("COMMIT"), ends("OK"))
    assert [query.text_sha256 for query in taken] == [text_hash("select 1")]


@pytest.mark.parametrize(
    ("message", "query_id"),
    [("duckdb error: no such table", None), ("Trino query id: 7", "7"), ("Error running SQL: select 1", None)],
)
def test_a_query_that_fails_is_seen_by_the_next_at_the_latest(queries, taken, message, query_id):
    fire(queries, begins("select 1"), says(message), begins("select 2"), ends("OK"))
    assert [(query.status, query.query_id) for query in taken] == [(FAILED, query_id), (SUCCESS, None)]


def test_a_query_on_athena_has_the_id_and_the_text_that_is_sent(queries, taken):
    lines = (says("Execute: select 1"), says("Athena query a-1 started"), says("Athena query a-1 has state SUCCEEDED"))
    fire(queries, begins("\nselect 1"), *lines, ends("OK -1"))
    (query,) = taken
    assert (query.query_id, query.text_sha256, query.rows) == ("a-1", text_hash("select 1"), None)


@pytest.mark.parametrize(("state", "status"), [("SUCCEEDED", SUCCESS), ("FAILED", FAILED), ("CANCELLED", FAILED)])
def test_a_table_that_athena_makes_without_an_event_is_a_query(queries, taken, state, status):
    fire(
        queries, says("Execute: create table x"), says("Athena query a-1 started"),
        says("Athena query a-1 has state RUNNING"), says(f"Athena query a-1 has state {state}"),
    )  # fmt: skip
    (query,) = taken
    assert (query.node, query.query_id, query.status) == (NODE["unique_id"], "a-1", status)


def test_threads_do_not_mix_and_what_has_not_ended_is_unfinished(queries, taken):
    thread = threading.Thread(target=lambda: fire(queries, begins("select 1", unique_id="test.bookdebts.other")))
    fire(queries, begins("select 2"))
    thread.start()
    thread.join()
    fire(queries, ends("OK"))
    queries.close()
    queries.close()
    assert [(query.node, query.status) for query in taken] == [
        ("model.bookdebts.users", SUCCESS), ("test.bookdebts.other", UNFINISHED),
    ]  # fmt: skip


def test_a_bar_follows_the_nodes_that_dbt_has_done():
    bar = Bar("dbt: reading the project")
    progress = DbtProgress(bar)
    node = {"node_name": "users", "unique_id": "model.bookdebts.users"}
    begun, done = NodeStart(node_info=node), NodeFinished(node_info=node)
    for event in (ConcurrencyLine(num_threads=2, target_name="duckdb", node_count=3), begun, done, begun, done):
        progress.take(msg_from_base_event(event))
    assert (bar.words, bar.total, bar.done, bar.note) == ("dbt: tables and tests", 3, 2, "users")
    progress.take(msg_from_base_event(BuildingCatalog()))
    assert (bar.words, bar.total, bar.done) == ("dbt: reading the columns of all tables", None, 0)
