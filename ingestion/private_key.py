"""The private key to log in with, from the secret store or a file."""

import asyncssh

from ingestion.settings import SftpSettings
from warehouse.errors import UserError


def read_private_key(settings: SftpSettings) -> asyncssh.SSHKey | None:
    """Read the key to log in with, from `SFTP_SECRET` or `SFTP_KEY_FILE`; None where it is a password.

    Args:
        settings: Of the server.

    Raises:
        UserError: When it cannot be read or opened.
    """
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
