"""A second process that shares in the work, where one Python thread is not enough for it."""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from multiprocessing.connection import Connection
from types import TracebackType

from warehouse.errors import UserError

Send = Callable[[object], None]

PR_SET_PDEATHSIG = 1


class KilledError(UserError):
    """The second process was killed; what is done is worth keeping for the next run."""


def is_of_use() -> bool:
    """Tell whether there is a core for it, and a system on which it cannot outlive this process."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


def _die_with(parent: int) -> None:
    """Be killed when the parent dies, however it dies: what it is about is done again by the next run."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) or os.getppid() != parent:
        os._exit(1)


def _work(work: Callable[[Send], None], answers: Connection, parent: int) -> None:
    signal.set_wakeup_fd(-1)
    # the parent is interrupted as well, and ends this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(parent)
    try:
        work(answers.send)
    except (UserError, OSError) as error:
        answers.send(error)


class SecondProcess:
    """A copy of this process that does a part of its work and tells of it. Use in a `with` block, with which it ends.

    It is forked, so that it starts at once and takes keys that are already open with it.
    """

    def __init__(self, work: Callable[[Send], None]) -> None:
        """Prepare it.

        Args:
            work: Is called in it, with what sends an object to this process.
        """
        context = multiprocessing.get_context("fork")
        self._answers, self._sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(work, self._sender, os.getpid()), daemon=True)

    def __enter__(self) -> "SecondProcess":
        """Start it."""
        self._process.start()
        self._sender.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, whatever it is about."""
        self._process.kill()
        self._process.join()
        self._answers.close()

    async def sent(self) -> AsyncGenerator[object]:
        """Give on what it sends until it ends.

        Raises:
            UserError, OSError: What it failed of.
            KilledError: When it was killed.
        """
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._answers.fileno(), readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                while self._answers.poll():
                    answer = self._answers.recv()
                    if isinstance(answer, Exception):
                        raise answer
                    yield answer
        except EOFError:
            await asyncio.to_thread(self._process.join)
            if self._process.exitcode:
                raise KilledError(
                    f"a process that shares in the work ended early (exit status {self._process.exitcode}); "
                    "check whether memory was short, and run again, it goes on where it stopped"
                ) from None
        finally:
            loop.remove_reader(self._answers.fileno())
