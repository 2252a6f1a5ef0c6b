"""Commands: `python -m ingestion ingest | sample | register`."""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ingestion.contract import read_contract
from ingestion.delivery_log import SAMPLE
from ingestion.ingest import ingest, register
from ingestion.sample.server import serve
from ingestion.sample.settings import read_sample_settings
from ingestion.settings import SftpSettings, read_sftp_settings
from ingestion.sftp import SftpServer
from warehouse.errors import run_command
from warehouse.settings import read_settings


def _report(line: str) -> None:
    print(line, flush=True)


def _make_sample() -> Path:
    """Make the sample deliveries if they are not there, and return the folder that a server of them shows."""
    # Only a run without a server needs the generator and what it imports.
    from ingestion.sample.deliveries import DELIVERIES, make_deliveries  # noqa: PLC0415

    folder = Path(os.environ.get("SAMPLE_DELIVERIES", "") or "sample_deliveries").expanduser().resolve()
    settings = read_sample_settings()
    is_made = make_deliveries(folder, settings)
    _report(f"{'made' if is_made else 'there are already'} deliveries of {settings.companies:,} companies in {folder}")
    return folder / DELIVERIES


def _sample() -> None:
    if read_sftp_settings() is None:
        _make_sample()
    else:
        _report("no sample is needed: SFTP_HOST is set")


@contextlib.contextmanager
def _server_settings() -> Iterator[tuple[SftpSettings, str]]:
    """Read which server to use and what the logs call it.

    Without one, serve the sample deliveries for the time of a `with` block.
    """
    settings = read_sftp_settings()
    if settings is not None:
        yield settings, settings.origin
        return
    with serve(_make_sample()) as address:
        sample = SftpSettings(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            key_file=None,
            host_key=address.host_key,
            known_hosts=None,
            root="/",
        )
        yield sample, SAMPLE


def _ingest() -> None:
    settings, contract = read_settings(), read_contract()
    with _server_settings() as (sftp, origin), SftpServer(sftp) as server:
        ingest(settings, contract, server, origin, _report)


def _register() -> None:
    _report(register(read_settings(), read_contract()))


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ingestion", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command, text in (
        ("ingest", _ingest, "land what is new on the SFTP server, or of sample deliveries if SFTP_HOST is not set"),
        ("sample", _sample, "make the sample deliveries, unless SFTP_HOST is set"),
        ("register", _register, "create the raw tables over what is landed"),
    ):
        commands.add_parser(name, help=text, description=text).set_defaults(run=command)
    parser.parse_args().run()


if __name__ == "__main__":
    run_command(_main)
