"""From landed files in a work folder to a published delivery of the lake, in steps that a kill cannot spoil."""

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contract import Contract
from ingestion.delivery import Delivery, member_name
from ingestion.delivery_log import DeliveryLog, FileRecord, read_log
from warehouse.lake import L, Lake
from warehouse.s3 import Location
from warehouse.storage import publish, version, write_text

LANDED_FILES_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("source_file", pa.string()),
        ("delivery", pa.string()),
        ("origin", pa.string()),
        ("lines", pa.int64()),
        ("header_lines", pa.int64()),
        ("blank_lines", pa.int64()),
        ("rejected_lines", pa.int64()),
        ("landed_rows", pa.int64()),
        ("loaded_at", pa.timestamp("us")),
    ]
)


def _in_month(table: L, delivery: Delivery, stem: str) -> L:
    return Lake.month_folder(table, delivery.month) / f"{stem}.parquet"


def _stem(contract: Contract, delivery: Delivery, file: str) -> str:
    return Path(member_name(contract, delivery, file)).stem


def landed_path(lake: Lake[L], contract: Contract, delivery: Delivery, file: str) -> L:
    """Parquet file of the landed rows of a file of a delivery."""
    return _in_month(lake.landed(file), delivery, _stem(contract, delivery, file))


def rejected_path(lake: Lake[L], contract: Contract, delivery: Delivery, file: str) -> L:
    """Parquet file of the rejected lines of a file of a delivery."""
    return _in_month(lake.rejected(file), delivery, _stem(contract, delivery, file))


def text_path(lake: Lake[L], contract: Contract, delivery: Delivery, file: str) -> L:
    """Unpacked text of a file of a delivery, where it is kept."""
    return lake.texts(delivery.name) / file / member_name(contract, delivery, file)


def landed_files_path(lake: Lake[L], delivery: Delivery) -> L:
    """Parquet file of the line counts of a delivery."""
    return _in_month(lake.landed_files(), delivery, delivery.name)


def _earlier_log(delivery: str, started_at: datetime) -> str:
    return f"LOG_{delivery}_{started_at.strftime('%Y%m%dT%H%M%S%f')}.json"


def time_of_landing(lake: Lake[Location], delivery: str, replaced: DeliveryLog | None, now: datetime) -> datetime:
    """Give the time of a landing that begins now, to the millisecond, as no earlier landing of the delivery has it.

    Staging and the names of earlier logs tell the landings of a delivery apart by it, and a clock may be set back.

    Args:
        lake: The lake.
        delivery: Name of the delivery.
        replaced: Log of the landing that it replaces, or None.
        now: The time.

    Raises:
        AwsError: When S3 refuses.
    """
    time = now.replace(microsecond=now.microsecond // 1000 * 1000)  # Hive keeps no more of loaded_at
    if replaced is None:
        return time
    earlier = {path.name for path in lake.earlier_delivery_logs().glob(f"LOG_{delivery}_*.json")}
    while time == replaced.started_at or _earlier_log(delivery, time) in earlier:
        time += timedelta(milliseconds=1)
    return time


def write_landed_files(
    path: Path, delivery: Delivery, origin: str, files: list[FileRecord], loaded_at: datetime
) -> None:
    """Write the line counts of a delivery, one row a file.

    Args:
        path: Parquet file to write; its folder is created.
        delivery: The delivery.
        origin: Where it comes from, as in its log.
        files: What became of its files.
        loaded_at: Time of the landing, UTC, without a time zone.
    """
    rows = [
        {
            **record.model_dump(),
            "source_file": record.member,
            "delivery": delivery.name,
            "origin": origin,
            "loaded_at": loaded_at,
        }
        for record in files
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [row[name] for row in rows] for name in LANDED_FILES_SCHEMA.names}
    pq.write_table(pa.table(columns, schema=LANDED_FILES_SCHEMA), path, compression="zstd")


def _superseded(lake: Lake[Location], contract: Contract, delivery: Delivery, log: DeliveryLog) -> list[Path]:
    """List what an earlier landing of the same delivery has left under names that this one does not have.

    On S3 it stays, since nothing there is deleted; the log says which archives count.
    """
    archives = {archive.name for record in log.files for archive in record.archives}
    delivered = lake.archives(delivery.name)
    if not isinstance(delivered, Path):
        return []
    stale = [path for path in delivered.glob("*") if path.is_file() and path.name not in archives]
    unwritten = [
        rejected_path(lake, contract, delivery, record.file) for record in log.files if record.rejected is None
    ]
    unwritten += [text_path(lake, contract, delivery, record.file) for record in log.files if record.text is None]
    return stale + [path for path in unwritten if isinstance(path, Path)]


def _named(log: DeliveryLog) -> list[str]:
    """List the files of a delivery relative to the lake, without the log."""
    archives = Lake(Path()).archives(log.delivery)
    names = {str(archives / archive.name) for record in log.files for archive in record.archives}
    names |= {path for record in log.files for path in (record.parquet, record.rejected, record.text) if path}
    return sorted(names | {log.landed_files})


def publish_delivery(lake: Lake[Location], staged: Lake[Path], contract: Contract, log: DeliveryLog) -> None:
    """Bring a landed delivery to its place in the lake, over an earlier landing of it.

    The log goes last: a delivery without one does not count, so one that is half published is never seen. Where there
    is one of an earlier landing, a copy of it is kept, and it says that the delivery is in publication. After a kill
    or an error in between, `finish_publication` does the rest, or the next ingestion lands the delivery again, over the
    same names.

    Args:
        lake: The lake.
        staged: Work folder with the layout of a lake that has what the log names.
        contract: Names of files.
        log: Its log, not written yet.
    """
    write_text(staged.delivery_log(log.delivery), log.text)
    replaced = read_log(lake, log.delivery)
    if replaced is not None:
        if replaced.status == "landed":
            write_text(lake.earlier_delivery_logs() / _earlier_log(log.delivery, replaced.started_at), replaced.text)
        marked = log.model_copy(update={"status": "publishing"})
        write_text(lake.delivery_log(log.delivery), marked.text)
    _publish(lake, staged, contract, log)


def finish_publication(lake: Lake[Location], staged: Lake[Path], contract: Contract, marked: DeliveryLog) -> bool:
    """Go on with a publication that was interrupted, and tell whether that was possible.

    Args:
        lake: The lake.
        staged: Work folder of the delivery, as the interrupted publication left it.
        contract: Names of files.
        marked: The log in the lake, with the status `publishing`.
    """
    log = read_log(staged, marked.delivery)
    if log is None or log.model_copy(update={"status": "publishing"}) != marked:
        return False
    if not all((staged.root / name).is_file() or (lake.root / name).is_file() for name in _named(log)):
        return False
    _publish(lake, staged, contract, log)
    return True


def _publish(lake: Lake[Location], staged: Lake[Path], contract: Contract, log: DeliveryLog) -> None:
    delivery = Delivery(log.delivery, log.kind, log.snapshot_month)
    before = version(lake.delivery_log(log.delivery))
    for path in _superseded(lake, contract, delivery, log):
        path.unlink(missing_ok=True)
    for name in _named(log):
        if (staged.root / name).is_file():
            publish(staged.root / name, lake.root / name)
    publish(staged.delivery_log(log.delivery), lake.delivery_log(log.delivery), over=before)
