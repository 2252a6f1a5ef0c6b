"""Places boxes in columns so that few lines cross, and routes the lines around the boxes.

This is the layered layout of Sugiyama: columns are given, order within a column comes from barycentres, heights from
a least-squares fit that keeps the order. A line that passes a column takes a lane there; all lines from one box share
their lanes, so that a box read by many is one line that branches. Boxes may be docked: they stand right below another
box and move with it.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

Edge = tuple[str, str]
Item = tuple[str, int]  # a box, with those docked to it, in its column, or the lane of a box's lines in a later column
Point = tuple[float, float]

SWEEPS = 24  # the order no longer gets better after fewer
LANE_WEIGHT = 4.0  # a lane bends less readily than a box moves
GAP = 10.0  # between two boxes of a column
LANE_GAP = 5.0  # between two lanes
CHANNEL = 44.0  # between two columns, and more the more lines run there
CHANNEL_PER_LINE = 1.2
WIDEST_CHANNEL = 96.0


@dataclass(frozen=True)
class Size:
    """Width and height of a box."""

    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """Where a box lies: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower side."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The y half-way down."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Layout:
    """Boxes and lines in their places, from (0, 0) on.

    Attributes:
        places: Where each box lies.
        routes: Points of each line from its parent to its child, in pairs: each pair is joined straight, and one pair
            to the next by a curve. A line within a column or back to the left has no route.
        columns: Left and right side of each column.
        height: The lowest side of anything.
    """

    places: dict[str, Place]
    routes: dict[Edge, list[Point]]
    columns: list[tuple[float, float]]
    height: float


