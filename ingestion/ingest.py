"""The ingestion: what is new on the server is fetched, landed, published and registered, oldest delivery first."""

import contextlib
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa

from ingestion.archive import check_archive, read_member
from ingestion.contract import Contract, delivered_columns
from ingestion.delivery import Delivery, member_name
from ingestion.delivery_log import (
    SCHEMA_VERSION,
    ArchiveRecord,
    DeliveryLog,
    FileRecord,
    StepRecord,
    check_origin,
    read_logs,
)
from ingestion.discovery import Discovered, Wanted, discover
from ingestion.fetch import fetch_archives
from ingestion.landing import Target, land
from ingestion.publication import (
    finish_publication,
    landed_files_path,
    landed_path,
    publish_delivery,
    rejected_path,
    text_path,
    time_of_landing,
    write_landed_files,
)
from ingestion.registration import hide_month, register_raw_tables
from ingestion.rejected_lines import write_no_rejected_lines
from ingestion.reporting import MEGABYTE, Report, listed, working
from ingestion.second_process import KilledError
from ingestion.sftp import SftpServer
from ingestion.sftp_connection import ConnectionLostError, NotThereError
from ingestion.text import TextFormat
from warehouse.aws import AwsError
from warehouse.engines import open_engine
from warehouse.engines.base import Engine
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.progress import Bar
from warehouse.s3 import Location, S3Path
from warehouse.settings import Settings
from warehouse.storage import sha256


@dataclass(frozen=True)
class Ingestion:
    """What one run works with.

    Attributes:
        lake: The lake.
        contract: The delivery contract.
        server: The server, connected.
        origin: What the logs of its deliveries call it.
        report: Takes what there is to say.
        keeps_texts: Whether the unpacked texts are kept too.
        folder_engine: The engine, if it shows whatever is in a month's folder, so that the month has to be hidden
            while it is published; None for one that shows named files.
    """

    lake: Lake[Location]
    contract: Contract
    server: SftpServer
    origin: str
    report: Report
    keeps_texts: bool
    folder_engine: Engine | None

    @property
    def work(self) -> Path:
        """Folder of what is not published yet."""
        return self.lake.work() / "ingestion"

    def staged(self, delivery: str) -> Lake[Path]:
        """Folder in it of one delivery, laid out like the lake."""
        return Lake(self.work / delivery)


def _counts(record: FileRecord) -> str:
    line = f"  {record.file:<6} {record.bytes / MEGABYTE:>10,.1f} MB {record.landed_rows:>12,} rows"
    line += f" {record.rejected_lines:>6,} rejected {record.seconds or 0:>6.1f} s"
    if record.unknown_columns:
        line += f"; not in the contract, kept in _extra: {listed(record.unknown_columns)}"
    if record.missing_columns:
        line += f"; not delivered, null: {listed(record.missing_columns)}"
    return line


def _copied(chunks: Iterable[bytes], path: Path | None) -> Iterator[bytes]:
    """Give the chunks on, and write them to a file on the way, if there is one."""
    if path is None:
        yield from chunks
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as copy:
        for chunk in chunks:
            copy.write(chunk)
            yield chunk


def _land_file(
    run: Ingestion,
    delivery: Delivery,
    staged: Lake[Path],
    file: str,
    *,
    archives: Sequence[ArchiveRecord],
    loaded_at: datetime,
    shown: Bar,
) -> FileRecord:
    start = time.monotonic()
    shown.note = file
    table = run.contract.tables[file]
    name = member_name(run.contract, delivery, file)
    volumes = [staged.archives(delivery.name) / archive.name for archive in archives]
    member = check_archive(volumes, name, f"{delivery.name}/{archives[0].name}")
    target = Target(
        source_file=name,
        culprit=f"{delivery.name}/{name}",
        loaded_at=loaded_at.replace(tzinfo=None),
        parquet=landed_path(staged, run.contract, delivery, file),
        rejected=rejected_path(staged, run.contract, delivery, file),
    )
    text = text_path(staged, run.contract, delivery, file)
    for path in (target.parquet, target.rejected, text):
        path.unlink(missing_ok=True)
    for path in (target.parquet, target.rejected):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.closing(read_member(member)) as chunks:
            copied = _copied(chunks, text if run.keeps_texts else None)
            packed = sum(archive.size for archive in archives)
            landed = land(
                shown.follow(copied, lambda chunk: packed * len(chunk) / member.size),
                table,
                TextFormat(run.contract.encoding, run.contract.delimiter),
                target,
            )
    except pa.ArrowException as error:
        raise UserError(f"{target.culprit} cannot be landed: {str(error).splitlines()[0]}") from error
    has_rejected = landed.rejected_lines > 0
    replaced = rejected_path(run.lake, run.contract, delivery, file)
    if not has_rejected and isinstance(replaced, S3Path) and replaced.exists():
        # an object is not deleted, so the lines that an earlier landing rejected are replaced by none
        write_no_rejected_lines(target.rejected)
        has_rejected = True
    return FileRecord(
        file=file,
        archives=tuple(archives),
        member=name,
        bytes=member.size,
        lines=landed.lines,
        header_lines=landed.header_lines,
        blank_lines=landed.blank_lines,
        rejected_lines=landed.rejected_lines,
        landed_rows=landed.landed_rows,
        columns=delivered_columns(table),
        unknown_columns=landed.unknown_columns,
        missing_columns=landed.missing_columns,
        parquet=str(target.parquet.relative_to(staged.root)),
        rejected=str(target.rejected.relative_to(staged.root)) if has_rejected else None,
        parquet_sha256=sha256(target.parquet),
        rejected_sha256=sha256(target.rejected) if has_rejected else None,
        seconds=round(time.monotonic() - start, 3),
        text=str(text.relative_to(staged.root)) if run.keeps_texts else None,
    )


