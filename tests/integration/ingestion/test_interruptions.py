"""Kills, lost connections, changes under way and two runs at once do no harm."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest
from proxy import Proxy
from vendor import CONTRACT, LATER, Site, archive, deliver, pack, text

from ingestion import delivery, discovery, publication, sftp_connection
from ingestion.partial import DOUBTFUL_BYTES
from ingestion.sample.server import serve
from warehouse.lake import Lake
from warehouse.storage import exclusive, publish

DELIVERY = "UKLTD_M_20261001"
TABLES = [*(table.name for table in CONTRACT.tables.values()), "landed_files", "rejected_lines"]

KILLED_RUN = """
import os, signal, sys
import ingestion.ingest, ingestion.publication
from ingestion.__main__ import _main

module, name, calls = getattr(ingestion, sys.argv[1]), sys.argv[2], int(sys.argv[3])
original = getattr(module, name)

def killing(*arguments, **named):
    global calls
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    calls -= 1
    return original(*arguments, **named)

setattr(module, name, killing)
sys.argv = ["ingestion", "ingest"]
_main()
"""


def kill(module: str, name: str, calls: int) -> None:
    """Run the command in a process of its own that dies before the call after so many calls of a function."""
    arguments = [sys.executable, "-c", KILLED_RUN, module, name, str(calls)]
    process = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert process.returncode == -signal.SIGKILL, process.stderr


def refuses_to_register(site: Site) -> None:
    status, _, errors = site.run({}, "register")
    sentence = f"error: {DELIVERY} was interrupted while it was published; run `make ingest`\n"
    assert (status, errors) == (1, sentence)


def rows_of_all_tables(site: Site) -> dict[str, list[tuple]]:
    return {table: site.rows(f"select * exclude (loaded_at) from raw.{table} order by all") for table in TABLES}


@pytest.mark.parametrize(
    ("module", "name", "calls", "shown"),
    [
        ("ingest", "land", 4, "before"),
        ("publication", "write_text", 1, "before"),
        ("publication", "publish", 1, "refusal"),
        ("publication", "publish", 28, "refusal"),
        ("ingest", "_register", 0, "after"),
    ],
)
def test_a_kill_shows_no_half_delivery_and_the_next_run_gives_what_a_run_without_it_gives(
    site: Site, module: str, name: str, calls: int, shown: str
) -> None:
    folder = deliver(site.deliveries, DELIVERY)
    pack(folder, "CI01", text("CI01", rows=9) + b"ragged\r\n")
    site.succeeds()
    states = {"after": rows_of_all_tables(site)}
    files = set(site.content())
    pack(folder, "CI01", text("CI01"))
    site.succeeds()
    states["before"] = rows_of_all_tables(site)

    # The archive with the ragged line comes back, and that run is killed.
    path = pack(folder, "CI01", text("CI01", rows=9) + b"ragged\r\n")
    os.utime(path, (LATER, LATER))
    kill(module, name, calls)
    if shown == "refusal":
        refuses_to_register(site)
    else:
        site.registers()
        assert rows_of_all_tables(site) == states[shown]

    site.succeeds()
    assert rows_of_all_tables(site) == states["after"]
    assert set(site.content()) == files


def test_a_killed_first_run_shows_nothing_and_the_next_one_uses_its_downloads(site: Site) -> None:
    deliver(site.deliveries, DELIVERY)
    kill("ingest", "land", 4)
    site.registers()
    assert rows_of_all_tables(site) == {table: [] for table in TABLES}
    assert "downloaded 0 of 13 archives" in site.succeeds()


@pytest.mark.parametrize("calls", [0, 1, 27])
def test_a_first_landing_that_was_killed_while_it_was_published_is_not_seen(site: Site, calls: int) -> None:
    deliver(site.deliveries, DELIVERY)
    kill("publication", "publish", calls)
    site.registers()
    assert rows_of_all_tables(site) == {table: [] for table in TABLES}
    assert "downloaded 0 of 13 archives" in site.succeeds()


@pytest.fixture
def interrupted(site: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Interrupt the publication of a delivery that came again by a full disk; return the vendor's folder."""
    folder = deliver(site.deliveries, DELIVERY)
    site.succeeds()
    for file in ("AC01", "MR01"):
        os.utime(pack(folder, file, text(file, rows=5)), (LATER, LATER))
    moved = []

    def fill_up(unfinished: Path, final: Path) -> None:
        moved.append(final)
        if len(moved) == 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(final))
        publish(unfinished, final)

    with monkeypatch.context() as patch:
        patch.setattr(publication, "publish", fill_up)
        status, _, errors = site.run({})
    assert (status, errors.count("\n")) == (1, 1)
    assert "No space left on device; free some space" in errors
    refuses_to_register(site)
    return folder


