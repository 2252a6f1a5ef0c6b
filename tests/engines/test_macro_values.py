"""What each macro of macros/cross_db says, on every engine: nulls, edges, and each thing known to differ in silence.

What also differs but has no macro is refused in models (tests/unit/dbt_project/test_refused.py): greatest and least,
regexp_extract, split_part, concat(), safe_cast, type_float, an untyped null.
"""

import datetime as dt
import hashlib
import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.engines.conftest import DBT, ROOT, at_once
from tests.engines.trino_server import TrinoServer

# statements, not values: the parity tests run them
STATEMENTS = {
    "alter_column_type",
    "create_table_as",
    "delete_months",
    "get_catalog_relations",
    "get_incremental_append_sql",
    "has_hooks_outside_transaction",
}
# written in SQL itself, where the engines have been found to differ or agree only by a setting
PLAIN = {"division of integers", "a text and a null", "rules made of them"}

# letters of a delivered text; of two the capital is another matter
WINDOWS_1252 = "".join(
    character for character in bytes(range(0x20, 0x100)).decode("windows-1252", "ignore")
    if character.isalpha() and character not in "\u00b5\u00df"
)  # fmt: skip


def text(value: str | None) -> str:
    """A text as SQL that both engines read alike, whatever characters are in it."""
    if value is None:
        return "cast(null as varchar)"
    parts = re.findall(r"[^\x00-\x1f\\]+|[\x00-\x1f\\]", value)
    written = [f"chr({ord(part)})" if len(part) == 1 and part < " " else "'" + part + "'" for part in parts]
    return "cast(" + (" || ".join(part.replace("'''", "''''") for part in written) or "''") + " as varchar)"


def date(value: str | None) -> str:
    return "cast(null as date)" if value is None else f"date '{value}'"


def number(value: int | None) -> str:
    return "cast(null as bigint)" if value is None else f"cast({value} as bigint)"


def call(macro: str, *arguments: str) -> str:
    """A macro call in Jinja; an argument is SQL."""
    return "{{ " + macro + "(" + ", ".join(json.dumps(argument) for argument in arguments) + ") }}"


def day(value: str | None) -> dt.date | None:
    return None if value is None else dt.date.fromisoformat(value)


def over(values: list[str], aggregate: str) -> str:
    return f"(select {aggregate} from (values {', '.join(f'({value})' for value in values)}) as t (v))"


