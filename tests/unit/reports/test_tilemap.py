"""Every postcode area has its own tile, roughly where it lies, and its shade and its letters say what was counted."""

import csv
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.tilemap import DARK, SHADES, Legend, Shaded, Tile, breaks, read_tiles, shade_of, tile_map
from tests.unit.reports.drawn import assert_inside, elements, hinted, hints, parsed, texts
from warehouse.diagrams.svg import INK, PAPER

SEED = Path(__file__).resolve().parents[3] / "seeds/postcode_areas.csv"
LEGEND = Legend(("leads in", "1,000"), "too few", ("one", "", "two <b>"))


@pytest.fixture(scope="module")
def tiles() -> dict[str, Tile]:
    return read_tiles()


def test_every_area_of_the_seed_is_there_once_and_no_two_share_a_tile(tiles):
    with SEED.open(encoding="utf-8", newline="") as rows:
        areas = [row["postcode_area"] for row in csv.DictReader(rows)]
    assert len(areas) == 124
    assert sorted(tiles) == sorted(areas)
    assert len({(tile.column, tile.row) for tile in tiles.values()}) == len(areas)
    assert len({tile.name for tile in tiles.values()}) == len(areas)
    assert min(tile.column for tile in tiles.values()) == min(tile.row for tile in tiles.values()) == 0


@pytest.mark.parametrize(
    "north_to_south",
    [
        (
            "ZE",
            "KW",
            "IV",
            "PH",
            "ML",
            "DG",
            "CA",
            "LA",
            "BB",
            "M",
            "CW",
            "ST",
            "B",
            "WR",
            "GL",
            "BA",
            "TA",
            "EX",
            "TR",
        ),
        ("AB", "DD", "EH", "TD", "NE", "DH", "DL", "HG", "LS", "S", "NG", "LE", "NN", "MK", "LU", "HA", "TW", "RH"),
        ("SR", "TS", "YO", "HU", "DN", "LN", "NR", "IP", "CO", "CM", "SS", "DA", "ME"),
        ("CH", "LL", "SY", "LD", "SA", "CF", "TA", "PL", "GY"),
        ("EN", "N", "WC", "SE", "CR", "BN"),
        ("WD", "NW", "W", "SW", "SM", "BN", "JE"),
    ],
)
def test_what_lies_north_stands_above(tiles, north_to_south):
    assert all(tiles[north].row < tiles[south].row for north, south in pairwise(north_to_south))


@pytest.mark.parametrize(
    "west_to_east",
    [
        ("BT", "IM", "L", "M", "LS", "HU"),
        ("TR", "PL", "EX", "DT", "BH", "PO", "RH", "CT"),
        ("CF", "BS", "SN", "SL", "HA", "NW", "N", "E", "IG", "RM", "SS"),
        ("UB", "W", "WC", "EC"),
        ("KT", "SW", "SE", "BR", "DA", "CT"),
        ("SY", "WV", "WS", "LE", "PE", "NR"),
        ("HS", "IV", "AB", "ZE"),
        ("PA", "FK", "KY"),
        ("G", "ML", "EH"),
    ],
)
def test_what_lies_west_stands_left(tiles, west_to_east):
    assert all(tiles[west].column < tiles[east].column for west, east in pairwise(west_to_east))


@pytest.mark.parametrize(
    ("one", "other"),
    [("EC", "WC"), ("W", "WC"), ("E", "EC"), ("NW", "N"), ("SE", "EC"), ("SW", "W"), ("BR", "SE"), ("L", "WA"),
     ("M", "SK"), ("M", "OL"), ("LS", "BD"), ("LS", "WF"), ("B", "CV"), ("B", "WS"), ("B", "DY"), ("G", "PA"),
     ("G", "ML"), ("EH", "TD"), ("NE", "DH"), ("BS", "BA"), ("CF", "NP"), ("SO", "PO"), ("NG", "DE"), ("CB", "IP"),
     ("BS", "NP"), ("DA", "ME"), ("GL", "SN"), ("OX", "HP")],
)  # fmt: skip
def test_neighbours_touch(tiles, one, other):
    first, second = tiles[one], tiles[other]
    assert max(abs(first.column - second.column), abs(first.row - second.row)) == 1