def rows_delivered_again(site: Site) -> list[tuple]:
    return site.rows("select (select count(*) from raw.ac01), (select count(*) from raw.mr01)")


def test_an_interrupted_publication_goes_on_even_if_the_vendor_has_removed_the_delivery(
    site: Site, interrupted: Path
) -> None:
    interrupted.rename(site.deliveries / "UKLTD_M_20260901")
    # What the server has now is no delivery; the lake's is whole all the same.
    status, output, errors = site.run({})
    assert (status, "UKLTD_M_20260901 holds the unknown file" in errors) == (1, True)
    assert f"{DELIVERY}: completed its publication, which was interrupted" in output
    assert rows_delivered_again(site) == [(5, 5)]
    assert not (site.lake / ".work").exists()


@pytest.mark.usefixtures("interrupted")
def test_an_interrupted_publication_that_has_lost_its_work_folder_is_landed_again(site: Site) -> None:
    shutil.rmtree(site.lake / ".work")
    assert f"{DELIVERY}: its publication was interrupted" in site.succeeds()
    assert rows_delivered_again(site) == [(5, 5)]


def test_what_a_killed_run_has_left_over_is_not_published(site: Site) -> None:
    folder = deliver(site.deliveries, DELIVERY)
    site.succeeds()
    names = set(site.content())
    shutil.rmtree(site.lake)
    os.utime(archive(folder, "MR01"), (LATER, LATER))
    kill("ingest", "land", 4)
    staged = site.lake / ".work/ingestion" / DELIVERY
    for left_over in ("RAW_DATA", "UNZIP_DATA_APPEND_ALL/CI01/snapshot_month=2026-10", "REJECTED_DATA/CI01"):
        path = staged / "DATA" / left_over / DELIVERY / "left_over.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left over")
    site.succeeds()
    assert set(site.content()) == names


def test_a_build_beside_an_ingestion_is_refused_in_one_sentence(site: Site) -> None:
    deliver(site.deliveries, DELIVERY)
    site.succeeds()
    with exclusive(Lake(site.lake).work() / "ingestion.lock", "ingestion"):
        status, _, errors = site.run({}, "register")
    assert (status, errors.count("\n")) == (1, 1)
    assert "another ingestion" in errors
    site.registers()


def test_a_second_ingestion_at_the_same_time_is_refused_in_one_sentence(site: Site) -> None:
    deliver(site.deliveries, DELIVERY)
    with exclusive(Lake(site.lake).work() / "ingestion.lock", "ingestion"):
        status, _, errors = site.run({})
        assert (status, errors.count("\n")) == (1, 1)
        assert "another ingestion" in errors
    site.succeeds()


def test_a_file_that_changes_after_it_was_listed_is_still_being_uploaded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = deliver(site.deliveries, DELIVERY)

    def listed(*arguments: object) -> object:
        pack(folder, "MR01", text("MR01", rows=3))
        return delivery.inspect_contents(*arguments)

    monkeypatch.setattr(discovery, "inspect_contents", listed)
    assert "MR01_M_20261001.rar is still being uploaded" in site.fails()
    assert site.content() == {}
    monkeypatch.undo()


def deliver_large(site: Site, file: str = "AC01", rows: int = 2_000) -> int:
    """Deliver a month with one file of more than a megabyte, and give its size."""
    folder = deliver(site.deliveries, DELIVERY)
    pack(folder, file, text(file, rows=rows))
    size = archive(folder, file).stat().st_size
    assert size > 1_000_000
    return size


