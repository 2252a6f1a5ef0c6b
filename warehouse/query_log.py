"""The query log: what was executed, one JSON file a day in the lake, see docs/cost.md for its members.

A text of a query is never in it, only its hash: texts may hold names.
"""

import contextlib
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from warehouse import terminal
from warehouse.aws import ChangedError
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location, S3Path
from warehouse.storage import exclusive, whole_file

SCHEMA_VERSION = 1
# One query a line between these two, so that a file grows without being read anew.
HEAD = f'{{"schema_version": {SCHEMA_VERSION}, "queries": [\n'
TAIL = "\n]}\n"
SUCCESS, FAILED, UNFINISHED = "success", "failed", "unfinished"
# What a killed run loses at most.
FLUSH_SECONDS = 20.0
# How long one writer waits for another, which holds the file for milliseconds.
PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Scan:
    """What an engine says afterwards about a query.

    Attributes:
        scanned_bytes: Read from storage; None where the engine does not measure it.
        price_usd: Its price in US dollars; None on engines that are not paid by the query.
    """

    scanned_bytes: int | None = None
    price_usd: float | None = None


@dataclass(frozen=True)
class Query:
    """One executed query.

    Attributes:
        node: What it was for: a node of dbt by its unique id, or words such as `unload marts.to_train`.
        text_sha256: SHA-256 of its text in UTF-8, as 64 hexadecimal digits.
        started: When it began.
        seconds: How long it took.
        status: `success`, `failed`, or `unfinished` where the run ended before it.
        query_id: Its name on the engine; None where that gives none.
        rows: Rows that it wrote or found; None where the engine does not say.
        scan: What the engine said afterwards.
    """

    node: str
    text_sha256: str
    started: datetime
    seconds: float
    status: str
    query_id: str | None = None
    rows: int | None = None
    scan: Scan = Scan()


def text_hash(text: str) -> str:
    """Give the SHA-256 of a query's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def path_of(lake: Lake[Location], day: str) -> Location:
    """Name the file of a day, which is `YYYYMMDD` in UTC."""
    return lake.query_logs() / f"logs_tables_{day}.json"


def read(path: Location) -> list[dict[str, Any]]:
    """Read the queries of a day's file.

    Raises:
        UserError: When it is none.
        AwsError: When S3 refuses.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["schema_version"] != SCHEMA_VERSION:
            raise UserError(f"{path} is a query log of another version; read it with the version that wrote it")
        found: list[dict[str, Any]] = content["queries"]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not a query log; move it away") from None
    return found


def append(lake: Lake[Location], day: str, lines: Sequence[str]) -> None:
    """Add queries to a day's file, which is there in whole before and after; no writer loses what another wrote.

    Args:
        lake: The lake.
        day: `YYYYMMDD`.
        lines: The queries, each as JSON in one line.

    Raises:
        UserError: When the file is no query log, others keep writing to it, or S3 refuses.
        OSError: When a disk refuses.
    """
    path, deadline = path_of(lake, day), time.monotonic() + PATIENCE_SECONDS
    if isinstance(path, S3Path):
        while True:
            found = path.read()
            try:
                path.write_bytes(_grown(path, found.data if found else b"", lines), found.version if found else None)
                return
            except ChangedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_SECONDS)
    with _turn(lake.work() / "query_log.lock", deadline):
        content = _grown(path, path.read_bytes() if path.exists() else b"", lines)
        with whole_file(path) as unfinished:
            unfinished.write_bytes(content)


@contextlib.contextmanager
def _turn(lock: Path, deadline: float) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        while True:
            try:
                held.enter_context(exclusive(lock, "writing of the query log"))
                break
            except UserError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_SECONDS)
        yield


def _grown(path: Location, content: bytes, lines: Sequence[str]) -> bytes:
    head, tail, added = HEAD.encode(), TAIL.encode(), ",\n".join(lines).encode()
    if not content:
        return head + added + tail
    if not (content.startswith(head) and content.endswith(tail)):
        raise UserError(f"{path} is not a query log of this version; move it away")
    if added in content:
        return content  # an earlier attempt whose answer was lost
    return content.removesuffix(tail) + b",\n" + added + tail


