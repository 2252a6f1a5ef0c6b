"""Landings in processes of their own that die at a step of choice, with a clock that stands still.

A step is whatever changes the disk or asks S3: a file opened to be written, renamed, linked, deleted, a folder made, a
call of boto3. Processes are forked from one that has imported everything, so that a landing takes a third of a second.
"""

import datetime as dt
import multiprocessing
import os
import signal
import sys
import tempfile
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

from vendor import CONTRACT

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.utime", "os.truncate", "shutil.rmtree"}
NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)


class StoppedClock(dt.datetime):
    """A day on which no time passes."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # noqa: ARG003
        return NOON


def stop_the_clock() -> None:
    """Let a landing of this process write the same times as any other."""
    from ingestion import ingest  # noqa: PLC0415

    ingest.datetime = StoppedClock  # type: ignore[misc]
    ingest.time = types.SimpleNamespace(monotonic=lambda: 0.0)  # type: ignore[assignment]


def chosen(number: int, tried: int) -> Iterator[int]:
    """Which of so many faults to try: some spread over them, the last among them; `FAULTS=all` for all, or a number."""
    wanted = os.environ.get("FAULTS", "")
    tried = number if wanted == "all" else int(wanted or tried)
    if number <= tried:
        yield from range(number)
        return
    yield from sorted({round(each * (number - 1) / (tried - 1)) for each in range(tried)})


@dataclass(frozen=True)
class Ended:
    """How a landing ended.

    Attributes:
        status: Its exit status; the negative number of the signal that killed it.
        steps: How many it made; None where it was killed.
        errors: What it wrote to standard error.
    """

    status: int
    steps: int | None
    errors: str

    @property
    def is_killed(self) -> bool:
        return self.status == -signal.SIGKILL

    @property
    def is_quiet(self) -> bool:
        """Whether it succeeded and had nothing to warn of."""
        return (self.status, self.errors) == (0, "")

    @property
    def sentence(self) -> str | None:
        """Why it failed, if that is one sentence; warnings may stand beside it."""
        lines = [line for line in self.errors.splitlines() if not line.startswith("warning: ")]
        is_one = self.status == 1 and len(lines) == 1 and lines[0].startswith("error: ")
        return lines[0] if is_one else None


def _is_change(event: str, arguments: tuple[object, ...], places: tuple[str, ...]) -> bool:
    if event == "open":
        path, _, flags = arguments
        is_written = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return bool(is_written) and str(path).startswith(places)
    return event in CHANGES and any(str(argument).startswith(places) for argument in arguments)


def _run(
    environment: Mapping[str, str],
    files: tuple[str, ...],
    places: tuple[str, ...],
    die_before: int | None,
    ending: Connection,
) -> None:
    """Ingest; die before so many steps, or put the number of steps, the status and what was said into the pipe."""
    os.environ.update(environment)
    tempfile.tempdir = None  # TMPDIR is read anew
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):  # the store of the tests knows none
        os.environ.pop(name, None)
    stop_the_clock()
    from botocore.client import BaseClient  # noqa: PLC0415
    from botocore.retries.standard import ExponentialBackoff  # noqa: PLC0415

    from ingestion import __main__, discovery, sftp_connection  # noqa: PLC0415

    contract = replace(CONTRACT, tables={file: CONTRACT.tables[file] for file in files})
    __main__.read_contract = lambda: contract
    sftp_connection.PAUSES = (0.01,)
    discovery.SETTLE_SECONDS = 0.0
    ExponentialBackoff.delay_amount = lambda *_: 0.01
    steps = 0

    def step() -> None:
        nonlocal steps
        if steps == die_before:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if _is_change(event, arguments, places):
            step()

    call = BaseClient._make_api_call

    def counting(self: BaseClient, *arguments: object) -> object:
        step()
        return call(self, *arguments)

    BaseClient._make_api_call = counting
    sys.addaudithook(hook)
    sys.argv = ["ingestion", "ingest"]
    status, errors = 0, StringIO()
    with redirect_stdout(StringIO()), redirect_stderr(errors):
        try:
            __main__._main()
        except SystemExit as end:
            status = int(str(end.code))
    ending.send((status, steps, errors.getvalue()))


class Landings:
    """Runs the landings of a test."""

    def __init__(self, places: tuple[Path, ...], files: Iterable[str] = CONTRACT.tables) -> None:
        """Count steps below some folders, of deliveries that have these files and no others."""
        self._places, self._files = tuple(map(str, places)), tuple(files)
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["vendor", "ingestion.__main__", "warehouse.engines.athena"])

    def run(self, environment: Mapping[str, str], die_before: int | None = None) -> Ended:
        """Ingest, and tell how that ended."""
        receiver, sender = self._context.Pipe(duplex=False)
        arguments = (dict(environment), self._files, self._places, die_before, sender)
        process = self._context.Process(target=_run, args=arguments)
        process.start()
        sender.close()
        try:
            status, steps, errors = receiver.recv()
        except EOFError:  # it was killed, or died of what is no refusal
            status, steps, errors = None, None, ""
        process.join()
        assert process.exitcode is not None
        return Ended(process.exitcode if status is None else status, steps, errors)
