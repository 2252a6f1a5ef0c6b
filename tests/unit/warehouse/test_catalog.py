from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.catalog import ExternalTable, literal, quoted, register

TABLE = ExternalTable(
    "raw",
    "ci01",
    (("code", "varchar"), ("line_number", "bigint"), ("snapshot_month", "varchar")),
    "snapshot_month",
    Path("ci01"),
)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def parquet(folder: Path, month: str, query: str) -> Path:
    path = folder / f"snapshot_month={month}" / "CI01.parquet"
    path.parent.mkdir(parents=True)
    duckdb.sql(query).write_parquet(str(path))
    return path


def test_a_relation_without_files_is_empty_and_typed(connection: duckdb.DuckDBPyConnection) -> None:
    register(connection, TABLE, [])
    described = connection.execute("describe raw.ci01").fetchall()
    assert [(row[0], row[1].lower()) for row in described] == list(TABLE.columns)
    assert connection.execute("select count(*) from raw.ci01").fetchone() == (0,)


def test_a_relation_has_exactly_the_rows_of_its_files(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    september = parquet(tmp_path, "2026-09", "select 'A' as code, 2::bigint as line_number")
    parquet(tmp_path, "2026-10", "select 'not registered' as code, 2::bigint as line_number")
    register(connection, TABLE, [september])
    assert connection.execute("select * from raw.ci01").fetchall() == [("A", 2, "2026-09")]


def test_a_column_that_a_file_lacks_is_null(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    old = parquet(tmp_path, "2026-09", "select 2::bigint as line_number")
    new = parquet(tmp_path, "2026-10", "select 'B' as code, 3::bigint as line_number, 'extra' as gone")
    register(connection, TABLE, [old])
    assert connection.execute("select * from raw.ci01").fetchall() == [(None, 2, "2026-09")]
    register(connection, TABLE, [new, old])
    assert connection.execute("select * from raw.ci01 order by line_number").fetchall() == [
        (None, 2, "2026-09"),
        ("B", 3, "2026-10"),
    ]


def test_paths_with_quotes_and_signs_are_read(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = parquet(tmp_path / "it's a=b [x]", "2026-09", "select 'A' as code, 2::bigint as line_number")
    register(connection, TABLE, [path])
    assert connection.execute("select * from raw.ci01").fetchall() == [("A", 2, "2026-09")]


@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_literals_and_identifiers_mean_what_they_hold(text: str) -> None:
    assert duckdb.sql(f"select {literal(text)} as x").fetchall() == [(text,)]
    if text:
        assert duckdb.sql(f"select 1 as {quoted(text)}").columns == [text]
