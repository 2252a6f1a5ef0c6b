"""The marts as entities: their keys, and which mart refers to which, as the data tests prove it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from warehouse.diagrams import svg
from warehouse.diagrams.layout import Edge, Layout, Place, Point, Size, layered, longest_paths

NAME_SIZE = 13.0
ROW_SIZE = 11.0
MARK_SIZE = 8.5
HEADER = 30.0
ROW = 19.0
PADDING = 10.0
MARGIN = 30.0
TOP = 64.0
LEGEND = 76.0
SHELF_WIDTH = 1100.0  # of the marts that refer to none, when there are no others to be as wide as
SHELF_GAP = 24.0
FOOT = 11.0  # length of a crow's foot
SPAN = 6.0  # half the width of it
MARK_WIDTH = 46.0
FILL = "#fdf0d8"


@dataclass(frozen=True)
class Row:
    """A column that is shown: part of a key, or of a reference, or what a reference is to."""

    name: str
    data_type: str
    mark: str


@dataclass(frozen=True)
class Entity:
    """A mart.

    Attributes:
        name: Its name.
        description: What it holds.
        keys: Its tested keys, each of one or more columns.
        rows: The columns that are shown.
        others: How many columns are not.
    """

    name: str
    description: str
    keys: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    others: int

    @property
    def more(self) -> str:
        """What is said of the columns that are not shown."""
        return f"{self.others} more column{'' if self.others == 1 else 's'}" if self.others else "no other column"

    @property
    def size(self) -> Size:
        """Room for the name, a line a row, and the number of the others."""
        widths = [svg.text_width(f"{row.name}  {row.data_type}", ROW_SIZE) + MARK_WIDTH for row in self.rows]
        name, more = svg.text_width(self.name, NAME_SIZE), svg.text_width(self.more, ROW_SIZE) + MARK_WIDTH
        return Size(max(name, more, *widths) + 2 * PADDING, HEADER + ROW * (len(self.rows) + 1) + PADDING)


@dataclass(frozen=True)
class Reference:
    """A mart whose rows refer to rows of another one, or of itself."""

    child: str
    columns: tuple[str, ...]
    parent: str
    fields: tuple[str, ...]

    @property
    def hint(self) -> str:
        """The reference in words."""
        return f"{self.child} ({', '.join(self.columns)}) refers to {self.parent} ({', '.join(self.fields)})"


def _tests(manifest: Mapping[str, Any]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Yield the generic tests of all models: unique id of the model, name of the test, arguments."""
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("test_metadata") and node.get("attached_node"):
            yield node["attached_node"], node["test_metadata"]["name"], node["test_metadata"]["kwargs"]


