"""The Athena endpoint through boto3, as dbt-athena and PyAthena speak to it, with Glue and S3 beside it."""

import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.athena.endpoint.on_duckdb import DuckDB
from tests.athena.stack import WAREHOUSE_BUCKET, Account, start
from tests.s3_store import REGION


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with start(tmp_path_factory.mktemp("mirror"), DuckDB()) as running:
        running.query("create schema `shop`")
        yield running


@pytest.fixture(scope="module")
def athena(account: Account):
    return boto3.client(
        "athena", endpoint_url=account.environment["AWS_ENDPOINT_URL_ATHENA"], region_name=REGION,
        aws_access_key_id=account.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=account.environment["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def create(account: Account, table: str, query: str, partitioned_by: str = "") -> str:
    location = f"s3://{WAREHOUSE_BUCKET}/tables/{table}"
    account.query(
        f"create table shop.{table} with (table_type='hive', is_external=true, external_location='{location}', "
        f"{partitioned_by}format='parquet') as {query}"
    )
    return location


def rows(account: Account, query: str) -> list[tuple]:
    return [tuple(row.values()) for row in account.query(query).to_pylist()]


def end_of(athena, query: str) -> dict:
    started = athena.start_query_execution(QueryString=query)["QueryExecutionId"]
    while True:
        execution = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
        if execution["Status"]["State"] != "RUNNING":
            return execution


def test_a_query_is_started_and_its_rows_come_with_their_types_page_by_page(athena):
    execution = end_of(
        athena,
        "select a, cast(a as double) / 2 as half, a = 7 as is_seven, date '2026-01-31' as day, nullif(a, 7) as other, "
        "timestamp '2026-01-31 10:00:00' as moment from (values 7, 8) as t (a) order by a",
    )
    assert execution["Status"]["State"] == "SUCCEEDED"
    pages = athena.get_paginator("get_query_results").paginate(
        QueryExecutionId=execution["QueryExecutionId"], PaginationConfig={"PageSize": 2}
    )
    sets = [page["ResultSet"] for page in pages]
    assert [column["Type"] for column in sets[0]["ResultSetMetadata"]["ColumnInfo"]] == [
        "integer", "double", "boolean", "date", "integer", "timestamp",
    ]  # fmt: skip
    lines = [[datum.get("VarCharValue") for datum in row["Data"]] for found in sets for row in found["Rows"]]
    assert lines == [
        ["a", "half", "is_seven", "day", "other", "moment"],
        ["7", "3.5", "true", "2026-01-31", None, "2026-01-31 10:00:00.000"],
        ["8", "4.0", "false", "2026-01-31", "8", "2026-01-31 10:00:00.000"],
    ]


def test_a_table_as_a_query_is_parquet_below_its_location_and_an_entry_of_glue(account):
    location = create(account, "sales", "select 1 as id, cast(2.5 as double) as price, 'a' as name")
    entry = account.session.client("glue").get_table(DatabaseName="shop", Name="sales")["Table"]
    assert entry["StorageDescriptor"]["Location"] == location
    assert [(column["Name"], column["Type"]) for column in entry["StorageDescriptor"]["Columns"]] == [
        ("id", "int"), ("price", "double"), ("name", "string"),
    ]  # fmt: skip
    assert sum(key.startswith("tables/sales/") for key in account.keys(WAREHOUSE_BUCKET)) == 1
    account.query("insert into shop.sales (name, id) (select 'b', 2)")
    assert sum(key.startswith("tables/sales/") for key in account.keys(WAREHOUSE_BUCKET)) == 2
    assert rows(account, "select id, price, name from shop.sales order by id") == [(1, 2.5, "a"), (2, None, "b")]


def test_partitions_are_folders_of_s3_and_entries_of_glue(account):
    location = create(
        account, "monthly", "select * from (values (1, '2026-01'), (2, '2026-02')) as t (id, month)",
        "partitioned_by=ARRAY['month'], ",
    )  # fmt: skip
    account.query("insert into shop.monthly (id, month) (select 3, '2026-02' union all select 4, '2026-03')")
    assert rows(account, "show partitions shop.monthly") == [("month=2026-01",), ("month=2026-02",), ("month=2026-03",)]
    assert rows(account, "select sum(id) from shop.monthly where month = '2026-02'") == [(5,)]
    account.query("alter table shop.monthly drop partition (month='2026-02')")
    assert rows(account, "select id from shop.monthly order by id") == [(1,), (4,)]
    account.query("msck repair table shop.monthly")
    assert rows(account, "select count(*) from shop.monthly") == [(4,)]
    account.query(f"alter table shop.monthly add partition (month='2025-12') location '{location}/month=2026-01'")
    assert rows(account, "select month from shop.monthly where id = 1 order by month") == [("2025-12",), ("2026-01",)]


def test_more_than_100_partitions_in_one_statement_are_refused(account):
    many = "select 1 as id, cast(n as varchar) as part from unnest(sequence(1, {})) as t (n)"
    execution = account.run(
        f"create table shop.many with (table_type='hive', is_external=true, external_location='s3://{WAREHOUSE_BUCKET}/m',"
        f" partitioned_by=ARRAY['part'], format='parquet') as {many.format(101)}"
    )
    assert "TOO_MANY_OPEN_PARTITIONS" in execution.reason
    create(account, "hundred", many.format(100), "partitioned_by=ARRAY['part'], ")
    assert rows(account, "select count(*) from shop.hundred") == [(100,)]


def test_a_view_is_a_presto_view_of_glue_and_follows_what_it_reads(account):
    create(account, "base", "select 1 as id")
    account.query("create or replace view shop.below as select id, id * 2 as double_id from shop.base")
    account.query(
        'create or replace view shop.above as select sum(double_id) as total from "awsdatacatalog"."shop"."below"'
    )
    entry = account.session.client("glue").get_table(DatabaseName="shop", Name="above")["Table"]
    assert entry["TableType"] == "VIRTUAL_VIEW"
    assert entry["ViewOriginalText"].startswith("/* Presto View: ")
    assert [column["Type"] for column in entry["StorageDescriptor"]["Columns"]] == ["bigint"]
    account.query("insert into shop.base (select 10)")
    assert rows(account, "select total from shop.above") == [(22,)]


def test_a_csv_table_reads_every_value_as_text(account):
    account.session.client("s3").put_object(
        Bucket=WAREHOUSE_BUCKET, Key="csv/a.csv", Body=b'"x","y"\n"1","a ""b"", c"\n"","d"\n'
    )
    account.query(
        "create external table shop.csv (`x` string, `y` string) row format serde "
        f"'org.apache.hadoop.hive.serde2.OpenCSVSerde' location 's3://{WAREHOUSE_BUCKET}/csv' "
        "tblproperties ('skip.header.line.count'='1')"
    )
    assert rows(account, "select cast(nullif(x, '') as integer), y from shop.csv") == [(1, 'a "b", c'), (None, "d")]


def test_unload_writes_parquet_to_an_empty_place_only(account):
    unload = f"unload (select 1 as id) to 's3://{WAREHOUSE_BUCKET}/unloaded/' with (format = 'PARQUET')"
    assert account.run(unload).updated == 1
    assert sum(key.startswith("unloaded/") for key in account.keys(WAREHOUSE_BUCKET)) == 1
    assert "HIVE_PATH_ALREADY_EXISTS" in account.run(unload).reason


def test_dropping_a_table_leaves_its_objects(account):
    location = create(account, "gone", "select 1 as id")
    account.query("drop table shop.gone")
    assert (
        "HIVE_PATH_ALREADY_EXISTS"
        in account.run(
            "create table shop.gone with (table_type='hive', is_external=true, "
            f"external_location='{location}', format='parquet') as select 1 as id"
        ).reason
    )


def test_columns_can_be_added_and_their_old_rows_are_null(account):
    create(account, "grows", "select 1 as id")
    account.query("alter table `shop`.`grows` add columns (`name` string)")
    account.query("insert into shop.grows (select 2, 'b')")
    assert rows(account, "select id, name from shop.grows order by id") == [(1, None), (2, "b")]
    account.query("alter table shop.grows replace columns (id string, name string)")
    assert account.run("select id from shop.grows").state == "FAILED"  # its files have another type


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("selec 1", "SYNTAX_ERROR"),
        ("select * from shop.nowhere", "TABLE_NOT_FOUND: Table 'awsdatacatalog.shop.nowhere' does not exist"),
        ("select * from nowhere", "NOT_EMULATED"),
        ("insert into shop.typed (select 'text')", "TYPE_MISMATCH"),
        ("insert into shop.typed (select 1, 2)", "mismatched columns"),
        ("create view shop.twice as select 1 as a, 2 as a", "more than once"),
        ("create view shop.typed as select 1 as a", "TABLE_ALREADY_EXISTS"),
        ("create view missing.a as select 1 as a", "SCHEMA_NOT_FOUND"),
        ("drop view shop.typed", "no view"),
        ("delete from shop.typed where id = 1", "NOT_EMULATED"),
    ],
)
def test_a_statement_that_cannot_work_fails_with_a_sentence(account, athena, query, reason):
    if account.run("select 1 from shop.typed").state == "FAILED":
        create(account, "typed", "select 1 as id")
    status = end_of(athena, query)["Status"]
    assert status["State"] == "FAILED"
    assert reason in status["StateChangeReason"]


