"""From landed files in a work folder to a published delivery of the lake, in steps that a kill cannot spoil."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contract import Contract
from ingestion.delivery import Delivery, member_name
from ingestion.delivery_log import DeliveryLog, FileRecord
from warehouse.lake import Lake
from warehouse.storage import publish, write_text

LANDED_FILES_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("source_file", pa.string()),
        ("delivery", pa.string()),
        ("lines", pa.int64()),
        ("header_lines", pa.int64()),
        ("blank_lines", pa.int64()),
        ("rejected_lines", pa.int64()),
        ("landed_rows", pa.int64()),
        ("loaded_at", pa.timestamp("us")),
    ]
)


def _in_month(table: Path, delivery: Delivery, stem: str) -> Path:
    return Lake.month_folder(table, delivery.month) / f"{stem}.parquet"


def _stem(contract: Contract, delivery: Delivery, file: str) -> str:
    return Path(member_name(contract, delivery, file)).stem


def landed_path(lake: Lake, contract: Contract, delivery: Delivery, file: str) -> Path:
    """Parquet file of the landed rows of a file of a delivery."""
    return _in_month(lake.landed(file), delivery, _stem(contract, delivery, file))


def rejected_path(lake: Lake, contract: Contract, delivery: Delivery, file: str) -> Path:
    """Parquet file of the rejected lines of a file of a delivery."""
    return _in_month(lake.rejected(file), delivery, _stem(contract, delivery, file))


def landed_files_path(lake: Lake, delivery: Delivery) -> Path:
    """Parquet file of the line counts of a delivery."""
    return _in_month(lake.landed_files(), delivery, delivery.name)


def write_landed_files(path: Path, delivery: Delivery, files: list[FileRecord], loaded_at: datetime) -> None:
    """Write the line counts of a delivery, one row a file.

    Args:
        path: Parquet file to write; its folder is created.
        delivery: The delivery.
        files: What became of its files.
        loaded_at: Time of the landing, UTC, without a time zone.
    """
    rows = [
        {**record.model_dump(), "source_file": record.member, "delivery": delivery.name, "loaded_at": loaded_at}
        for record in files
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [row[name] for row in rows] for name in LANDED_FILES_SCHEMA.names}
    pq.write_table(pa.table(columns, schema=LANDED_FILES_SCHEMA), path, compression="zstd")


def _superseded(lake: Lake, contract: Contract, delivery: Delivery, log: DeliveryLog) -> list[Path]:
    """List what an earlier landing of the same delivery has left under names that this one does not have."""
    archives = {archive.name for record in log.files for archive in record.archives}
    stale = [path for path in lake.archives(delivery.name).glob("*") if path.is_file() and path.name not in archives]
    stale += [rejected_path(lake, contract, delivery, record.file) for record in log.files if record.rejected is None]
    return stale


def publish_delivery(lake: Lake, staged: Lake, contract: Contract, delivery: Delivery, log: DeliveryLog) -> None:
    """Move a landed delivery to its place in the lake.

    The log goes last: a delivery without one does not count, so one that is half published is never seen. A kill in
    between costs only the work: the next ingestion lands the delivery again, over the same names.

    Args:
        lake: The lake.
        staged: Work folder with the layout of a lake that has the files of this delivery and no others.
        contract: Names of files.
        delivery: The delivery.
        log: Its log, not written yet.
    """
    write_text(staged.delivery_log(delivery.name), log.model_dump_json(indent=2) + "\n")
    lake.delivery_log(delivery.name).unlink(missing_ok=True)
    for path in _superseded(lake, contract, delivery, log):
        path.unlink(missing_ok=True)
    for path in sorted(staged.root.rglob("*")):
        if path.is_file() and path != staged.delivery_log(delivery.name):
            publish(path, lake.root / path.relative_to(staged.root))
    publish(staged.delivery_log(delivery.name), lake.delivery_log(delivery.name))
