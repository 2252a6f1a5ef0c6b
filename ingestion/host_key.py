"""Which host keys the vendor's server may show, from `SFTP_HOST_KEY` or `SFTP_KNOWN_HOSTS`."""

import re
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from ingestion.settings import SftpSettings
from warehouse.errors import UserError

FINGERPRINT_PATTERN = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")


@dataclass(frozen=True)
class PinnedKeys:
    """What is known of the server's key before it is asked.

    Attributes:
        trusted: Keys that it may show.
        revoked: Keys that it must not show.
        fingerprint: Of the only key that it may show, where just that is known: `SHA256:...`.
        name: Name under which a known_hosts file has, or lacks, the server.
    """

    trusted: tuple[asyncssh.SSHKey, ...]
    revoked: tuple[asyncssh.SSHKey, ...]
    fingerprint: str | None
    name: str

    def refusal(self, key: asyncssh.SSHKey) -> str:
        """Say what is wrong with the key that the server shows.

        Args:
            key: A key that is not the expected one.
        """
        shown = f"the {key.get_algorithm()} host key {key.get_fingerprint()}"
        if self.trusted or self.revoked or self.fingerprint:
            return (
                f"the SFTP server {self.name} shows {shown}, which is not the expected one; check that fingerprint "
                "with the vendor before you change SFTP_HOST_KEY or SFTP_KNOWN_HOSTS"
            )
        return (
            f"no host key is known for the SFTP server {self.name}, which shows {shown}; check that fingerprint with "
            f"the vendor, then add the key to SFTP_KNOWN_HOSTS under the name {self.name}"
        )


def _malformed_line(text: str) -> str | None:
    """Find the first line that is neither empty nor a comment nor ends with a key."""
    for line in text.splitlines():
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        fields = entry.split()
        key = fields[2:] if entry.startswith("@") else fields[1:]
        try:
            asyncssh.import_public_key(" ".join(key))
        except asyncssh.KeyImportError:
            return line
    return None


def _from_known_hosts(path: Path, settings: SftpSettings, name: str) -> PinnedKeys:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"SFTP_KNOWN_HOSTS={path} cannot be read: {error}") from None
    malformed = _malformed_line(text)
    try:
        found = asyncssh.import_known_hosts(text).match(settings.host, "", settings.port)
    except ValueError:
        found = ([], [], [], [], [], [], [])
    trusted, revoked = tuple(found[0]), tuple(found[2])
    if not trusted and malformed is not None:  # a line of another host, or of a newer kind of key, is no matter
        raise UserError(
            f"SFTP_KNOWN_HOSTS={path} has a line that is no host key: {malformed[:200]!r}; correct or remove that line"
        )
    return PinnedKeys(trusted, revoked, None, name)


def read_pinned_keys(settings: SftpSettings) -> PinnedKeys:
    """Read what is known of the server's key, from `SFTP_HOST_KEY` if set, else from the `SFTP_KNOWN_HOSTS` file.

    Args:
        settings: Of the server.

    Raises:
        UserError: When the variable is no key and no fingerprint, or the file cannot be read.
    """
    name = settings.address
    if settings.host_key is None:
        return _from_known_hosts(settings.known_hosts or Path(), settings, name)
    if FINGERPRINT_PATTERN.fullmatch(settings.host_key):
        return PinnedKeys((), (), settings.host_key.rstrip("="), name)
    try:
        key = asyncssh.import_public_key(" ".join(settings.host_key.split()[:2]))
    except (asyncssh.KeyImportError, ValueError):
        raise UserError(
            "SFTP_HOST_KEY is not a host key; write its type and base64 text, for example 'ssh-ed25519 AAAA...', or "
            "its fingerprint, 'SHA256:...'"
        ) from None
    return PinnedKeys((key,), (), None, name)