def test_a_statement_of_more_than_262144_bytes_and_an_unknown_operation_are_refused(athena):
    with pytest.raises(ClientError, match="262144 are the most"):
        athena.start_query_execution(QueryString="select 1 -- " + "x" * 262_144)
    with pytest.raises(ClientError, match="NOT_EMULATED"):
        athena.list_named_queries()
    with pytest.raises(ClientError, match="was not found"):
        athena.get_query_execution(QueryExecutionId="no such query")


def test_a_running_query_can_be_stopped(athena, account):
    many = "cross join unnest(sequence(1, 10000))"
    endless = f"select count(*) from (values 1) as t (n) {many} as a (x) {many} as b (y) {many} as c (z)"
    started = athena.start_query_execution(QueryString=endless)["QueryExecutionId"]
    while account.executor.executions[started].interrupt is None:
        time.sleep(0.01)
    time.sleep(0.2)
    athena.stop_query_execution(QueryExecutionId=started)
    assert account.executor.executions[started].over.wait(20)
    status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
    assert status["State"] == "CANCELLED"


def test_the_work_group_leaves_locations_to_the_client(athena):
    configuration = athena.get_work_group(WorkGroup="primary")["WorkGroup"]["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is False


def test_files_below_one_location_do_not_show_in_another_that_begins_alike(account, tmp_path: Path):
    create(account, "same", "select 1 as id")
    create(account, "same_but_longer", "select 2 as id")
    assert rows(account, "select id from shop.same") == [(1,)]


def test_information_schema_knows_the_columns_with_trinos_types(account):
    create(account, "described", "select 1 as id, 'a' as name, '2026-01' as month", "partitioned_by=ARRAY['month'], ")
    found = rows(
        account,
        "select column_name, data_type from information_schema.columns "
        "where table_schema = 'shop' and table_name = 'described' order by ordinal_position",
    )
    assert found == [("id", "integer"), ("name", "varchar"), ("month", "varchar")]
    assert "TABLE_NOT_FOUND" in account.run("select * from information_schema.tables").reason
