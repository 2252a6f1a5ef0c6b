"""The UK's postcode areas as tiles of one size, each roughly where its area lies: no area is too small to be read.

Where a tile stands is kept by hand in `postcode_tiles.csv`; it owes nothing to anybody's map.
"""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from reports.canvas import NORMAL, WIDTH, Element, canvas, label, written
from warehouse.diagrams.svg import FAINT, INK, LINE, PAPER, group, rectangle, text

TILES_FILE = Path(__file__).parent / "postcode_tiles.csv"
SHADES = ("#eef1f4", "#cbd3da", "#9aa6b2", "#566270", "#1f2933")
DARK = 3  # the first shade with light letters
SIDE, GAP = 25.0, 1.5
FIGURE = 11.0
LEGEND_COLUMN, LEGEND_ROW = 10, 1
LINE_HEIGHT, SWATCH = 13.0, (18.0, 13.0)


@dataclass(frozen=True)
class Tile:
    """Where a postcode area stands: columns count from the west, rows from the north."""

    area: str
    name: str
    column: int
    row: int


@dataclass(frozen=True)
class Shaded:
    """What the map shows of an area.

    Attributes:
        value: What its shade stands for; None where too little is known of the area for a shade.
        figure: Stands below the area's letters.
        hint: Shown where the pointer rests, after the area's name.
    """

    value: float | None
    figure: str
    hint: str


def read_tiles(file: Path = TILES_FILE) -> dict[str, Tile]:
    """Read where each postcode area stands, by its letters."""
    with file.open(encoding="utf-8", newline="") as rows:
        return {
            row["area"]: Tile(row["area"], row["name"], int(row["column"]), int(row["row"]))
            for row in csv.DictReader(rows)
        }


def breaks(values: Sequence[float]) -> tuple[float, ...]:
    """Choose round values that part others into as many groups as there are shades, of about the same size.

    Args:
        values: Not below 0; there may be none.

    Returns:
        Ascending, each the first value of its group; fewer where values are the same.
    """
    ordered = sorted(values)
    size = len(SHADES)
    found = {_rounded(ordered[len(ordered) * part // size]) for part in range(1, size) if ordered}
    return tuple(sorted(value for value in found if ordered[0] < value <= ordered[-1]))


def _rounded(value: float) -> float:
    if value <= 0:
        return 0.0
    return round(value, 1 - math.floor(math.log10(value)))


def shade_of(value: float, limits: Sequence[float]) -> int:
    """Find the shade of a value, the lightest being 0; a limit itself belongs to the darker of its two."""
    place = sum(value >= limit for limit in limits)
    # few groups are as far apart as there are shades
    return round(place * (len(SHADES) - 1) / max(len(limits), 1))


@dataclass(frozen=True)
class Legend:
    """Words beside the map, each a short line.

    Attributes:
        shades: What they stand for.
        unshaded: What a tile without one is.
        notes: Stand below.
    """

    shades: Sequence[str]
    unshaded: str
    notes: Sequence[str]


def tile_map(given: Mapping[str, Shaded], title: str, legend: Legend, write: Callable[[float], str]) -> str:
    """Draw the map.

    Args:
        given: By the letters of an area; an area that is not there is drawn without a figure.
        title: Says what is drawn.
        legend: Stands beside the map.
        write: Writes a limit between two shades.
    """
    tiles = read_tiles()
    limits = breaks([of.value for area, of in given.items() if of.value is not None and area in tiles])
    rows = 1 + max(tile.row for tile in tiles.values())
    root = canvas(rows * SIDE + 4, title)
    left = (WIDTH - SIDE * (1 + max(tile.column for tile in tiles.values()))) / 2
    for area in sorted(tiles, key=lambda name: (tiles[name].row, tiles[name].column)):
        _draw(root, tiles[area], given.get(area), limits, left)
    _legend(root, left + LEGEND_COLUMN * SIDE, legend, limits, write)
    return written(root)


def _draw(root: Element, tile: Tile, found: Shaded | None, limits: Sequence[float], left: float) -> None:
    x, y = left + tile.column * SIDE, 2 + tile.row * SIDE
    side = SIDE - GAP
    part = group(root, f"{tile.area} {tile.name}: {found.hint if found else 'no company scored'}")
    if found is None or found.value is None:
        _unshaded(part, x, y, side, side)
        ink = INK if found else FAINT
    else:
        shade = shade_of(found.value, limits)
        rectangle(part, x, y, side, side, fill=SHADES[shade])
        ink = PAPER if shade >= DARK else INK
    middle = x + side / 2
    text(part, middle, y + 10.5, tile.area, NORMAL, text_anchor="middle", fill=ink, font_weight="600")
    text(part, middle, y + 21, found.figure if found else "", FIGURE, text_anchor="middle", fill=ink)


def _unshaded(parent: Element, x: float, y: float, width: float, height: float) -> None:
    rectangle(parent, x + 0.5, y + 0.5, width - 1, height - 1, fill=PAPER, stroke=LINE, stroke_dasharray="2 2")


def _legend(root: Element, x: float, legend: Legend, limits: Sequence[float], write: Callable[[float], str]) -> None:
    y = 2 + LEGEND_ROW * SIDE
    for line in legend.shades:
        label(root, x, y, line, fill=INK)
        y += LINE_HEIGHT
    for above, below in pairwise([None, *limits, None]):
        if above is None:
            words = "all alike" if below is None else f"below {write(below)}"
        else:
            words = f"{write(above)} or more" if below is None else f"{write(above)} to {write(below)}"
        shade = 0 if above is None else shade_of(above, limits)
        rectangle(root, x, y - 3, *SWATCH, fill=SHADES[shade], stroke=LINE, stroke_width="0.6")
        label(root, x + 24, y + 7, words, fill=INK)
        y += 18
    _unshaded(root, x, y - 3, *SWATCH)
    label(root, x + 24, y + 7, legend.unshaded, fill=INK)
    y += 28
    for line in legend.notes:
        label(root, x, y, line, fill=INK)
        y += LINE_HEIGHT
