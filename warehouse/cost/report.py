"""`make cost`: the sizes of a laptop's warehouse and lake, scaled to the size of the country, in dollars."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse import query_log
from warehouse.catalog import quoted
from warehouse.cost.estimate import STEPS, Statement, Sum, add_up, by_node
from warehouse.cost.scans import Columns, Planner, Relation
from warehouse.cost.sizes import WHOLE, Size, describe, measure_external, measure_table
from warehouse.cost.statements import Project, statements
from warehouse.engines.duckdb import connect, show_objects
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.prices import GIGABYTE, LOOKED_UP, TERABYTE, Prices, read_prices
from warehouse.progress import bar
from warehouse.s3 import Location, S3Path
from warehouse.settings import Settings

COMPANIES = 5_000_000
PARTITION = "snapshot_month"
MOST_COSTLY = 5


@dataclass(frozen=True)
class Measured:
    """What the warehouse and the lake hold.

    Attributes:
        companies: Current companies.
        sizes: Of the relations that queries read.
        built: The relations of them that dbt builds; the others are landed.
        first, following: Statements of a first build and of one a month later.
    """

    companies: int
    sizes: Mapping[Relation, Size]
    built: frozenset[Relation]
    first: Sequence[Statement]
    following: Sequence[Statement]


def read_companies(text: str) -> int:
    """Read `COMPANIES`; blank is the country's 5,000,000.

    Raises:
        UserError: When it is no number of companies.
    """
    if not text:
        return COMPANIES
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"COMPANIES={text} is not a number of companies; write one such as 5000000")
    return int(text)


def cost(settings: Settings, project_folder: str, project: Sequence[str]) -> str:
    """Compose the table of what a month costs.

    Args:
        settings: Where the warehouse of DuckDB and the lake are, whatever the target.
        project_folder: The folder of dbt's project.
        project: Arguments by which dbt finds it.

    Raises:
        UserError: When the warehouse is not built with everything that the project has.
    """
    prices, companies = read_prices(), read_companies(os.environ.get("COMPANIES", ""))
    with connect(settings.warehouse, read_only=True):
        pass  # a warehouse that is not there is found out before dbt makes one
    with tempfile.TemporaryDirectory() as folder:
        with bar("cost: compiling the project"):
            manifest = _compiled(settings, Path(folder), project)
        measured = measure(settings, Project.of(manifest, Path(project_folder)), Path(folder))
    lake = Lake(settings.lake)
    lines = [
        *_table(measured, companies, prices, settings),
        "",
        *_storage(measured, companies, prices, _archives(lake)),
        "",
        *_most_costly(measured, companies),
        *_logged(lake, measured),
    ]
    return "\n".join(lines)


def _compiled(settings: Settings, folder: Path, project: Sequence[str]) -> Mapping[str, Any]:
    """Have dbt compile every node as for a first build; in a process of its own, which closes the warehouse."""
    arguments = ["--quiet", "--no-use-colors", "compile", "--full-refresh", "--target-path", str(folder)]
    arguments += ["--log-path", str(folder)]
    finished = subprocess.run(
        [Path(sys.executable).with_name("dbt"), *arguments, *project],
        env=os.environ | {"DBT_TARGET": "duckdb", "WAREHOUSE": str(settings.warehouse), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise UserError(f"dbt cannot compile the project: {' '.join(finished.stdout.split())}")
    manifest: Mapping[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def measure(settings: Settings, project: Project, scratch: Path) -> Measured:
    """Measure the relations of the warehouse, and list the statements over them.

    Args:
        settings: Where the warehouse is.
        project: The compiled project.
        scratch: Folder for one Parquet file at a time.
    """
    with connect(settings.warehouse, read_only=True) as connection:
        show_objects(connection, settings.lake)
        described = describe(connection)
        views = project.models("view")
        tables = {relation: columns for relation, columns in described.items() if relation not in views}
        planner = Planner(project.database, tables)
        planner.add_views({relation: node["compiled_code"] for relation, node in views.items()})
        columns = {relation: tuple(name for name, _ in typed) for relation, typed in tables.items()}
        first = list(statements(project, planner, columns, latest=None))
        read = sorted({read.relation for statement in first for read in statement.reads})
        sizes, built = {}, set()
        with bar("cost: measuring tables", len(read)) as shown:
            for relation in read:
                is_built, sizes[relation] = _measured(connection, relation, tables[relation], project, scratch)
                built |= {relation} if is_built else set()
                shown.advance()
        months = [month for relation in read if relation not in built for month in sizes[relation].bytes]
        following = list(statements(project, planner, columns, latest=max(months, default=WHOLE)))
        companies = connection.execute(
            f"select count(*) from {'.'.join(quoted(part) for part in _companies(project))}"
        ).fetchone()
    if not companies or not companies[0]:
        raise UserError(f"{settings.warehouse} has no companies to scale from; run `make run` first")
    return Measured(companies[0], sizes, frozenset(built), first, following)


def _companies(project: Project) -> Relation:
    return next(relation for relation in project.models("view", "table") if relation[1] == "int_companies")


def _measured(
    connection: duckdb.DuckDBPyConnection, relation: Relation, columns: Columns, project: Project, scratch: Path
) -> tuple[bool, Size]:
    schema, name = relation
    is_table = connection.execute(
        "select count(*) from duckdb_tables() where database_name = current_database() and schema_name = $1 "
        "and table_name = $2",
        [schema, name],
    ).fetchone() != (0,)
    if not is_table:
        return False, measure_external(connection, relation, columns)
    partition = PARTITION if relation in project.models("incremental") else None
    return True, measure_table(connection, relation, columns, partition, scratch)


def _table(measured: Measured, companies: int, prices: Prices, settings: Settings) -> list[str]:
    factor = companies / measured.companies
    first = add_up(measured.first, measured.sizes, factor, prices)
    following = add_up(measured.following, measured.sizes, factor, prices)

    def cells(found: Sum) -> str:
        return f"{found.queries:>9,}{found.scanned_bytes / TERABYTE:>11.4f}{found.usd:>9.2f}"

    return [
        f"Athena at {companies:,} companies: {measured.companies:,} of {settings.warehouse}, times {factor:,.1f}",
        f"{prices.athena_tb:g} USD a TB scanned, at least 10 MB a query (list price of {LOOKED_UP}, eu-west-2)",
        "",
        f"{'':14}{'first load':>29}{'a following month':>29}",
        f"{'step':14}{'queries':>9}{'TB':>11}{'USD':>9}{'queries':>9}{'TB':>11}{'USD':>9}",
        *(f"{step:14}{cells(first[step])}{cells(following[step])}" for step in (*STEPS, "total")),
    ]


def _archives(lake: Lake[Location]) -> int:
    folder = lake.archives()
    if isinstance(folder, S3Path):
        return sum(path.size() or 0 for path in folder.below())
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _storage(measured: Measured, companies: int, prices: Prices, archives: int) -> list[str]:
    factor = companies / measured.companies
    stored = {"archives as delivered": archives * factor}
    for kind, is_built in (("raw tables", False), ("tables of dbt", True)):
        stored[kind] = sum(
            size.of() * (factor if size.is_of_companies else 1)
            for relation, size in measured.sizes.items()
            if (relation in measured.built) == is_built
        )
    stored["total"] = sum(stored.values())
    return [
        f"S3 at {prices.s3_gb_month:g} USD a GB and month, for the months that the lake holds",
        *(f"{kind:24}{size / GIGABYTE:>10.2f} GB{prices.storage(size):>10.2f} USD" for kind, size in stored.items()),
    ]


def _most_costly(measured: Measured, companies: int) -> list[str]:
    found = by_node(measured.following, measured.sizes, companies / measured.companies)
    total = sum(found.values())
    most = sorted(found.items(), key=lambda each: -each[1])[:MOST_COSTLY]
    return [
        "What scans most in a following month",
        *(f"{bytes_ / GIGABYTE:>10.2f} GB {bytes_ / total:>6.1%}  {_short(node)}" for node, bytes_ in most),
    ]


def _short(node: str) -> str:
    return node.split(".")[2] if node.count(".") > 1 else node


def _logged(lake: Lake[Location], measured: Measured) -> list[str]:
    """Compare with the largest run of each engine that measures, for the companies that the lake has."""
    runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    logs: list[Location] = [*lake.query_logs().glob("*.json")]
    for path in sorted(logs, key=str):
        for query in query_log.read(path):
            if query["scanned_bytes"] is not None:
                runs.setdefault((query["engine"], query["run_id"]), []).append(query)
    largest: dict[str, list[dict[str, Any]]] = {}
    for (engine, _), queries in runs.items():
        if _bytes(queries) > _bytes(largest.get(engine, [])):
            largest[engine] = queries
    estimated = by_node(measured.first, measured.sizes, 1.0)
    lines = []
    for engine, queries in sorted(largest.items()):
        nodes = {query["node"] for query in queries}
        scanned = _bytes([query for query in queries if query["node"] in estimated])
        guess = sum(estimated[node] for node in nodes & estimated.keys())
        price = sum(query["price_usd"] or 0 for query in queries)
        lines += [
            "",
            f"Measured on {engine}, run of {queries[0]['started_at'][:16]} UTC, for the companies of this lake",
            f"{len(queries):>10,} queries, {scanned / GIGABYTE:.4f} GB scanned{f', {price:.4f} USD' if price else ''}; "
            f"a first load of the same nodes is estimated at {guess / GIGABYTE:.4f} GB",
        ]
    return lines


def _bytes(queries: Sequence[Mapping[str, Any]]) -> int:
    return sum(query["scanned_bytes"] for query in queries)