NULL_INTEGER = "cast(null as integer)"
DEFINED = {
    # macro: (type, [(SQL with the call, expected)])
    "add_days": ("date", [
        (call("add_days", date(a), n), day(b)) for a, n, b in (
            ("2024-02-28", "1", "2024-02-29"), ("2023-12-31", "1", "2024-01-01"), ("2024-03-01", "-1", "2024-02-29"),
            ("2024-01-31", "0", "2024-01-31"), ("2024-01-01", "-366", "2022-12-31"), (None, "21", None),
        )
    ] + [(call("add_days", date("2024-01-01"), NULL_INTEGER), None)]),
    "add_months": ("date", [
        (call("add_months", date(a), n), day(b)) for a, n, b in (
            ("2023-08-31", "6", "2024-02-29"), ("2022-08-31", "6", "2023-02-28"), ("2024-02-29", "12", "2025-02-28"),
            ("2024-02-29", "-12", "2023-02-28"), ("2024-03-31", "-1", "2024-02-29"), ("2024-01-31", "0", "2024-01-31"),
            ("2023-12-15", "1", "2024-01-15"), ("2024-01-15", "-15", "2022-10-15"), (None, "9", None),
        )
    ]),
    "calendar_months_between": ("bigint", [
        (call("calendar_months_between", date(a), date(b)), n) for a, b, n in (
            ("2023-01-31", "2024-01-01", 12), ("2023-01-01", "2023-01-31", 0), ("2024-01-01", "2023-11-30", -2),
            (None, "2024-01-01", None), ("2024-01-01", None, None),
        )
    ]),
    "count_where": ("bigint", [
        (over(["1", "2", NULL_INTEGER], call("count_where", "v > 1")), 1),
        (over(["1", "2", NULL_INTEGER], call("count_where", "v is null")), 1),
        (over([NULL_INTEGER], call("count_where", "v > 1")), 0),
        ("(select " + call("count_where", "v > 1") + " from (values (1)) as t (v) where v > 1)", None),
    ]),
    "date_to_text": ("varchar", [
        (call("date_to_text", date(value)), value) for value in ("2024-02-29", "0999-01-02", "9999-12-31", None)
    ]),
    "days_between": ("bigint", [
        (call("days_between", date(a), date(b)), n) for a, b, n in (
            ("2024-02-28", "2024-03-01", 2), ("2024-03-01", "2024-02-28", -2), ("2024-01-01", "2024-01-01", 0),
            (None, "2024-01-01", None), ("2024-01-01", None, None),
        )
    ]),
    "first_of_month": ("date", [
        (call("first_of_month", date(a)), day(b)) for a, b in (
            ("2024-02-29", "2024-02-01"), ("2024-02-01", "2024-02-01"), (None, None),
        )
    ]),
    "hex_to_bigint": ("bigint", [
        (call("hex_to_bigint", text(a)), n) for a, n in (
            ("0", 0), ("ff", 255), ("FF", 255), ("00000010", 16), ("ffffffff", 4294967295),
            ("fffffffffffffff", 2**60 - 1), (None, None),
        )
    ]),
    "md5_hex": ("varchar", [
        (call("md5_hex", text(a)), a if a is None else hashlib.md5(a.encode()).hexdigest())
        for a in ("", "bookdebts", "bookdebts|01234567|2024-02-29", "Zo\u00eb & S\u00f8n", None)
    ]),
    "parse_boolean": ("boolean", [
        (call("parse_boolean", text(a)), b) for a, b in (
            ("Y", True), ("N", False), ("y", None), ("yes", None), ("true", None), ("1", None), ("t", None),
            (" Y", None), ("", None), (None, None),
        )
    ]),
    "parse_date": ("date", [
        (call("parse_date", text(a)), day(b)) for a, b in (
            ("29/02/2024", "2024-02-29"), ("29/02/2023", None), ("31/04/2024", None), ("31/12/9999", "9999-12-31"),
            ("01/01/0001", "0001-01-01"), ("01/01/0000", None), ("29/02/1500", None), ("28/02/1500", "1500-02-28"),
            ("10/10/1582", "1582-10-10"), ("00/01/2024", None), ("01/00/2024", None), ("01/13/2024", None),
            ("13/01/2024", "2024-01-13"), ("1/2/2024", None), ("01/02/24", None), ("01-02-2024", None),
            ("2024-02-01", None), ("01/02/2024 ", None), ("01/02/2024 10:00", None), ("01/02/20245", None),
            ("01/02/2024\n", None), ("", None), (None, None),
        )
    ]),
    "parse_decimal_number": ("double", [
        (call("parse_decimal_number", text(a)), b) for a, b in (
            ("12", 12.0), ("-12.50", -12.5), (".5", 0.5), ("-.5", -0.5), ("5.", 5.0), ("0000.1", 0.1),
            ("123456789012345.678", 123456789012345.678), ("1234567890123456", None), ("1e5", None), ("1E5", None),
            ("1_000", None), ("1,000", None), ("+1", None), ("NaN", None), ("Infinity", None), ("-", None), (".", None),
            ("--1", None), ("1.2.3", None), (" 1", None), ("1 ", None), ("0x10", None), ("\u0663", None), ("1\n", None),
            ("", None), (None, None), ("0.1000000000000000055511151231257827", 0.1),
        )
    ]),
    "parse_whole_number": ("bigint", [
        (call("parse_whole_number", text(a), "bigint"), b) for a, b in (
            ("0", 0), ("-0", 0), ("007", 7), ("-12", -12), ("9223372036854775807", 2**63 - 1),
            ("-9223372036854775808", -(2**63)), ("9223372036854775808", None), ("1_000", None), ("1e3", None),
            ("16.5", None), ("16.0", None), ("1,000", None), ("+1", None), ("--1", None), ("-", None), (" 1", None),
            ("1 ", None), ("0x10", None), ("\u0663", None), ("1\n", None), ("", None), (None, None),
        )
    ]),
    "parse_whole_number as an integer": ("integer", [
        (call("parse_whole_number", text(a), "integer"), b) for a, b in (
            ("2147483647", 2**31 - 1), ("2147483648", None), ("-2147483648", -(2**31)), ("-2147483649", None),
        )
    ]),
    "ratio": ("double", [
        (call("ratio", number(a), number(b)), c) for a, b, c in (
            (7, 2, 3.5), (-7, 2, -3.5), (1, 3, 1 / 3), (1, 0, None), (0, 0, None), (0, 5, 0.0), (None, 2, None),
            (2, None, None), (2**53 + 1, 1, float(2**53)),
        )
    ]),
    "regexp_matches": ("boolean", [
        (call("regexp_matches", text(a), pattern), b) for a, pattern, b in (
            ("AB123", "^[A-Z]{2}[0-9]+$", True), ("xAB123", "[A-Z]{2}", True), ("ab", "^[A-Z]+$", False),
            ("", "^$", True), ("12345678", "^[A-Z0-9]{8}$", True), ("123456789", "^[A-Z0-9]{8}$", False),
            ("a", "^\\p{L}$", True), ("\u00e9", "^\\p{L}$", True), ("a\x01b", "\\p{Cc}", True), (None, "a", None),
            ("12345678\n", "^[A-Z0-9]{8}$", False), ("a\nb", "^b", False), ("a\nb", "a.b", False),
        )
    ]),
    "regexp_replace_all": ("varchar", [
        (call("regexp_replace_all", text(a), pattern, b), c) for a, pattern, b, c in (
            ("a-b-c", "-", " ", "a b c"), ("abc", "x", "y", "abc"), ("", "a", "b", ""), ("aaa", "a+", "b", "b"),
            ("a  b\tc\u00a0d", "[\\p{Cc}\\p{Z}]+", " ", "a b c d"), ("Zo\u00eb&S\u00f8n", "[^\\p{L}\\p{Nd}]+", " ",
            "Zo\u00eb S\u00f8n"), ("A LIMITED LTD", "( (LIMITED|LTD))+$", "", "A"), (None, "a", "b", None),
            ("X AS AGENT FOR Y", " AS (SECURITY TRUSTEE|TRUSTEE|AGENT).*$", "", "X"),
        )
    ]),
    "sum_of_counts": ("bigint", [
        (over(["1", "2", NULL_INTEGER], call("sum_of_counts", "v")), 3),
        (over(["2147483647", "2147483647"], call("sum_of_counts", "v")), 2 * (2**31 - 1)),
        (over([NULL_INTEGER], call("sum_of_counts", "v")), None),
    ]),
    "trimmed": ("varchar", [
        (call("trimmed", text(a)), b) for a, b in (
            (" a ", "a"), ("a  b", "a  b"), ("   ", None), ("", None), (None, None),
            ("\t\r\n\x0b\x0c a\x1c\x1d\x1e\x1f", "a"),
            ("\t", None), ("\u2003a\u3000", "a"), ("\u00a0a", "\u00a0a"), ("a\x00", "a\x00"),
            ("a", "a"), ("~ !", "~ !"), ("a\n", "a"), ("a\x7f", "a\x7f"), ("a\u3000", "a"), ("\u00e9 ", "\u00e9"),
        )
    ]),
    "upper_case": ("varchar", [
        (call("upper_case", text(a)), b) for a, b in (
            ("abc", "ABC"), (WINDOWS_1252, WINDOWS_1252.upper()), ("stra\u00dfe", "STRA\u00dfE"), ("\u00b5", "\u039c"),
            (None, None),
        )
    ]),
    "whole_text_pattern": ("boolean", [
        (f"'{call('whole_text_pattern', pattern)}' = '{written}'", True)
        for pattern, written in (("^a$", r"^a\z"), ("^a", "^a"), ("a|$b", "a|$b"))
    ] + [(call("regexp_matches", text(None), "^a$"), None)]),
    "division of integers": ("integer", [("7 / 2", 3), ("-7 / 2", -3), ("cast(null as integer) / 2", None)]),
    "a text and a null": ("varchar", [(f"cast('a' || {text(None)} as varchar)", None), (f"'a' || {text('')}", "a")]),
    "rules made of them": ("varchar", [
        (call("normalised_name", text(a)), b) for a, b in (
            ("  Alpha & Co. Ltd ", "ALPHA AND CO LIMITED"), ("Z\u00f6e-B\u00e9 Plc", "Z\u00d6E B\u00c9 PLC"),
            ("Beta Bank as Security Trustee for X", "BETA BANK"), (None, None),
            ("Gamma\u00a0\u2013 Ltd", "GAMMA LIMITED"), ("Stra\u00dfe Ltd", "STRA\u00dfE LIMITED"),
        )
    ]),
}  # fmt: skip
CASES = [(macro, type_, sql, expected) for macro, (type_, cases) in DEFINED.items() for sql, expected in cases]


