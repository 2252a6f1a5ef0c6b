"""What the Athena endpoint makes of a statement, before it touches anything."""

import pytest

from tests.athena.endpoint.backend import Column
from tests.athena.endpoint.failures import QueryFailedError
from tests.athena.endpoint.statements import (
    AddPartitions,
    ChangeColumns,
    CreateExternalTable,
    CreateSchema,
    CreateTableAs,
    CreateView,
    Drop,
    DropPartitions,
    DropSchema,
    Insert,
    Name,
    Query,
    RepairTable,
    SetTableProperties,
    ShowPartitions,
    Unload,
    parse,
)

LOCATION = "s3://warehouse/tables/marts/users/1"
HIVE_PARQUET = f"table_type='hive', is_external=true, external_location='{LOCATION}', format='parquet'"


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("-- /* a comment of dbt */\nselect 1 as one;", Query("select 1 as one")),
        ("with a as (select 1 as b) select * from a", Query("with a as (select 1 as b) select * from a")),
        ("(select 1) union all (select 2)", Query("(select 1) union all (select 2)")),
        (
            f'create table "awsdatacatalog"."marts"."users"\nwith ({HIVE_PARQUET})\nas\nselect (1) as a',
            CreateTableAs(Name("marts", "users"), LOCATION, (), "select (1) as a"),
        ),
        (
            f"create table marts.users with (partitioned_by=ARRAY['y', 'm'], {HIVE_PARQUET}) as select * from a.b",
            CreateTableAs(Name("marts", "users"), LOCATION, ("y", "m"), "select * from a.b"),
        ),
        (
            'insert into "awsdatacatalog"."marts"."users" ("a", "b")\n(select "a", "b" from marts.others)',
            Insert(Name("marts", "users"), ("a", "b"), '(select "a", "b" from marts.others)'),
        ),
        (
            "create or replace view marts.v as select 'as (' as a",
            CreateView(Name("marts", "v"), True, "select 'as (' as a"),
        ),
        (
            "UNLOAD (select f(a) from b.c where (x))\nTO 's3://out/1/' WITH (format = 'PARQUET', compression = 'ZSTD')",
            Unload("s3://out/1/", "select f(a) from b.c where (x)"),
        ),
        ("create schema if not exists `marts`", CreateSchema("marts", True)),
        ("drop schema if exists `marts` cascade", DropSchema("marts", True, True)),
        ("drop table if exists `marts`.`users`", Drop(Name("marts", "users"), False, True)),
        ("drop view marts.v", Drop(Name("marts", "v"), True, False)),
        (
            "create external table `seeds`.`a__dbt_tmp` (`x` string,`y` decimal(10, 2)) "
            "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde' location 's3://w/a' "
            "tblproperties ('skip.header.line.count'='1')",
            CreateExternalTable(
                Name("seeds", "a__dbt_tmp"), False, (Column("x", "string"), Column("y", "decimal(10, 2)")), (),
                "s3://w/a", "csv", {"skip.header.line.count": "1"},
            ),
        ),
        (
            "create external table if not exists raw.a (x string) partitioned by (m string) stored as parquet "
            "location 's3://w/a'",
            CreateExternalTable(
                Name("raw", "a"), True, (Column("x", "string"),), (Column("m", "string"),), "s3://w/a", "parquet", {}
            ),
        ),
        (
            "alter table `raw`.`a` add if not exists partition (m='1') location 's3://x/y' partition (m='2')",
            AddPartitions(Name("raw", "a"), True, ((("1",), "s3://x/y"), (("2",), None))),
        ),
        (
            "alter table raw.a drop partition (m='1'), partition (m='2')",
            DropPartitions(Name("raw", "a"), False, (("1",), ("2",))),
        ),
        ("msck repair table raw.a", RepairTable(Name("raw", "a"))),
        ("show partitions raw.a", ShowPartitions(Name("raw", "a"))),
        (
            "alter table `raw`.`a` set tblproperties ('classification' = 'parquet')",
            SetTableProperties(Name("raw", "a"), {"classification": "parquet"}),
        ),
        (
            "alter table `raw`.`a` replace columns (`x` string, `y` int)",
            ChangeColumns(Name("raw", "a"), (Column("x", "string"), Column("y", "int")), True),
        ),
    ],
)  # fmt: skip
def test_a_statement_is_understood(text, statement):
    assert parse(text) == statement


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("selec 1", "SYNTAX_ERROR: line 1:0"),
        ("select a from b.c qualify row_number() over () = 1", "SYNTAX_ERROR"),
        ("select '1'::integer", "SYNTAX_ERROR"),
        ("select * exclude (a) from b.c", "SYNTAX_ERROR"),
        ("unload (selec 1) to 's3://a/b' with (format = 'PARQUET')", "SYNTAX_ERROR"),
        ("unload (select 1) to 's3://a/b' with (format = 'ORC')", "NOT_EMULATED"),
        ("delete from marts.users where a = 1", "NOT_EMULATED"),
        ("merge into a.b using a.c on (x = y) when matched then delete", "NOT_EMULATED"),
        ("drop table marts.users purge", "SYNTAX_ERROR"),
        ("explain select 1", "NOT_EMULATED"),
        ("select 1; drop table marts.users", "SYNTAX_ERROR"),
        ("create table marts.users as select 1 as a", "NOT_EMULATED"),
        (f"create table marts.users with ({HIVE_PARQUET}, bucket_count=2) as select 1 as a", "bucket_count"),
        (f"create table marts.users with ({HIVE_PARQUET.replace('hive', 'iceberg')}) as select 1 as a", "table_type"),
        ("create external table a.b (c string) stored as orc location 's3://w/a'", "NOT_EMULATED"),
        ("create table other.marts.users as select 1 as a", "other"),
        ("vacuum marts.users", "SYNTAX_ERROR"),
        ("alter table marts.users drop partition (month > '2026-01')", "NOT_EMULATED"),
    ],
)
def test_what_is_not_sql_or_not_emulated_is_refused_in_a_sentence(text, reason):
    with pytest.raises(QueryFailedError, match=reason):
        parse(text)
