"""The vendor's SFTP server: folders listed and files downloaded, with a pinned host key and bounded waiting.

asyncssh carries the bytes: it reads as large blocks as the server allows, and holds no more than the blocks under way
in memory. benchmarks/download.py holds it against OpenSSH's own client.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import asyncssh

from ingestion.host_key import PinnedKeys, read_pinned_keys
from ingestion.partial import PartialFile
from ingestion.settings import SftpSettings
from warehouse.errors import UserError

# Failures end up in a UserError; without a handler Python would print the library's own account of them as well.
logging.getLogger("asyncssh").addHandler(logging.NullHandler())

CONNECT_SECONDS, LOGIN_SECONDS, ANSWER_SECONDS = 15, 30, 60
KEEP_ALIVE_SECONDS = 15
PAUSES = (1.0, 3.0, 9.0)
# Files at once, each on a connection of its own: one alone is bounded by the window of a channel, 2 MB a round trip.
CONNECTIONS = 4
# A block is what OpenSSH's server allows; one that does not say what it allows gets what every server must.
BLOCK_BYTES, SAFE_BLOCK_BYTES = 255 << 10, 32 << 10
# Asked for at once on a connection: twice what a channel's window lets through.
UNDER_WAY_BYTES = 4 << 20
WRITTEN_AT_ONCE_BYTES = 1 << 20
# Far faster than the others where processors have instructions for it, and as safe.
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"

# ValueError: what came is no packet of SSH, as when the network changed a byte before any is signed.
LOST = (OSError, asyncssh.Error, TimeoutError, ValueError)

Result = TypeVar("Result")
Advance = Callable[[int], None]


class ConnectionLostError(UserError):
    """The connection was lost for good; what is downloaded is worth keeping for the next run."""


class NotThereError(UserError):
    """The server has no such file or folder."""


class _LostConnectionError(Exception):
    """The connection broke; the work can be taken up on a new one."""


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


def _private_key(settings: SftpSettings) -> asyncssh.SSHKey | None:
    if settings.key_text is not None:
        text, source = settings.key_text, "the private key of SFTP_SECRET"
    elif settings.key_file is not None:
        source = f"SFTP_KEY_FILE={settings.key_file}"
        try:
            text = settings.key_file.read_text(encoding="ascii")
        except OSError as error:
            raise UserError(f"{source} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            text = ""
    else:
        return None
    try:
        return asyncssh.import_private_key(text, settings.password)
    except asyncssh.KeyEncryptionError:
        message = f"{source} cannot be opened with the passphrase that is given; check SFTP_PASSWORD"
        raise UserError(message) from None
    except asyncssh.KeyImportError as error:
        if settings.password is None and "passphrase" in str(error).lower():
            raise UserError(f"{source} needs a passphrase; set SFTP_PASSWORD to it") from None
        raise UserError(f"{source} cannot be read as a private key; check the file and its passphrase") from None


class _Client(asyncssh.SSHClient):
    """Decides about a host key that is not among the trusted ones, and keeps what to say of it."""

    def __init__(self, pinned: PinnedKeys) -> None:
        self._pinned = pinned
        self.refusal: str | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Accept a key by its fingerprint, where only that is known."""
        if self._pinned.fingerprint == key.get_fingerprint():
            return True
        self.refusal = self._pinned.refusal(key)
        return False


