"""The vendor's SFTP server: folders listed and files downloaded, with a pinned host key and bounded waiting."""

import base64
import hashlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, TypeVar

import paramiko
from paramiko.hostkeys import InvalidHostKey
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import NoValidConnectionsError

from ingestion.settings import DEFAULT_PORT, SftpSettings
from warehouse.errors import UserError

# Failures end up in a UserError; without a handler Python would print the library's own account of them as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

CONNECT_SECONDS, LOGIN_SECONDS, ANSWER_SECONDS = 15, 30, 60
PAUSES = (1.0, 3.0, 9.0)
CHUNK_SIZE = 1 << 18
# Requests of 32 KiB under way. Measured on one machine: 256 to all at once do 165-185 MB/s, with 64 paramiko falls to
# 5 MB/s and keeps the whole file in memory.
REQUESTS = 1024

Result = TypeVar("Result")


class ConnectionLostError(UserError):
    """The connection was lost for good; what is downloaded is worth keeping for the next run."""


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


class _Refuse(paramiko.MissingHostKeyPolicy):
    """Asked when nothing is known of the host under the name that it goes by in a known_hosts file."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> NoReturn:  # noqa: ARG002
        raise UserError(
            f"no host key is known for the SFTP server {hostname}, which shows the {key.get_name()} host key "
            f"{key.fingerprint}; check that fingerprint with the vendor, then add the key to SFTP_KNOWN_HOSTS under "
            f"the name {hostname}"
        )


def _wrong_host_key(host: str, key: paramiko.PKey) -> str:
    return (
        f"the SFTP server {host} shows the {key.get_name()} host key {key.fingerprint}, which is not the expected one; "
        "check that fingerprint with the vendor before you change SFTP_HOST_KEY or SFTP_KNOWN_HOSTS"
    )


def _attributes(name: str, found: paramiko.SFTPAttributes) -> RemoteFile:
    return RemoteFile(
        name=name,
        size=found.st_size or 0,
        modified=int(found.st_mtime or 0),
        is_folder=stat.S_ISDIR(found.st_mode or 0),
    )


def _pin_host_key(client: paramiko.SSHClient, settings: SftpSettings) -> None:
    """Let the client know the server's key, from `SFTP_HOST_KEY` if set, else from the `SFTP_KNOWN_HOSTS` file."""
    if settings.host_key is None:
        try:
            client.load_host_keys(str(settings.known_hosts))
        except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
            raise UserError(f"SFTP_KNOWN_HOSTS={settings.known_hosts} cannot be read: {error}") from None
        except (InvalidHostKey, ValueError, OverflowError) as error:
            line = f": {error.line[:200]!r}" if isinstance(error, InvalidHostKey) else ""
            raise UserError(
                f"SFTP_KNOWN_HOSTS={settings.known_hosts} has a line that is no host key{line}; "
                "correct or remove that line"
            ) from None
        return
    try:
        key_type, encoded = settings.host_key.split()[:2]
        key = paramiko.PKey.from_type_string(key_type, base64.b64decode(encoded, validate=True))
    except (ValueError, OverflowError, paramiko.SSHException, UnknownKeyType):
        raise UserError(
            "SFTP_HOST_KEY is not a host key; write its type and base64 text, for example 'ssh-ed25519 AAAA...'"
        ) from None
    name = settings.host if settings.port == DEFAULT_PORT else f"[{settings.host}]:{settings.port}"
    client.get_host_keys().add(name, key.get_name(), key)


def _private_key(settings: SftpSettings) -> paramiko.PKey | None:
    if settings.key_file is None:
        return None
    try:
        settings.key_file.read_bytes()
    except OSError as error:
        raise UserError(f"SFTP_KEY_FILE={settings.key_file} cannot be read: {error.strerror}") from None
    for key_class in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return key_class.from_private_key_file(str(settings.key_file), settings.password)
        except paramiko.PasswordRequiredException:
            raise UserError(f"SFTP_KEY_FILE={settings.key_file} needs a passphrase; set SFTP_PASSWORD to it") from None
        except (OSError, ValueError, paramiko.SSHException):
            continue
    raise UserError(
        f"SFTP_KEY_FILE={settings.key_file} cannot be read as a private key; check the file and its passphrase"
    )