class _Steps:
    """Times a landing and its steps, one after the other, also where the machine's clock is set meanwhile.

    Attributes:
        started_at: When the landing began.
        done: The steps that are done.
    """

    def __init__(self, started_at: datetime) -> None:
        self.started_at = started_at
        self.done: tuple[StepRecord, ...] = ()
        self._begun = time.monotonic()

    def now(self) -> datetime:
        """Give the time by how long it is since the landing began."""
        return self.started_at + timedelta(milliseconds=round((time.monotonic() - self._begun) * 1000))

    @contextlib.contextmanager
    def step(self, name: Literal["download", "land"]) -> Iterator[None]:
        started_at, start = self.now(), time.monotonic()
        yield
        seconds = round(time.monotonic() - start, 3)
        self.done += (StepRecord(step=name, started_at=started_at, seconds=seconds),)


def _check_unchanged(server: SftpServer, found: Discovered) -> None:
    """Check that what was landed is still what the server has.

    A vendor who puts one file after the other in place of an earlier one may have been about it when the folder was
    listed, and then the files are of two deliveries. What is gone from the server since was whole when it was landed.
    """
    name = found.delivery.name
    try:
        now = server.list_folder(name)
    except NotThereError:
        return
    if changed := sorted({file.name for file in {*now} - {*found.remote}}):
        raise UserError(
            f"{name} is being delivered again, {', '.join(changed)} changed while it was landed; "
            "run again when it is complete"
        )


def _land_delivery(run: Ingestion, found: Discovered) -> None:
    delivery, remote = found.delivery, found.remote
    staged = run.staged(delivery.name)
    steps = _Steps(time_of_landing(run.lake, delivery.name, found.log, datetime.now(UTC)))
    with steps.step("download"):
        folder = staged.archives(delivery.name)
        fetched = fetch_archives(
            run.server, run.lake, folder, delivery, remote=remote, log=found.log, report=run.report
        )
    downloaded = sum(file.size for file in fetched.downloaded)
    run.report(
        "downloaded",
        f"  downloaded {len(fetched.downloaded)} of {len(remote)} archives, {downloaded / MEGABYTE:,.1f} MB, "
        f"{steps.done[-1].seconds:.1f} s",
        delivery=delivery.name, archives=len(fetched.downloaded), bytes=downloaded, seconds=steps.done[-1].seconds,
    )  # fmt: skip
    records = []
    with steps.step("land"), working(run.report, "  landing", sum(file.size for file in remote), "MB") as shown:
        for file, names in found.contents.archives.items():
            archives = [fetched.archives[name] for name in names]
            record = _land_file(run, delivery, staged, file, archives=archives, loaded_at=steps.started_at, shown=shown)
            records.append(record)
            facts = record.model_dump(include={"file", "bytes", "lines", "landed_rows", "rejected_lines", "seconds"})
            run.report("landed_file", _counts(record), delivery=delivery.name, **facts, drift=record.drift)
    counts = landed_files_path(staged, delivery)
    write_landed_files(counts, delivery, run.origin, records, steps.started_at.replace(tzinfo=None))
    _check_unchanged(run.server, found)
    if run.folder_engine is not None:
        hide_month(run.lake, run.contract, run.folder_engine, delivery.month)
    log = DeliveryLog(
        delivery=delivery.name,
        origin=run.origin,
        kind=delivery.kind,
        snapshot_month=delivery.month,
        started_at=steps.started_at,
        finished_at=steps.now(),
        status="landed",
        landed_files=str(counts.relative_to(staged.root)),
        files=tuple(records),
        schema_version=SCHEMA_VERSION,
        contract=run.contract.fingerprint,
        steps=steps.done,
        landed_files_sha256=sha256(counts),
    )
    with working(run.report, "  publishing"):
        publish_delivery(run.lake, staged, run.contract, log)


