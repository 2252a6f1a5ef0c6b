from pathlib import Path

import pytest

from ingestion.settings import read_sftp_settings
from warehouse.errors import UserError

COMPLETE = {
    "SFTP_HOST": "sftp.example.org",
    "SFTP_USER": "licensee",
    "SFTP_PASSWORD": "a secret",
    "SFTP_HOST_KEY": "ssh-ed25519 AAAA",
}


def test_without_a_host_there_are_no_settings() -> None:
    assert read_sftp_settings({}) is None
    assert read_sftp_settings(COMPLETE | {"SFTP_HOST": ""}) is None


def test_port_and_root_have_defaults() -> None:
    settings = read_sftp_settings(COMPLETE)
    assert settings is not None
    assert (settings.port, settings.root) == (22, ".")


def test_a_key_file_stands_in_for_a_password_and_known_hosts_for_a_host_key() -> None:
    environment = COMPLETE | {"SFTP_PASSWORD": "", "SFTP_KEY_FILE": "/k", "SFTP_HOST_KEY": "", "SFTP_KNOWN_HOSTS": "/h"}
    settings = read_sftp_settings(environment)
    assert settings is not None
    assert (settings.password, settings.key_file, settings.known_hosts) == (None, Path("/k"), Path("/h"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"SFTP_USER": ""}, "SFTP_USER is not set"),
        ({"SFTP_PASSWORD": ""}, "neither SFTP_PASSWORD nor SFTP_KEY_FILE is set"),
        ({"SFTP_SECRET": "bookdebts/sftp"}, "SFTP_SECRET is set, and SFTP_PASSWORD or SFTP_KEY_FILE as well"),
        ({"SFTP_HOST_KEY": " "}, "neither SFTP_HOST_KEY nor SFTP_KNOWN_HOSTS is set"),
        ({"SFTP_PORT": "0"}, "SFTP_PORT=0 is not a port"),
        ({"SFTP_PORT": "65536"}, "SFTP_PORT=65536 is not a port"),
        ({"SFTP_PORT": "ssh"}, "SFTP_PORT=ssh is not a port"),
    ],
)
def test_an_incomplete_environment_is_refused(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        read_sftp_settings(COMPLETE | change)
    assert "a secret" not in str(caught.value)


def test_the_password_is_not_shown_with_the_settings() -> None:
    assert "a secret" not in repr(read_sftp_settings(COMPLETE))


def test_the_origin_of_deliveries_is_host_and_root_without_the_user() -> None:
    for root, origin in {"/deliveries/uk": "sftp.example.org/deliveries/uk", "": "sftp.example.org/."}.items():
        settings = read_sftp_settings(COMPLETE | {"SFTP_ROOT": root})
        assert settings is not None
        assert settings.origin == origin
