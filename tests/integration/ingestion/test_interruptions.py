"""Kills, lost connections, changes under way and two runs at once do no harm."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
from vendor import CONTRACT, LATER, Site, archive, deliver, pack, text

from ingestion import delivery, ingest
from ingestion.sample.server import serve
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.storage import exclusive

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


def rows_of_all_tables(site: Site) -> dict[str, list[tuple]]:
    return {table: site.rows(f"select * exclude (loaded_at) from raw.{table} order by all") for table in TABLES}


@pytest.mark.parametrize(
    ("module", "name", "calls", "shown"),
    [
        ("ingest", "land", 4, "before"),
        ("publication", "write_text", 0, "before"),
        ("publication", "publish", 1, "nothing"),
        ("publication", "publish", 28, "nothing"),
        ("ingest", "register", 0, "after"),
    ],
)
def test_a_kill_shows_no_half_delivery_and_the_next_run_gives_what_a_run_without_it_gives(
    site: Site, module: str, name: str, calls: int, shown: str
) -> None:
    folder = deliver(site.deliveries, DELIVERY)
    pack(folder, "CI01", text("CI01", rows=9) + b"ragged\r\n")
    site.succeeds()
    states = {"nothing": {table: [] for table in TABLES}, "after": rows_of_all_tables(site)}
    files = set(site.content())
    pack(folder, "CI01", text("CI01"))
    site.succeeds()
    states["before"] = rows_of_all_tables(site)

    # The archive with the ragged line comes back, and that run is killed.
    path = pack(folder, "CI01", text("CI01", rows=9) + b"ragged\r\n")
    os.utime(path, (LATER, LATER))
    kill(module, name, calls)
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
        return delivery.archives_by_file(*arguments)

    monkeypatch.setattr(ingest, "archives_by_file", listed)
    assert "MR01_M_20261001.rar is still being uploaded" in site.fails()
    assert site.content() == {}
    monkeypatch.undo()


class Proxy:
    """Forwards connections to a server and cuts the first ones after so many bytes from it."""

    def __init__(self, port: int, cuts: int, after: int) -> None:
        self._port, self._cuts, self._after = port, cuts, after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                limit = self._after if self._cuts > 0 else None
                self._cuts -= 1
                threading.Thread(target=self._forward, args=(client, server, None), daemon=True).start()
                threading.Thread(target=self._forward, args=(server, client, limit), daemon=True).start()
        except OSError:
            return

    @staticmethod
    def _forward(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        sent = 0
        try:
            while data := source.recv(16_384):
                target.sendall(data)
                sent += len(data)
                if limit is not None and sent > limit:
                    break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def proxy(vendor: tuple[Path, object]) -> Iterator[Callable[[int], int]]:
    proxies: list[Proxy] = []

    def start(cuts: int) -> int:
        proxies.append(Proxy(vendor[1].port, cuts, after=400_000))
        return proxies[-1].port

    yield start
    for each in proxies:
        each.close()


def deliver_large(site: Site) -> None:
    folder = deliver(site.deliveries, DELIVERY)
    pack(folder, "AC01", text("AC01", rows=2_000))
    assert archive(folder, "AC01").stat().st_size > 1_000_000


def test_a_lost_connection_is_taken_up_where_it_broke(site: Site, proxy: Callable[[int], int]) -> None:
    deliver_large(site)
    site.succeeds(SFTP_PORT=str(proxy(1)))
    assert site.rows("select count(*) from raw.ac01") == [(2_000,)]


def test_a_connection_that_is_lost_for_good_is_an_error(site: Site, proxy: Callable[[int], int]) -> None:
    deliver_large(site)
    assert "was lost 2 times" in site.fails(SFTP_PORT=str(proxy(9)))
    assert site.content() == {}


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


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is full; free some space"), ingest._disk_errors(Lake(tmp_path)):
        raise OSError(errno.ENOSPC, "No space left on device")