class _Connection:
    """One connection, made when it is first needed and made again after it was lost."""

    def __init__(self, settings: SftpSettings, pinned: PinnedKeys, key: asyncssh.SSHKey | None) -> None:
        self._settings, self._pinned, self._key = settings, pinned, key
        self._ssh: asyncssh.SSHClientConnection | None = None
        self._sftp: asyncssh.SFTPClient | None = None

    async def sftp(self) -> asyncssh.SFTPClient:
        if self._sftp is None:
            self._sftp = await self._connect()
        return self._sftp

    async def close(self) -> None:
        ssh, self._ssh, self._sftp = self._ssh, None, None
        if ssh is not None:
            ssh.abort()
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(ssh.wait_closed(), 1)

    async def _connect(self) -> asyncssh.SFTPClient:
        settings, pinned, key = self._settings, self._pinned, self._key
        client = _Client(pinned)
        try:
            self._ssh = await asyncssh.connect(
                settings.host,
                settings.port,
                client_factory=lambda: client,
                username=settings.user,
                password=None if key else settings.password,
                client_keys=[key] if key else None,
                known_hosts=([*pinned.trusted], [], [*pinned.revoked]),
                encryption_algs=CIPHERS,
                compression_algs=None,
                agent_path=None,
                config=None,
                connect_timeout=CONNECT_SECONDS,
                login_timeout=LOGIN_SECONDS,
                keepalive_interval=KEEP_ALIVE_SECONDS,
            )
            return await asyncio.wait_for(self._ssh.start_sftp_client(), LOGIN_SECONDS)
        except LOST as error:
            await self.close()
            if isinstance(error, asyncssh.KeyExchangeFailed) and pinned.trusted:
                await self._show_other_kind_of_key(pinned)
            self._translate(client, error)

    async def _show_other_kind_of_key(self, pinned: PinnedKeys) -> None:
        """Raise what the server shows instead, where it has no key of a kind that is pinned."""
        settings = self._settings
        with contextlib.suppress(*LOST):
            asked = asyncssh.get_server_host_key(settings.host, settings.port, config=None)
            key = await asyncio.wait_for(asked, LOGIN_SECONDS)
            if key is not None:
                raise UserError(pinned.refusal(key)) from None

    def _translate(self, client: _Client, error: Exception) -> NoReturn:
        """Raise a failure to connect as what it means to the user."""
        settings = self._settings
        if client.refusal is not None:
            raise UserError(client.refusal) from None
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            raise UserError(
                f"the SFTP server {settings.address} shows a host key that is revoked or of no kind that is expected; "
                "check SFTP_HOST_KEY or SFTP_KNOWN_HOSTS with the vendor"
            ) from None
        if isinstance(error, asyncssh.PermissionDenied):
            secret = "SFTP_KEY_FILE" if settings.key_file else "SFTP_PASSWORD"
            secret = "SFTP_SECRET" if settings.secret else secret
            raise UserError(
                f"the SFTP server {settings.address} refuses to let {settings.user} in; check SFTP_USER and {secret}"
            ) from None
        raise _LostConnectionError(_told(error)) from None


