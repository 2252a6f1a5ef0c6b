"""The pictures of the project as it is: whole, and nothing drawn over anything else."""

import re
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest

from warehouse.diagrams.entities import draw_entities, read_references
from warehouse.diagrams.lineage import draw_lineage

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def lineage(manifest: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(draw_lineage(manifest))


def places(root: ElementTree.Element, attribute: str) -> dict[str, tuple[float, float, float, float]]:
    found = {}
    for group in root.iter(f"{SVG}g"):
        rectangle = group.find(f"{SVG}rect")
        if attribute in group.attrib and rectangle is not None:
            x, y, width, height = (float(rectangle.attrib[name]) for name in ("x", "y", "width", "height"))
            found[group.attrib[attribute]] = (x, y, x + width, y + height)
    return found


def test_lineage_shows_every_node_once_and_every_dependency(
    lineage: ElementTree.Element, manifest: dict[str, Any]
) -> None:
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in {"model", "seed"}}
    drawn = [group.attrib["data-node"] for group in lineage.iter(f"{SVG}g") if "data-node" in group.attrib]
    assert sorted(drawn) == sorted([*models, *manifest["sources"], *manifest["exposures"]])
    paths = [path.attrib for path in lineage.iter(f"{SVG}path") if "data-parent" in path.attrib]
    lines = [(path["data-parent"], path["data-child"]) for path in paths]
    readers = models | manifest["exposures"]
    assert sorted(lines) == sorted(
        (parent, key) for key, node in readers.items() for parent in set(node["depends_on"].get("nodes", []))
    )


@pytest.mark.parametrize(("draw", "attribute"), [(draw_lineage, "data-node"), (draw_entities, "data-entity")])
def test_no_boxes_overlap_and_nothing_is_outside_the_view_box(
    manifest: dict[str, Any], draw: Any, attribute: str
) -> None:
    root = ElementTree.fromstring(draw(manifest))
    _, _, width, height = (float(number) for number in root.attrib["viewBox"].split())
    boxes = places(root, attribute)
    assert boxes
    for one, other in combinations(boxes.values(), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    for group in root.findall(f"{SVG}g"):
        shift = re.fullmatch(r"translate\((\S+) (\S+)\)", group.attrib["transform"])
        assert shift
        numbers = [path.attrib["d"] for path in group.iter(f"{SVG}path")]
        points = [(float(x), float(y)) for data in numbers for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", data)]
        corners = [(x, y) for box in places(group, attribute).values() for x, y in (box[:2], box[2:])]
        for x, y in points + corners:
            assert 0 <= x + float(shift[1]) <= width
            assert 0 <= y + float(shift[2]) <= height


def test_texts_of_a_box_fit_into_it(lineage: ElementTree.Element) -> None:
    for group in lineage.iter(f"{SVG}g"):
        rectangle = group.find(f"{SVG}rect")
        if "data-node" in group.attrib and rectangle is not None:
            texts = group.findall(f"{SVG}text")
            wide = sum(len(text.text or "") * float(text.attrib["font-size"]) * 0.64 for text in texts)
            assert wide < float(rectangle.attrib["width"])


def test_picture_of_the_marts_shows_every_mart_and_every_tested_reference(manifest: dict[str, Any]) -> None:
    root = ElementTree.fromstring(draw_entities(manifest))
    marts = [
        node for node in manifest["nodes"].values() if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    ]
    assert sorted(places(root, "data-entity")) == sorted(node["name"] for node in marts)
    lines = [path for path in root.iter(f"{SVG}path") if "data-child" in path.attrib]
    assert len(lines) == len(read_references(manifest))
