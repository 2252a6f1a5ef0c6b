"""Ingestion from a real SFTP server, by the command that a user runs, in the same process."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from proxy import Proxy
from vendor import BUCKET, S3Site, Site

from ingestion.__main__ import _main
from ingestion.sample.server import ServerAddress, serve
from tests.s3_store import Store, serve_s3
from warehouse.errors import run_command
from warehouse.s3 import S3Path

DENY_DELETE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "NothingIsDeleted",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
    ],
}


@pytest.fixture(scope="session")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ServerAddress]]:
    folder = tmp_path_factory.mktemp("vendor")
    with serve(folder) as address:
        yield folder, address


@pytest.fixture
def proxy(vendor: tuple[Path, ServerAddress]) -> Iterator[Callable[..., Proxy]]:
    """Starts proxies before the server."""
    proxies: list[Proxy] = []

    def start(**how: Any) -> Proxy:
        proxies.append(Proxy(vendor[1].port, **how))
        return proxies[-1]

    yield start
    for each in proxies:
        each.close()


@pytest.fixture
def site(
    vendor: tuple[Path, ServerAddress],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Site:
    folder, address = vendor
    deliveries = folder / tmp_path.name
    deliveries.mkdir()
    monkeypatch.setattr("ingestion.sftp_connection.PAUSES", (0.01,))
    monkeypatch.setattr("ingestion.discovery.SETTLE_SECONDS", 0.0)
    defaults = {
        "SFTP_HOST": address.host,
        "SFTP_PORT": str(address.port),
        "SFTP_USER": address.user,
        "SFTP_PASSWORD": address.password,
        "SFTP_SECRET": "",
        "SFTP_HOST_KEY": address.host_key,
        "SFTP_ROOT": f"/{tmp_path.name}",
        "LAKE": str(tmp_path / "lake"),
        "WAREHOUSE": str(tmp_path / "warehouse.duckdb"),
        "MONTH": "",
    }

    for name, value in defaults.items():
        monkeypatch.setenv(name, value)

    def run(environment: Mapping[str, str], *command: str) -> tuple[int, str, str]:
        for name, value in (defaults | dict(environment)).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["ingestion", *(command or ("ingest",))])
        capsys.readouterr()
        status = 0
        try:
            run_command(_main)
        except SystemExit as end:
            status = int(str(end.code))
        output = capsys.readouterr()
        return status, output.out, output.err

    return Site(deliveries, tmp_path / "lake", tmp_path / "warehouse.duckdb", run)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with serve_s3(tmp_path_factory.mktemp("s3"), BUCKET) as running:
        running.client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(DENY_DELETE))
        yield running


@pytest.fixture
def s3_site(site: Site, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3Site:
    lake = S3Path(BUCKET, f"tests/{tmp_path.name}")
    environment = store.environment | {"LAKE": str(lake), "LAKE_WORK": str(tmp_path / "work")}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(more: dict[str, str], *command: str) -> tuple[int, str, str]:
        return site.run(environment | more, *command)

    return S3Site(site.deliveries, lake, site.warehouse, run, tmp_path / "work", store.client)