def test_a_lost_connection_is_taken_up_where_it_broke(site: Site, proxy: Callable[..., Proxy]) -> None:
    size = deliver_large(site)
    between = proxy(cuts=9)
    site.succeeds(SFTP_PORT=str(between.port))
    assert site.rows("select count(*) from raw.ac01") == [(2_000,)]
    assert between.cuts <= 6  # more than one was cut while it carried bytes
    assert between.sent < 3 * size


def test_a_connection_that_is_lost_for_good_is_an_error_and_what_came_is_not_fetched_again(
    site: Site, proxy: Callable[..., Proxy]
) -> None:
    size = deliver_large(site, "MR01", rows=40_000)
    assert size > 4_000_000
    status, _, errors = site.run({"SFTP_PORT": str(proxy(budget=3_000_000).port)})
    assert (status, errors.count("\n")) == (1, 1)
    assert "was lost 2 times" in errors
    assert {path.relative_to(site.lake).parts[0] for path in site.lake.rglob("*")} == {".work"}
    (part,) = (site.lake / ".work").rglob("*.part")
    came = part.stat().st_size
    assert came > 1_500_000
    between = proxy()
    site.succeeds(SFTP_PORT=str(between.port))
    assert between.sent < size - came + 2 * DOUBTFUL_BYTES
    assert site.rows("select count(*) from raw.mr01") == [(40_000,)]
    path = Lake(site.lake).archives(DELIVERY) / "MR01_M_20261001.rar"
    assert path.read_bytes() == archive(site.deliveries / DELIVERY, "MR01").read_bytes()


def test_a_part_of_a_file_that_was_delivered_again_is_not_gone_on_with(site: Site, proxy: Callable[..., Proxy]) -> None:
    deliver_large(site, "MR01", rows=40_000)
    assert site.run({"SFTP_PORT": str(proxy(budget=3_000_000).port)})[0] == 1
    again = pack(site.deliveries / DELIVERY, "MR01", text("MR01", rows=41_000))
    site.succeeds()
    path = Lake(site.lake).archives(DELIVERY) / "MR01_M_20261001.rar"
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("shared_bytes", [0, 1 << 30])
def test_a_server_that_grants_one_connection_is_read_over_one(
    site: Site, monkeypatch: pytest.MonkeyPatch, shared_bytes: int
) -> None:
    monkeypatch.setattr("ingestion.sftp.SHARED_BYTES", shared_bytes)
    deliver_large(site)
    connected = []
    connect = sftp_connection.SftpConnection._connect

    async def refused_but_once(connection: object) -> object:
        if connected:
            raise sftp_connection.BrokenConnectionError("too many connections")
        connected.append(connection)
        return await connect(connection)

    monkeypatch.setattr(sftp_connection.SftpConnection, "_connect", refused_but_once)
    assert "downloaded 13 of 13 archives" in site.succeeds()


def test_login_with_a_private_key_and_a_known_hosts_file(site: Site, tmp_path: Path) -> None:
    deliver(site.deliveries, DELIVERY)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(tmp_path / "key"), "openssh", passphrase="secret")
    with serve(site.deliveries, public_key=key.export_public_key("openssh").decode()) as address:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[{address.host}]:{address.port} {address.host_key}\n")
        environment = {
            "SFTP_PORT": str(address.port),
            "SFTP_ROOT": "/",
            "SFTP_HOST_KEY": "",
            "SFTP_KNOWN_HOSTS": str(known_hosts),
            "SFTP_KEY_FILE": str(tmp_path / "key"),
        }
        assert "needs a passphrase; set SFTP_PASSWORD" in site.fails(**environment, SFTP_PASSWORD="")
        site.succeeds(**environment, SFTP_PASSWORD="secret")


def test_a_disk_that_is_clearly_too_small_is_refused_before_anything_is_downloaded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(site.deliveries, DELIVERY)
    monkeypatch.setattr("ingestion.fetch.DISK_FACTOR", 10**15)
    assert "free some space, then run again" in site.fails()
