"""Large deliveries, downloaded by two processes: whole, gone on with, and refused, as by one."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from proxy import Proxy
from vendor import CONTRACT, LATER, Site, deliver, pack, text

from ingestion import sftp
from ingestion.partial import DOUBTFUL_BYTES, PartialFile
from ingestion.second_process import is_of_use
from warehouse.lake import Lake

DELIVERY = "UKLTD_M_20261001"
pytestmark = pytest.mark.skipif(not is_of_use(), reason=f"one process downloads on {sys.platform} or one core")


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.sftp.SHARED_BYTES", 0)


def deliver_two_large_files(site: Site) -> int:
    folder = deliver(site.deliveries, DELIVERY)
    return min(pack(folder, file, text(file, rows=40_000)).stat().st_size for file in ("MR01", "MR02"))


def finish_in_turns(monkeypatch: pytest.MonkeyPatch, before: Callable[[bool], None]) -> None:
    """Do something before a file is whole, in either process; it is told whether that is the second."""
    finish, first = PartialFile.finish, os.getpid()

    def finish_after(partial: PartialFile) -> str:
        before(os.getpid() != first)
        return finish(partial)

    monkeypatch.setattr(PartialFile, "finish", finish_after)


def test_both_have_a_part_in_it_and_the_lake_is_the_same(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver_two_large_files(site)

    def note(is_second: bool) -> None:
        with (tmp_path / "parts").open("a") as parts:
            parts.write("second\n" if is_second else "first\n")

    finish_in_turns(monkeypatch, note)
    assert "downloaded 13 of 13 archives" in site.succeeds()
    parts = (tmp_path / "parts").read_text().split()
    assert (len(parts), set(parts)) == (len(CONTRACT.tables), {"first", "second"})
    for remote in (site.deliveries / DELIVERY).iterdir():
        local = Lake(site.lake).archives(DELIVERY) / remote.name
        assert local.read_bytes() == remote.read_bytes()
        assert int(local.stat().st_mtime) == int(remote.stat().st_mtime)
    assert "are as they were landed" in site.run({}, "verify")[1]


def test_a_second_process_that_is_killed_is_an_error_and_the_next_run_goes_on(
    site: Site, proxy: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = deliver_two_large_files(site)

    def die(is_second: bool) -> None:
        if is_second:
            os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        finish_in_turns(patched, die)
        status, _, errors = site.run({})
    assert (status, errors.count("\n")) == (1, 1)
    assert "ended early (exit status -9)" in errors
    between = proxy()
    site.succeeds(SFTP_PORT=str(between.port))
    assert between.sent < size + 2 * DOUBTFUL_BYTES
    assert site.rows("select count(*) from raw.mr01") == [(40_000,)]


def test_a_file_that_changes_meanwhile_is_one_sentence_whichever_finds_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = site.deliveries / DELIVERY
    deliver_two_large_files(site)
    copy = sftp._Remote.copy

    async def change_and_copy(remote: sftp._Remote, *arguments: Any) -> None:
        for path in folder.glob("MR0*"):
            os.utime(path, (LATER, LATER))
        await copy(remote, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(sftp._Remote, "copy", change_and_copy)
        assert "is still being uploaded, it has changed meanwhile" in site.fails()
    site.succeeds()


@pytest.mark.parametrize("cuts", [5, 9])
def test_connections_that_break_are_taken_up_where_they_broke(
    site: Site, proxy: Callable[..., Proxy], cuts: int
) -> None:
    size = deliver_two_large_files(site)
    between = proxy(cuts=cuts)
    site.succeeds(SFTP_PORT=str(between.port))
    assert between.cuts < cuts
    assert between.sent < 5 * size
    assert site.rows("select count(*) from raw.mr02") == [(40_000,)]
