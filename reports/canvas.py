"""The paper that plots are drawn on: 360 units wide, so that a phone shows their text as it was meant.

Series differ in shape, dash and darkness as well as in colour (blue and vermillion of Okabe and Ito, which colour-blind
readers tell apart), so that nothing is lost on a printer without colours.
"""

from xml.etree import ElementTree

from warehouse.diagrams.svg import FAINT, INK, text

WIDTH = 360.0
SMALL, NORMAL = 11.0, 12.0
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
CHARACTER = 0.6  # width of a character over the size of the font, of the wider of these fonts

BLUE, ORANGE = "#0b5394", "#c85200"
FILL, RULE = "#cfd6dd", "#e3e7eb"
SERIES = (BLUE, ORANGE, "#000000")

Element = ElementTree.Element


def canvas(height: float, title: str) -> Element:
    """Begin a picture that is as wide as its column, with a title for those who hear it.

    Args:
        height: In units of which the width has `WIDTH`.
        title: What is drawn.
    """
    return Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH:.0f} {height:.0f}", "font-family": FONT,
         "role": "img", "aria-label": title},
    )  # fmt: skip


def label(
    parent: Element, x: float, y: float, content: str, *, size: float = SMALL, anchor: str = "start", fill: str = FAINT
) -> None:
    """Add a line of text, its base line at y, that lines below it do not cross.

    `anchor` is the end of it that x tells: start, middle or end.
    """
    text(parent, x, y, content, size, text_anchor=anchor, fill=fill, stroke="#ffffff", stroke_width="3",
         paint_order="stroke")  # fmt: skip


def shortened(content: str, width: float, size: float = SMALL) -> str:
    """Cut a text so that it takes no more than a width, in units."""
    most = max(1, int(width / (size * CHARACTER)))
    return content if len(content) <= most else content[: most - 1].rstrip() + "…"


def line(
    parent: Element,
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    stroke: str = RULE,
    width: float = 1.0,
    dash: str = "",
) -> None:
    """Add a straight line."""
    attributes = {
        "x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}",
        "stroke": stroke, "stroke-width": f"{width:g}",
    }  # fmt: skip
    ElementTree.SubElement(parent, "line", attributes | ({"stroke-dasharray": dash} if dash else {}))


def marker(parent: Element, x: float, y: float, series: int, size: float = 4.0) -> None:
    """Add the mark of a series: a filled circle, a hollow square, a black diamond."""
    colour = SERIES[series % len(SERIES)]
    if series % len(SERIES) == 0:
        ElementTree.SubElement(parent, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{size:g}", "fill": colour})
        return
    turned = {} if series % len(SERIES) == 1 else {"transform": f"rotate(45 {x:.1f} {y:.1f})"}
    side = size * 1.7
    ElementTree.SubElement(
        parent, "rect",
        {"x": f"{x - side / 2:.1f}", "y": f"{y - side / 2:.1f}", "width": f"{side:.1f}", "height": f"{side:.1f}",
         "fill": "#ffffff" if series % len(SERIES) == 1 else colour, "stroke": colour, "stroke-width": "1.6"} | turned,
    )  # fmt: skip


def legend(parent: Element, y: float, names: list[str], *, lines: bool = False) -> None:
    """Name the series in one row, each with its mark, or with its line where lines are drawn."""
    x = 4.0
    for series, name in enumerate(names):
        if lines:
            line(parent, x, y - 3.5, x + 18, y - 3.5, stroke=SERIES[series], width=2, dash=DASHES[series])
            x += 22
        else:
            marker(parent, x + 4, y - 3.5, series)
            x += 12
        label(parent, x, y, name, fill=INK)
        x += len(name) * SMALL * CHARACTER + 14


DASHES = ("", "5 3", "1.5 3")


def written(root: Element) -> str:
    """Write the picture as markup to stand in a page."""
    return ElementTree.tostring(root, encoding="unicode")
