import multiprocessing
import os
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from warehouse.errors import UserError
from warehouse.storage import exclusive, publish, whole_file, write_text


def test_publish_replaces_and_leaves_no_unfinished_file(tmp_path: Path) -> None:
    final = tmp_path / "folder" / "final"
    for content in ("old", "new"):
        unfinished = tmp_path / "unfinished"
        unfinished.write_text(content)
        publish(unfinished, final)
        assert final.read_text() == content
        assert not unfinished.exists()


def test_write_text_leaves_only_the_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "file", "text é")
    assert (tmp_path / "a" / "file").read_text(encoding="utf-8") == "text é"
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_the_second_holder_of_a_lock_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "work" / "lock"
    with exclusive(lock, "run"), pytest.raises(UserError, match="another run"), exclusive(lock, "run"):
        pass
    with exclusive(lock, "run"):
        assert lock.exists()


def test_a_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="work failed"), exclusive(tmp_path / "work" / "lock", "run"):
        raise ValueError("work failed")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_leaves_other_files_of_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    with exclusive(tmp_path / "lock", "run"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def hold_and_die(lock: Path, held: Event) -> None:
    with exclusive(lock, "run"):
        held.set()
        os._exit(1)


def test_a_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=hold_and_die, args=(tmp_path / "lock", held))
    process.start()
    assert held.wait(60)
    process.join(60)
    assert (tmp_path / "lock").exists()
    with exclusive(tmp_path / "lock", "run"):
        pass


def count_up(lock: Path, counter: Path) -> None:
    done = 0
    while done < 30:
        try:
            with exclusive(lock, "run"):
                value = int(counter.read_text())
                counter.write_text(str(value + 1))
                done += 1
        except UserError:
            continue


def test_a_lock_keeps_processes_apart_although_its_file_comes_and_goes(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=count_up, args=(tmp_path / "work" / "lock", counter)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert counter.read_text() == "90"


def test_a_file_that_fails_half_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    write_text(path, "before")
    with pytest.raises(ZeroDivisionError), whole_file(path) as unfinished:
        unfinished.write_text("half", encoding="utf-8")
        raise ZeroDivisionError
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]
