"""What the tests that try many hostile inputs share: how many they try, and what none of the inputs may use up."""

import contextlib
import io
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from hypothesis import HealthCheck, currently_in_test_context, event, settings
from pyarrow import csv

from warehouse.errors import UserError

SECONDS = 20
PROCESSOR_SECONDS = 5
MEMORY = 2 << 30
MESSAGE_LIMIT = 800


def tried(inputs: int) -> settings:
    """Try that many inputs, or as many as `FUZZ_EXAMPLES` says."""
    return settings(
        max_examples=int(os.environ.get("FUZZ_EXAMPLES", inputs)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


def note(outcome: str) -> None:
    """Have an outcome counted; `--hypothesis-show-statistics` shows it."""
    if currently_in_test_context():
        event(outcome)


def is_one_sentence(error: UserError, culprit: str) -> bool:
    message = str(error)
    return message.startswith(culprit) and len(message.splitlines()) == 1 and len(message) < MESSAGE_LIMIT


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"more than {PROCESSOR_SECONDS} seconds of processor time for one input")


@contextlib.contextmanager
def _limited_memory() -> Iterator[None]:
    """Let this process and what it starts have no more than `MEMORY` beyond what it has; only Linux knows how."""
    if sys.platform != "linux":
        yield
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _children() -> set[str]:
    """Find the processes that this one started and has not waited for; only Linux lists them."""
    children: set[str] = set()
    for thread in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            children |= set(thread.read_text().split())
    return children


def _descriptors() -> int:
    # The first text that Arrow parses leaves the pipe open through which it hears of interrupts.
    csv.read_csv(io.BytesIO(b"a\n1\n"))
    return len(list(Path("/dev/fd").iterdir()))


@contextlib.contextmanager
def within_limits() -> Iterator[None]:
    """Fail what takes too long or too much memory, or leaves processes, open files or temporary files behind."""
    children, descriptors, start = _children(), _descriptors(), time.monotonic()
    handler = signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, PROCESSOR_SECONDS)
    usual = tempfile.gettempdir()
    with tempfile.TemporaryDirectory() as temporary:
        tempfile.tempdir = temporary
        try:
            with _limited_memory():
                yield
        finally:
            tempfile.tempdir = usual
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, handler)
        assert not list(Path(temporary).iterdir())
    assert time.monotonic() - start < SECONDS
    assert _children() <= children
    assert _descriptors() <= descriptors
