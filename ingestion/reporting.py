"""What a command says while it works: lines for people, or one JSON object a line for machines."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

MEGABYTE = 1_000_000
# Between two lines about one download, where there is no terminal, or about a large sample.
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
        """Say that something was done.

        Args:
            event: What it is, one word that stays the same: for machines.
            message: The same for people, blanks in front included.
            facts: What the message tells, by name: for machines.
        """
        self._write(sys.stdout, "info", event, message, facts)

    def error(self, message: str) -> None:
        """Say why the command ends without success, on standard error."""
        self._write(sys.stderr, "error", "failed", message, {})

    def _write(self, out: TextIO, level: str, event: str, message: str, facts: Mapping[str, object]) -> None:
        if self.log_format == "json":
            time = datetime.now(UTC).isoformat(timespec="milliseconds")
            line = {"time": time, "level": level, "event": event, "message": message.strip(), **facts}
            print(json.dumps(line, default=str), file=out, flush=True)
        else:
            print(f"error: {message}" if level == "error" else message, file=out, flush=True)


@contextlib.contextmanager
def downloading(report: Report, delivery: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how a download gets on for the time of a `with` block: a bar on a terminal, else a line now and then.

    Args:
        report: Takes the lines.
        delivery: What is downloaded.
        size: Bytes in all.

    Yields:
        A function to call with the number of bytes that came.
    """
    if report.log_format == "text" and sys.stdout.isatty():
        columns = ("  downloading", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(), transient=True) as bar:
            task = bar.add_task(delivery, total=size)
            yield lambda count: bar.advance(task, count)
        return
    come, told = 0, time.monotonic()

    def advance(count: int) -> None:
        nonlocal come, told
        come += count
        if time.monotonic() - told >= LINE_SECONDS:
            told = time.monotonic()
            line = f"  {come / MEGABYTE:,.0f} of {size / MEGABYTE:,.0f} MB"
            report("downloading", line, delivery=delivery, bytes=come, of_bytes=size)

    yield advance


def drawing(report: Report, companies: int) -> Callable[[int], None]:
    """Return a function that says now and then how many companies of a sample are written; a small one says nothing.

    Args:
        report: Takes the lines.
        companies: How many there will be.
    """
    told = time.monotonic()

    def written(so_far: int) -> None:
        nonlocal told
        if time.monotonic() - told >= LINE_SECONDS:
            told = time.monotonic()
            report("drawing", f"  {so_far:,} of {companies:,} companies", companies=so_far, of_companies=companies)

    return written
