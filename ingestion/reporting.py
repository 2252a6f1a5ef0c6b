"""What a command says while it works: lines for people, or one JSON object a line for machines."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TextIO

from warehouse import terminal
from warehouse.progress import Bar, Unit, bar

MEGABYTE = 1_000_000
# Between two lines about one download or a large sample, where no bar tells how far it is.
LINE_SECONDS = 10.0

# Of a list of names in a line for people; the log and JSON lines have all.
SHOWN_NAMES = 12

LogFormat = Literal["text", "json"]


def listed(names: Sequence[str]) -> str:
    """Write names with commas between them, and of a long list the first and how many more there are.

    Args:
        names: Any number of them.
    """
    more = len(names) - SHOWN_NAMES
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:SHOWN_NAMES])} and {more:,} more"


@dataclass(frozen=True)
class Report:
    """Takes what there is to say.

    Attributes:
        log_format: `text` for lines as they are, `json` for objects with time, level, event, message and facts.
    """

    log_format: LogFormat = "text"

    def __call__(self, event: str, message: str, **facts: object) -> None:
        """Say that something was done, unless only results are wanted.

        Args:
            event: What it is, one word that stays the same: for machines.
            message: The same for people, blanks in front included.
            facts: What the message tells, by name: for machines.
        """
        if not terminal.is_quiet():
            self.told(event, message, **facts)

    def told(self, event: str, message: str, **facts: object) -> None:
        """Say what was asked for, or what is wrong, however quiet the command is; the arguments are those of a call."""
        self._write(sys.stdout, "info", event, message, facts)

    def error(self, message: str) -> None:
        """Say why the command ends without success, on standard error."""
        self._write(sys.stderr, "error", "failed", message, {})

    def _write(self, out: TextIO, level: str, event: str, message: str, facts: Mapping[str, object]) -> None:
        if self.log_format == "json":
            time = datetime.now(UTC).isoformat(timespec="milliseconds")
            line = {"time": time, "level": level, "event": event, "message": message.strip(), **facts}
            print(json.dumps(line, default=str), file=out, flush=True)
        elif level == "error":
            terminal.error(message)
        else:
            print(message, file=out, flush=True)


@contextlib.contextmanager
def downloading(report: Report, delivery: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how a download gets on for the time of a `with` block: a bar on a terminal, a line now and then elsewhere.

    Args:
        report: Takes the lines.
        delivery: What is downloaded.
        size: Bytes in all.

    Yields:
        A function to call with the number of bytes that came.
    """
    with working(report, "  downloading", size, "MB") as shown:

        def line() -> None:
            come = int(shown.done)
            message = f"  {come / MEGABYTE:,.0f} of {size / MEGABYTE:,.0f} MB"
            report("downloading", message, delivery=delivery, bytes=come, of_bytes=size)

        tell = _now_and_then(report, line)

        def advance(count: int) -> None:
            shown.advance(count)
            tell()

        yield advance


@contextlib.contextmanager
def drawing(report: Report, companies: int) -> Iterator[Callable[[int], None]]:
    """Show how many companies of a sample are written: a bar on a terminal, a line now and then elsewhere.

    Args:
        report: Takes the lines.
        companies: How many there will be.

    Yields:
        A function to call with how many are written so far.
    """
    with working(report, "drawing companies", companies) as shown:

        def line() -> None:
            so_far = int(shown.done)
            report("drawing", f"  {so_far:,} of {companies:,} companies", companies=so_far, of_companies=companies)

        tell = _now_and_then(report, line)

        def written(so_far: int) -> None:
            shown.reach(so_far)
            tell()

        yield written


def working(
    report: Report, words: str, total: float | None = None, unit: Unit = ""
) -> contextlib.AbstractContextManager[Bar]:
    """Show a bar for the time of a `with` block where people read, and none beside lines for machines.

    Args:
        report: Tells who reads.
        words: What is done.
        total: All of it, None where nobody knows.
        unit: `MB` where bytes are counted.
    """
    return contextlib.nullcontext(Bar(words, total, unit)) if report.log_format == "json" else bar(words, total, unit)


def _now_and_then(report: Report, line: Callable[[], None]) -> Callable[[], None]:
    """Give a function that says a line now and then, where who reads the lines sees no bar."""
    told = time.monotonic()
    is_seen = report.log_format == "text" and terminal.draws() and sys.stdout.isatty()

    def tell() -> None:
        nonlocal told
        if not is_seen and time.monotonic() - told >= LINE_SECONDS:
            told = time.monotonic()
            line()

    return tell
