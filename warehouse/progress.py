"""A bar that tells people how far a command has come.

It is drawn on standard error where that is a terminal, in place and by carriage returns alone, so that nothing has to
be put right when the command is killed; at its end it is gone. Nothing is drawn into a pipe or a file.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TextIO, TypeVar, cast

from warehouse import terminal

Unit = Literal["", "MB"]
T = TypeVar("T")

MEGABYTE = 1_000_000
MINUTE, HOUR = 60, 3600

# Work that is done sooner shows no bar.
PATIENCE_SECONDS = 0.5
DRAWING_SECONDS = 0.2
# A bar says how long it may yet take once it has seen this much of the work.
ENOUGH_SECONDS = 2.0
LONGEST_BAR, SHORTEST_BAR = 30, 8
# Of a terminal that does not say how wide it is.
COLUMNS = 80


def duration(seconds: float) -> str:
    """Write a duration as minutes and seconds, or hours, minutes and seconds.

    Args:
        seconds: How long.
    """
    whole = int(seconds)
    minutes = f"{whole // MINUTE % MINUTE:02}" if whole >= HOUR else str(whole // MINUTE)
    hours = f"{whole // HOUR}:" if whole >= HOUR else ""
    return f"{hours}{minutes}:{whole % MINUTE:02}"


class Bar:
    """How far a piece of work has come; may be told by several threads.

    Attributes:
        words: What is done.
        total: All of it, in the same count as is advanced by; None where nobody knows.
        note: What it is about just now.
    """

    def __init__(self, words: str, total: float | None = None, unit: Unit = "") -> None:
        """Begin at nothing.

        Args:
            words: What is done.
            total: All of it; None where nobody knows.
            unit: `MB` where bytes are counted.
        """
        self.words, self.total, self.note = words, total, ""
        self._unit = unit
        self._done = 0.0
        self._begun = time.monotonic()
        self._lock = threading.Lock()

    def turn_to(self, words: str, total: float | None = None) -> None:
        """Begin with the next part of the work, at nothing and with a time of its own.

        Args:
            words: What is done.
            total: All of it; None where nobody knows.
        """
        with self._lock:
            self.words, self.total, self.note = words, total, ""
            self._done, self._begun = 0.0, time.monotonic()

    def advance(self, count: float = 1) -> None:
        """Tell that so much more is done."""
        with self._lock:
            self._done += count

    def reach(self, count: float) -> None:
        """Tell that so much is done in all."""
        with self._lock:
            self._done = count

    def follow(self, pieces: Iterable[T], count: Callable[[T], float] = lambda _: 1) -> Iterator[T]:
        """Give pieces of work on, and tell of each when the next is asked for.

        Args:
            pieces: Any.
            count: How much a piece is.
        """
        for piece in pieces:
            yield piece
            self.advance(count(piece))

    @property
    def done(self) -> float:
        """How much is done in all."""
        return self._done

    @property
    def seconds(self) -> float:
        """How long the work has been going on."""
        return time.monotonic() - self._begun

    def drawn(self, width: int, full: str = "━", empty: str = "─") -> tuple[str, str, str]:
        """Write it in one line of at most so many characters: what comes before the bar, the bar, and what comes after.

        Args:
            width: Characters of the line.
            full: Character of what is done.
            empty: Character of what is not.
        """
        seconds, total = self.seconds, self.total
        if not total:
            return f"{self.words}  {duration(seconds)}{self._noted()}"[:width], "", ""
        share = min(self._done / total, 1.0)
        left = ""
        if 0 < share < 1 and seconds >= ENOUGH_SECONDS:
            left = f", {duration(seconds * (1 - share) / share)} left"
        before, after = f"{self.words}  ", f"  {self._counted(share * total, total)}  {duration(seconds)}{left}"
        length = min(LONGEST_BAR, width - len(before) - len(after))
        if length < SHORTEST_BAR:
            return f"{before.rstrip()}{after}"[:width], "", ""
        filled = int(share * length)
        room = max(width - len(before) - length - len(after), 0)
        return before, full * filled + empty * (length - filled), f"{after}{self._noted()[:room]}"

    def _counted(self, done: float, total: float) -> str:
        scale, digits, unit = (MEGABYTE, 1, " MB") if self._unit == "MB" else (1, 0, "")
        whole = f"{total / scale:,.{digits}f}"
        # as wide from the beginning as at the end, so that nothing behind it moves
        return f"{done / scale:>{len(whole)},.{digits}f} of {whole}{unit}"

    def _noted(self) -> str:
        return f"  {self.note}" if self.note else ""


class _Screen:
    """Draws the innermost of the bars, from a thread of its own, and takes it away before a line is written."""

    def __init__(self) -> None:
        self.bars: list[Bar] = []
        self._lock = threading.RLock()
        self._width = 0
        self._is_line_begun = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._streams: tuple[TextIO, TextIO] | None = None
        os.register_at_fork(before=self._acquire, after_in_parent=self._release, after_in_child=self._forget)

    def begin(self, bar: Bar) -> None:
        self.bars.append(bar)
        if self._thread is None:
            self._streams = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = (cast(TextIO, _AboveBar(stream, self)) for stream in self._streams)
            self._ended.clear()
            self._thread = threading.Thread(target=self._draw_on, args=(self._streams[1],), name="bar", daemon=True)
            self._thread.start()

    def end(self, bar: Bar) -> None:
        self.bars = [other for other in self.bars if other is not bar]
        if self.bars or self._thread is None or self._streams is None:
            return
        self._ended.set()
        self._thread.join()
        self._thread = None
        with self._lock:
            self.erase()
            sys.stdout, sys.stderr = self._streams
            self._streams = None

    def write(self, stream: TextIO, text: str) -> int:
        with self._lock:
            self.erase()
            if text:
                self._is_line_begun = not text.endswith("\n")
            return stream.write(text)

    def erase(self) -> None:
        if self._width and self._streams is not None:
            out = self._streams[1]
            out.write(f"\r{' ' * self._width}\r")
            out.flush()
            self._width = 0

    def _draw_on(self, out: TextIO) -> None:
        while not self._ended.wait(DRAWING_SECONDS):
            with self._lock:
                shown = [bar for bar in list(self.bars) if bar.seconds >= PATIENCE_SECONDS]
                if shown and not self._is_line_begun:
                    with contextlib.suppress(OSError):  # of a terminal that has gone
                        self._draw(shown[-1], out)

    def _draw(self, bar: Bar, out: TextIO) -> None:
        columns = os.get_terminal_size(out.fileno()).columns
        is_plain = not (out.encoding or "").lower().startswith("utf")
        before, line, after = bar.drawn((columns or COLUMNS) - 1, *("#-" if is_plain else "━─"))
        width = len(before) + len(line) + len(after)
        gap = " " * (self._width - width)
        # the cursor rests at the beginning, where whatever else is written covers the bar
        out.write(f"\r{before}{terminal.coloured(line, 'cyan', out) if line else ''}{after}{gap}\r")
        out.flush()
        self._width = width

    def _acquire(self) -> None:
        self._lock.acquire()

    def _release(self) -> None:
        self._lock.release()

    def _forget(self) -> None:
        """In a process that was forked: the bars are the other's."""
        self._lock = threading.RLock()
        self.bars, self._thread, self._width = [], None, 0
        if self._streams is not None:
            sys.stdout, sys.stderr = self._streams
            self._streams = None


class _AboveBar:
    """A standard stream while bars are drawn: they make way for each line."""

    def __init__(self, stream: TextIO, screen: _Screen) -> None:
        self._stream, self._screen = stream, screen

    def write(self, text: str) -> int:
        return self._screen.write(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_screen = _Screen()


@contextlib.contextmanager
def bar(words: str, total: float | None = None, unit: Unit = "") -> Iterator[Bar]:
    """Show how far work has come for the time of a `with` block, if it takes a while and there is where to draw.

    Of bars within each other the innermost is shown.

    Args:
        words: What is done, such as `scoring companies`.
        total: All of it, in the count that the bar is advanced by; None where nobody knows, and then only the time
            that has passed is shown.
        unit: `MB` where bytes are counted.

    Yields:
        What to tell of the work.
    """
    shown = Bar(words, total, unit)
    if not terminal.draws():
        yield shown
        return
    try:
        _screen.begin(shown)
        yield shown
    finally:
        _screen.end(shown)
