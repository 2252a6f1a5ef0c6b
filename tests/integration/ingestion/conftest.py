"""Ingestion from a real SFTP server, by the command that a user runs, in the same process."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from vendor import Site

from ingestion.__main__ import _main
from ingestion.sample.server import ServerAddress, serve
from warehouse.errors import run_command


@pytest.fixture(scope="session")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ServerAddress]]:
    folder = tmp_path_factory.mktemp("vendor")
    with serve(folder) as address:
        yield folder, address


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
    monkeypatch.setattr("ingestion.sftp.PAUSES", (0.01,))
    defaults = {
        "SFTP_HOST": address.host,
        "SFTP_PORT": str(address.port),
        "SFTP_USER": address.user,
        "SFTP_PASSWORD": address.password,
        "SFTP_HOST_KEY": address.host_key,
        "SFTP_ROOT": f"/{tmp_path.name}",
        "LAKE": str(tmp_path / "lake"),
        "WAREHOUSE": str(tmp_path / "warehouse.duckdb"),
        "MONTH": "",
    }

    for name, value in defaults.items():
        monkeypatch.setenv(name, value)

    def run(environment: Mapping[str, str], command: str = "ingest") -> tuple[int, str, str]:
        for name, value in (defaults | dict(environment)).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["ingestion", command])
        capsys.readouterr()
        status = 0
        try:
            run_command(_main)
        except SystemExit as end:
            status = int(str(end.code))
        output = capsys.readouterr()
        return status, output.out, output.err

    return Site(deliveries, tmp_path / "lake", tmp_path / "warehouse.duckdb", run)
