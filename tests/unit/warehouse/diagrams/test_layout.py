"""Boxes in columns, and lines around them."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.diagrams.layout import GAP, Layout, Size, crossings, fitted, layered, longest_paths

BOX = Size(100, 20)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, int], list[tuple[str, str]], dict[str, str]]:
    columns = {f"box{number}": draw(st.integers(0, 4)) for number in range(draw(st.integers(1, 14)))}
    keys = sorted(columns)
    edges = draw(st.lists(st.tuples(st.sampled_from(keys), st.sampled_from(keys)), max_size=30))
    docked = {f"docked{number}": host for number, host in enumerate(draw(st.sets(st.sampled_from(keys), max_size=4)))}
    edges += [(host, key) for key, host in docked.items()] + [(key, keys[-1]) for key in docked]
    return columns | {key: columns[host] for key, host in docked.items()}, sorted(set(edges)), docked


def laid_out(columns: dict[str, int], edges: list[tuple[str, str]], docked: dict[str, str]) -> Layout:
    return layered(dict.fromkeys(columns, BOX), columns, edges, docked)


@given(graphs())
def test_no_two_boxes_overlap_and_all_are_inside(
    graph: tuple[dict[str, int], list[tuple[str, str]], dict[str, str]],
) -> None:
    layout = laid_out(*graph)
    assert set(layout.places) == set(graph[0])
    for one, other in combinations(layout.places.values(), 2):
        apart = one.right < other.x or other.right < one.x or one.bottom < other.y or other.bottom < one.y
        assert apart, (one, other)
    assert all(place.y >= -1e-6 and place.bottom <= layout.height + 1e-6 for place in layout.places.values())


@given(graphs())
def test_every_line_to_the_right_runs_from_its_parent_to_its_child(
    graph: tuple[dict[str, int], list[tuple[str, str]], dict[str, str]],
) -> None:
    columns, edges, _ = graph
    layout = laid_out(*graph)
    assert set(layout.routes) == {(parent, child) for parent, child in edges if columns[parent] < columns[child]}
    for (parent, child), points in layout.routes.items():
        start, end = layout.places[parent], layout.places[child]
        assert (points[0], points[-1]) == ((start.right, start.middle), (end.x, end.middle))
        assert all(left[0] <= right[0] for left, right in pairwise(points))


@given(graphs())
def test_no_line_runs_through_a_box(graph: tuple[dict[str, int], list[tuple[str, str]], dict[str, str]]) -> None:
    layout = laid_out(*graph)
    for points in layout.routes.values():
        for (left, y), (right, _) in list(pairwise(points))[::2]:
            for place in layout.places.values():
                assert right <= place.x or left >= place.right or not place.y < y < place.bottom


def test_docked_box_stands_right_below_its_host() -> None:
    layout = laid_out(
        {"host": 0, "docked": 0, "reader": 1}, [("host", "docked"), ("docked", "reader")], {"docked": "host"}
    )
    host, docked, reader = (layout.places[key] for key in ("host", "docked", "reader"))
    assert (docked.x, docked.y) == (host.x, host.bottom + GAP)
    assert layout.routes["docked", "reader"][0] == (docked.right, docked.middle)
    assert layout.routes["docked", "reader"][-1] == (reader.x, reader.middle)


def test_lines_of_one_box_share_their_lane() -> None:
    columns = {"parent": 0, "between": 1, "one": 2, "other": 2}
    layout = laid_out(columns, [("parent", "one"), ("parent", "other"), ("parent", "between")], {})
    assert layout.routes["parent", "one"][:4] == layout.routes["parent", "other"][:4]


def test_order_within_a_column_untangles_the_lines() -> None:
    columns = {"a": 0, "b": 0, "c": 0, "x": 1, "y": 1, "z": 1}
    layout = laid_out(columns, [("a", "z"), ("b", "y"), ("c", "x")], {})
    by_height = sorted("abc", key=lambda key: layout.places[key].y)
    opposite = sorted("zyx", key=lambda key: layout.places[key].y)
    assert ["zyx"["abc".index(key)] for key in by_height] == opposite


def test_same_graph_is_laid_out_the_same_whatever_the_order_of_its_parts() -> None:
    columns = {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}
    edges = [("a", "d"), ("b", "c"), ("a", "e"), ("c", "e"), ("d", "e")]
    assert laid_out(columns, edges, {}) == laid_out(dict(reversed(columns.items())), edges[::-1], {})


@pytest.mark.parametrize(("right", "expected"), [(["x", "y", "z"], 0), (["z", "y", "x"], 3), (["y", "x", "z"], 1)])
def test_crossings_are_counted(right: list[str], expected: int) -> None:
    links = [((left, 0), (end, 1)) for left, end in zip("abc", "xyz", strict=True)]
    assert crossings([(key, 0) for key in "abc"], [(key, 1) for key in right], links) == expected


def test_lines_to_one_end_do_not_cross() -> None:
    assert crossings([("a", 0), ("b", 0)], [("x", 1)], [(("a", 0), ("x", 1)), (("b", 0), ("x", 1))]) == 0


@pytest.mark.parametrize(
    ("wanted", "weights", "distances", "expected"),
    [
        ([0, 50], [1, 1], [10], [0, 50]),
        ([0, 0], [1, 1], [10], [-5, 5]),
        ([0, 0], [3, 1], [10], [-2.5, 7.5]),
        ([0, 0, 100], [1, 1, 1], [10, 10], [-5, 5, 100]),
        ([30, 0], [1, 1], [10], [10, 20]),
        ([], [], [], []),
    ],
)
def test_positions_are_as_near_as_distances_allow(
    wanted: list[float], weights: list[float], distances: list[float], expected: list[float]
) -> None:
    assert fitted(wanted, weights, distances) == pytest.approx(expected)


def test_longest_way_counts_and_a_circle_does_not_hang() -> None:
    assert longest_paths("abcd", [("a", "b"), ("b", "c"), ("a", "c"), ("x", "d")]) == {"a": 0, "b": 1, "c": 2, "d": 0}
    assert longest_paths("ab", [("a", "b"), ("b", "a"), ("a", "a")]) == {"a": 1, "b": 0}
