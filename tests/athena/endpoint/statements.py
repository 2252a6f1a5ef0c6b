"""What a statement is. Queries are Trino's SQL, DDL is partly Trino's and partly Hive's, and Athena takes both."""

import re
from dataclasses import dataclass, field

from tests.athena.endpoint.backend import Column
from tests.athena.endpoint.failures import QueryFailedError, not_emulated
from tests.athena.endpoint.grammar import check


@dataclass(frozen=True)
class Name:
    """A table, view or, without name, a schema."""

    schema: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Query:
    sql: str


@dataclass(frozen=True)
class CreateTableAs:
    table: Name
    location: str
    partitioned_by: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Insert:
    table: Name
    columns: tuple[str, ...]
    sql: str


@dataclass(frozen=True)
class Unload:
    location: str
    sql: str


@dataclass(frozen=True)
class CreateView:
    view: Name
    or_replace: bool
    sql: str


@dataclass(frozen=True)
class CreateSchema:
    schema: str
    if_not_exists: bool


@dataclass(frozen=True)
class DropSchema:
    schema: str
    if_exists: bool
    cascade: bool


@dataclass(frozen=True)
class CreateExternalTable:
    table: Name
    if_not_exists: bool
    columns: tuple[Column, ...]
    partition_columns: tuple[Column, ...]
    location: str
    format: str
    properties: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class Drop:
    relation: Name
    is_view: bool
    if_exists: bool


@dataclass(frozen=True)
class AddPartitions:
    table: Name
    if_not_exists: bool
    partitions: tuple[tuple[tuple[str, ...], str | None], ...]


@dataclass(frozen=True)
class DropPartitions:
    table: Name
    if_exists: bool
    partitions: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class RepairTable:
    table: Name


@dataclass(frozen=True)
class ShowPartitions:
    table: Name


@dataclass(frozen=True)
class SetTableProperties:
    table: Name
    properties: dict[str, str] = field(hash=False)


@dataclass(frozen=True)
class ChangeColumns:
    """New columns behind the others, or, if `replace`, instead of them; the files stay as they are."""

    table: Name
    columns: tuple[Column, ...]
    replace: bool


Statement = (
    Query | CreateTableAs | Insert | Unload | CreateView | CreateSchema | DropSchema | CreateExternalTable | Drop
    | AddPartitions | DropPartitions | RepairTable | ShowPartitions | SetTableProperties | ChangeColumns
)  # fmt: skip

CTAS_PROPERTIES = {"table_type", "is_external", "external_location", "partitioned_by", "format", "write_compression"}
UNLOAD_PROPERTIES = {"format", "compression"}
CATALOG = "awsdatacatalog"
FLAGS = re.IGNORECASE | re.DOTALL | re.VERBOSE
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"

