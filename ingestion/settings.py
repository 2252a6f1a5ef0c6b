"""The SFTP server of the deliveries, read from the environment."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.aws import read_secret
from warehouse.errors import UserError

DEFAULT_PORT = 22
HIGHEST_PORT = 65_535


@dataclass(frozen=True)
class SftpSettings:
    """How to reach the server and how to know that it is the right one.

    Attributes:
        host, port: Its address.
        user: Login name.
        password: Password, or the passphrase of the private key; None without either.
        key_file: Private key to log in with instead of a password, or None.
        host_key: The server's public key, type and base64, as in a line of a known_hosts file, or its fingerprint,
            `SHA256:...`; None with `known_hosts`.
        known_hosts: File that has the server's key, or None with `host_key`.
        root: Folder on the server that has the folders of the deliveries.
        key_text: The private key itself, where it comes from a secret store; None otherwise.
        secret: Name of the secret that the login comes from; None where it comes from the environment.
    """

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    key_file: Path | None
    host_key: str | None
    known_hosts: Path | None
    root: str
    key_text: str | None = field(default=None, repr=False)
    secret: str | None = None

    @property
    def address(self) -> str:
        """Host and port as a known_hosts file names them."""
        return self.host if self.port == DEFAULT_PORT else f"[{self.host}]:{self.port}"

    @property
    def name(self) -> str:
        """What messages call the server."""
        return f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """What the logs of deliveries from there call it: host and root, without the user."""
        return f"{self.host}/{self.root.lstrip('/')}"


def _port(text: str) -> int:
    if not (text.isdecimal() and text.isascii() and 0 < int(text) <= HIGHEST_PORT):
        raise UserError(f"SFTP_PORT={text} is not a port; write a number such as 22")
    return int(text)


@dataclass(frozen=True)
class _Login:
    password: str | None
    key_text: str | None


def _login_of_secret(name: str) -> _Login:
    """Read a login from AWS Secrets Manager: a password, or a JSON object with a password, a private key or both."""
    text = read_secret(name)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return _Login(text or None, None)
    values = {key: found.get(key) or None for key in ("password", "private_key")}
    if not any(values.values()) or not all(isinstance(value, str | None) for value in values.values()):
        raise UserError(
            f"SFTP_SECRET={name} holds a JSON object without the texts password or private_key; give it one of them"
        )
    return _Login(values["password"], values["private_key"])


def read_sftp_settings(environment: Mapping[str, str] = os.environ) -> SftpSettings | None:
    """Read `SFTP_HOST` and the variables that go with it; None when it is not set.

    Args:
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When a variable is missing or has no usable value.
    """
    host = environment.get("SFTP_HOST", "")
    if not host:
        return None
    user = environment.get("SFTP_USER", "")
    if not user:
        raise UserError(f"SFTP_USER is not set; set it to the user name at {host}")
    login = _Login(environment.get("SFTP_PASSWORD", "") or None, None)
    key_file = environment.get("SFTP_KEY_FILE", "")
    secret = environment.get("SFTP_SECRET", "")
    if secret and (login.password or key_file):
        raise UserError("SFTP_SECRET is set, and SFTP_PASSWORD or SFTP_KEY_FILE as well; unset what does not hold")
    if secret:
        login = _login_of_secret(secret)
    if login == _Login(None, None) and not key_file:
        raise UserError(f"neither SFTP_PASSWORD nor SFTP_KEY_FILE is set; set the one that {host} accepts")
    host_key = environment.get("SFTP_HOST_KEY", "").strip() or None
    known_hosts = environment.get("SFTP_KNOWN_HOSTS", "")
    if host_key is None and not known_hosts:
        raise UserError(
            f"neither SFTP_HOST_KEY nor SFTP_KNOWN_HOSTS is set; ask the vendor for the host key of {host} "
            "and set SFTP_HOST_KEY to its type and base64 text"
        )
    return SftpSettings(
        host=host,
        port=_port(environment.get("SFTP_PORT", "") or str(DEFAULT_PORT)),
        user=user,
        password=login.password,
        key_text=login.key_text,
        secret=secret or None,
        key_file=Path(key_file).expanduser() if key_file else None,
        host_key=host_key,
        known_hosts=Path(known_hosts).expanduser() if known_hosts else None,
        root=environment.get("SFTP_ROOT", "") or ".",
    )
