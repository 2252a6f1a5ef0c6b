"""What a browser measured of a page, and what is wrong with it, in sentences: none where nothing is.

Lengths are CSS pixels as rendered; a box is left, top, right and bottom within its picture.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

LEAST_SIZE = 11.0  # of letters
LEAST_CONTRAST = 4.5  # of letters and what they stand on: WCAG 2.2, level AA
LEAST_STEP = 8.0  # of lightness from 0 to 100, between two series in grey
TOLERANCE = 0.6  # pixels that browsers round
BOXED = ("rect", "circle", "line")  # marks that fill their boxes, if lines are straight and upright
PATCH = 6.0  # pixels of a mark that is no hairline

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """What is drawn in a picture and is no text; its paints and dash as the browser computed them."""

    kind: str
    box: Box
    fill: str
    stroke: str
    dash: str


@dataclass(frozen=True)
class Text:
    """A line of text in a picture: its letters' size, colour and box, and the colour of what it stands on.

    Attributes:
        under: How many marks of its picture were drawn before it.
    """

    content: str
    size: float
    colour: str
    background: str
    box: Box
    under: int


@dataclass(frozen=True)
class Picture:
    name: str
    role: str
    width: float
    height: float
    marks: Sequence[Mark]
    texts: Sequence[Text]


@dataclass(frozen=True)
class Words:
    """A text outside pictures, and how far to the right it reaches; one that is scrolled has a bar of its own."""

    content: str
    size: float
    colour: str
    background: str
    scrolled: bool
    right: float


@dataclass(frozen=True)
class Table:
    """A table, by the title of the card that it stands in."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Measured:
    """A page, all that is folded open.

    Attributes:
        width: Of the window.
        reach: How far the page reaches to the right.
        text: All that can be read outside pictures.
        headings: Level and text.
        links: As written, as resolved, and their text.
        anchors: What a link of the page itself can lead to.
        images: Address and what stands for it.
    """

    title: str
    language: str
    width: float
    reach: float
    text: str
    words: Sequence[Words]
    headings: Sequence[tuple[int, str]]
    links: Sequence[tuple[str, str, str]]
    anchors: Sequence[str]
    images: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    pictures: Sequence[Picture]


def read_measured(given: dict[str, Any]) -> Measured:
    """Read what measure.js gives."""
    pictures = [
        Picture(
            **{key: of[key] for key in ("name", "role", "width", "height")},
            marks=[Mark(**mark | {"box": tuple(mark["box"])}) for mark in of["marks"]],
            texts=[Text(**text | {"box": tuple(text["box"])}) for text in of["texts"]],
        )
        for of in given["pictures"]
    ]
    words = [Words(**of) for of in given["words"]]
    tables = [Table(**of) for of in given["tables"]]
    return Measured(**given | {"pictures": pictures, "words": words, "tables": tables})


def structure_faults(page: Measured) -> list[str]:
    """What those miss who hear a page or move through it by its headings."""
    found = [f"no {name}" for name in ("title", "language") if not getattr(page, name).strip()]
    levels = [level for level, _ in page.headings]
    if levels[:1] != [1] or levels.count(1) != 1:
        found.append(f"headings do not begin with the only one of level 1: {page.headings[:3]}")
    found += [f"heading {text!r} of level {after} below one of level {before}"
              for (before, _), (after, text) in pairwise(page.headings) if after > before + 1]  # fmt: skip
    found += [f"heading of level {level} without a text" for level, text in page.headings if not text.strip()]
    found += [f"picture {place} has no name" for place, of in enumerate(page.pictures, 1)
              if of.role != "img" or not of.name.strip()]  # fmt: skip
    found += [f"image {address[:60]} has nothing that stands for it" for address, alt in page.images if not alt.strip()]
    return found + [f"link to {href} has no text" for href, _, text in page.links if not text.strip()]


def sideways_faults(page: Measured) -> list[str]:
    """What makes a reader scroll sideways, or is cut where they cannot."""
    found = [f"the page reaches to {page.reach:g} of {page.width:g} pixels"] if page.reach > page.width else []
    return found + [f"{of.content[:60]!r} reaches to {of.right:.0f} of {page.width:g} pixels" for of in page.words
                    if not of.scrolled and of.right > page.width + TOLERANCE]  # fmt: skip


def _inside(box: Box, width: float, height: float, tolerance: float = TOLERANCE) -> bool:
    left, top, right, bottom = box
    return left >= -tolerance and top >= -tolerance and right <= width + tolerance and bottom <= height + tolerance


