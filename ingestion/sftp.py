"""The vendor's SFTP server: folders listed and files downloaded.

benchmarks/download.py holds it against OpenSSH's own client.
"""

import asyncio
import contextlib
import os
import struct
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import asyncssh

from ingestion.host_key import read_pinned_keys
from ingestion.partial import PartialFile
from ingestion.private_key import read_private_key
from ingestion.second_process import SecondProcess, Send, is_of_use
from ingestion.settings import SftpSettings
from ingestion.sftp_connection import LOST, BrokenConnectionError, SftpConnection, without_lost_requests
from warehouse.errors import UserError

# Files at once, each on a connection of its own: one alone is bounded by the window of a channel, 2 MB a round trip.
CONNECTIONS = 4
# So much is worth a second process.
SHARED_BYTES = 64 << 20
# A block is what OpenSSH's server allows; one that does not say what it allows gets what every server must.
BLOCK_BYTES, SAFE_BLOCK_BYTES = 255 << 10, 32 << 10
# Asked for at once on a connection: twice what a channel's window lets through.
UNDER_WAY_BYTES = 4 << 20
WRITTEN_AT_ONCE_BYTES = 1 << 20

Advance = Callable[[int], None]


@dataclass(frozen=True)
class RemoteFile:
    """An entry of a folder on the server.

    Attributes:
        name: Its name in the folder.
        size: Bytes.
        modified: Time of its last change in seconds since 1970, UTC.
        is_folder: Whether it is a folder.
    """

    name: str
    size: int
    modified: int
    is_folder: bool


def _attributes(name: str, found: asyncssh.SFTPAttrs) -> RemoteFile:
    return RemoteFile(
        name=name,
        size=found.size or 0,
        modified=int(found.mtime or 0),
        is_folder=found.type == asyncssh.FILEXFER_TYPE_DIRECTORY,
    )


class _Turns:
    """Files that are taken one after the other by whoever comes, here or in a process forked from this one."""

    def __init__(self, files: Sequence[RemoteFile]) -> None:
        self._files, self._number = files, struct.Struct("I")
        # what one reads from a pipe no other does
        self._numbers, end = os.pipe()
        os.write(end, b"".join(map(self._number.pack, range(len(files)))))
        os.close(end)

    def next(self) -> RemoteFile | None:
        number = os.read(self._numbers, self._number.size)
        return self._files[self._number.unpack(number)[0]] if number else None

    def close(self) -> None:
        os.close(self._numbers)


class SftpServer:
    """The server, connected to again when a connection is lost. Use in a `with` block.

    Waiting is bounded everywhere, and an interrupt ends it at once.
    """

    def __init__(self, settings: SftpSettings) -> None:
        """Read the keys, once for all connections: to open one with a passphrase takes long on purpose.

        Raises:
            UserError: When a key cannot be read.
        """
        self.name = settings.name
        self._settings = settings
        self._pinned, self._key = read_pinned_keys(settings), read_private_key(settings)
        self._main = self._new_connection()
        self._runner = asyncio.Runner()

    def _new_connection(self) -> SftpConnection:
        return SftpConnection(self._settings, self._pinned, self._key)

    def __enter__(self) -> "SftpServer":
        """Connect.

        Raises:
            UserError: When the server cannot be reached, is another one, or refuses the login.
        """
        self._runner.__enter__()
        self._runner.get_loop().set_exception_handler(without_lost_requests)
        try:
            self._runner.run(self._main.sftp())
        except BrokenConnectionError as error:
            self._runner.close()
            raise UserError(
                f"the SFTP server {self.name} cannot be reached ({error}); "
                "check SFTP_HOST and SFTP_PORT, the network and the firewall"
            ) from None
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._runner.run(self._main.close())
        self._runner.close()

    def list_folder(self, *names: str) -> list[RemoteFile]:
        """List a folder below `SFTP_ROOT`, sorted by name.

        Args:
            names: Its name, or nothing for `SFTP_ROOT` itself.

        Raises:
            NotThereError: When it is not there.
            UserError: When it must not be read or the connection is lost for good.
        """
        path = self._path(*names)

        async def listed(sftp: asyncssh.SFTPClient) -> Sequence[asyncssh.SFTPName]:
            return await self._main.remotely(path, sftp.readdir(path))

        entries = self._runner.run(self._main.persistently(listed))
        found = [
            _attributes(str(entry.filename), entry.attrs) for entry in entries if entry.filename not in {".", ".."}
        ]
        return sorted(found, key=lambda entry: entry.name)

    def download(self, folder: str, files: Sequence[RemoteFile], local: Path, advance: Advance) -> dict[str, str]:
        """Download files that must not change meanwhile, several at once, and give them the remote times.

        What a killed run has left of one is gone on with, if the server still has the same size and time.

        Args:
            folder: Their folder below `SFTP_ROOT`.
            files: The files as they were listed.
            local: Folder to write to; a file appears under its own name when it is whole.
            advance: Is told how many bytes more are there, those of an earlier run included.

        Returns:
            The SHA-256 of each in hex, by name.

        Raises:
            UserError: When one is not there any more, still changes, or the connection is lost for good.
        """
        with contextlib.closing(_Turns(sorted(files, key=lambda file: file.size, reverse=True))) as turns:
            download = _Download(self._path(folder), local, turns, self._new_connection)
            if len(files) > 1 and sum(file.size for file in files) >= SHARED_BYTES and is_of_use():
                with SecondProcess(download.help_elsewhere) as other:
                    return self._runner.run(download.share(self._main, other, advance))
            return self._runner.run(download.work(self._main, min(CONNECTIONS, len(files)) - 1, advance))

    def _path(self, *names: str) -> str:
        return "/".join([self._settings.root.rstrip("/") or "", *names]) or "/"