def compiled(target: str, folder: Path) -> str:
    """One query of all cases, a column each, as dbt writes it for an engine."""
    query = "select\n" + ",\n".join(f"    {sql} as c{place}" for place, (_, _, sql, _) in enumerate(CASES))
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", "compile", "--inline", query, "--output", "json",
         "--no-introspect", "--no-populate-cache", "--target", target, "--target-path", folder, *DBT],
        cwd=ROOT, env=os.environ | {"WAREHOUSE": ":memory:"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return str(json.loads(done.stdout[done.stdout.index("{") :])["compiled"])


@pytest.fixture(scope="module")
def found(server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, Any]]]:
    """Type and value of every case, by engine."""
    for_duckdb, for_trino = at_once(
        *(partial(compiled, target, tmp_path_factory.mktemp(target)) for target in ("duckdb", "trino"))
    )
    with duckdb.connect() as connection:
        connection.execute("set integer_division = true")
        on_duckdb = connection.execute(for_duckdb)
        names = [str(column[1]).lower() for column in on_duckdb.description or []]
        answers = {"duckdb": list(zip(names, on_duckdb.fetchall()[0], strict=True))}
    cursor = server.connection().cursor()
    cursor.execute(for_trino)
    (row,) = cursor.fetchall()
    types = [column[1].partition("(")[0] for column in cursor.description]
    return answers | {"trino": list(zip(types, row, strict=True))}


@pytest.mark.parametrize("engine", ["duckdb", "trino"])
def test_every_macro_gives_the_expected_value_and_type(found: dict[str, list[tuple[str, Any]]], engine: str) -> None:
    names = {"number": "double", "string": "varchar"}
    wrong = [
        f"{sql}: {value!r} of type {type_}, not {expected!r} of type {expected_type}"
        for (_, expected_type, sql, expected), (type_, value) in zip(CASES, found[engine], strict=True)
        if (names.get(type_, type_), value) != (expected_type, expected)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_macro_of_an_engine_has_values_with_a_null_among_them() -> None:
    macros = {path.stem for path in (ROOT / "macros/cross_db").glob("*.sql")} - STATEMENTS
    assert macros == {macro.partition(" as ")[0] for macro in DEFINED} - PLAIN
    assert all(any(value is None for _, value in DEFINED[macro][1]) for macro in macros)
