"""A forked process that shares in the work: what it sends, what it fails of, and that it never outlives the first."""

import asyncio
import contextlib
import errno
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.connection import Connection

import pytest

from ingestion.second_process import KilledError, SecondProcess, Send, is_of_use
from warehouse.errors import UserError

pytestmark = pytest.mark.skipif(not is_of_use(), reason=f"it is of no use on {sys.platform} or one core")


async def all_sent(other: SecondProcess) -> list[object]:
    async with contextlib.aclosing(other.sent()) as answers:
        return [answer async for answer in answers]


def test_all_that_it_sends_comes_in_order() -> None:
    def work(send: Send) -> None:
        for number in range(10_000):
            send(number)
        send({"pid": os.getpid()})

    with SecondProcess(work) as other:
        *numbers, last = asyncio.run(all_sent(other))
    assert numbers == list(range(10_000))
    assert last != {"pid": os.getpid()}


@pytest.mark.parametrize("failure", [UserError("a sentence"), OSError(errno.ENOSPC, "No space left on device", "file")])
def test_what_it_fails_of_is_raised_here(failure: Exception) -> None:
    def work(send: Send) -> None:
        send(1)
        raise failure

    with SecondProcess(work) as other, pytest.raises(type(failure)) as raised:
        asyncio.run(all_sent(other))
    assert str(raised.value) == str(failure)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_is_killed_is_an_error(number: signal.Signals) -> None:
    ended = f"ended early .exit status -{number.value}.; check whether memory"
    with SecondProcess(lambda _: os.kill(os.getpid(), number)) as other, pytest.raises(KilledError, match=ended):
        asyncio.run(all_sent(other))


def is_there(process: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def ends(process: int) -> bool:
    """Tell whether it is gone within some seconds."""
    end = time.monotonic() + 5
    while is_there(process) and time.monotonic() < end:
        time.sleep(0.01)
    return not is_there(process)


def tell_and_wait(send: Send) -> None:
    send(os.getpid())
    time.sleep(60)


async def first_sent(other: SecondProcess) -> int:
    async with contextlib.aclosing(other.sent()) as answers:
        return int(str(await anext(answers)))


def test_it_ends_with_the_block() -> None:
    with pytest.raises(KeyboardInterrupt), SecondProcess(tell_and_wait) as other:
        process = asyncio.run(first_sent(other))
        assert is_there(process)
        raise KeyboardInterrupt
    assert not is_there(process)


def be_killed(sender: Connection) -> None:
    with SecondProcess(tell_and_wait) as other:
        sender.send(asyncio.run(first_sent(other)))
        os.kill(os.getpid(), signal.SIGKILL)


def test_it_dies_when_the_first_process_is_killed() -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    first = context.Process(target=be_killed, args=(sender,))
    first.start()
    sender.close()  # so that one that dies before it has told anything is the end of the pipe
    assert ends(receiver.recv())
    first.join()
    assert first.exitcode == -signal.SIGKILL


def test_an_interrupt_of_both_is_left_to_the_first() -> None:
    def work(send: Send) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        send("still there")

    with SecondProcess(work) as other:
        assert asyncio.run(all_sent(other)) == ["still there"]
