"""One connection to the vendor's SFTP server, with a pinned host key and bounded waiting, made again when it is lost.

asyncssh carries the bytes: it reads as large blocks as the server allows, and holds no more than the blocks under way
in memory.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

import asyncssh

from ingestion.host_key import PinnedKeys
from ingestion.settings import SftpSettings
from warehouse.errors import UserError

# Failures end up in a UserError; without a handler Python would print the library's own account of them as well.
logging.getLogger("asyncssh").addHandler(logging.NullHandler())

CONNECT_SECONDS, LOGIN_SECONDS, ANSWER_SECONDS = 15, 30, 60
KEEP_ALIVE_SECONDS = 15
PAUSES = (1.0, 3.0, 9.0)
# Far faster than the others where processors have instructions for it, and as safe.
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"

# ValueError: what came is no packet of SSH, as when the network changed a byte before any is signed.
LOST = (OSError, asyncssh.Error, TimeoutError, ValueError)

Result = TypeVar("Result")


class ConnectionLostError(UserError):
    """The connection was lost for good; what is downloaded is worth keeping for the next run."""


class NotThereError(UserError):
    """The server has no such file or folder."""


class BrokenConnectionError(Exception):
    """The connection broke; the work can be taken up on a new one, see `SftpConnection.persistently`."""


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


class SftpConnection:
    """One connection, made when it is first needed and made again after it was lost."""

    def __init__(self, settings: SftpSettings, pinned: PinnedKeys, key: asyncssh.SSHKey | None) -> None:
        self._settings, self._pinned, self._key = settings, pinned, key
        self._ssh: asyncssh.SSHClientConnection | None = None
        self._sftp: asyncssh.SFTPClient | None = None

    async def sftp(self) -> asyncssh.SFTPClient:
        """Give the client, connected.

        Raises:
            UserError: When the server is another one or refuses the login.
            BrokenConnectionError: When it cannot be reached.
        """
        if self._sftp is None:
            self._sftp = await self._connect()
        return self._sftp

    async def close(self) -> None:
        """Disconnect."""
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
            # which of the two it is, is a matter of who finds first that no kind of key is common to both
            if isinstance(error, asyncssh.KeyExchangeFailed | asyncssh.ConnectionLost) and pinned.trusted:
                await self._show_other_kind_of_key(pinned)
            self._translate(client, error)

    async def _show_other_kind_of_key(self, pinned: PinnedKeys) -> None:
        """Raise what the server shows instead, where it has no key of a kind that is pinned."""
        kinds = [kind.decode() for key in pinned.trusted for kind in key.sig_algorithms]
        if await self._shown_key(kinds) is None and (key := await self._shown_key()) is not None:
            raise UserError(pinned.refusal(key)) from None

    async def _shown_key(self, kinds: Sequence[str] = ()) -> asyncssh.SSHKey | None:
        """Ask for the key of the server, of some kinds or of any; None if it shows none."""
        settings = self._settings
        asked = asyncssh.get_server_host_key(settings.host, settings.port, server_host_key_algs=kinds, config=None)
        with contextlib.suppress(*LOST):
            return await asyncio.wait_for(asked, LOGIN_SECONDS)
        return None

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
        raise BrokenConnectionError(_told(error)) from None

    async def persistently(
        self, operation: Callable[[asyncssh.SFTPClient], Awaitable[Result]], reached: Callable[[], int] = lambda: 0
    ) -> Result:
        """Run an operation, and again on a new connection when it is lost; what got on begins to count anew.

        Args:
            operation: May be run several times.
            reached: How many bytes it has got.

        Raises:
            ConnectionLostError: When that happens again and again.
        """
        lost, before = 0, reached()
        while True:
            try:
                return await operation(await self.sftp())
            except BrokenConnectionError as error:
                await self.close()
                lost, before = (lost if reached() == before else 0) + 1, reached()
                if lost > len(PAUSES):
                    raise ConnectionLostError(
                        f"the connection to the SFTP server {self._settings.name} was lost {lost} times ({error}); "
                        "run again later, it goes on where it stopped"
                    ) from None
                await asyncio.sleep(PAUSES[lost - 1])

    async def remotely(self, path: str, answer: Awaitable[Result]) -> Result:
        """Wait for one answer of the server.

        Args:
            path: What it is about.
            answer: The answer.

        Raises:
            NotThereError: When the server has no such path.
            UserError: When it must not be read.
            BrokenConnectionError: When none comes.
        """
        with self._translated(path):
            return await asyncio.wait_for(answer, ANSWER_SECONDS)

    async def patiently(self, path: str, items: AsyncIterator[Result]) -> AsyncGenerator[Result]:
        """Give on what comes, and wait for each no longer than for any answer; a task each would be half of the work.

        The clock stands while the caller has an item.

        Args:
            path: What they are about.
            items: The items.

        Raises:
            NotThereError, UserError, BrokenConnectionError: As from `remotely`.
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
            raise NotThereError(
                f"the SFTP server {self._settings.name} has no {path}; check SFTP_ROOT, or run again"
            ) from None
        except asyncssh.SFTPPermissionDenied:
            raise UserError(
                f"the SFTP server {self._settings.name} does not let {self._settings.user} read {path}; "
                "ask the vendor for access"
            ) from None
        except LOST as error:
            raise BrokenConnectionError(_told(error)) from None


def without_lost_requests(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of requests that were under way when their connection was lost; nobody waits for them any more."""
    if not isinstance(context.get("exception"), LOST):
        loop.default_exception_handler(context)


def _told(error: BaseException) -> str:
    return str(error).strip() or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
