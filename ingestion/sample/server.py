"""A real SFTP server on the loopback interface, for sample deliveries and for tests."""

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import asyncssh
from asyncssh.constants import ACE4_READ_ATTRIBUTES, ACE4_READ_DATA, FXF_OPEN_EXISTING

HOST = "127.0.0.1"
USER = "ukltd"
START_SECONDS = 30


@dataclass(frozen=True)
class ServerAddress:
    """Where a server listens and how to log in.

    Attributes:
        host, port: Address on the loopback interface.
        user, password: Login; the password is drawn anew at each start.
        host_key: Type and base64 key, as in a line of a known_hosts file.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    host_key: str


def _refuse(*_request: object) -> NoReturn:
    raise asyncssh.SFTPPermissionDenied("this server is read-only")


_REFUSED: Any = _refuse


class _ReadOnlyFolder(asyncssh.SFTPServer):
    """One folder to read from: no writing, and no way out of it, not even along a symbolic link."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], folder: Path) -> None:
        self._folder = os.fsencode(folder.resolve())
        super().__init__(channel, chroot=self._folder)

    def map_path(self, path: bytes) -> bytes:
        mapped = super().map_path(path)
        resolved = os.path.realpath(mapped)
        if resolved != self._folder and not resolved.startswith(self._folder + b"/"):
            raise asyncssh.SFTPNoSuchFile("no such file")
        return mapped

    def lstat(self, path: bytes) -> os.stat_result:
        folder, name = os.path.split(super().map_path(path))
        relative = os.path.relpath(folder, self._folder)
        return os.lstat(os.path.join(self.map_path(relative), name))  # noqa: PTH118 - the protocol's paths are bytes

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & ~asyncssh.FXF_READ:
            _refuse()
        return super().open(path, pflags, attrs)

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if desired_access & ~(ACE4_READ_DATA | ACE4_READ_ATTRIBUTES) or flags != FXF_OPEN_EXISTING:
            _refuse()
        return super().open56(path, desired_access, flags, attrs)

    write = setstat = lsetstat = fsetstat = remove = mkdir = rmdir = _REFUSED
    rename = posix_rename = symlink = link = lock = _REFUSED


class _Login(asyncssh.SSHServer):
    def __init__(self, password: str, public_key: asyncssh.SSHKey | None) -> None:
        self._password = password
        self._public_key = public_key

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return self._public_key is not None

    def validate_password(self, username: str, password: str) -> bool:
        return username == USER and secrets.compare_digest(password.encode(), self._password.encode())

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key == self._public_key


@contextlib.contextmanager
def serve(folder: Path, public_key: str | None = None) -> Iterator[ServerAddress]:
    """Serve a folder over SFTP on a free port of the loopback interface, read-only, for the time of a `with` block.

    The server runs in a thread of its own. Host key and password are new at each start and never leave the process.

    Args:
        folder: What the client sees as `/`.
        public_key: Also let the user in by this key: one line in OpenSSH format, such as `ssh-ed25519 AAAA...`.

    Yields:
        Where the server listens and how to log in.

    Raises:
        OSError: When the server cannot listen.
        asyncssh.KeyImportError: When `public_key` is not a key.
    """
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.import_public_key(public_key) if public_key else None
    password = secrets.token_urlsafe(16)
    loop = asyncio.new_event_loop()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            lambda: _Login(password, client_key),
            HOST,
            0,
            server_host_keys=[host_key],
            sftp_factory=lambda channel: _ReadOnlyFolder(channel, folder),
            agent_forwarding=False,
        )

    async def stop(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=loop.run_forever, name="sample-sftp-server", daemon=True)
    thread.start()
    try:
        acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(START_SECONDS)
        try:
            public = host_key.export_public_key("openssh").decode().split()
            yield ServerAddress(HOST, acceptor.get_port(), USER, password, " ".join(public[:2]))
        finally:
            asyncio.run_coroutine_threadsafe(stop(acceptor), loop).result(START_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS)
        loop.close()
