"""Plots: figures in, the markup of one picture out. What lies where is decided by `reports.scales` alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports.canvas import (
    BLUE,
    CHARACTER,
    DASHES,
    FILL,
    NORMAL,
    RULE,
    SERIES,
    SMALL,
    WIDTH,
    Element,
    canvas,
    label,
    legend,
    line,
    marker,
    shortened,
    written,
)
from reports.scales import Scale, nice_step
from warehouse.diagrams.svg import FAINT, INK, LINE, group, path, rectangle

Write = Callable[[float], str]

LEFT, RIGHT = 8.0, WIDTH - 8.0
PLOT_LEFT = 44.0  # where numbers stand left of the plot
GRID_LINES = 3


def _x(scale: Scale, value: float, left: float = LEFT, right: float = RIGHT) -> float:
    return left + scale.place(value) * (right - left)


def _bottom_axis(
    root: Element, scale: Scale, y: float, write: Write, *, left: float = LEFT, right: float = RIGHT
) -> None:
    line(root, left, y, right, y, stroke=LINE)
    for tick in scale.ticks():
        x = _x(scale, tick, left, right)
        line(root, x, y, x, y + 4, stroke=LINE)
        text = write(tick)
        half = len(text) * SMALL * CHARACTER / 2 + 1
        label(root, min(max(x, half), WIDTH - half), y + 15, text, anchor="middle")


@dataclass(frozen=True)
class Axis:
    """An axis: where its values lie, how they are written, and what they are."""

    scale: Scale
    write: Write
    title: str


@dataclass(frozen=True)
class Column:
    """A column of `columns`: what it is of, what stands below it where anything does, and how high it is."""

    name: str
    tick: str
    value: float


def columns(given: Sequence[Column], title: str, write: Write, height: float = 110.0) -> str:
    """Draw upright columns over equal steps, such as months.

    Args:
        given: At least one; no value below 0.
        title: Says what is counted.
        write: Writes a value.
        height: Of the picture.
    """
    root = canvas(height, title)
    label(root, 4, 12, title, size=NORMAL, fill=INK)
    top, bottom = 22.0, height - 20.0
    highest = max(column.value for column in given) or 1.0
    step = nice_step(highest / GRID_LINES)
    scale = Scale(0.0, max(highest, step))
    for tick in range(int(scale.high / step + 1e-9) + 1):
        y = bottom - scale.place(tick * step) * (bottom - top)
        line(root, PLOT_LEFT, y, RIGHT, y)
        label(root, PLOT_LEFT - 4, y + 3.5, write(tick * step), anchor="end")
    width = (RIGHT - PLOT_LEFT) / len(given)
    for number, column in enumerate(given):
        x = PLOT_LEFT + number * width
        tall = scale.place(column.value) * (bottom - top)
        bar = group(root, f"{column.name}: {write(column.value)}")
        rectangle(bar, x + width * 0.1, bottom - tall, width * 0.8, tall, fill=BLUE)
        if column.tick:
            line(root, x, bottom, x, bottom + 4, stroke=LINE)
            label(root, x + 1, bottom + 14, column.tick)
    line(root, PLOT_LEFT, bottom, RIGHT, bottom, stroke=LINE)
    return written(root)


@dataclass(frozen=True)
class Bar:
    """A bar of `bars`: its name, its length, the figure beside it, and a mark on its scale where there is one."""

    name: str
    value: float
    figure: str
    mark: float | None = None


def bars(given: Sequence[Bar], title: str, most: float | None = None) -> str:
    """Draw bars below their names, all from the same zero.

    Args:
        given: In their order; no value below 0.
        title: Says what is drawn.
        most: Value of a bar of full length; the greatest one's where it is not told.
    """
    row = 26.0
    root = canvas(row * len(given) + 4, title)
    longest = most if most is not None else max((max(bar.value, bar.mark or 0.0) for bar in given), default=1.0)
    scale = Scale(0.0, longest or 1.0)
    for number, bar in enumerate(given):
        y = number * row
        room = RIGHT - LEFT - len(bar.figure) * NORMAL * 0.58 - 8
        label(root, LEFT, y + 12, shortened(bar.name, room, NORMAL), size=NORMAL, fill=INK)
        label(root, RIGHT, y + 12, bar.figure, size=NORMAL, anchor="end", fill=INK)
        rectangle(root, LEFT, y + 18, RIGHT - LEFT, 6, fill=RULE)
        rectangle(group(root, f"{bar.name}: {bar.figure}"), LEFT, y + 18, _x(scale, bar.value) - LEFT, 6, fill=BLUE)
        if bar.mark is not None:
            x = _x(scale, bar.mark)
            line(root, x, y + 15.5, x, y + 26.5, stroke="#000000", width=2)
    return written(root)


@dataclass(frozen=True)
class Bin:
    """A column of a histogram: above one value, up to another, and its share of all that are known and of each series.

    The first bin begins at no value, the last ends at none.
    """

    above: float | None
    up_to: float | None
    share: float
    series: tuple[float, ...]


@dataclass(frozen=True)
class Strip:
    """Percentiles .05, .25, .50, .75 and .95 of a group."""

    name: str
    points: tuple[float, float, float, float, float]


END = 14.0  # width of the two bins without an end
STRIP = 26.0


def distribution(bins: Sequence[Bin], strips: Sequence[Strip], names: Sequence[str], axis: Axis) -> str:
    """Draw a histogram, a stepped line a series over it, and a strip of percentiles a group below, on one axis.

    Args:
        bins: Ascending and without a gap; the first and the last lie left and right of the axis.
        strips: From the .05 to the .95 percentile a line, from .25 to .75 a bar, the median a stroke.
        names: Of the series.
        axis: From the end of the first bin to the beginning of the last.
    """
    scale, write = axis.scale, axis.write
    top, bottom = 18.0, 92.0
    height = bottom + 24 + STRIP * len(strips)
    root = canvas(height, f"Distribution of {axis.title}")
    left, right = LEFT + END + 4, RIGHT - END - 4
    legend(root, 10, list(names), lines=True)
    highest = max((value for found in bins for value in (found.share, *found.series)), default=0.0) or 1.0

    def ends(found: Bin) -> tuple[float, float]:
        if found.above is None:
            return LEFT, LEFT + END
        if found.up_to is None:
            return RIGHT - END, RIGHT
        return _x(scale, found.above, left, right), _x(scale, found.up_to, left, right)

    def tall(value: float) -> float:
        return bottom - value / highest * (bottom - top)

    places = [ends(found) for found in bins]
    for (start, end), found in zip(places, bins, strict=True):
        hint = f"{_range(found, write)}: {100 * found.share:.1f} %"
        rectangle(group(root, hint), start, tall(found.share), end - start, bottom - tall(found.share), fill=FILL)
    for series in range(len(names)):
        data = []
        for number, ((start, end), found) in enumerate(zip(places, bins, strict=True)):
            y = tall(found.series[series])
            # the bins without an end stand apart
            begins = number in {0, 1, len(bins) - 1}
            data.append(f"{'M' if begins else 'L'}{start:.1f} {y:.1f}H{end:.1f}")
        path(root, "".join(data), stroke=SERIES[series], stroke_width="1.6", stroke_dasharray=DASHES[series] or "none")
    _bottom_axis(root, scale, bottom, write, left=left, right=right)
    line(root, LEFT, bottom, LEFT + END, bottom, stroke=LINE)
    line(root, RIGHT - END, bottom, RIGHT, bottom, stroke=LINE)
    for number, strip in enumerate(strips):
        y = bottom + 24 + number * STRIP
        label(root, LEFT, y + 9, shortened(strip.name, 250))
        label(root, RIGHT, y + 9, write(strip.points[2]), anchor="end", fill=INK)
        p05, p25, median, p75, p95 = (_x(scale, value, left, right) for value in strip.points)
        line(root, left, y + 18, right, y + 18)
        line(root, p05, y + 18, p95, y + 18, stroke=FAINT, width=1.5)
        rectangle(root, p25, y + 14.5, max(p75 - p25, 0.5), 7, fill=FILL, stroke=FAINT, stroke_width="0.8")
        line(root, median, y + 13, median, y + 23, stroke="#000000", width=2)
    return written(root)


def _range(found: Bin, write: Write) -> str:
    if found.above is None:
        return "all" if found.up_to is None else f"up to {write(found.up_to)}"
    return f"above {write(found.above)}" if found.up_to is None else f"{write(found.above)} to {write(found.up_to)}"


@dataclass(frozen=True)
class Whisker:
    """An estimate with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A row of `whiskers`.

    Attributes:
        name: What it is of.
        found: By series, in their order; None where a series has no estimate.
        note: Stands right of the name.
    """

    name: str
    found: Sequence[Whisker | None]
    note: str = ""


APART = 11.0  # between the series of a row


def whiskers(
    rows: Sequence[Row], names: Sequence[str], title: str, write: Write, *, reference: float | None = None,
    scale: Scale | None = None,
) -> str:  # fmt: skip
    """Draw estimates as marks with their intervals, a row a thing, on one axis.

    Args:
        rows: In their order.
        names: Of the series; one alone is not named.
        title: Says what is drawn.
        write: Writes a value.
        reference: A value worth an upright line, such as that of chance.
        scale: The axis; from 0, or below where an interval goes there, to the highest end where it is not told.
    """
    tall = 22.0 + APART * max(len(names), 1)
    head = 18.0 if len(names) > 1 else 4.0
    bottom = head + tall * len(rows) + 2
    root = canvas(bottom + 22, title)
    if len(names) > 1:
        legend(root, 11, list(names))
    ends = [end for row in rows for one in row.found if one is not None for end in (one.low, one.value, one.high)]
    ends += [0.0] if reference is None else [0.0, reference]
    if scale is None:
        scale = Scale(min(ends), max(ends) if max(ends) > min(ends) else min(ends) + 1.0)
    for tick in scale.ticks():
        x = _x(scale, tick)
        line(root, x, head, x, bottom)
    if reference is not None:
        x = _x(scale, reference)
        line(root, x, head, x, bottom, stroke=FAINT, width=1.4, dash="4 3")
    for number, row in enumerate(rows):
        y = head + number * tall
        if number:
            line(root, LEFT, y, RIGHT, y)
        room = RIGHT - LEFT - len(row.note) * SMALL * 0.58 - 8
        label(root, LEFT, y + 12, shortened(row.name, room, NORMAL), size=NORMAL, fill=INK)
        label(root, RIGHT, y + 12, row.note, anchor="end")
        for series, one in enumerate(row.found):
            if one is None:
                continue
            at = y + 21 + APART * series
            hint = f"{row.name}: {write(one.value)} ({write(one.low)} to {write(one.high)})"
            part = group(root, hint)
            line(part, _x(scale, one.low), at, _x(scale, one.high), at, stroke=SERIES[series], width=2)
            marker(part, _x(scale, one.value), at, series)
    _bottom_axis(root, scale, bottom, write)
    return written(root)


@dataclass(frozen=True)
class Curve:
    """A line of `curves`, and whether its points are marked."""

    name: str
    points: Sequence[tuple[float, float]]
    marked: bool = False


def curves(
    given: Sequence[Curve],
    x_axis: Axis,
    y_axis: Axis,
    *,
    plain: Sequence[tuple[float, float]] = (),
    points: Sequence[tuple[float, float, str]] = (),
) -> str:
    """Draw lines over one another.

    Args:
        given: The lines, each in its own colour and dash.
        x_axis: The lower one.
        y_axis: The one on the left.
        plain: A line to compare with, drawn thin.
        points: Single points at one x, each with its name beside it.
    """
    top, bottom = 36.0, 250.0
    root = canvas(bottom + 34, f"{y_axis.title} by {x_axis.title}")
    legend(root, 11, [curve.name for curve in given], lines=True)
    label(root, 4, 27, y_axis.title, fill=INK)

    def at(x: float, y: float) -> tuple[float, float]:
        return _x(x_axis.scale, x, PLOT_LEFT), bottom - y_axis.scale.place(y) * (bottom - top)

    for tick in y_axis.scale.ticks():
        _, y = at(x_axis.scale.low, tick)
        line(root, PLOT_LEFT, y, RIGHT, y)
        label(root, PLOT_LEFT - 4, y + 3.5, y_axis.write(tick), anchor="end")
    _bottom_axis(root, x_axis.scale, bottom, x_axis.write, left=PLOT_LEFT)
    label(root, RIGHT, bottom + 29, x_axis.title, anchor="end", fill=INK)
    if plain:
        path(root, _along([at(x, y) for x, y in plain]), stroke=FAINT, stroke_width="1.2")
    for series, curve in enumerate(given):
        places = [at(x, y) for x, y in curve.points]
        path(root, _along(places), stroke=SERIES[series], stroke_width="2", stroke_dasharray=DASHES[series] or "none")
        if curve.marked:
            for (x, y), (value_x, value_y) in zip(places, curve.points, strict=True):
                marker(group(root, f"{curve.name}: {x_axis.write(value_x)}, {y_axis.write(value_y)}"), x, y, series)
    free = top
    for (x, y), name in sorted((at(of_x, of_y), name) for of_x, of_y, name in points):
        marker(root, x, y, 2, 3)
        free = max(y + 3.5, free)
        label(root, x + 8, free, name, fill=INK)
        free += SMALL
    return written(root)


def _along(places: Sequence[tuple[float, float]]) -> str:
    return "".join(f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(places))


@dataclass(frozen=True)
class Stage:
    """A step of `flow`: what goes in, and what leaves by reason; the rest comes out."""

    name: str
    rows_in: int
    left: Sequence[tuple[str, int]]


def flow(stages: Sequence[Stage], end: str, title: str, write: Write) -> str:
    """Draw rows that flow down through steps, and what leaves them on the way, all as broad as they are many.

    Args:
        stages: In their order; what comes out of one goes into the next.
        end: What the rows are in the end.
        title: Says what flows.
        write: Writes a number of rows.
    """
    band, side = 88.0, 104.0
    most = max(stage.rows_in for stage in stages) or 1
    heights = [44.0 + 26.0 * max(len(stage.left), 1) for stage in stages]
    root = canvas(sum(heights) + 50, title)

    def broad(rows: float) -> float:
        return max(band * rows / most, 1.0 if rows else 0.0)

    y = 4.0
    for stage, height in zip(stages, heights, strict=True):
        rows_out = stage.rows_in - sum(rows for _, rows in stage.left)
        before, after = broad(stage.rows_in), broad(rows_out)
        rectangle(root, LEFT, y, before, 18, fill=BLUE)
        named = shortened(f"{write(stage.rows_in)} {stage.name}", WIDTH - side, NORMAL)
        label(root, side, y + 13, named, size=NORMAL, fill=INK)
        low, far = y + height, LEFT + before
        data = f"M{LEFT:.1f} {y + 18:.1f}H{far:.1f}C{far:.1f} {y + height / 2:.1f} {LEFT + after:.1f} "
        data += f"{y + height / 2:.1f} {LEFT + after:.1f} {low:.1f}H{LEFT:.1f}Z"
        path(root, data, fill=FILL, stroke="none")
        for number, (reason, rows) in enumerate(stage.left):
            at = y + 36 + 26 * number
            part = group(root, f"{reason}: {write(rows)}")
            rectangle(part, side, at - 9, RIGHT - side, 22, fill="#ffffff")
            rectangle(part, side, at + 6, max((RIGHT - side) * rows / most, 0.8), 5, fill=LINE)
            label(part, side, at + 2, shortened(f"{write(rows)} {reason}", RIGHT - side), fill=INK)
        y = low
    last = stages[-1].rows_in - sum(rows for _, rows in stages[-1].left)
    rectangle(root, LEFT, y, broad(last), 18, fill=BLUE)
    label(root, side, y + 13, f"{write(last)} {end}", size=NORMAL, fill=INK)
    return written(root)
