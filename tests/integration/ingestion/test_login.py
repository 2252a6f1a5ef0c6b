"""Ways to log in and to know the server: a password, a key, a secret of AWS, a host key or its fingerprint."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer
from vendor import Site, deliver

from ingestion.sample.server import serve

DELIVERY, NAME, REGION = "UKLTD_M_20261001", "bookdebts/sftp", "eu-west-2"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """AWS Secrets Manager, of an account of our own."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    try:
        yield boto3.Session().client("secretsmanager")
    finally:
        server.stop()


@pytest.fixture
def password() -> str:
    return os.environ["SFTP_PASSWORD"]


@pytest.mark.parametrize("is_json", [False, True])
def test_a_password_comes_from_the_secret_store(site: Site, secrets, password: str, is_json: bool) -> None:
    deliver(site.deliveries, DELIVERY)
    secrets.create_secret(Name=NAME, SecretString=json.dumps({"password": password}) if is_json else password)
    site.succeeds(SFTP_PASSWORD="", SFTP_SECRET=NAME)


def test_a_private_key_comes_from_the_secret_store(site: Site, secrets) -> None:
    deliver(site.deliveries, DELIVERY)
    key = asyncssh.generate_private_key("ssh-ed25519")
    text = key.export_private_key("openssh", passphrase="a secret").decode()
    secrets.create_secret(Name=NAME, SecretString=json.dumps({"private_key": text, "password": "a secret"}))
    secrets.create_secret(Name="wrong", SecretString=json.dumps({"private_key": text, "password": "another"}))
    with serve(site.deliveries, public_key=key.export_public_key("openssh").decode()) as address:
        place = {"SFTP_PORT": str(address.port), "SFTP_ROOT": "/", "SFTP_HOST_KEY": address.host_key}
        site.succeeds(**place, SFTP_PASSWORD="", SFTP_SECRET=NAME)
        errors = site.fails(**place, SFTP_PASSWORD="", SFTP_SECRET="wrong")
    assert "the private key of SFTP_SECRET cannot be" in errors
    assert "another" not in errors


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "the secret bookdebts/sftp"),
        ("{}", "without the texts password or private_key"),
        ('{"password": 1}', "without the texts password or private_key"),
        ("not the password", "refuses to let ukltd in; check SFTP_USER and SFTP_SECRET"),
    ],
)
def test_a_secret_that_does_not_help_is_a_sentence(site: Site, secrets, text: str | None, sentence: str) -> None:
    if text is not None:
        secrets.create_secret(Name=NAME, SecretString=text)
    errors = site.fails(SFTP_PASSWORD="", SFTP_SECRET=NAME)
    assert sentence in errors
    assert "not the password" not in errors


def test_the_host_key_may_be_pinned_by_its_fingerprint(site: Site) -> None:
    deliver(site.deliveries, DELIVERY)
    fingerprint = asyncssh.import_public_key(os.environ["SFTP_HOST_KEY"]).get_fingerprint()
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()
    errors = site.fails(SFTP_HOST_KEY=other)
    assert fingerprint in errors
    assert "which is not the expected one" in errors
    site.succeeds(SFTP_HOST_KEY=fingerprint)


def test_a_known_hosts_file_may_have_lines_of_other_hosts_that_cannot_be_read(site: Site, tmp_path: Path) -> None:
    deliver(site.deliveries, DELIVERY)
    line = f"[127.0.0.1]:{os.environ['SFTP_PORT']} {os.environ['SFTP_HOST_KEY']}"
    (tmp_path / "known_hosts").write_text(f"# ours\n\nother.example.com ssh-new AAAA\n{line}\n")
    site.succeeds(SFTP_HOST_KEY="", SFTP_KNOWN_HOSTS=str(tmp_path / "known_hosts"))


def test_a_revoked_host_key_is_refused(site: Site, tmp_path: Path) -> None:
    deliver(site.deliveries, DELIVERY)
    host = f"[127.0.0.1]:{os.environ['SFTP_PORT']} {os.environ['SFTP_HOST_KEY']}"
    (tmp_path / "known_hosts").write_text(f"{host}\n@revoked {host}\n")
    errors = site.fails(SFTP_HOST_KEY="", SFTP_KNOWN_HOSTS=str(tmp_path / "known_hosts"))
    assert "host key" in errors