def test_islands_touch_nothing_of_the_mainland(tiles):
    mainland = {(tile.column, tile.row) for name, tile in tiles.items() if name not in {"BT", "IM", "GY", "JE"}}
    for name in ("BT", "IM", "GY", "JE"):
        column, row = tiles[name].column, tiles[name].row
        assert not {(column - 1, row), (column + 1, row), (column, row - 1), (column, row + 1)} & mainland


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_letters_are_legible_on_every_shade_and_shades_are_told_apart_without_colour():
    for number, shade in enumerate(SHADES):
        assert contrast(shade, PAPER if number >= DARK else INK) >= 4.5
    assert all(contrast(lighter, darker) >= 1.3 for lighter, darker in pairwise(SHADES))
    assert all(luminance(lighter) > luminance(darker) for lighter, darker in pairwise(SHADES))


@given(st.lists(st.floats(0, 1000), max_size=130))
def test_limits_are_round_and_ascending_and_every_value_has_a_shade_in_its_order(values):
    limits = breaks(values)
    assert len(limits) < len(SHADES)
    assert list(limits) == sorted(set(limits))
    for limit in limits:
        assert limit == float(f"{limit:.2g}")
        assert min(values) < limit <= max(values)
    shades = [shade_of(value, limits) for value in sorted(values)]
    assert shades == sorted(shades)
    assert set(shades) <= set(range(len(SHADES)))


def test_groups_are_of_about_the_same_size():
    values = [float(value) for value in range(100, 200)]
    shades = [shade_of(value, breaks(values)) for value in values]
    assert [shades.count(shade) for shade in range(len(SHADES))] == [20] * 5
    assert breaks([]) == breaks([3.0]) == breaks([0.0, 0.0]) == ()


def test_a_tile_has_its_letters_its_figure_and_the_shade_of_its_value(tiles):
    given_areas = {
        "M": Shaded(9.0, "12", "12 leads"),
        "LS": Shaded(1.0, "1", "<1 lead>"),
        "BT": Shaded(None, "3", "3 leads"),
        "unknown": Shaded(100.0, "7", "nowhere"),
    }
    root = parsed(tile_map(given_areas, "leads", LEGEND, lambda value: f"{value:g}"))
    assert_inside(root)
    marks = hinted(root, "rect")
    assert len(marks) == len(tiles)
    assert {hint.split(" ", 1)[0] for hint in marks} == set(tiles)
    assert marks["M Manchester: 12 leads"].attrib["fill"] == SHADES[-1]
    assert marks["LS Leeds: <1 lead>"].attrib["fill"] == SHADES[0]
    assert marks["BT Belfast: 3 leads"].attrib["fill"] == PAPER
    assert "stroke-dasharray" in marks["BT Belfast: 3 leads"].attrib
    assert marks["ZE Lerwick: no company scored"].attrib["fill"] == PAPER
    assert not any("nowhere" in hint for hint in hints(root))
    written = texts(root)
    assert set(tiles) <= set(written)
    assert {"12", "1", "3", "too few", "one", "two <b>", "below 9", "9 or more"} <= set(written)
    places = [(float(mark.attrib["x"]), float(mark.attrib["y"])) for mark in marks.values()]
    sizes = {mark.attrib["width"] for mark in marks.values()} | {mark.attrib["height"] for mark in marks.values()}
    assert all(
        max(abs(x - u), abs(y - v)) >= max(map(float, sizes)) - 0.6
        for number, (x, y) in enumerate(places)
        for u, v in places[number + 1 :]
    )


def test_the_legend_covers_no_tile():
    root = parsed(tile_map({}, "leads", LEGEND, str))
    swatch = [mark for mark in elements(root, "rect") if mark.attrib["width"] in {"17.0", "18.0"}]
    left = min(float(mark.attrib["x"]) for mark in swatch)
    bottom = max(float(text.attrib["y"]) for text in elements(root, "text") if text.text == "two <b>")
    for mark in hinted(root, "rect").values():
        x, y = float(mark.attrib["x"]), float(mark.attrib["y"])
        assert x + float(mark.attrib["width"]) <= left or y > bottom