IDENTIFIER = r"""(?:`[^`]+`|"[^"]+"|[A-Za-z_][A-Za-z0-9_]*)"""
NAME = rf"(?P<name>(?:{IDENTIFIER}\s*\.\s*){{1,2}}{IDENTIFIER})"
SCHEMA = rf"(?P<schema>{IDENTIFIER})"
WITHIN = r"(?:[^()]|\([^()]*\))*"  # what stands in brackets: decimal(10, 2) has some of its own
# Hive's statements, each as a whole: one that says more than this is not emulated.
HIVE = {
    "create schema": rf"create\s+(?:schema|database)\s+(?P<exists>if\s+not\s+exists\s+)?{SCHEMA}",
    "drop schema": rf"drop\s+(?:schema|database)\s+(?P<exists>if\s+exists\s+)?{SCHEMA}(?P<cascade>\s+cascade)?",
    "create external table": rf"""
        create\s+external\s+table\s+(?P<exists>if\s+not\s+exists\s+)?{NAME}\s*\((?P<columns>{WITHIN})\)
        (?:\s*partitioned\s+by\s*\((?P<partitions>{WITHIN})\))?
        (?:\s*row\s+format\s+serde\s+'(?P<serde>[^']*)')?
        (?:\s*stored\s+as\s+(?P<format>\w+))?
        \s*location\s+'(?P<location>[^']*)'
        (?:\s*tblproperties\s*\((?P<properties>[^)]*)\))?""",
    "drop table": rf"drop\s+(?P<kind>table|view)\s+(?P<exists>if\s+exists\s+)?{NAME}",
    "add partitions": rf"alter\s+table\s+{NAME}\s+add\s+(?P<exists>if\s+not\s+exists\s+)?(?P<specs>partition.*)",
    "drop partitions": rf"alter\s+table\s+{NAME}\s+drop\s+(?P<exists>if\s+exists\s+)?(?P<specs>partition.*)",
    "repair table": rf"msck\s+repair\s+table\s+{NAME}",
    "show partitions": rf"show\s+partitions\s+{NAME}",
    "set properties": rf"alter\s+table\s+{NAME}\s+set\s+tblproperties\s*\((?P<properties>[^)]*)\)",
    "change columns": rf"alter\s+table\s+{NAME}\s+(?P<verb>add|replace)\s+columns\s*\((?P<columns>{WITHIN})\)",
}
# Trino's, which its grammar has checked by then; what follows in each is a query.
TRINO = {
    "create table as": rf"create\s+table\s+{NAME}\s+with\s*\((?P<with>[^()]*)\)\s*as\s+(?P<sql>.*)",
    "create view": rf"create\s+(?P<replace>or\s+replace\s+)?view\s+{NAME}\s+as\s+(?P<sql>.*)",
    "insert": rf"insert\s+into\s+{NAME}\s*(?:\((?P<columns>(?:\s*{IDENTIFIER}\s*,?)+)\))?\s*(?P<sql>.*)",
    "query": r"(?P<sql>[\s(]*(?:select|with|values|table)\b.*)",
}
TRINO_PATTERNS = {what: re.compile(pattern, FLAGS) for what, pattern in TRINO.items()}
PROPERTY = re.compile(r"\s*(\w+)\s*=\s*(ARRAY\[[^]]*\]|'[^']*'|\w+)\s*,?", FLAGS)
HIVE_PATTERNS = {what: re.compile(pattern, FLAGS) for what, pattern in HIVE.items()}
PARTITION = re.compile(r"\s*,?\s*partition\s*\((?P<values>[^)]*)\)(?:\s*location\s+'(?P<location>[^']*)')?", FLAGS)
PARTITION_VALUE = re.compile(rf"\s*({IDENTIFIER})\s*=\s*'([^']*)'\s*")
UNLOAD = re.compile(r"unload\s*\((?P<sql>.*)\)\s*to\s*'(?P<to>[^']*)'\s*with\s*\((?P<with>[^()]*)\)", FLAGS)
COMMENT = re.compile(r"\A(\s*--[^\n]*\n)+")


def parse(text: str) -> Statement:
    """Say what a statement is.

    Raises:
        QueryFailedError: When the grammar does not take it, or this endpoint does not emulate it.
    """
    text = COMMENT.sub("", text).strip().removesuffix(";").strip()
    for what, pattern in HIVE_PATTERNS.items():
        if found := pattern.fullmatch(text):
            return _hive(what, found)
    if found := UNLOAD.fullmatch(text):
        return _unload(found)
    check(text)
    for what, pattern in TRINO_PATTERNS.items():
        if found := pattern.fullmatch(text):
            return _trino(what, found)
    raise not_emulated(f"the statement {' '.join(text.split()[:4])} ...")


def _name(text: str) -> Name:
    *catalog, schema, name = (_bare(part) for part in re.findall(IDENTIFIER, text))
    if catalog not in ([], [CATALOG]):
        raise not_emulated(f"the catalog {catalog[0]}")
    return Name(schema, name)


def _trino(what: str, found: re.Match[str]) -> Statement:
    match what:
        case "create table as":
            return _create_table_as(found)
        case "create view":
            return CreateView(_name(found["name"]), bool(found["replace"]), found["sql"])
        case "insert":
            columns = tuple(_bare(column) for column in re.findall(IDENTIFIER, found["columns"] or ""))
            return Insert(_name(found["name"]), columns, found["sql"])
        case _:
            return Query(found["sql"])


