"""Tables for people: what has landed, and what the server has."""

from collections.abc import Iterator, Sequence

from ingestion.delivery_log import DeliveryLog
from ingestion.discovery import Discovered
from ingestion.reporting import MEGABYTE, listed

HEADER = f"{'delivery':<18} {'file':<6} {'MB':>10} {'lines':>12} {'landed':>12} {'rejected':>9} {'blank':>9}  drift"


def _row(delivery: str, file: str, log: DeliveryLog, names: Sequence[str], drift: str) -> str:
    records = [record for record in log.files if record.file in names]
    size = sum(record.bytes for record in records) / MEGABYTE
    lines, landed, rejected, blank = (
        sum(getattr(record, count) for record in records)
        for count in ("lines", "landed_rows", "rejected_lines", "blank_lines")
    )
    return (
        f"{delivery:<18} {file:<6} {size:>10,.1f} {lines:>12,} {landed:>12,} {rejected:>9,} {blank:>9,}  {drift}"
    ).rstrip()


def landed_lines(logs: Sequence[DeliveryLog]) -> Iterator[str]:
    """Write what has landed: a line a delivery, then one for each of its files.

    Args:
        logs: Logs of the landed deliveries.
    """
    yield HEADER
    for log in sorted(logs, key=lambda log: (log.snapshot_month, log.kind == "M")):
        names = [record.file for record in log.files]
        state = "" if log.status == "landed" else "its publication was interrupted; run `make ingest`"
        yield _row(log.delivery, "all", log, names, state)
        for record in log.files:
            yield _row("", record.file, log, [record.file], listed(record.drift))


def discovered_lines(found: Sequence[Discovered]) -> Iterator[str]:
    """Write what the server has, a line a delivery: what would be done with it, and what is wrong with it.

    Args:
        found: The deliveries.
    """
    for each in found:
        size = sum(file.size for file in each.remote) / MEGABYTE
        would = "landed, nothing to do" if each.reason is None else f"would be landed: {each.reason}"
        if each.reason is not None and each.faults:
            would = f"{each.reason}, but cannot be landed"
        yield f"{each.delivery.name:<18} {len(each.remote):>3} files {size:>10,.1f} MB  {would}"
        if each.reason is not None:
            yield from (f"  {each.delivery.name} {fault}" for fault in each.faults)
