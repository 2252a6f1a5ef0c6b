"""The lake held against its delivery logs: every file there, unchanged, with the rows that the log counts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.delivery_log import DeliveryLog, FileRecord
from ingestion.reporting import Report, working
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.progress import Bar
from warehouse.s3 import Location, S3Path
from warehouse.storage import local_copy, sha256


def _expected(log: DeliveryLog, lake: Lake[Location]) -> Iterator[tuple[Location, str | None]]:
    """Every file that a log names, with its SHA-256 where that was recorded."""
    for record in log.files:
        yield lake.root / record.parquet, record.parquet_sha256
        if record.rejected is not None:
            yield lake.root / record.rejected, record.rejected_sha256
        if not log.archives_pruned:
            for archive in record.archives:
                yield lake.archives(log.delivery) / archive.name, archive.sha256
    yield lake.root / log.landed_files, log.landed_files_sha256


def _digest(path: Location) -> str | None:
    try:
        return sha256(path)
    except FileNotFoundError:
        return None


def _rows(path: Location) -> int | None:
    try:
        with local_copy(path) as local:
            return int(pq.read_metadata(local).num_rows)
    except (OSError, pa.ArrowException):
        return None


def _wrong_counts(record: FileRecord, lake: Lake[Location]) -> Iterator[str]:
    counted = record.header_lines + record.blank_lines + record.rejected_lines + record.landed_rows
    if counted != record.lines:
        yield f"the log of {record.member} counts {record.lines:,} lines, but accounts for {counted:,}"
    for name, expected in ((record.parquet, record.landed_rows), (record.rejected, record.rejected_lines)):
        if name is not None and (rows := _rows(lake.root / name)) not in {None, expected}:
            yield f"{lake.root / name} has {rows:,} rows, its log says {expected:,}"


def _faults(log: DeliveryLog, lake: Lake[Location], shown: Bar) -> Iterator[str]:
    """Read what a log names, and tell of each file and count that is not as the log says."""
    for path, expected in _expected(log, lake):
        digest = _digest(path)
        shown.advance()
        if digest is None:
            yield f"{path} is gone"
        elif expected not in {None, digest}:
            yield f"{path} is not what was landed, its SHA-256 is another"
    for record in log.files:
        yield from _wrong_counts(record, lake)


def _files(folder: Location) -> list[Location]:
    if isinstance(folder, S3Path):
        return list(folder.below())
    return [path for path in folder.rglob("*") if path.is_file()]


def _strays(logs: Sequence[DeliveryLog], lake: Lake[Location]) -> Iterator[str]:
    """Files among the landed ones that no log names; an object of an earlier landing stays on S3, and is none."""
    named = {path for log in logs for path, _ in _expected(log, lake)}
    folders = [lake.landed(), lake.rejected(), lake.landed_files()]
    for folder in folders if isinstance(lake.root, S3Path) else [*folders, lake.archives()]:
        for path in _files(folder):
            if path not in named and not any(part.startswith(".") for part in Path(str(path)).parts[-2:]):
                yield f"{path} belongs to no landed delivery"


def verify(lake: Lake[Location], logs: Sequence[DeliveryLog], report: Report) -> None:
    """Read every file that the logs name, and compare hashes and row counts.

    Args:
        lake: The lake.
        logs: Its delivery logs.
        report: Takes what there is to say.

    Raises:
        UserError: When a file is gone, changed or unknown, with the number of them; each was reported before.
    """
    wrong = []
    files = sum(1 for log in logs for _ in _expected(log, lake))
    with working(report, "reading files", files) as shown:
        for log in logs:
            found = list(_faults(log, lake, shown))
            for fault in found:
                report.told("fault", f"  {fault}", delivery=log.delivery)
            is_whole = "as landed" if not found else f"{len(found)} faults"
            report("verified", f"{log.delivery}: {is_whole}", delivery=log.delivery, faults=len(found))
            wrong += found
    strays = list(_strays(logs, lake))
    for stray in strays:
        report.told("fault", f"  {stray}")
    if wrong or strays:
        raise UserError(
            f"the lake {lake.root} is not as its logs say, {len(wrong) + len(strays)} faults are above; to land a "
            f"delivery again, delete its log in {lake.delivery_logs()} and run `make ingest`"
        )
    report("verified_all", f"{files:,} files of {len(logs)} deliveries are as they were landed", files=files)
