"""Nothing in the project that design.md forbids, and proof that each forbidden thing would be seen."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.dbt_project.refused import (
    DIFFERENT_ELSEWHERE,
    STORED_DIFFERENTLY,
    UNKNOWN_ELSEWHERE,
    refused_in_compiled,
    refused_in_configuration,
    refused_in_written,
)

ROOT = Path(__file__).resolve().parents[3]

COMPILED = [
    ("QUALIFY", "select a from t qualify row_number() over (order by a) = 1"),
    ("ASOF", "select a from t asof join u on t.d >= u.d"),
    ("::", "select a::date from t"),
    ("a list or struct", "select [1, 2] as a"),
    ("a list or struct", "select a[1] from t"),
    ("a list or struct", "select {'x': 1} as a"),
    ("a list or struct", "select list(a) from t"),
    ("a list or struct", "select array_agg(a) from t"),
    ("a list or struct", "select struct_pack(x := a) from t"),
    ("a list or struct", "select unnest(a) from t"),
    ("IGNORE NULLS", "select last_value(a ignore nulls) over (order by b) from t"),
    ("TABLESAMPLE", "select a from t tablesample 10 percent"),
    ("TABLESAMPLE", "select a from t using sample 10"),
    ("group by all", "select a, count(*) from t\ngroup by all"),
    ("group by all", "select a from t order by all"),
    ("a star with exclude or replace", "select * exclude (a) from t"),
    ("a star with exclude or replace", "select max(columns(*)) from t"),
    ("distinct on", "select distinct on (a) a, b from t"),
    ("a join of one engine", "select a from t anti join u on t.a = u.a"),
    ("an operator of one engine", "select a // b from t"),
    ("an operator of one engine", "select a ** 2 from t"),
    ("an operator of one engine", "select a from t where a ~ 'x'"),
    ("ilike", "select a from t where a ilike 'x'"),
    ("a file as a table", "select a from read_parquet('x')"),
    ("an untyped null", "select a, null as b from t"),
    ("an untyped null", "select null as b"),
    ("the clock or chance", "select current_date as a"),
    ("the clock or chance", "select a from t order by random()"),
    ("a lateral column alias", "select a + 1 as b, b * 2 as c from t"),
    ("a lateral column alias", "select a + 1 as b from t where b > 2"),
    ("a lateral column alias", "select upper(a) as b, count(*) as n from t group by b"),
    ("a lateral column alias", "select a, count(*) as n from t group by a having n > 1"),
    ("a lateral column alias", "with x as (select a + 1 as b, b * 2 as c from t) select b from x"),
]

WRITTEN = [
    ("greatest or least", "select greatest(a, b) from t"),
    ("greatest or least", "select least (a, b) from t"),
    ("concat", "select concat(a, b) from t"),
    ("a regular expression", "select regexp_replace(a, 'x', 'y') from t"),
    ("a regular expression", "select regexp_extract(a, 'x') from t"),
    ("a regular expression", """{% set x = "regexp_replace(" ~ name ~ ", 'x', 'y')" %}"""),
    ("split_part", "select split_part(a, ' ', 1) from t"),
    ("try_cast", "select try_cast(a as integer) from t"),
    ("date arithmetic", "select a + interval 1 month from t"),
    ("date arithmetic", "select a - interval '1' day from t"),
    ("date arithmetic", "select date_add('day', 1, a) from t"),
    ("date arithmetic", "select date_diff('day', a, b) from t"),
    ("date arithmetic", "select date_trunc('month', a) from t"),
    ("date arithmetic", "select a + to_days(3) from t"),
    ("a date as text", "select strftime(a, '%Y') from t"),
    ("a hash or number base", "select md5(a) from t"),
    ("an integer sum without a cast", "select sum(a) as b from t"),
    ("an engine's own type", "select cast(a as hugeint) from t"),
    ("an engine's own type", "select cast(a as float) from t"),
    ("target.type", "{% if target.type == 'duckdb' %} a {% endif %}"),
    ("dbt's own cross-database macros", "select {{ dbt.safe_cast('a', 'integer') }} from t"),
    ("dbt's own cross-database macros", "select cast(a as {{ type_float() }}) from t"),
]

ALLOWED = [
    "select 'a [list] :: of QUALIFY' as b from t -- group by all",
    "select cast(sum(a) as bigint) as b, count(*) as n from t group by c order by n",
    "select t.a + 1 as a, t.a * 2 as c from t",
    "select a, b as c from t where a > 1 group by a, b having count(*) > 1",
    "select a, max(b) as b from t group by a having max(b) > 1",
    "select cast(null as varchar) as a from t",
    "with x as (select a + 1 as b from t) select b * 2 as c from x where b > 1",
    "select a || b as c from t where a <> b and a like 'x%'",
]

ALLOWED_WRITTEN = [
    "select {{ add_months('a', 9) }}, {{ regexp_matches('a', '^x$') }}, {{ sum_of_counts('a') }} from t",
    "{#- greatest(a, b) is not for us -#} select a from t -- nor split_part(a)",
    "select 'concat(a) to the interval' as a from t",
    """{% set columns = ['a', 'b'] %} select {{ columns | join(', ') }} from {{ ref('t') }}""",
]

MODEL = {"resource_type": "model", "package_name": "bookdebts", "language": "sql", "config": {}, "columns": {}}

CONFIGURED = [
    ("a snapshot", {"resource_type": "snapshot"}),
    ("constraints", {"constraints": [{"type": "primary_key", "columns": ["a"]}]}),
    ("constraints", {"columns": {"a": {"name": "a", "constraints": [{"type": "not_null"}]}}}),
    ("microbatch", {"config": {"incremental_strategy": "microbatch"}}),
    ("a Python model", {"language": "python"}),
    ("a dbt package", {"package_name": "dbt_utils"}),
    ("external_location", {"resource_type": "source", "source_meta": {"external_location": "x/*.parquet"}}),
    ("external_location", {"resource_type": "source", "config": {"meta": {"external_location": "x/*.parquet"}}}),
    ("external_location", {"config": {"materialized": "external"}}),
    ("a place of its own", {"config": {"external_location": "s3://bucket/table"}}),
    ("a place of its own", {"config": {"s3_data_naming": "table"}}),
]


@pytest.mark.parametrize(("reason", "sql"), COMPILED)
def test_what_one_engine_knows_is_seen(reason: str, sql: str) -> None:
    assert refused_in_compiled(sql) == [reason]


@pytest.mark.parametrize(("reason", "sql"), WRITTEN)
def test_what_engines_read_differently_is_seen(reason: str, sql: str) -> None:
    assert refused_in_written(sql) == [reason]


@pytest.mark.parametrize(("reason", "configured"), CONFIGURED)
def test_refused_configuration_is_seen(reason: str, configured: dict[str, Any]) -> None:
    assert refused_in_configuration(MODEL | configured) == [reason]


def test_every_rule_has_something_that_it_sees() -> None:
    assert {reason for reason, _ in COMPILED} == {*UNKNOWN_ELSEWHERE, "a lateral column alias"}
    assert {reason for reason, _ in WRITTEN} == {*DIFFERENT_ELSEWHERE, *STORED_DIFFERENTLY}


@pytest.mark.parametrize("sql", ALLOWED)
def test_plain_sql_is_allowed(sql: str) -> None:
    assert not refused_in_compiled(sql)
    assert not refused_in_written(sql)


@pytest.mark.parametrize("source", ALLOWED_WRITTEN)
def test_plain_sql_with_jinja_is_allowed(source: str) -> None:
    assert not refused_in_written(source)


def test_models_and_data_tests_compile_to_nothing_that_only_one_engine_knows(manifest: dict[str, Any]) -> None:
    compiled = [node for node in manifest["nodes"].values() if node["resource_type"] in {"model", "test"}]
    assert all(node["compiled_code"] for node in compiled)
    assert not [(node["name"], found) for node in compiled if (found := refused_in_compiled(node["compiled_code"]))]


def test_what_engines_read_differently_is_only_in_macros_of_cross_db(models: list[dict[str, Any]]) -> None:
    found = {node["name"]: refused_in_written(node["raw_code"]) for node in models}
    for path in [*(ROOT / "tests/dbt").rglob("*.sql"), *(ROOT / "macros").rglob("*.sql")]:
        if path.parent.name != "cross_db":
            found[path.name] = refused_in_written(path.read_text(encoding="utf-8"), is_stored=False)
    assert not {name: reasons for name, reasons in found.items() if reasons}


def test_only_macros_of_cross_db_choose_by_engine() -> None:
    assert not [
        str(path.relative_to(ROOT))
        for folder in ("dbt_project/models", "macros", "tests/dbt")
        for path in (ROOT / folder).rglob("*.sql")
        if path.parent.name != "cross_db" and "adapter." in path.read_text(encoding="utf-8")
    ]


def test_nothing_is_configured_that_differs_or_fails_between_the_engines(manifest: dict[str, Any]) -> None:
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    assert not [(node["name"], found) for node in nodes if (found := refused_in_configuration(node))]
    assert not [name for name in ("packages.yml", "dependencies.yml") if (ROOT / "dbt_project" / name).exists()]
