"""What design.md forbids in the SQL of this project, because engines refuse it or read it differently.

Two kinds of SQL are looked at. What dbt compiled is looked at for what no engine but one knows. What a person wrote, in
a model, a data test or a macro outside `macros/cross_db`, is looked at for functions that every engine knows and
understands differently: those belong in a macro of `macros/cross_db`.
"""

import re
from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp

UNKNOWN_ELSEWHERE = {
    "QUALIFY": r"\bqualify\b",
    "ASOF": r"\basof\b",
    "::": r"::",
    "a list or struct": r"[\[\]{}]|\b(?:array|list|map|row|struct|unnest)\s*\(|\b(?:array|list|map|struct)_\w+\s*\(",
    "IGNORE NULLS": r"\b(?:ignore|respect)\s+nulls\b",
    "TABLESAMPLE": r"\btablesample\b|\busing\s+sample\b",
    "group by all": r"\b(?:group|order)\s+by\s+all\b",
    "a star with exclude or replace": r"\*\s*(?:exclude|except|replace|rename)\b|\bcolumns\s*\(",
    "distinct on": r"\bdistinct\s+on\b",
    "a join of one engine": r"\b(?:anti|positional|semi)\s+join\b",
    "an operator of one engine": r"//|\*\*|==|!~|(?<![|~])~",
    "ilike": r"\bilike\b|\bsimilar\s+to\b|\bglob\b",
    "a file as a table": r"\bread_(?:csv|json|parquet)\w*\s*\(",
    "an untyped null": r"(?:,|\bselect)\s+null\s+as\b",
    "the clock or chance": r"\b(?:current_date|current_timestamp|localtimestamp|now|today|random|rand|uuid)\b",
}

DIFFERENT_ELSEWHERE = {
    "greatest or least": r"\b(?:greatest|least)\s*\(",
    "concat": r"\bconcat(?:_ws)?\s*\(",
    "a regular expression": r"\bregexp_\w+\s*\(",
    "split_part": r"\bsplit_part\s*\(",
    "try_cast": r"\b(?:try_cast|try|safe_cast)\s*\(",
    "date arithmetic": r"\binterval\b|\bdate_?(?:add|diff|sub|part|trunc)\s*\(|\bto_(?:days|months|years)\s*\("
                       r"|\b(?:age|last_day)\s*\(",
    "a date as text": r"\b(?:date_format|date_parse|strftime|strptime|try_strptime)\s*\(",
    "a hash or number base": r"\b(?:from_base|hash|md5|sha1|sha256|to_hex|to_utf8)\s*\(",
    "an engine's own type": r"\b(?:as|try_cast)\s+(?:float|float8|hugeint|int4|int8|real|string|text|ubigint)\b",
    "target.type": r"\btarget\.type\b",
    "dbt's own cross-database macros": r"\bdbt\.\w+|\btype_(?:float|int|string|timestamp)\s*\(",
}  # fmt: skip

# DuckDB's sum of integers is a 128-bit number; that matters where it is stored
STORED_DIFFERENTLY = {"an integer sum without a cast": r"(?<!cast\()\bsum\s*\("}

JINJA = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}|\{#.*?#\}", re.DOTALL)
JINJA_TEXT = re.compile(r"\"([^\"]*)\"|'([^']*)'")


def _bare(sql: str) -> str:
    """SQL without its comments and the content of its text literals."""
    sql = re.sub(r"/\*.*?\*/|--[^\n]*", " ", sql, flags=re.DOTALL)
    return re.sub(r"(?:\be)?'(?:[^']|'')*'", "''", sql)


def _found(rules: dict[str, str], sql: str) -> list[str]:
    return [name for name, pattern in rules.items() if re.search(pattern, sql, re.IGNORECASE)]


def _lateral_aliases(sql: str) -> Iterator[str]:
    """Names that a select makes and reads itself: DuckDB looks them up, Trino refuses them."""
    for select in sqlglot.parse_one(sql, dialect="duckdb").find_all(exp.Select):
        # where the expression reads a column of that name, there is one, and every engine takes the column
        made = {
            item.alias: item
            for item in select.expressions
            if isinstance(item, exp.Alias) and item.alias not in {column.name for column in item.find_all(exp.Column)}
        }
        for reader in [*select.expressions, *(select.args.get(part) for part in ("where", "group", "having"))]:
            for column in reader.find_all(exp.Column) if reader else ():
                own = made.get(column.name, reader)
                if own is not reader and not column.table and column.parent_select is select:
                    yield column.name


def refused_in_compiled(sql: str) -> list[str]:
    """What of the compiled SQL of a model or data test only one engine knows."""
    found = _found(UNKNOWN_ELSEWHERE, _bare(sql))
    return found or (["a lateral column alias"] if any(_lateral_aliases(sql)) else [])


def refused_in_written(source: str, is_stored: bool = True) -> list[str]:
    """What of the SQL as written, with Jinja, engines read differently; data tests do not store what they find."""
    in_jinja: list[str] = []

    def without(match: re.Match[str]) -> str:
        code = match[1] or match[2] or ""
        in_jinja.extend(first or second for first, second in JINJA_TEXT.findall(code))
        in_jinja.extend(re.findall(DIFFERENT_ELSEWHERE["target.type"], code))
        in_jinja.extend(f"{name} " for name in re.findall(DIFFERENT_ELSEWHERE["dbt's own cross-database macros"], code))
        return "jinja"

    sql = _bare(JINJA.sub(without, source))
    rules = DIFFERENT_ELSEWHERE | (STORED_DIFFERENTLY if is_stored else {})
    return _found(rules, "\n".join([sql, *in_jinja]))


# Athena's: only the profile says where tables lie, each under a name that no other had before.
PLACES = ("external_location", "s3_data_dir", "s3_data_naming", "s3_tmp_table_dir")


def refused_in_configuration(node: dict[str, Any]) -> list[str]:
    """What of a node's configuration differs or fails between the engines."""
    config = node.get("config", {})
    columns = node.get("columns", {}).values()
    meta = config.get("meta", {}) | node.get("meta", {}) | node.get("source_meta", {})
    reasons = {
        "a snapshot": node["resource_type"] == "snapshot",
        "constraints": bool(node.get("constraints")) or any(column.get("constraints") for column in columns),
        "microbatch": config.get("incremental_strategy") == "microbatch",
        "a Python model": node.get("language") == "python",
        "a dbt package": node["package_name"] != "bookdebts",
        "external_location": "external_location" in meta or config.get("materialized") == "external",
        "a place of its own": any(config.get(place) for place in PLACES),
    }
    return [reason for reason, applies in reasons.items() if applies]
