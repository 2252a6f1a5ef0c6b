"""The SFTP server of the deliveries, read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.errors import UserError

DEFAULT_PORT = 22
HIGHEST_PORT = 65_535


@dataclass(frozen=True)
class SftpSettings:
    """How to reach the server and how to know that it is the right one.

    Attributes:
        host, port: Its address.
        user: Login name.
        password: Password, or the passphrase of `key_file`; None without either.
        key_file: Private key to log in with instead of a password, or None.
        host_key: The server's public key, type and base64, as in a line of a known_hosts file; None with `known_hosts`.
        known_hosts: File that has the server's key, or None with `host_key`.
        root: Folder on the server that has the folders of the deliveries.
        key_text: The private key itself, where it comes from a secret store; None otherwise.
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

    @property
    def address(self) -> str:
        """Host and port as a known_hosts file names them."""
        return self.host if self.port == DEFAULT_PORT else f"[{self.host}]:{self.port}"

    @property
    def origin(self) -> str:
        """What the logs of deliveries from there call it: host and root, without the user."""
        return f"{self.host}/{self.root.lstrip('/')}"


def _port(text: str) -> int:
    if not (text.isdecimal() and text.isascii() and 0 < int(text) <= HIGHEST_PORT):
        raise UserError(f"SFTP_PORT={text} is not a port; write a number such as 22")
    return int(text)


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
    password = environment.get("SFTP_PASSWORD", "") or None
    key_file = environment.get("SFTP_KEY_FILE", "")
    if password is None and not key_file:
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
        password=password,
        key_file=Path(key_file).expanduser() if key_file else None,
        host_key=host_key,
        known_hosts=Path(known_hosts).expanduser() if known_hosts else None,
        root=environment.get("SFTP_ROOT", "") or ".",
    )
