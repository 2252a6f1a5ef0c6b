"""Numbered pieces of work done by several processes, their results in the order of the numbers."""

import contextlib
import os
import signal
from collections.abc import Callable, Generator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from warehouse.errors import UserError

MOST_PROCESSES = 4  # each takes some 300 MiB
PIECES_A_PROCESS = 4  # fewer are done before another process has started
WAITING = 2  # pieces that a process is asked for at a time, so that it never waits for the next
AHEAD = 3  # pieces a process that may be done before their turn; they bound memory

Result = TypeVar("Result")


def processes_for(pieces: int) -> int:
    """Choose how many processes are worth their start.

    Args:
        pieces: How many pieces of work there are.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, MOST_PROCESSES, pieces // PIECES_A_PROCESS))


def _serve(connection: Connection, work: Callable[[int], Result]) -> None:
    """Do the pieces that are asked for until nobody asks any more, be it that the asking process was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process has it too, and ends this one
    while True:
        try:
            number = connection.recv()
        except (EOFError, ConnectionError):
            return
        result = work(number)
        try:
            connection.send((number, result))
        except ConnectionError:
            return


def _end(connection: Connection, process: BaseProcess) -> None:
    connection.close()
    process.terminate()
    process.join()


def in_order(work: Callable[[int], Result], pieces: int, processes: int) -> Generator[Result, None, None]:
    """Do pieces of work 0 to `pieces` - 1 and give their results in this order, whoever did them and when.

    Args:
        work: Does one piece; where there are several processes, it and its results can be pickled.
        pieces: How many there are.
        processes: How many processes share them; with one it is this one.

    Raises:
        UserError: When a process ended before its work was done.
    """
    if processes == 1:
        yield from map(work, range(pieces))
        return
    context = get_context("spawn")
    with contextlib.ExitStack() as stack:
        workers: dict[Connection, BaseProcess] = {}
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work), daemon=True)
            process.start()
            theirs.close()
            workers[ours] = process
            stack.callback(_end, ours, process)
        free = list(workers) * WAITING
        done: dict[int, Result] = {}
        asked = 0
        for wanted in range(pieces):
            while True:
                while free and asked < min(pieces, wanted + AHEAD * processes):
                    _ask(free.pop(0), asked, workers)
                    asked += 1
                if wanted in done:
                    break
                ready = wait(list(workers))
                for connection in (worker for worker in workers if worker in ready):
                    number, result = _answer(connection, workers)
                    done[number] = result
                    free.append(connection)
            yield done.pop(wanted)


def _answer(connection: Connection, workers: dict[Connection, BaseProcess]) -> tuple[int, Any]:
    try:
        return connection.recv()  # type: ignore[no-any-return]
    except (EOFError, ConnectionError):
        raise _ended(workers[connection]) from None


def _ask(connection: Connection, number: int, workers: dict[Connection, BaseProcess]) -> None:
    try:
        connection.send(number)
    except ConnectionError:
        raise _ended(workers[connection]) from None


def _ended(process: BaseProcess) -> UserError:
    process.join()
    return UserError(
        f"a process that makes the sample ended early, with status {process.exitcode}; see that there is memory for "
        f"{MOST_PROCESSES} of them, 300 MiB each, then run again"
    )
