"""Landings in processes of their own that die at a step of choice, with a clock that stands still.

A step is whatever changes the disk or asks S3: a file opened to be written, renamed, linked, deleted, a folder made, a
call of boto3. Processes are forked from one that has imported everything, so that a landing takes a third of a second.
"""

import datetime as dt
import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

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


def _is_change(event: str, arguments: tuple[object, ...], places: tuple[str, ...]) -> bool:
    if event == "open":
        path, _, flags = arguments
        is_written = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return bool(is_written) and str(path).startswith(places)
    return event in CHANGES and any(str(argument).startswith(places) for argument in arguments)


def _run(environment: Mapping[str, str], places: tuple[str, ...], die_before: int | None, counted: object) -> None:
    """Ingest; die before so many steps, or put their number into the pipe."""
    os.environ.update(environment)
    stop_the_clock()
    from botocore.client import BaseClient  # noqa: PLC0415

    from ingestion import sftp  # noqa: PLC0415
    from ingestion.__main__ import _main  # noqa: PLC0415

    sftp.PAUSES = (0.01,)
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
    with Path(os.devnull).open("w") as nowhere:
        sys.stdout = nowhere
        try:
            _main()
        finally:
            counted.send(steps)


class Landings:
    """Runs the landings of a test."""

    def __init__(self, places: tuple[Path, ...]) -> None:
        self._places = tuple(map(str, places))
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["ingestion.__main__", "ingestion.ingest", "warehouse.engines.athena"])

    def run(self, environment: Mapping[str, str], die_before: int | None = None) -> int | None:
        """Ingest; give the number of steps, or None if it died."""
        receiver, sender = self._context.Pipe(duplex=False)
        arguments = (dict(environment), self._places, die_before, sender)
        process = self._context.Process(target=_run, args=arguments)
        process.start()
        sender.close()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            return None
        assert process.exitcode == 0, f"status {process.exitcode}"
        return receiver.recv()
