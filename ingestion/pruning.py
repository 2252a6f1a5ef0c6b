"""Old files of the lake deleted, by a policy that is said each time: never landed rows, and archives only on demand."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ingestion.delivery_log import DeliveryLog
from ingestion.reporting import MEGABYTE, Report
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.storage import write_text

MONTHS_A_YEAR = 12


def _month_number(month: str) -> int:
    year, number = month.split("-")
    return MONTHS_A_YEAR * int(year) + int(number)


def _is_old(month: str, logs: Sequence[DeliveryLog], keep_months: int) -> bool:
    latest = max(_month_number(log.snapshot_month) for log in logs)
    return _month_number(month) <= latest - keep_months


def _of_deliveries(lake: Lake[Path], log: DeliveryLog) -> Iterator[Path]:
    """List what was kept of a delivery besides its rows: earlier logs and texts."""
    yield from lake.earlier_delivery_logs().glob(f"LOG_{log.delivery}_*.json")
    yield from (path for path in lake.texts(log.delivery).rglob("*") if path.is_file())


def prune(
    lake: Lake[Location],
    logs: Sequence[DeliveryLog],
    report: Report,
    *,
    keep_months: int,
    has_archives: bool,
    is_dry: bool,
) -> None:
    """Delete what was kept of deliveries older than so many months before the latest one.

    These are logs of replaced landings and kept texts; with `has_archives` also the archives, and the log says so.
    Landed rows, rejected lines and the logs themselves stay.

    Args:
        lake: The lake, in a folder.
        logs: Its delivery logs.
        report: Takes what there is to say.
        keep_months: How many months stay, the latest included; at least 1.
        has_archives: Whether archives go too.
        is_dry: Whether only to say what would go.

    Raises:
        UserError: When the lake is on S3, where nothing is deleted but by lifecycle rules.
    """
    if not isinstance(lake.root, Path):
        raise UserError(
            f"nothing in the lake {lake.root} is deleted by a command; give its bucket a lifecycle rule, as in "
            "docs/aws-policy.md"
        )
    local = Lake(lake.root)
    count = size = 0
    say = report.told if is_dry else report
    for log in logs:
        if log.status != "landed" or not _is_old(log.snapshot_month, logs, keep_months):
            continue
        gone = sorted(_of_deliveries(local, log))
        archives = sorted(path for path in local.archives(log.delivery).glob("*") if path.is_file())
        gone += archives if has_archives else []
        count, size = count + len(gone), size + sum(path.stat().st_size for path in gone)
        if gone:
            word = "would go" if is_dry else "go"
            say("pruned", f"{log.delivery}: {len(gone)} files {word}", delivery=log.delivery, files=len(gone))
        if is_dry:
            continue
        if has_archives and not log.archives_pruned:
            write_text(local.delivery_log(log.delivery), log.model_copy(update={"archives_pruned": True}).text)
        for path in gone:
            path.unlink(missing_ok=True)
    word = "would be deleted" if is_dry else "deleted"
    say("pruned_all", f"{count:,} files, {size / MEGABYTE:,.1f} MB {word}", files=count, bytes=size)