def _overlap(one: Box, other: Box) -> bool:
    return all(
        min(one[side + 2], other[side + 2]) - max(one[side], other[side]) > TOLERANCE for side in (0, 1)
    )  # fmt: skip


def drawing_faults(page: Measured) -> list[str]:
    """Pictures that are not drawn, marks and texts that leave theirs, and texts below other texts or below marks."""
    found = []
    for of in page.pictures:
        if of.width <= 0 or of.height <= 0:
            found.append(f"{of.name}: drawn without a size")
            continue
        if not any(is_seen(mark) for mark in of.marks):
            found.append(f"{of.name}: nothing is drawn")
        found += [f"{of.name}: a {mark.kind} at {_rounded(mark.box)} leaves the picture" for mark in of.marks
                  if not _inside(mark.box, of.width, of.height)]  # fmt: skip
        found += [f"{of.name}: {text.content!r} at {_rounded(text.box)} is cut" for text in of.texts
                  if not _inside(text.box, of.width, of.height)]  # fmt: skip
        found += [f"{of.name}: {one.content!r} lies on {other.content!r}" for one, other in combinations(of.texts, 2)
                  if _overlap(one.box, other.box)]  # fmt: skip
        found += [f"{of.name}: a {mark.kind} is drawn over {text.content!r}" for text in of.texts
                  for mark in of.marks[text.under:]
                  if mark.kind in BOXED and is_seen(mark) and _overlap(text.box, mark.box)]  # fmt: skip
    return found


def _rounded(box: Box) -> str:
    return ", ".join(f"{value:.0f}" for value in box)


def reading_faults(page: Measured, least_size: float = LEAST_SIZE) -> list[str]:
    """Texts that are too small, or too faint for what they stand on."""
    texts: list[tuple[str, Text | Words]] = [(of.name, text) for of in page.pictures for text in of.texts]
    texts += [("text", of) for of in page.words]
    found = []
    for where, text in texts:
        if text.size < least_size - 0.005:
            found.append(f"{where}: {text.content[:40]!r} is {text.size:.1f} pixels high")
        between = contrast(colour(text.colour), colour(text.background))
        if between < LEAST_CONTRAST:
            found.append(f"{where}: {text.content[:40]!r} has a contrast of {between:.1f} with what it stands on")
    return found


Colour = tuple[float, float, float, float]


def colour(computed: str) -> Colour:
    """Read red, green and blue from 0 to 255, and how much of it covers from 0 to 1."""
    values = [float(value) for value in re.findall(r"\d+(?:\.\d+)?", computed)] if computed != "none" else [0, 0, 0, 0]
    assert computed == "none" or computed.startswith("rgb"), computed
    red, green, blue, covers = values if len(values) == 4 else (*values, 1.0)
    return red, green, blue, covers


def luminance(of: Colour) -> float:
    """Relative luminance as WCAG defines it, from 0 to 1, on white paper."""
    parts = [(value * of[3] + 255 * (1 - of[3])) / 255 for value in of[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio as WCAG defines it, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lightness(of: Colour) -> float:
    """Lightness as an eye sees it, from 0 to 100: L* of CIELAB."""
    y = luminance(of)
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def is_seen(mark: Mark) -> bool:
    """Tell whether a mark is painted in anything but white."""
    return any(lightness(colour(paint)) < 100 - LEAST_STEP / 2 for paint in (mark.fill, mark.stroke))


@dataclass(frozen=True)
class Look:
    """How a mark looks without its colour: what it is, whether it is filled, and how it is dashed."""

    kind: str
    is_filled: bool
    dash: str


def _looks(picture: Picture) -> dict[str, set[Look]]:
    """By colour, how its marks look; hairlines such as those of a grid are left out."""
    found: dict[str, set[Look]] = {}
    for mark in picture.marks:
        filled = colour(mark.fill)[3] > 0 and lightness(colour(mark.fill)) < 100
        paint = mark.fill if filled else mark.stroke
        left, top, right, bottom = mark.box
        if is_seen(mark) and (mark.kind == "path" or min(right - left, bottom - top) >= PATCH):
            found.setdefault(paint, set()).add(Look(mark.kind, filled, "" if filled else mark.dash))
    return found


def grey_faults(page: Measured) -> list[str]:
    """Colours of a picture that are one grey on paper, and whose marks do not differ otherwise."""
    found = []
    for of in page.pictures:
        for (one, looks), (other, others) in combinations(_looks(of).items(), 2):
            step = abs(lightness(colour(one)) - lightness(colour(other)))
            if step < LEAST_STEP and looks & others:
                found.append(f"{of.name}: {one} and {other} differ by {step:.0f} of 100 in grey, and in nothing else")
    return found
