"""The few elements of SVG that the pictures are made of."""

from collections.abc import Sequence
from xml.etree import ElementTree

from warehouse.diagrams.layout import Point

FONT = "DejaVu Sans Mono, Menlo, Consolas, monospace"
CHARACTER = 0.64  # width of a character over the size of the font: 7 pixels at 11, where the screen rounds it up

INK = "#1f2933"
FAINT = "#5f6b7a"
LINE = "#7b8794"
PAPER = "#ffffff"


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text in the font of the pictures."""
    return len(text) * size * CHARACTER


def picture(width: float, height: float, title: str) -> ElementTree.Element:
    """Begin a picture on white paper, with a title for those who hear it."""
    root = ElementTree.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "width": f"{width:.0f}", "height": f"{height:.0f}",
         "viewBox": f"0 0 {width:.0f} {height:.0f}", "font-family": FONT, "role": "img"},
    )  # fmt: skip
    ElementTree.SubElement(root, "title").text = title
    rectangle(root, 0, 0, width, height, fill=PAPER)
    return root


def group(parent: ElementTree.Element, hint: str = "", **attributes: str) -> ElementTree.Element:
    """Add a group of elements, with a hint that a browser shows where the pointer rests."""
    element = ElementTree.SubElement(parent, "g", _named(attributes))
    if hint:
        ElementTree.SubElement(element, "title").text = hint
    return element


def rectangle(
    parent: ElementTree.Element, x: float, y: float, width: float, height: float, **attributes: str
) -> ElementTree.Element:
    """Add a rectangle; attributes are SVG's, with _ for -."""
    numbers = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
    return ElementTree.SubElement(parent, "rect", numbers | _named(attributes))


def text(parent: ElementTree.Element, x: float, y: float, content: str, size: float, **attributes: str) -> None:
    """Add a line of text, its base line at y."""
    numbers = {"x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": f"{size:g}", "fill": INK}
    ElementTree.SubElement(parent, "text", numbers | _named(attributes)).text = content


def path(parent: ElementTree.Element, data: str, hint: str = "", **attributes: str) -> None:
    """Add a line without filling."""
    line = {"d": data, "fill": "none", "stroke": LINE, "stroke-width": "1.1"}
    element = ElementTree.SubElement(parent, "path", line | _named(attributes))
    if hint:
        ElementTree.SubElement(element, "title").text = hint


def curve(points: Sequence[Point]) -> str:
    """Write a path along the points of a route: straight within a pair, curved from one pair to the next."""
    (x, y), *_ = points
    data = [f"M{x:.1f} {y:.1f}"]
    for number, (next_x, next_y) in enumerate(points[1:], start=1):
        if number % 2 == 0:
            half = (x + next_x) / 2
            data.append(f"C{half:.1f} {y:.1f} {half:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}")
        elif (x, y) != (next_x, next_y):
            data.append(f"L{next_x:.1f} {next_y:.1f}")
        x, y = next_x, next_y
    return " ".join(data)


def written(root: ElementTree.Element) -> str:
    """Write the picture as the text of a file."""
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _named(attributes: dict[str, str]) -> dict[str, str]:
    return {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
