"""A delivery of thirteen files over SFTP: ours against OpenSSH's own client, in turns, from the same OpenSSH server.

    python -m benchmarks.download [--megabytes 600] [--round-trip 20] [--turns 5]

Ours takes the SHA-256 of every file on the way; `openssh_sha256` takes it after the download, in this process.
Needs OpenSSH's sshd, sftp and ssh-keygen, and listens on loopback only. With `--round-trip` all bytes pass a proxy
that holds each for half of so many milliseconds, for both clients alike.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from ingestion.settings import SftpSettings
from ingestion.sftp import SftpServer
from warehouse.storage import sha256

# Shares of a real delivery: accounts are most of it, lookups next to nothing.
SHARES = {"AC01": 0.52, "AC06": 0.2, "CI01": 0.16, "MR01": 0.06, "MR02": 0.05}
LOOKUPS = ("LUAT01", "LUCT01", "LUDF01", "LUFA01", "LUFT01", "LULQ01", "LUSC01", "LUSC02")
FOLDER = "UKLTD_M_20261001"
BLOCK = 1 << 20


class DelayingProxy:
    """Holds every byte between clients and a server for a time, in both directions, without narrowing the way."""

    def __init__(self, port: int, seconds: float) -> None:
        self._target, self._seconds = port, seconds
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._target, limit=BLOCK)
        await asyncio.gather(self._carry(reader, there[1]), self._carry(there[0], writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: deque[tuple[float, bytes]] = deque()
        came = asyncio.Event()

        async def give_on() -> None:
            while True:
                while not held:
                    came.clear()
                    await came.wait()
                due, data = held.popleft()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()

        giving = self._loop.create_task(give_on())
        with contextlib.suppress(OSError):
            while True:
                data = await reader.read(BLOCK)
                held.append((self._loop.time() + self._seconds, data))
                came.set()
                if not data:
                    break
        with contextlib.suppress(OSError):
            await giving


def _key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


@contextlib.contextmanager
def _openssh(folder: Path) -> Iterator[tuple[int, str]]:
    """Run OpenSSH's server; give its port and host key."""
    host_key, user_key = _key(folder / "host"), _key(folder / "user")
    (folder / "authorized").write_text(user_key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "ListenAddress": "127.0.0.1", "AuthorizedKeysFile": folder / "authorized", "StrictModes": "no",
        "PidFile": "none", "PasswordAuthentication": "no", "PermitRootLogin": "yes", "Subsystem": "sftp internal-sftp",
    }  # fmt: skip
    Path("/run/sshd").mkdir(exist_ok=True)
    arguments = [item for name, value in options.items() for item in ("-o", f"{name}={value}")]
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if sshd is None:
        raise SystemExit("this benchmark needs OpenSSH's server; install it and run again")
    server = subprocess.Popen([sshd, "-D", "-f", "/dev/null", "-p", str(port), "-h", folder / "host", *arguments])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port, host_key
    finally:
        server.terminate()
        server.wait()


def _make_delivery(folder: Path, size: int) -> None:
    folder.mkdir(parents=True)
    sizes = {file: int(size * share) for file, share in SHARES.items()} | dict.fromkeys(LOOKUPS, size // 1000)
    for file, length in sizes.items():
        with (folder / f"{file}_M_20261001.rar").open("wb") as archive:
            left = length
            while left > 0:
                archive.write(os.urandom(min(BLOCK, left)))
                left -= BLOCK


def _processor_seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _all_processor_seconds() -> float:
    return _processor_seconds(resource.RUSAGE_SELF) + _processor_seconds(resource.RUSAGE_CHILDREN)


def _ours(settings: SftpSettings, target: Path) -> tuple[float, float]:
    start, used = time.monotonic(), _all_processor_seconds()
    with SftpServer(settings) as server:
        server.download(FOLDER, server.list_folder(FOLDER), target, lambda _: None)
    return time.monotonic() - start, _all_processor_seconds() - used


def _theirs(settings: SftpSettings, target: Path, work: Path) -> tuple[float, float]:
    (work / "known").write_text(f"[127.0.0.1]:{settings.port} {settings.host_key}\n")
    (work / "batch").write_text(f"get {settings.root}/{FOLDER}/* {target}/\n")
    start, used = time.monotonic(), _processor_seconds(resource.RUSAGE_CHILDREN)
    subprocess.run(
        ["sftp", "-q", "-p", "-P", str(settings.port), "-i", work / "user", "-o", f"UserKnownHostsFile={work}/known",
         "-b", work / "batch", f"{settings.user}@127.0.0.1"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.monotonic() - start, _processor_seconds(resource.RUSAGE_CHILDREN) - used


def _hashed(folder: Path) -> tuple[float, float]:
    start, used = time.monotonic(), _processor_seconds(resource.RUSAGE_SELF)
    for path in folder.iterdir():
        sha256(path)
    return time.monotonic() - start, _processor_seconds(resource.RUSAGE_SELF) - used


def main() -> None:
    """Measure and print, a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=600)
    parser.add_argument("--round-trip", type=float, default=0.0, help="milliseconds that are added")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    clients = ("bookdebts", "openssh", "openssh_sha256")
    seconds: dict[str, list[float]] = {client: [] for client in clients}
    processor: dict[str, list[float]] = {client: [] for client in clients}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _make_delivery(work / "out" / FOLDER, arguments.megabytes * 1_000_000)
        with _openssh(work) as (server_port, host_key):
            port = server_port
            if arguments.round_trip:
                port = DelayingProxy(server_port, arguments.round_trip / 2000).port
            settings = SftpSettings(
                host="127.0.0.1", port=port, user=os.environ.get("USER", "root"), password=None,
                key_file=work / "user", host_key=host_key, known_hosts=None, root=str(work / "out"),
            )  # fmt: skip
            for _ in range(arguments.turns):
                for client, times in seconds.items():
                    target = work / "in"
                    target.mkdir()
                    ours = client == "bookdebts"
                    took, used = _ours(settings, target) if ours else _theirs(settings, target, work)
                    assert len(list(target.iterdir())) == len(SHARES) + len(LOOKUPS)
                    if client == "openssh_sha256":
                        more = _hashed(target)
                        took, used = took + more[0], used + more[1]
                    shutil.rmtree(target)
                    times.append(took)
                    processor[client].append(used)
    found = {
        client: {
            "seconds": round(statistics.median(times), 2),
            "megabytes_a_second": round(arguments.megabytes / statistics.median(times)),
            "client_processor_seconds": round(statistics.median(processor[client]), 2),
        }
        for client, times in seconds.items()
    }
    for client, figures in found.items():
        print(f"{client:<14} {figures}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps(vars(arguments) | found | {"peak_megabytes": peak}))


if __name__ == "__main__":
    main()