def _create_table_as(found: re.Match[str]) -> CreateTableAs:
    properties = {name.lower(): value for name, value in PROPERTY.findall(found["with"])}
    if unknown := set(properties) - CTAS_PROPERTIES:
        raise not_emulated(f"CREATE TABLE with {', '.join(sorted(unknown))}")
    for name, value in (("table_type", "'hive'"), ("is_external", "true"), ("format", "'parquet'")):
        if properties.get(name, "").lower() != value:
            raise not_emulated(f"CREATE TABLE without {name} = {value}")
    if "external_location" not in properties:
        raise not_emulated("CREATE TABLE without external_location")
    return CreateTableAs(
        _name(found["name"]),
        properties["external_location"].strip("'"),
        tuple(re.findall(r"'([^']*)'", properties.get("partitioned_by", ""))),
        found["sql"],
    )


def _unload(found: re.Match[str]) -> Unload:
    properties = dict(re.findall(r"(\w+)\s*=\s*'([^']*)'", found["with"]))
    if unknown := set(properties) - UNLOAD_PROPERTIES:
        raise not_emulated(f"UNLOAD with {', '.join(sorted(unknown))}")
    if properties.get("format", "").lower() != "parquet":
        raise not_emulated("UNLOAD in another format than Parquet")
    check(found["sql"])
    return Unload(found["to"], found["sql"])


def _hive(what: str, found: re.Match[str]) -> Statement:  # noqa: PLR0911 - a return a statement
    parts = found.groupdict()
    exists = bool(parts.get("exists"))
    name = _name(parts["name"]) if parts.get("name") else Name("")
    match what:
        case "create schema":
            return CreateSchema(_bare(parts["schema"]), exists)
        case "drop schema":
            return DropSchema(_bare(parts["schema"]), exists, bool(parts["cascade"]))
        case "create external table":
            return _create_external_table(name, exists, parts)
        case "drop table":
            return Drop(name, parts["kind"].lower() == "view", exists)
        case "add partitions":
            return AddPartitions(name, exists, _partitions(parts["specs"]))
        case "drop partitions":
            return DropPartitions(name, exists, tuple(values for values, _ in _partitions(parts["specs"])))
        case "repair table":
            return RepairTable(name)
        case "show partitions":
            return ShowPartitions(name)
        case "set properties":
            return SetTableProperties(name, _properties(parts["properties"]))
        case _:
            return ChangeColumns(name, _columns(parts["columns"]), parts["verb"].lower() == "replace")


def _create_external_table(name: Name, exists: bool, parts: dict[str, str]) -> CreateExternalTable:
    if parts["serde"] and parts["serde"] != OPEN_CSV:
        raise not_emulated(f"the serde {parts['serde']}")
    if not parts["serde"] and (parts["format"] or "").lower() != "parquet":
        raise not_emulated("CREATE EXTERNAL TABLE of anything but Parquet and OpenCSVSerde")
    return CreateExternalTable(
        name,
        exists,
        _columns(parts["columns"]),
        _columns(parts["partitions"]) if parts["partitions"] else (),
        parts["location"],
        "csv" if parts["serde"] else "parquet",
        _properties(parts["properties"] or ""),
    )


def _bare(identifier: str) -> str:
    return identifier.strip('`"').lower()


def _columns(text: str) -> tuple[Column, ...]:
    columns = []
    for part in re.split(r",(?![^(]*\))", text):
        found = re.fullmatch(rf"\s*({IDENTIFIER})\s+(\w+(?:\s*\([\d\s,]*\))?)\s*", part)
        if found is None:
            raise QueryFailedError(f"FAILED: ParseException: cannot recognize the column '{part.strip()}'")
        columns.append(Column(_bare(found[1]), found[2].lower()))
    return tuple(columns)


def _properties(text: str) -> dict[str, str]:
    return dict(re.findall(r"'([^']*)'\s*=\s*'([^']*)'", text))


def _partitions(text: str) -> tuple[tuple[tuple[str, ...], str | None], ...]:
    found = list(PARTITION.finditer(text))
    if "".join(match[0] for match in found).strip() != text.strip():
        raise not_emulated(f"the partitions {text}")
    partitions = []
    for match in found:
        values = [PARTITION_VALUE.fullmatch(value) for value in match["values"].split(",")]
        if None in values:
            raise not_emulated(f"the partition {match['values']}")
        partitions.append((tuple(value[2] for value in values if value), match["location"]))
    return tuple(partitions)
