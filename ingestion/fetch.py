"""The archives of a delivery at hand: downloaded, unless the lake or a killed run has them already."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.delivery import Delivery
from ingestion.delivery_log import ArchiveRecord, DeliveryLog, utc
from ingestion.reporting import MEGABYTE, Report, downloading
from ingestion.sftp import RemoteFile, SftpServer
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.storage import sha256

# The archives, and Parquet of about their size.
DISK_FACTOR = 2


@dataclass(frozen=True)
class Fetched:
    """The archives of a delivery.

    Attributes:
        archives: What is recorded about each, by name.
        downloaded: The ones that came from the server just now.
    """

    archives: dict[str, ArchiveRecord]
    downloaded: tuple[RemoteFile, ...]


def _link(existing: Path, link: Path) -> None:
    try:
        os.link(existing, link)
    except OSError:  # not every file system has hard links
        shutil.copy2(existing, link)


def _kept(remote: RemoteFile, local: Path, expected: str | None) -> str | None:
    """SHA-256 of a local copy that is still what the server has, else None."""
    if not local.is_file() or (local.stat().st_size, int(local.stat().st_mtime)) != (remote.size, remote.modified):
        return None
    digest = sha256(local)
    return digest if expected in {None, digest} else None


def _kept_in_lake(remote: RemoteFile, landed: Location, local: Path, expected: str | None) -> str | None:
    """Bring the lake's copy to the local folder if it is still what the server has; SHA-256, else None."""
    if isinstance(landed, Path):
        digest = _kept(remote, landed, expected)
        if digest is not None:
            _link(landed, local)
        return digest
    # An object does not keep the time that the server shows: only what the log vouches for is used.
    if expected is None or landed.size() != remote.size:
        return None
    landed.download(local)
    os.utime(local, (remote.modified, remote.modified))
    return _kept(remote, local, expected)


def _check_space(lake: Lake[Location], delivery: Delivery, remote: Sequence[RemoteFile]) -> None:
    needed = DISK_FACTOR * sum(file.size for file in remote)
    place = lake.work()
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UserError(
            f"{delivery.name} needs about {needed // MEGABYTE:,} MB and {place} has {free // MEGABYTE:,} MB free; "
            "free some space, then run again"
        )


def fetch_archives(
    server: SftpServer,
    lake: Lake[Location],
    folder: Path,
    delivery: Delivery,
    *,
    remote: Sequence[RemoteFile],
    log: DeliveryLog | None,
    report: Report,
) -> Fetched:
    """Bring all archives of a delivery into one folder.

    A copy in the folder or in the lake is used if it has the size and time that the server shows and, where the log
    knows it, the same SHA-256.

    Args:
        server: The server.
        lake: The lake.
        folder: Work folder, on the file system of a local lake; created when absent.
        delivery: The delivery.
        remote: What the server has of it.
        log: The log of an earlier landing of it, or None.
        report: Takes what there is to say.

    Raises:
        UserError: When the disk is too small or a download fails.
    """
    _check_space(lake, delivery, remote)
    folder.mkdir(parents=True, exist_ok=True)
    known = {
        (archive.name, archive.size, archive.modified_seconds): archive.sha256
        for record in (log.files if log else ())
        for archive in record.archives
    }
    digests: dict[str, str] = {}
    missing: list[RemoteFile] = []
    for file in remote:
        local, landed = folder / file.name, lake.archives(delivery.name) / file.name
        expected = known.get((file.name, file.size, file.modified))
        digest = _kept(file, local, expected)
        if digest is None:
            local.unlink(missing_ok=True)
            digest = _kept_in_lake(file, landed, local, expected)
        if digest is None:
            local.unlink(missing_ok=True)
            missing.append(file)
        else:
            digests[file.name] = digest
    if missing:
        with downloading(report, delivery.name, sum(file.size for file in missing)) as advance:
            digests |= server.download(delivery.name, missing, folder, advance)
    return Fetched(
        {
            file.name: ArchiveRecord(
                name=file.name, size=file.size, modified=utc(file.modified), sha256=digests[file.name]
            )
            for file in remote
        },
        tuple(missing),
    )