def _line(query: Query, engine: str, run_id: str) -> str:
    return json.dumps(
        {
            "started_at": query.started.astimezone(UTC).isoformat(timespec="milliseconds"),
            "run_id": run_id,
            "engine": engine,
            "node": query.node,
            "query_id": query.query_id,
            "text_sha256": query.text_sha256,
            "status": query.status,
            "seconds": round(query.seconds, 3),
            "rows": query.rows,
            "scanned_bytes": query.scan.scanned_bytes,
            "price_usd": query.scan.price_usd,
        }
    )


class QueryLog:
    """Takes queries from any thread, in a `with` block, and writes them to the lake from a thread of its own.

    Whatever goes wrong with it ends as one warning; the work that it watches goes on.
    """

    def __init__(
        self,
        lake: Lake[Location],
        engine: str,
        measure: Callable[[Sequence[str]], Mapping[str, Scan]],
        warn: Callable[[str], None] = terminal.warn,
    ) -> None:
        """Make a log that nothing is written to yet.

        Args:
            lake: Where the files are.
            engine: Target of dbt that the queries run on.
            measure: Asks the engine about queries that have ended, by their ids.
            warn: Takes a sentence about what could not be written.
        """
        self._lake, self._engine, self._measure, self._warn = lake, engine, measure, warn
        self._run_id = uuid.uuid4().hex
        self._waiting: list[Query] = []
        self._unmeasured = ""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="query log", daemon=True)

    def __enter__(self) -> Self:
        """Begin to write."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left, and warn of what cannot be."""
        self._ended.set()
        self._thread.join()
        problem = self._flush()
        if problem:
            self._warn(f"{len(self._waiting)} queries are missing in the query log: {problem}")
        elif self._unmeasured:
            self._warn(f"queries are in the query log without their bytes: {self._unmeasured}")

    def add(self, query: Query) -> None:
        """Take a query that has ended."""
        with self._lock:
            self._waiting.append(query)

    @contextlib.contextmanager
    def running(self, node: str, text: str) -> Iterator["Outcome"]:
        """Log the query that runs in a `with` block, also when it fails.

        Args:
            node: What it is for.
            text: Its text.
        """
        outcome, started, begun, status = Outcome(), datetime.now(UTC), time.perf_counter(), FAILED
        try:
            yield outcome
            status = SUCCESS
        finally:
            seconds = time.perf_counter() - begun
            self.add(Query(node, text_hash(text), started, seconds, status, outcome.query_id, outcome.rows))

    def _keep(self) -> None:
        while not self._ended.wait(FLUSH_SECONDS):
            self._flush()

    def _flush(self) -> str:
        """Write what waits; what cannot be written waits on, and the reason is given."""
        with self._lock:
            queries, self._waiting = self._waiting, []
        if not queries:
            return ""
        queries = self._measured(queries)
        lines: dict[str, list[str]] = {}
        for query in sorted(queries, key=lambda query: query.started):
            day = query.started.astimezone(UTC).strftime("%Y%m%d")
            lines.setdefault(day, []).append(_line(query, self._engine, self._run_id))
        try:
            for day, added in lines.items():
                append(self._lake, day, added)
        except (UserError, OSError) as error:
            with self._lock:
                self._waiting = queries + self._waiting
            return str(error)
        return ""

    def _measured(self, queries: Iterable[Query]) -> list[Query]:
        queries = list(queries)
        ids = [query.query_id for query in queries if query.query_id is not None and query.scan == Scan()]
        try:
            scans = self._measure(ids) if ids else {}
        except UserError as error:
            self._unmeasured, scans = str(error), {}
        return [replace(query, scan=scans.get(query.query_id or "", query.scan)) for query in queries]


@dataclass
class Outcome:
    """What is known of a query once it has run; see `Query`."""

    query_id: str | None = None
    rows: int | None = None
