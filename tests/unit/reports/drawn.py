"""Reads a picture back: every mark of it as numbers, so that tests can measure what was drawn."""

import re
from xml.etree import ElementTree

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def size(root: ElementTree.Element) -> tuple[float, float]:
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    return width, height


def elements(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return list(root.iter(SVG + name))


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in elements(root, "text")]


def hints(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in elements(root, "title")]


def hinted(root: ElementTree.Element, name: str) -> dict[str, ElementTree.Element]:
    """By its hint, the first element of a name in each group that has one."""
    found = {}
    for group in elements(root, "g"):
        title, mark = group.find(SVG + "title"), group.find(SVG + name)
        if title is not None and mark is not None:
            found[title.text or ""] = mark
    return found


def path_points(data: str) -> list[tuple[float, float]]:
    """The points that a path of M, L, H and C passes or is drawn towards."""
    points, x, y = [], 0.0, 0.0
    for letter, given in re.findall(r"([MLHCZ])([^MLHCZ]*)", data):
        values = [float(value) for value in NUMBER.findall(given)]
        if letter == "H":
            x = values[-1]
            points.append((x, y))
        for place in range(0, len(values) - 1, 2) if letter != "H" else ():
            x, y = values[place], values[place + 1]
            points.append((x, y))
    return points


def corners(root: ElementTree.Element) -> list[tuple[float, float]]:
    """Every point that the marks of a picture reach."""
    found: list[tuple[float, float]] = []
    for element in root.iter():
        at = element.attrib
        match element.tag.removeprefix(SVG):
            case "rect":
                x, y = float(at["x"]), float(at["y"])
                assert float(at["width"]) >= 0
                assert float(at["height"]) >= 0
                found += [(x, y), (x + float(at["width"]), y + float(at["height"]))]
            case "line":
                found += [(float(at["x1"]), float(at["y1"])), (float(at["x2"]), float(at["y2"]))]
            case "circle":
                radius = float(at["r"])
                x, y = float(at["cx"]), float(at["cy"])
                found += [(x - radius, y - radius), (x + radius, y + radius)]
            case "path":
                found += path_points(at["d"])
            case "text":
                found.append((float(at["x"]), float(at["y"])))
    return found


def assert_inside(root: ElementTree.Element) -> None:
    width, height = size(root)
    outside = [(x, y) for x, y in corners(root) if not (-0.1 <= x <= width + 0.1 and -0.1 <= y <= height + 0.1)]
    assert outside == []