def read_keys(manifest: Mapping[str, Any]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Read the tested keys of each model, by its unique id: unique combinations, and unique columns never null.

    Args:
        manifest: dbt's manifest.json.
    """
    tested: dict[tuple[str, str], set[str]] = {}
    for model, test, arguments in _tests(manifest):
        tested.setdefault((model, test), set()).add(arguments.get("column_name", ""))
    keys: dict[str, list[tuple[str, ...]]] = {}
    for model, test, arguments in _tests(manifest):
        if test == "unique_combination":
            keys.setdefault(model, []).append(tuple(arguments["columns"]))
        elif test == "unique" and arguments["column_name"] in tested.get((model, "not_null"), set()):
            keys.setdefault(model, []).append((arguments["column_name"],))
    return {model: tuple(sorted(found)) for model, found in keys.items()}


def read_references(manifest: Mapping[str, Any]) -> list[Reference]:
    """Read which mart refers to which off the tests `relationships` and `relationships_combination`.

    Args:
        manifest: dbt's manifest.json.
    """
    marts = {key: node["name"] for key, node in manifest["nodes"].items() if _is_mart(node)}
    found = set()
    for model, test, arguments in _tests(manifest):
        if test not in {"relationships", "relationships_combination"} or model not in marts:
            continue
        target = re.search(r"ref\(\s*['\"](\w+)['\"]\s*\)", arguments["to"])
        if target is None or target[1] not in marts.values():
            continue
        columns = tuple(arguments.get("columns") or [arguments.get("column_name")])
        field = arguments.get("field")
        fields = (field,) if field else tuple(arguments.get("fields") or columns)
        found.add(Reference(marts[model], columns, target[1], fields))
    return sorted(found, key=lambda reference: reference.hint)


def _is_mart(node: Mapping[str, Any]) -> bool:
    return bool(node["resource_type"] == "model" and node["fqn"][1] == "marts")


def read_entities(manifest: Mapping[str, Any]) -> dict[str, Entity]:
    """Read the marts, by their names, off a manifest.

    Args:
        manifest: dbt's manifest.json.
    """
    keys, references = read_keys(manifest), read_references(manifest)
    entities = {}
    for unique_id, node in manifest["nodes"].items():
        if not _is_mart(node):
            continue
        own = keys.get(unique_id, ())
        marks: dict[str, list[str]] = {}
        for number, key in enumerate(own, start=1):
            for column in key:
                marks.setdefault(column, []).append("key" if len(own) == 1 else f"key {number}")
        for reference in references:
            for column in reference.columns if reference.child == node["name"] else ():
                marks.setdefault(column, ["ref"])
        for reference in references:
            for column in reference.fields if reference.parent == node["name"] else ():
                marks.setdefault(column, [])
        rows = tuple(
            Row(column, node["columns"].get(column, {}).get("data_type") or "", ", ".join(mark))
            for column, mark in marks.items()
        )
        about = " ".join(node["description"].split())
        entities[node["name"]] = Entity(node["name"], about, own, rows, len(set(node["columns"]) - set(marks)))
    return entities


def _shelves(sizes: Mapping[str, Size], width: float, top: float) -> dict[str, Place]:
    """Place boxes side by side, row under row."""
    places = {}
    x, lowest = 0.0, top
    for name, size in sizes.items():
        if x and x + size.width > width:
            x, top = 0.0, lowest + SHELF_GAP
        places[name] = Place(x, top, size.width, size.height)
        x += size.width + SHELF_GAP
        lowest = max(lowest, top + size.height)
    return places


def _draw_entity(parent: ElementTree.Element, entity: Entity, place: Place) -> None:
    box = svg.group(parent, hint=f"{entity.name}: {entity.description}", data_entity=entity.name)
    svg.rectangle(box, place.x, place.y, place.width, place.height, fill=svg.PAPER, stroke=svg.INK, stroke_width="1.4")
    svg.rectangle(box, place.x, place.y, place.width, HEADER - 4, fill=FILL, stroke=svg.INK, stroke_width="1.4")
    svg.text(box, place.x + PADDING, place.y + 18, entity.name, NAME_SIZE, font_weight="bold")
    y = place.y + HEADER + 12
    for row in entity.rows:
        svg.text(box, place.x + PADDING, y, row.mark, MARK_SIZE, fill=svg.FAINT)
        svg.text(box, place.x + PADDING + MARK_WIDTH, y, row.name, ROW_SIZE)
        svg.text(box, place.right - PADDING, y, row.data_type, ROW_SIZE, text_anchor="end", fill=svg.FAINT)
        y += ROW
    svg.text(box, place.x + PADDING + MARK_WIDTH, y, entity.more, ROW_SIZE, fill=svg.FAINT, font_style="italic")


def _one(end: Point, direction: float) -> str:
    """Draw a bar across a line, a little before its end."""
    x, y = end[0] + direction * FOOT * 0.7, end[1]
    return f" M{x:.1f} {y - SPAN:.1f} L{x:.1f} {y + SPAN:.1f}"


def _many(end: Point, direction: float) -> str:
    """Draw a crow's foot."""
    (x, y), toe = end, end[0] + direction * FOOT
    return f" M{x:.1f} {y - SPAN:.1f} L{toe:.1f} {y:.1f} L{x:.1f} {y + SPAN:.1f}"


def _loop(place: Place) -> list[Point]:
    """Go from the right side of a box out and back to it, above the lines that leave it in the middle."""
    out = place.right + 2.5 * FOOT
    upper, lower = place.y + SPAN + 2, place.y + 4 * SPAN
    return [(place.right, upper), (out, upper), (out, lower), (place.right, lower)]


def _draw_references(
    root: ElementTree.Element, references: list[Reference], entities: Mapping[str, Entity], layout: Layout
) -> None:
    for reference in references:
        is_key = any(set(key) <= set(reference.columns) for key in entities[reference.child].keys)
        many = _one if is_key else _many
        if reference.child == reference.parent:
            route = _loop(layout.places[reference.child])
            data = " L".join(f"{x:.1f} {y:.1f}" for x, y in route)
            data = f"M{data}{_one(route[0], 1)}{many(route[-1], 1)}"
        else:
            points = layout.routes.get((reference.parent, reference.child))
            if points is None:  # closes a circle: drawn back from left side to right side
                start, end = layout.places[reference.parent], layout.places[reference.child]
                points = [(start.x, start.middle)] * 2 + [(end.right, end.middle)] * 2
            forward = 1 if points[0][0] < points[-1][0] else -1
            data = svg.curve(points) + _one(points[0], forward) + many(points[-1], -forward)
        svg.path(root, data, reference.hint, stroke=svg.INK, data_child=reference.child, data_parent=reference.parent)


def _draw_legend(root: ElementTree.Element, y: float) -> None:
    line = f"M{MARGIN:g} {y:g} L{MARGIN + 60:g} {y:g}" + _one((MARGIN, y), 1) + _many((MARGIN + 60, y), -1)
    svg.path(root, line, stroke=svg.INK)
    svg.text(
        root, MARGIN + 72, y + 4, "one row left, any number of rows right, as a relationships test proves", ROW_SIZE
    )
    svg.text(root, MARGIN, y + 24, "key", MARK_SIZE, fill=svg.FAINT)
    svg.text(
        root, MARGIN + 72, y + 24, "part of a key that a unique test proves; ref: part of a reference only", ROW_SIZE
    )


def draw_entities(manifest: Mapping[str, Any]) -> str:
    """Draw the marts of a dbt project, and how they refer to each other, as SVG.

    Args:
        manifest: dbt's manifest.json.
    """
    entities, references = read_entities(manifest), read_references(manifest)
    edges: list[Edge] = sorted({(reference.parent, reference.child) for reference in references})
    sizes = {name: entities[name].size for name in sorted(entities)}
    linked = {name: size for name, size in sizes.items() if any(name in edge for edge in edges)}
    column_of = longest_paths(linked, [edge for edge in edges if edge[0] != edge[1]])
    layout = layered(linked, column_of, edges, spread_ends=True)
    wide = max([SHELF_WIDTH, *(right for _, right in layout.columns)])
    top = layout.height + 2 * SHELF_GAP if linked else 0.0
    apart = _shelves({name: size for name, size in sizes.items() if name not in linked}, wide, top)
    places = layout.places | apart
    width = max([*(place.right for place in places.values()), 700.0]) + 2 * MARGIN + 3 * FOOT
    height = TOP + max((place.bottom for place in places.values()), default=0.0) + LEGEND
    project = manifest["metadata"]["project_name"]
    root = svg.picture(width, height, f"The marts of {project}")
    svg.text(root, MARGIN, 34, f"The marts of {project}", 16, font_weight="bold")
    body = svg.group(root, transform=f"translate({MARGIN:g} {TOP:g})")
    _draw_references(body, references, entities, layout)
    for name, entity in entities.items():
        _draw_entity(body, entity, places[name])
    _draw_legend(root, height - 44)
    return svg.written(root)