class SftpServer:
    """A connection to the server that is taken up again when it is lost. Use in a `with` block."""

    def __init__(self, settings: SftpSettings) -> None:
        self._settings = settings
        self._client: paramiko.SSHClient | None = None
        self._sftp: paramiko.SFTPClient | None = None
        self._excepthook = threading.excepthook

    @property
    def name(self) -> str:
        """What messages call the server."""
        return f"{self._settings.host}:{self._settings.port}"

    def __enter__(self) -> "SftpServer":
        """Connect.

        Raises:
            UserError: When the server cannot be reached, is another one, or refuses the login.
        """
        try:
            self._connect()
        except _LostConnectionError as error:
            raise UserError(
                f"the SFTP server {self.name} cannot be reached ({error}); "
                "check SFTP_HOST and SFTP_PORT, the network and the firewall"
            ) from None
        self._excepthook = threading.excepthook
        threading.excepthook = self._silence_prefetch
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        threading.excepthook = self._excepthook
        self._disconnect()

    def _silence_prefetch(self, failure: threading.ExceptHookArgs) -> None:
        """Say nothing of a lost connection in paramiko's own thread: whoever reads the file meets it too."""
        is_prefetch = failure.thread is not None and "_prefetch_thread" in failure.thread.name
        if not (is_prefetch and isinstance(failure.exc_value, EOFError | OSError | paramiko.SSHException)):
            self._excepthook(failure)

    def _connect(self) -> paramiko.SFTPClient:
        settings = self._settings
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_Refuse())
        _pin_host_key(client, settings)
        key = _private_key(settings)
        try:
            client.connect(
                settings.host,
                settings.port,
                settings.user,
                password=None if key else settings.password,
                pkey=key,
                timeout=CONNECT_SECONDS,
                banner_timeout=LOGIN_SECONDS,
                auth_timeout=LOGIN_SECONDS,
                channel_timeout=LOGIN_SECONDS,
                allow_agent=False,
                look_for_keys=False,
                compress=False,
            )
            sftp = client.open_sftp()
            channel = sftp.get_channel()
            if channel is not None:
                channel.settimeout(ANSWER_SECONDS)
        except (UserError, OSError, EOFError, paramiko.SSHException) as error:
            client.close()
            self._translate(error)
        self._client, self._sftp = client, sftp
        return sftp

    def _translate(self, error: Exception) -> NoReturn:
        """Raise a failure to connect as what it means to the user."""
        if isinstance(error, paramiko.BadHostKeyException):
            raise UserError(_wrong_host_key(self.name, error.key)) from None
        if isinstance(error, paramiko.AuthenticationException):
            secret = "SFTP_KEY_FILE" if self._settings.key_file else "SFTP_PASSWORD"
            raise UserError(
                f"the SFTP server {self.name} refuses to let {self._settings.user} in; check SFTP_USER and {secret}"
            ) from None
        if isinstance(error, NoValidConnectionsError):
            raise _LostConnectionError("connection refused") from None
        if isinstance(error, UserError):
            raise error
        raise _LostConnectionError(str(error) or type(error).__name__) from None

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._sftp = None

    def _persistently(self, operation: Callable[[paramiko.SFTPClient], Result]) -> Result:
        """Run an operation, and again on a new connection when the connection is lost."""
        for pause in (*PAUSES, None):
            try:
                return operation(self._sftp or self._connect())
            except _LostConnectionError as error:
                self._disconnect()
                if pause is None:
                    raise ConnectionLostError(
                        f"the connection to the SFTP server {self.name} was lost {len(PAUSES) + 1} times ({error}); "
                        "run again later, it goes on where it stopped"
                    ) from None
                time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _remotely(self, path: str, call: Callable[[], Result]) -> Result:
        """Make one call to the server, and tell a lost connection from a file that is not there."""
        try:
            return call()
        except FileNotFoundError:
            raise UserError(f"the SFTP server {self.name} has no {path}; check SFTP_ROOT, or run again") from None
        except PermissionError:
            raise UserError(
                f"the SFTP server {self.name} does not let {self._settings.user} read {path}; ask the vendor for access"
            ) from None
        except (OSError, EOFError, paramiko.SSHException, paramiko.SFTPError) as error:
            raise _LostConnectionError(str(error) or type(error).__name__) from None

    def _path(self, *names: str) -> str:
        return "/".join([self._settings.root.rstrip("/") or "", *names]) or "/"

    def list_folder(self, *names: str) -> list[RemoteFile]:
        """List a folder below `SFTP_ROOT`, sorted by name.

        Args:
            names: Its name, or nothing for `SFTP_ROOT` itself.

        Raises:
            UserError: When it is not there or the connection is lost for good.
        """
        path = self._path(*names)
        entries = self._persistently(lambda sftp: self._remotely(path, lambda: sftp.listdir_attr(path)))
        return sorted((_attributes(entry.filename, entry) for entry in entries), key=lambda entry: entry.name)

    def download(self, folder: str, remote: RemoteFile, local: Path) -> str:
        """Download a file that must not change meanwhile, and give it the remote time.

        Args:
            folder: Its folder below `SFTP_ROOT`.
            remote: The file as it was listed.
            local: File to write.

        Returns:
            Its SHA-256 in hex.

        Raises:
            UserError: When it is not there any more, still changes, or the connection is lost for good.
        """
        path = self._path(folder, remote.name)
        digest = hashlib.sha256()
        with local.open("wb") as file:

            def go_on(sftp: paramiko.SFTPClient) -> None:
                self._check_unchanged(sftp, path, remote)
                with self._remotely(path, lambda: sftp.open(path, "rb")) as source:
                    self._copy(path, source, file, remote.size, digest.update)
                self._check_unchanged(sftp, path, remote)

            self._persistently(go_on)
        os.utime(local, (remote.modified, remote.modified))
        return digest.hexdigest()

    def _copy(
        self, path: str, source: paramiko.SFTPFile, file: BinaryIO, size: int, update: Callable[[bytes], None]
    ) -> None:
        """Append what is not there yet of the source to the file."""
        source.seek(file.tell())
        if file.tell() < size:
            self._remotely(path, lambda: source.prefetch(size, REQUESTS))
        while file.tell() < size:
            chunk = self._remotely(path, lambda: source.read(CHUNK_SIZE))
            if not chunk:
                raise _LostConnectionError(f"{path} ended early")
            file.write(chunk)
            update(chunk)

    def _check_unchanged(self, sftp: paramiko.SFTPClient, path: str, remote: RemoteFile) -> None:
        now = _attributes(remote.name, self._remotely(path, lambda: sftp.stat(path)))
        if (now.size, now.modified) != (remote.size, remote.modified):
            raise UserError(f"{path} is still being uploaded, it has changed meanwhile; run again when it is complete")
