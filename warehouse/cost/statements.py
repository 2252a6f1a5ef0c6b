"""The statements that Athena runs for the nodes of a dbt manifest, the first time and each month after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.cost.estimate import Statement
from warehouse.cost.scans import Planner, Read, Relation

# Read by months_to_type of a staging table, twice a build: for what is deleted and for what is typed.
TYPED_COLUMNS = ("source_file", "loaded_at", "typing_version")
MONTHS_TO_TYPE = 2
# dbt makes an empty table for the columns of a unit test, then runs it.
UNIT_TEST = 2
# What ml reads in a month, by command: marts with their columns, none for all.
UNLOADS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "train": {"horizon": (), "feature_definitions": (), "to_train": (), "to_predict": ()},
    "predict": {"horizon": (), "feature_definitions": (), "to_train": ("label",), "to_predict": ()},
    "summary": {
        "horizon": (),
        "users_not_users": ("company_number",),
        "to_predict": ("is_eligible",),
        "users": ("is_current_user",),
        "to_train": ("label",),
        "leads": (),
    },
}


@dataclass(frozen=True)
class Project:
    """What is needed of a manifest of dbt, with compiled SQL.

    Attributes:
        database: What its SQL calls the database.
        nodes: Nodes by unique id.
        unit_tests: Unique ids.
        folder: Of the project, from which paths start.
    """

    database: str
    nodes: Mapping[str, Mapping[str, Any]]
    unit_tests: tuple[str, ...]
    folder: Path

    @classmethod
    def of(cls, manifest: Mapping[str, Any], folder: Path) -> "Project":
        """Take it out of a manifest."""
        nodes = manifest["nodes"]
        database = next(node["database"] for node in nodes.values() if node["resource_type"] == "model")
        return cls(database, nodes, tuple(manifest["unit_tests"]), folder)

    def models(self, *materializations: str) -> dict[Relation, Mapping[str, Any]]:
        """Give the models that are materialised so, by their relations."""
        return {
            (node["schema"], node["alias"]): node
            for node in self.nodes.values()
            if node["resource_type"] == "model" and node["config"]["materialized"] in materializations
        }


def statements(
    project: Project,
    planner: Planner,
    columns: Mapping[Relation, tuple[str, ...]],
    latest: str | None,
) -> Iterator[Statement]:
    """List the statements of a build with all tests, and of training and predicting once.

    Args:
        project: The project.
        planner: Knows its tables and views.
        columns: Names of the columns of each relation.
        latest: The partition that is new, where everything else was typed before; None for a first build.
    """
    for node_id, node in project.nodes.items():
        match node["resource_type"]:
            case "seed":
                size = (project.folder / node["original_file_path"]).stat().st_size
                yield Statement(node_id, "seeds", other_bytes=size)
            case "operation":
                yield Statement(node_id, "hooks")
            case "test":
                yield Statement(node_id, "tests", tuple(planner.reads(node["compiled_code"], node_id)))
            case "model":
                yield from _model(node_id, node, planner, columns, latest)
    for node_id in project.unit_tests:
        for _ in range(UNIT_TEST):
            yield Statement(node_id, "tests")
    marts = {name: schema for schema, name in project.models("table") if name in _unloaded()}
    for reads in UNLOADS.values():
        for mart, wanted in reads.items():
            relation = (marts[mart], mart)
            read = Read(relation, wanted or columns[relation])
            yield Statement(f"unload {marts[mart]}.{mart}", "unload", (read,))


def _unloaded() -> set[str]:
    return {mart for reads in UNLOADS.values() for mart in reads}


def _model(
    node_id: str,
    node: Mapping[str, Any],
    planner: Planner,
    columns: Mapping[Relation, tuple[str, ...]],
    latest: str | None,
) -> Iterator[Statement]:
    kind, step = node["config"]["materialized"], node["fqn"][1]
    if kind == "view":
        return  # defining one is free
    if node["contract"]["enforced"]:
        yield Statement(node_id, step)  # the columns of its query, asked for without a row
    reads = tuple(planner.reads(node["compiled_code"], node_id))
    if kind == "table" or latest is None:
        yield Statement(node_id, step, reads)
        yield Statement(node_id, step)  # by which dbt-athena tells dbt how many rows there are
        return
    relation = (node["schema"], node["alias"])
    for _ in range(MONTHS_TO_TYPE):
        yield Statement(node_id, step, (Read(relation, TYPED_COLUMNS),))
    yield Statement(node_id, step, reads, latest)  # into a table beside it, and from there
    yield Statement(node_id, step, (Read(relation, columns[relation]),), latest)