def _without_lost_requests(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of requests that were under way when their connection was lost; nobody waits for them any more."""
    if not isinstance(context.get("exception"), LOST):
        loop.default_exception_handler(context)


def _told(error: BaseException) -> str:
    return str(error).strip() or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)


class SftpServer:
    """The server, connected to again when a connection is lost. Use in a `with` block.

    Waiting is bounded everywhere, and an interrupt ends it at once.
    """

    def __init__(self, settings: SftpSettings) -> None:
        """Read the keys, once for all connections: to open one with a passphrase takes long on purpose.

        Raises:
            UserError: When a key cannot be read.
        """
        self._settings = settings
        self._pinned, self._key = read_pinned_keys(settings), _private_key(settings)
        self._main = self._new_connection()
        self._runner = asyncio.Runner()

    def _new_connection(self) -> _Connection:
        return _Connection(self._settings, self._pinned, self._key)

    @property
    def name(self) -> str:
        """What messages call the server."""
        return f"{self._settings.host}:{self._settings.port}"

    def __enter__(self) -> "SftpServer":
        """Connect.

        Raises:
            UserError: When the server cannot be reached, is another one, or refuses the login.
        """
        self._runner.__enter__()
        self._runner.get_loop().set_exception_handler(_without_lost_requests)
        try:
            self._runner.run(self._main.sftp())
        except _LostConnectionError as error:
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
            return await self._remotely(path, sftp.readdir(path))

        entries = self._runner.run(self._persistently(self._main, listed))
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
        return self._runner.run(self._download_all(folder, files, local, advance))

    async def _download_all(
        self, folder: str, files: Sequence[RemoteFile], local: Path, advance: Advance
    ) -> dict[str, str]:
        waiting = deque(sorted(files, key=lambda file: file.size, reverse=True))
        done: dict[str, str] = {}

        async def fetch(connection: _Connection, file: RemoteFile) -> None:
            with PartialFile(local / file.name, file.size, file.modified) as partial:
                advance(partial.size)

                async def go_on(sftp: asyncssh.SFTPClient) -> None:
                    await self._copy(sftp, self._path(folder, file.name), file, partial, advance)

                await self._persistently(connection, go_on, lambda: partial.size)
                done[file.name] = partial.finish()

        async def work(connection: _Connection) -> None:
            while waiting:
                await fetch(connection, waiting.popleft())

        async def help_out() -> None:
            # a server that grants no more connections is served by those it grants
            connection = self._new_connection()
            try:
                await connection.sftp()
            except (_LostConnectionError, UserError):
                return
            try:
                await work(connection)
            finally:
                await connection.close()

        helpers = min(CONNECTIONS, len(files)) - 1
        try:
            async with asyncio.TaskGroup() as group:
                for task in (work(self._main), *(help_out() for _ in range(helpers))):
                    group.create_task(task)
        except* (UserError, OSError) as failures:
            raise _first(failures) from None
        return done

    async def _copy(
        self, sftp: asyncssh.SFTPClient, path: str, remote: RemoteFile, partial: PartialFile, advance: Advance
    ) -> None:
        """Append what is not there yet; blocks come in any order and are written in theirs."""
        await self._check_unchanged(sftp, path, remote)
        ahead: dict[int, bytes] = {}
        block_size = max(SAFE_BLOCK_BYTES, min(BLOCK_BYTES, sftp.limits.max_read_len))
        requests = UNDER_WAY_BYTES // block_size
        opening = sftp.open(path, "rb", encoding=None, block_size=block_size, max_requests=requests)
        source = await self._remotely(path, opening)
        blocks = await source.read_parallel(remote.size - partial.size, partial.size)
        next_byte, ready = partial.size, list[bytes]()
        try:
            async with contextlib.aclosing(self._patiently(path, blocks)) as arriving:
                async for start, block in arriving:
                    ahead[start] = block
                    while (data := ahead.pop(next_byte, None)) is not None:
                        next_byte += len(data)
                        ready.append(data)
                    if next_byte - partial.size >= WRITTEN_AT_ONCE_BYTES or next_byte == remote.size:
                        written, ready = ready, []
                        # in a thread, where hashing and writing do not hold up what arrives
                        await asyncio.to_thread(partial.append, written)
                        advance(sum(map(len, written)))
        finally:
            # what came before a connection was lost is progress, however little
            partial.append(ready)
            advance(sum(map(len, ready)))
            with contextlib.suppress(*LOST):
                await asyncio.wait_for(source.close(), 1)
        await self._check_unchanged(sftp, path, remote)
        if partial.size != remote.size:
            raise _LostConnectionError(f"{path} ended early")

    async def _check_unchanged(self, sftp: asyncssh.SFTPClient, path: str, remote: RemoteFile) -> None:
        now = _attributes(remote.name, await self._remotely(path, sftp.stat(path)))
        if (now.size, now.modified) != (remote.size, remote.modified):
            raise UserError(f"{path} is still being uploaded, it has changed meanwhile; run again when it is complete")

    async def _persistently(
        self,
        connection: _Connection,
        operation: Callable[[asyncssh.SFTPClient], Awaitable[Result]],
        reached: Callable[[], int] = lambda: 0,
    ) -> Result:
        """Run an operation, and again on a new connection when it is lost; what got on begins to count anew."""
        lost, before = 0, reached()
        while True:
            try:
                return await operation(await connection.sftp())
            except _LostConnectionError as error:
                await connection.close()
                lost, before = (lost if reached() == before else 0) + 1, reached()
                if lost > len(PAUSES):
                    raise ConnectionLostError(
                        f"the connection to the SFTP server {self.name} was lost {lost} times ({error}); "
                        "run again later, it goes on where it stopped"
                    ) from None
                await asyncio.sleep(PAUSES[lost - 1])

    async def _remotely(self, path: str, answer: Awaitable[Result]) -> Result:
        """Wait for one answer of the server."""
        with self._translated(path):
            return await asyncio.wait_for(answer, ANSWER_SECONDS)

    async def _patiently(self, path: str, items: AsyncIterator[Result]) -> AsyncGenerator[Result]:
        """Give on what comes, and wait for each no longer than for any answer; a task each would be half of the work.

        The clock stands while the caller has an item.
        """
        now = asyncio.get_running_loop().time
        with self._translated(path):
            async with asyncio.timeout(ANSWER_SECONDS) as patience:
                async for item in items:
                    patience.reschedule(None)
                    yield item
                    patience.reschedule(now() + ANSWER_SECONDS)

    @contextlib.contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        """Tell a lost connection from a file that is not there."""
        try:
            yield
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            raise NotThereError(f"the SFTP server {self.name} has no {path}; check SFTP_ROOT, or run again") from None
        except asyncssh.SFTPPermissionDenied:
            raise UserError(
                f"the SFTP server {self.name} does not let {self._settings.user} read {path}; ask the vendor for access"
            ) from None
        except LOST as error:
            raise _LostConnectionError(_told(error)) from None

    def _path(self, *names: str) -> str:
        return "/".join([self._settings.root.rstrip("/") or "", *names]) or "/"


def _first(failures: BaseExceptionGroup[Exception]) -> Exception:
    """Give the first of several failures at once; the others are of its kind, or followed from it."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