def longest_paths(keys: Iterable[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Count the edges on the longest way to each key; edges that close a circle do not count.

    Args:
        keys: What to number.
        edges: Parent and child; those with another end than the keys are ignored.
    """
    parents: dict[str, list[str]] = {key: [] for key in sorted(keys)}
    for parent, child in sorted(edges):
        if parent in parents and child in parents:
            parents[child].append(parent)
    found: dict[str, int] = {}
    under_way: set[str] = set()

    def length(key: str) -> int:
        if key not in found:
            under_way.add(key)
            ways = [length(parent) + 1 for parent in parents[key] if parent not in under_way]
            under_way.discard(key)
            found[key] = max(ways, default=0)
        return found[key]

    return {key: length(key) for key in parents}


def crossings(left: Sequence[Item], right: Sequence[Item], links: Iterable[tuple[Item, Item]]) -> int:
    """Count the pairs of links between two ordered columns that cross."""
    left_rank = {item: rank for rank, item in enumerate(left)}
    right_rank = {item: rank for rank, item in enumerate(right)}
    seen: list[int] = []
    total = 0
    for _, rank in sorted((left_rank[start], right_rank[end]) for start, end in links):
        total += len(seen) - bisect_right(seen, rank)
        insort(seen, rank)
    return total


def fitted(wanted: Sequence[float], weights: Sequence[float], distances: Sequence[float]) -> list[float]:
    """Find positions as near to the wanted ones as order and distances allow (pool adjacent violators).

    Args:
        wanted: Where each item would best be.
        weights: How much it minds to be elsewhere.
        distances: Least distance of each item but the first from the one before.
    """
    offsets = list(accumulate(distances, initial=0.0))[: len(wanted)]
    pools: list[tuple[float, float, int]] = []  # position, weight, items
    for target, weight, offset in zip(wanted, weights, offsets, strict=True):
        pool = (target - offset, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            position, heavier, items = pools.pop()
            both = heavier + pool[1]
            pool = ((position * heavier + pool[0] * pool[1]) / both, both, items + pool[2])
        pools.append(pool)
    flat = [position for position, _, items in pools for _ in range(items)]
    return [position + offset for position, offset in zip(flat, offsets, strict=True)]


class _Columns:
    """Boxes and lanes by column, and the links between neighbouring columns."""

    def __init__(
        self, sizes: Mapping[str, Size], column_of: Mapping[str, int], edges: Iterable[Edge], docked: Mapping[str, str]
    ) -> None:
        self.column_of = column_of
        self.docked = docked
        self.below: dict[str, float] = {}  # how far below the top of its block a box begins
        self.heights: dict[str, float] = {}  # of a block: a box with those docked to it
        for key in sorted(sizes, key=lambda key: (key in docked, key)):
            host = docked.get(key, key)
            self.below[key] = self.heights[host] + GAP if key in docked else 0.0
            self.heights[host] = self.below[key] + sizes[key].height
        self.edges = sorted(edge for edge in edges if column_of[edge[0]] < column_of[edge[1]])
        last: dict[str, int] = defaultdict(int)
        for parent, child in self.edges:
            last[parent] = max(last[parent], column_of[child])
        self.order: list[list[Item]] = [[] for _ in range(max(column_of.values(), default=-1) + 1)]
        for key in sorted(column_of):
            if key not in docked:
                self.order[column_of[key]].append((key, column_of[key]))
            for column in range(column_of[key] + 1, last[key]):
                self.order[column].append((key, column))
        self.links = [
            sorted({(self._stop(edge, column), self._stop(edge, column + 1)) for edge in self.edges
                    if column_of[edge[0]] <= column < column_of[edge[1]]})
            for column in range(len(self.order) - 1)
        ]  # fmt: skip
        self.before: dict[Item, list[Item]] = defaultdict(list)
        self.after: dict[Item, list[Item]] = defaultdict(list)
        for links in self.links:
            for start, end in links:
                self.after[start].append(end)
                self.before[end].append(start)

    def _stop(self, edge: Edge, column: int) -> Item:
        """Where a line is in a column: at the block of one of its ends, or in its lane."""
        for key in edge:
            if self.column_of[key] == column:
                return (self.docked.get(key, key), column)
        return (edge[0], column)

    def is_block(self, item: Item) -> bool:
        return self.column_of[item[0]] == item[1]

    def height_of(self, item: Item) -> float:
        return self.heights[item[0]] if self.is_block(item) else 0.0

    def crossings(self) -> int:
        return sum(
            crossings(left, right, links)
            for left, right, links in zip(self.order, self.order[1:], self.links, strict=False)
        )

    def _sort(self, column: int, neighbours: Mapping[Item, list[Item]], other: int) -> None:
        rank = {item: place for place, item in enumerate(self.order[other])}
        share = len(self.order[other]) / max(len(self.order[column]), 1)

        def barycentre(place: int, item: Item) -> float:
            near = [rank[neighbour] for neighbour in neighbours[item]]
            return sum(near) / len(near) if near else place * share

        keyed = sorted((barycentre(place, item), place, item) for place, item in enumerate(self.order[column]))
        self.order[column] = [item for _, _, item in keyed]

    def untangle(self) -> None:
        """Order each column by the middle of what its items are linked to, to and fro, and keep the best order."""
        best, fewest = [list(column) for column in self.order], self.crossings()
        for _ in range(SWEEPS):
            for column in range(1, len(self.order)):
                self._sort(column, self.before, column - 1)
            for column in reversed(range(len(self.order) - 1)):
                self._sort(column, self.after, column + 1)
            found = self.crossings()
            if found < fewest:
                best, fewest = [list(column) for column in self.order], found
        self.order = best

    def middles(self) -> dict[Item, float]:
        """Find the middle of each item: near to what it is linked to, in order, without touching."""
        y: dict[Item, float] = {}
        distances: list[list[float]] = []
        for column in self.order:
            distances.append([
                (self.height_of(upper) + self.height_of(lower)) / 2
                + (GAP if self.is_block(upper) or self.is_block(lower) else LANE_GAP)
                for upper, lower in pairwise(column)
            ])  # fmt: skip
            for place, item in enumerate(column):
                y[item] = sum(distances[-1][:place]) - sum(distances[-1]) / 2
        for sweep in range(SWEEPS):
            numbers = range(len(self.order))
            for number in numbers if sweep % 2 == 0 else reversed(numbers):
                column = self.order[number]
                near = [[y[neighbour] for neighbour in self.before[item] + self.after[item]] for item in column]
                wanted = [
                    sum(others) / len(others) if others else y[item] for item, others in zip(column, near, strict=True)
                ]
                weights = [1.0 if self.is_block(item) else LANE_WEIGHT for item in column]
                for item, middle in zip(column, fitted(wanted, weights, distances[number]), strict=True):
                    y[item] = middle
        top = min((y[item] - self.height_of(item) / 2 for item in y), default=0.0)
        return {item: middle - top for item, middle in y.items()}


def layered(
    sizes: Mapping[str, Size],
    column_of: Mapping[str, int],
    edges: Iterable[Edge],
    docked: Mapping[str, str] | None = None,
    spread_ends: bool = False,
) -> Layout:
    """Place boxes in their columns and route the lines between them.

    Args:
        sizes: Size of each box.
        column_of: Number of the column of each box, from 0.
        edges: Parent and child of each line.
        docked: Boxes that stand below another one of their column, and that one, which is not docked itself.
        spread_ends: Whether lines end side by side at a child, instead of all in the middle of its left side.
    """
    columns = _Columns(sizes, column_of, edges, docked or {})
    columns.untangle()
    middles = columns.middles()
    sides: list[tuple[float, float]] = []
    x = 0.0
    for number in range(len(columns.order)):
        width = max((size.width for key, size in sizes.items() if column_of[key] == number), default=0.0)
        sides.append((x, x + width))
        lines = len(columns.links[number]) if number < len(columns.links) else 0
        x += width + min(CHANNEL + CHANNEL_PER_LINE * lines, WIDEST_CHANNEL)
    places = {}
    for key, size in sizes.items():
        block = (columns.docked.get(key, key), column_of[key])
        top = middles[block] - columns.height_of(block) / 2 + columns.below[key]
        left, right = sides[column_of[key]]
        places[key] = Place(left, top, right - left, size.height)
    routes: dict[Edge, list[Point]] = {}
    for parent, child in columns.edges:
        start, end = places[parent], places[child]
        lanes = range(column_of[parent] + 1, column_of[child])
        passed = [(side, middles[parent, column]) for column in lanes for side in sides[column]]
        routes[parent, child] = [(start.right, start.middle)] * 2 + passed + [(end.x, end.middle)] * 2
    if spread_ends:
        for child, place in places.items():
            ends = sorted((routes[edge][-3][1], edge) for edge in routes if edge[1] == child)
            for number, (_, edge) in enumerate(ends, start=1):
                routes[edge][-2:] = [(place.x, place.y + place.height * number / (len(ends) + 1))] * 2
    height = max((middles[item] + columns.height_of(item) / 2 for item in middles), default=0.0)
    return Layout(places, routes, sides, height)