@dataclass(frozen=True)
class _Download:
    """The download of some files of a folder.

    Attributes:
        folder: The folder on the server.
        local: Folder to write to.
        turns: The files.
        new_connection: Makes one more.
    """

    folder: str
    local: Path
    turns: _Turns
    new_connection: Callable[[], SftpConnection]

    async def share(self, connection: SftpConnection, other: SecondProcess, advance: Advance) -> dict[str, str]:
        """Download what a second process does not, and wait for that; give the SHA-256 of each file."""
        done: dict[str, str] = {}

        async def listen() -> None:
            async with contextlib.aclosing(other.sent()) as answers:
                async for answer in answers:
                    if isinstance(answer, int):
                        advance(answer)
                    else:
                        done.update(cast("dict[str, str]", answer))

        async def work() -> None:
            done.update(await self.work(connection, 0, advance))

        await _all_of(work(), listen())
        return done

    def help_elsewhere(self, send: Send) -> None:
        """Be the second process: send how many bytes more are there, and at last the SHA-256 of each file."""
        with asyncio.Runner() as runner:
            runner.get_loop().set_exception_handler(without_lost_requests)
            send(runner.run(self._help(send)))

    async def work(self, connection: SftpConnection, helpers: int, advance: Advance) -> dict[str, str]:
        """Download what nobody else does, on a connection and on some more; give the SHA-256 of each file."""
        done: dict[str, str] = {}

        async def take_turns() -> None:
            while (file := self.turns.next()) is not None:
                done[file.name] = await self._fetch(connection, file, advance)

        async def help_out() -> None:
            done.update(await self._help(advance))

        await _all_of(take_turns(), *(help_out() for _ in range(helpers)))
        return done

    async def _help(self, advance: Advance) -> dict[str, str]:
        # a server that grants no more connections is served by those it grants
        connection = self.new_connection()
        try:
            await connection.sftp()
        except (BrokenConnectionError, UserError):
            return {}
        try:
            return await self.work(connection, 0, advance)
        finally:
            await connection.close()

    async def _fetch(self, connection: SftpConnection, file: RemoteFile, advance: Advance) -> str:
        remote = _Remote(connection, f"{self.folder}/{file.name}", file)
        with PartialFile(self.local / file.name, file.size, file.modified) as partial:
            advance(partial.size)
            await connection.persistently(lambda sftp: remote.copy(sftp, partial, advance), lambda: partial.size)
            return partial.finish()


@dataclass(frozen=True)
class _Remote:
    """A file on the server that must not change.

    Attributes:
        connection: The connection to read it on.
        path: Its path.
        file: The file as it was listed.
    """

    connection: SftpConnection
    path: str
    file: RemoteFile

    async def copy(self, sftp: asyncssh.SFTPClient, partial: PartialFile, advance: Advance) -> None:
        """Append what is not there yet; blocks come in any order and are written in theirs."""
        await self._check_unchanged(sftp)
        ahead: dict[int, bytes] = {}
        block_size = max(SAFE_BLOCK_BYTES, min(BLOCK_BYTES, sftp.limits.max_read_len))
        requests = UNDER_WAY_BYTES // block_size
        opening = sftp.open(self.path, "rb", encoding=None, block_size=block_size, max_requests=requests)
        source = await self.connection.remotely(self.path, opening)
        blocks = await source.read_parallel(self.file.size - partial.size, partial.size)
        next_byte, ready = partial.size, list[bytes]()

        def write() -> None:
            nonlocal ready
            written, ready = ready, []
            partial.append(written)
            advance(sum(map(len, written)))

        try:
            async with contextlib.aclosing(self.connection.patiently(self.path, blocks)) as arriving:
                async for start, block in arriving:
                    ahead[start] = block
                    while (data := ahead.pop(next_byte, None)) is not None:
                        next_byte += len(data)
                        ready.append(data)
                    if next_byte - partial.size >= WRITTEN_AT_ONCE_BYTES or next_byte == self.file.size:
                        write()
        finally:
            # what came before a connection was lost is progress, however little
            write()
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(source.close(), 1)
        await self._check_unchanged(sftp)
        if partial.size != self.file.size:
            raise BrokenConnectionError(f"{self.path} ended early")

    async def _check_unchanged(self, sftp: asyncssh.SFTPClient) -> None:
        now = _attributes(self.file.name, await self.connection.remotely(self.path, sftp.stat(self.path)))
        if (now.size, now.modified) != (self.file.size, self.file.modified):
            raise UserError(
                f"{self.path} is still being uploaded, it has changed meanwhile; run again when it is complete"
            )


async def _all_of(*tasks: Coroutine[None, None, None]) -> None:
    """Wait for all; when one fails, end the others and raise what it failed of."""
    try:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(task)
    except* (UserError, OSError) as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[Exception]) -> Exception:
    """Give the first of several failures at once; the others are of its kind, or followed from it."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