def _finish_publications(run: Ingestion, logs: Sequence[DeliveryLog]) -> int:
    """Go on with publications that were interrupted; return how many are complete now."""
    finished = 0
    for log in logs:
        if log.status == "publishing" and finish_publication(run.lake, run.staged(log.delivery), run.contract, log):
            run.report(
                "completed_publication",
                f"{log.delivery}: completed its publication, which was interrupted",
                delivery=log.delivery,
            )
            finished += 1
    return finished


def _land_what_is_new(run: Ingestion, found: Sequence[Discovered]) -> tuple[int, UserError | None]:
    """Land deliveries in order up to the first that cannot be; return how many, and why the next could not."""
    landed = 0
    for each in found:
        if each.reason is None:
            continue
        try:
            name = each.delivery.name
            run.report("to_land", f"{name}: {each.reason}", delivery=name, reason=each.reason)
            each.check()
            _land_delivery(run, each)
            landed += 1
        except UserError as error:
            return landed, error
    return landed, None


@contextlib.contextmanager
def _scratch(run: Ingestion) -> Iterator[None]:
    """Leave no work folder behind after success or bad input.

    After a kill, an interrupt, or a failure of connection, S3 or disk the next run goes on with what is there.
    """
    try:
        yield
    except UserError as error:
        if not isinstance(error, ConnectionLostError | KilledError | AwsError):
            shutil.rmtree(run.work, ignore_errors=True)
        raise
    shutil.rmtree(run.work, ignore_errors=True)


def ingest(
    settings: Settings,
    contract: Contract,
    server: SftpServer,
    *,
    origin: str,
    wanted: Wanted,
    report: Report,
    keeps_texts: bool = False,
) -> None:
    """Land every delivery on the server that the lake does not have as it is there, and register the raw tables.

    Args:
        settings: Lake and warehouse.
        contract: The delivery contract.
        server: The server, connected.
        origin: What the logs of its deliveries call it.
        wanted: Which deliveries to land.
        report: Takes what there is to say.
        keeps_texts: Whether the unpacked texts are kept too, below UNZIP_DATA.

    Raises:
        UserError: When a delivery cannot be landed: the ones before it are, the lake has nothing of it and of the
            ones after it. When the lake and the server do not belong together.
    """
    folder_engine = open_engine(settings) if settings.target != "duckdb" else None
    run = Ingestion(Lake(settings.lake), contract, server, origin, report, keeps_texts, folder_engine)
    with alone(run.lake, "ingestion", "ingestion"):
        for folder in (run.lake.archives(), run.lake.landed(), run.lake.rejected()):
            if isinstance(folder, S3Path):
                folder.abort_uploads()
        logs = read_logs(run.lake)
        check_origin(run.lake, logs, origin)
        with _scratch(run):
            finished = _finish_publications(run, logs)
            logs_by_name = {log.delivery: log for log in (read_logs(run.lake) if finished else logs)}
            landed, failure = _land_what_is_new(run, discover(server, contract, logs_by_name, wanted))
            if failure is not None and not finished + landed:
                raise failure
            if not finished + landed:
                report(
                    "nothing_new", f"nothing new on the SFTP server {server.name}: nothing downloaded, nothing landed"
                )
            try:
                with working(report, "registering the raw tables"):
                    registered = _register(settings, contract)
                report("registered", registered)
            except UserError as error:
                raise failure or error from None
            if failure is not None:
                raise failure


def register(settings: Settings, contract: Contract) -> str:
    """Register the raw tables of everything that is landed and say what they hold.

    Args:
        settings: Where lake and warehouse are, and the month that is to be built.
        contract: Tables and columns.

    Raises:
        UserError: When an ingestion runs or was interrupted while it published a delivery. When nothing has landed, or
            nothing of the month; the raw tables are made all the same.
    """
    with alone(Lake(settings.lake), "ingestion", "ingestion"):
        return _register(settings, contract)


def _register(settings: Settings, contract: Contract) -> str:
    logs = register_raw_tables(Lake(settings.lake), contract, open_engine(settings))
    months = sorted({log.snapshot_month for log in logs})
    if not months:
        raise UserError(f"no delivery has landed in {settings.lake}; run `make ingest` first")
    if settings.month is not None and settings.month not in months:
        raise UserError(
            f"no delivery of MONTH={settings.month} has landed in {settings.lake}, which holds {', '.join(months)}; "
            "run `make ingest` for that month, or choose another"
        )
    rows = sum(record.landed_rows for log in logs for record in log.files)
    rejected = sum(record.rejected_lines for log in logs for record in log.files)
    return (
        f"registered {len(contract.tables)} raw tables: {len(logs)} deliveries, {rows:,} rows, "
        f"{rejected:,} rejected lines"
    )
