import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from ingestion.sample.processes import AHEAD, MOST_PROCESSES, in_order, processes_for
from warehouse.errors import UserError

REPOSITORY = Path(__file__).parents[4]


def slow_first(number: int) -> int:
    time.sleep(0.3 if number == 0 else 0)
    return number * number


def noted(folder: Path, number: int) -> int:
    (folder / str(number)).touch()
    return number


def dies_at_three(number: int) -> int:
    if number == 3:
        os._exit(7)
    return number


def fails_at_three(number: int) -> int:
    if number == 3:
        raise ZeroDivisionError
    return number


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_order_whoever_is_done_first(processes):
    assert list(in_order(slow_first, 20, processes)) == [number * number for number in range(20)]
    assert multiprocessing.active_children() == []


def test_with_one_process_it_is_this_one():
    assert list(in_order(lambda _: os.getpid(), 2, 1)) == [os.getpid()] * 2


def test_not_more_is_done_ahead_than_memory_is_bounded_for(tmp_path):
    with closing(in_order(partial(noted, tmp_path), 60, 2)) as results:
        for expected in range(3):
            assert next(results) == expected
        time.sleep(1)  # enough for all 60
        assert len(list(tmp_path.iterdir())) <= 2 + AHEAD * 2


@pytest.mark.parametrize(("work", "status"), [(dies_at_three, 7), (fails_at_three, 1)])
def test_a_process_that_ends_early_is_a_sentence_and_the_others_end_too(work, status, capfd):
    with pytest.raises(UserError, match=f"ended early, with status {status}; .* then run again"):
        list(in_order(work, 20, 2))
    assert multiprocessing.active_children() == []


def test_processes_end_when_the_results_are_no_longer_wanted():
    with closing(in_order(slow_first, 100, 2)) as results:
        next(results)
        assert len(multiprocessing.active_children()) == 2
    assert multiprocessing.active_children() == []


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_processes_end_when_the_one_that_asked_is_killed():
    program = (
        "import json, multiprocessing, time\n"
        "from ingestion.sample.processes import in_order\n"
        "results = in_order(abs, 1_000, 2)\n"
        "next(results)\n"
        "print(json.dumps([child.pid for child in multiprocessing.active_children()]), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        children = json.loads(process.stdout.readline())
        assert len(children) == 2
        process.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while any(map(is_running, children)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_running, children))


def test_a_small_sample_is_not_worth_a_second_process_and_a_large_machine_not_many(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64), raising=False)
    assert [processes_for(pieces) for pieces in (1, 2, 7, 8, 500)] == [1, 1, 1, 2, MOST_PROCESSES]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2), raising=False)
    assert processes_for(500) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processes_for(500) == 1
