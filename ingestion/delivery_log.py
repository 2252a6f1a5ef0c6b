"""The log of a landed delivery: what was delivered and what became of it. Its presence makes the delivery count."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location

SAMPLE = "sample"
SCHEMA_VERSION = 3


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArchiveRecord(_Record):
    """An archive as it was on the server: name, bytes, time of last change (UTC) and SHA-256 in hex."""

    name: str
    size: int
    modified: datetime
    sha256: str

    @property
    def modified_seconds(self) -> int:
        """Time of last change in seconds since 1970."""
        return int(self.modified.timestamp())


class FileRecord(_Record):
    """One delivered file.

    Attributes:
        file: Name in the contract, such as `CI01`.
        member: Name of the text.
        bytes: Its size.
        lines, header_lines, blank_lines, rejected_lines, landed_rows: Its lines; the first is the sum of the others.
        columns: Columns of the Parquet file from the contract, each with the header's name if that is another.
        unknown_columns: Delivered columns that are not in the contract and are kept as JSON in `_extra`.
        missing_columns: Optional columns of the contract that were not delivered; they are null.
        parquet: The landed rows, relative to the lake.
        rejected: The rejected lines, relative to the lake, or None.
        archives: The archive, or its volumes in order.
        parquet_sha256, rejected_sha256: Of those files, in hex; None in a log from before they were recorded.
        seconds: How long its landing took; None likewise.
        text: The unpacked text, relative to the lake, where it was asked for; it may have been pruned since.
    """

    file: str
    archives: tuple[ArchiveRecord, ...]
    member: str
    bytes: int
    lines: int
    header_lines: int
    blank_lines: int
    rejected_lines: int
    landed_rows: int
    columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    missing_columns: tuple[str, ...]
    parquet: str
    rejected: str | None
    parquet_sha256: str | None = None
    rejected_sha256: str | None = None
    seconds: float | None = None
    text: str | None = None

    @property
    def drift(self) -> tuple[str, ...]:
        """How the delivered columns differ from the contract, in words; empty where they do not."""
        return (
            *(f"unknown column {name}" for name in self.unknown_columns),
            *(f"no column {name}" for name in self.missing_columns),
        )


class StepRecord(_Record):
    """One step of a landing that is done, when it began (UTC), how long it took."""

    step: Literal["download", "land"]
    started_at: datetime
    seconds: float


class DeliveryLog(_Record):
    """One landed delivery; times are UTC.

    Attributes:
        origin: `SAMPLE`, or host and root of the server; None in a log from before origins were recorded.
        status: `publishing` while files of a delivery that replaces an earlier landing are moved to their place.
        landed_files: Parquet file of its line counts, relative to the lake.
        schema_version: Of this description; each version adds to the one before, see docs/ingestion.md.
        contract: Fingerprint of the delivery contract it was landed by.
        steps: What was done before its publication, which this log ends.
        landed_files_sha256: Of that file, in hex.
        archives_pruned: Whether the archives were deleted since, on demand.
    """

    delivery: str
    origin: str | None = None
    kind: str
    snapshot_month: str
    started_at: datetime
    finished_at: datetime
    status: Literal["landed", "publishing"]
    landed_files: str
    files: tuple[FileRecord, ...]
    schema_version: int = 1
    contract: str | None = None
    steps: tuple[StepRecord, ...] = ()
    landed_files_sha256: str | None = None
    archives_pruned: bool = False

    @property
    def text(self) -> str:
        """The log as it is written."""
        return self.model_dump_json(indent=2) + "\n"


def utc(seconds: int) -> datetime:
    """Seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC)


def read_log(lake: Lake[Location], delivery: str) -> DeliveryLog | None:
    """Read the log of a delivery; None if it has not been landed.

    Raises:
        UserError: When the log is damaged.
    """
    path = lake.delivery_log(delivery)
    try:
        return DeliveryLog.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise UserError(
            f"the delivery log {path} is damaged; delete it and run `make ingest` to land it again"
        ) from None


def read_logs(lake: Lake[Location]) -> list[DeliveryLog]:
    """Read the logs of all landed deliveries, by name.

    Raises:
        UserError: When a log is damaged.
    """
    names = sorted(path.stem.removeprefix("LOG_") for path in lake.delivery_logs().glob("LOG_*.json"))
    return [log for log in (read_log(lake, name) for name in names) if log is not None]


def check_origin(lake: Lake[Location], logs: Iterable[DeliveryLog], origin: str) -> None:
    """Check that sample deliveries and real ones, which have the same names, do not come into one lake.

    Args:
        lake: The lake.
        logs: Its logs; those without an origin fit every run.
        origin: Where this run's deliveries come from. A vendor may move, so any two servers are alike.

    Raises:
        UserError: When the lake has deliveries of the other sort.
    """
    for log in logs:
        if log.origin is not None and (log.origin == SAMPLE) != (origin == SAMPLE):
            held = "sample deliveries" if log.origin == SAMPLE else f"deliveries of {log.origin}"
            coming = "the sample's" if origin == SAMPLE else f"those of {origin}"
            raise UserError(f"{lake.root} holds {held}, not {coming}; name another LAKE or delete it")


def archives_of(files: Iterable[FileRecord]) -> set[tuple[str, int, int]]:
    """Name, size and time of all archives, to compare with what is on the server."""
    return {(archive.name, archive.size, archive.modified_seconds) for file in files for archive in file.archives}
