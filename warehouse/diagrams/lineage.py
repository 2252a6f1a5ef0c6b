"""The lineage: what every model is made of, in columns from the sources to those who read the marts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from warehouse.diagrams import svg
from warehouse.diagrams.layout import Edge, Layout, Place, Size, layered, longest_paths

LAYERS = ("sources and seeds", "staging", "intermediate", "marts", "exposures")
FILLS = ("#eef0f3", "#e3f0fb", "#e6f4e8", "#fdf0d8", "#f6e6f2")
LOOKS = {  # how a box is edged, so that it can be told in black and white
    "source": {"stroke_width": "1", "rx": "0"},
    "seed": {"stroke_width": "1", "rx": "0", "stroke_dasharray": "1.5 2"},
    "view": {"stroke_width": "1", "rx": "4", "stroke_dasharray": "5 3"},
    "table": {"stroke_width": "1.6", "rx": "4"},
    "incremental": {"stroke_width": "2.6", "rx": "4"},
    "exposure": {"stroke_width": "1", "rx": "13"},
}
READ_BACK = {"stroke_dasharray": "7 3", "stroke": svg.INK}

NAME_SIZE = 11.0
KIND_SIZE = 8.5
BOX_HEIGHT = 26.0
PADDING = 9.0
MARGIN = 24.0
HEADING_SIZE = 14.0
TITLE_SIZE = 16.0
TOP = 92.0
BOTTOM = 52.0


@dataclass(frozen=True)
class Node:
    """One box.

    Attributes:
        name: What it is called in SQL.
        layer: Number of its layer in `LAYERS`.
        kind: One of `LOOKS`.
        description: The first sentence or all of it.
    """

    name: str
    layer: int
    kind: str
    description: str

    @property
    def size(self) -> Size:
        """As wide as its name and its kind."""
        words = svg.text_width(self.name, NAME_SIZE) + svg.text_width(self.kind, KIND_SIZE)
        return Size(words + 3 * PADDING, BOX_HEIGHT)


def read_lineage(manifest: Mapping[str, Any]) -> tuple[dict[str, Node], list[Edge]]:
    """Read the boxes, by their unique id, and the lines from parent to child off a manifest.

    Args:
        manifest: dbt's manifest.json.
    """
    nodes: dict[str, Node] = {}
    parts = (manifest["sources"], manifest["nodes"], manifest["exposures"])
    for key, node in ((key, node) for part in parts for key, node in part.items()):
        about = " ".join(node.get("description", "").split())
        if node["resource_type"] == "source":
            nodes[key] = Node(f"{node['source_name']}.{node['name']}", 0, "source", about)
        elif node["resource_type"] == "seed":
            nodes[key] = Node(node["name"], 0, "seed", about)
        elif node["resource_type"] == "model":
            nodes[key] = Node(node["name"], LAYERS.index(node["fqn"][1]), node["config"]["materialized"], about)
        elif node["resource_type"] == "exposure":
            nodes[key] = Node(node["name"], len(LAYERS) - 1, "exposure", about)
    edges = {
        (parent, key)
        for part in parts
        for key, node in part.items()
        if key in nodes
        for parent in node.get("depends_on", {}).get("nodes", [])
        if parent in nodes
    }
    return nodes, sorted(edges)


def docked_views(nodes: Mapping[str, Node], edges: list[Edge]) -> dict[str, str]:
    """Find the views that stand below the model that they show, to save a column.

    Args:
        nodes: The boxes.
        edges: Parent and child.

    Returns:
        The views that are made of one model and nothing else, that being a stored one of their layer; and that model.
    """
    found = {}
    for key, node in nodes.items():
        parents = [parent for parent, child in edges if child == key]
        if node.kind == "view" and len(parents) == 1:
            shown = nodes[parents[0]]
            if shown.layer == node.layer and shown.kind != "view":
                found[key] = parents[0]
    return found


def columns_by_layer(
    nodes: Mapping[str, Node], edges: list[Edge], docked: Mapping[str, str]
) -> tuple[dict[str, int], list[range]]:
    """Give each box a column: within a layer, right of all of that layer that it is made of.

    Args:
        nodes: The boxes.
        edges: Parent and child.
        docked: Boxes that stand in the column of another one.

    Returns:
        The column of each box, and the columns of each layer.
    """
    column_of: dict[str, int] = {}
    layers = []
    start = 0
    free = {(docked.get(parent, parent), docked.get(child, child)) for parent, child in edges}
    for layer in range(len(LAYERS)):
        depth = longest_paths((key for key, node in nodes.items() if node.layer == layer and key not in docked), free)
        column_of |= {key: start + number for key, number in depth.items()}
        layers.append(range(start, start + max(depth.values(), default=0) + 1))
        start = layers[-1].stop
    return column_of | {key: column_of[host] for key, host in docked.items()}, layers


def _draw_layers(root: ElementTree.Element, layout: Layout, layers: list[range], height: float) -> None:
    for name, fill, columns in zip(LAYERS, FILLS, layers, strict=True):
        if columns.start >= len(layout.columns):
            break
        left = layout.columns[columns.start][0] + MARGIN - 14
        right = layout.columns[min(columns.stop, len(layout.columns)) - 1][1] + MARGIN + 14
        svg.rectangle(root, left, TOP - 40, right - left, height - TOP - BOTTOM + 58, fill=fill, opacity="0.45", rx="6")
        svg.text(root, left + 12, TOP - 18, name, HEADING_SIZE, font_weight="bold")


def _draw_box(parent: ElementTree.Element, key: str, node: Node, place: Place) -> None:
    box = svg.group(parent, hint=f"{node.name}: {node.description}", data_node=key)
    svg.rectangle(
        box, place.x, place.y, place.width, place.height,
        fill=FILLS[node.layer], stroke=svg.INK, **LOOKS.get(node.kind, LOOKS["table"]),
    )  # fmt: skip
    base = place.middle + NAME_SIZE * 0.35
    svg.text(box, place.x + PADDING, base, node.name, NAME_SIZE)
    svg.text(box, place.right - PADDING, base, node.kind, KIND_SIZE, text_anchor="end", fill=svg.FAINT)


def _draw_legend(root: ElementTree.Element, y: float) -> None:
    x = MARGIN
    for kind, look in LOOKS.items():
        svg.rectangle(root, x, y, 30, 16, fill=svg.PAPER, stroke=svg.INK, **look)
        svg.text(root, x + 38, y + 12, kind, NAME_SIZE)
        x += 38 + svg.text_width(kind, NAME_SIZE) + 26
    svg.path(root, f"M{x:g} {y + 8:g} L{x + 40:g} {y + 8:g}", **READ_BACK)
    svg.text(root, x + 48, y + 12, "read back by an earlier layer, from right to left", NAME_SIZE)


def draw_lineage(manifest: Mapping[str, Any]) -> str:
    """Draw the lineage of a dbt project as SVG.

    Args:
        manifest: dbt's manifest.json.
    """
    nodes, edges = read_lineage(manifest)
    docked = docked_views(nodes, edges)
    column_of, layers = columns_by_layer(nodes, edges, docked)
    layout = layered({key: node.size for key, node in nodes.items()}, column_of, edges, docked)
    width = max((right for _, right in layout.columns), default=0.0) + 2 * MARGIN
    height = TOP + layout.height + BOTTOM
    title = f"Lineage of {manifest['metadata']['project_name']}"
    root = svg.picture(width, height, title)
    svg.text(root, MARGIN - 14, 28, title, TITLE_SIZE, font_weight="bold")
    _draw_layers(root, layout, layers, height)
    lines = svg.group(root, transform=f"translate({MARGIN:g} {TOP:g})")
    boxes = svg.group(root, transform=f"translate({MARGIN:g} {TOP:g})")
    for parent, child in edges:
        start, end = layout.places[parent], layout.places[child]
        route = layout.routes.get((parent, child))
        if docked.get(child) == parent:
            route = [(start.x + 2 * PADDING, start.bottom), (start.x + 2 * PADDING, end.y)]
        elif route is None:  # a model of an earlier layer reads one of a later: from left side to right side
            route = [(start.x, start.middle)] * 2 + [(end.right, end.middle)] * 2
        look = READ_BACK if start.x > end.x else {}
        hint = f"{nodes[parent].name} to {nodes[child].name}"
        svg.path(lines, svg.curve(route), hint, data_parent=parent, data_child=child, **look)
    for key, node in nodes.items():
        _draw_box(boxes, key, node, layout.places[key])
    _draw_legend(root, height - 26)
    return svg.written(root)
