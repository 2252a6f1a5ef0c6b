"""dbt run in this process, and the queries that it executes, read from the events that it fires meanwhile."""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from warehouse import terminal
from warehouse.dbt_progress import DbtProgress
from warehouse.progress import bar
from warehouse.query_log import FAILED, SUCCESS, UNFINISHED, Query, text_hash

if TYPE_CHECKING:
    from dbt_common.events.base_types import EventMsg

TRANSACTION = {"BEGIN", "COMMIT", "ROLLBACK"}
# dbt-athena names its queries in debug lines only, and dbt-trino those that fail. Besides, dbt-athena makes tables by
# statements of which there are no other events than these lines.
ATHENA_TEXT = "Execute: "
ATHENA_END = re.compile(r"Athena query \S+ has state (SUCCEEDED|FAILED|CANCELLED)")
QUERY_ID = re.compile(r"Athena query (\S+) started|Trino query id: (\S+)")
ERRORS = ("Error running SQL", "duckdb error", "Trino error")
# dbt-trino: CREATE TABLE (1_234 rows); dbt-athena: OK 1234, or OK -1
ROWS = re.compile(r"\(([\d_]+) rows\)|^OK (\d+)$")

# dbt's own: a node failed, and anything else
FAILED_STATUS, ERROR_STATUS = 1, 2


def run_dbt(arguments: Sequence[str], add: Callable[[Query], None]) -> int:
    """Run dbt in this process and return its exit status.

    Args:
        arguments: As for dbt.
        add: Takes each query that it executes, in any thread.

    Raises:
        KeyboardInterrupt: When it was interrupted.
    """
    from dbt.cli.exceptions import DbtUsageException  # noqa: PLC0415 - of a second, which the other commands save
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    queries = DbtQueries(add)
    try:
        with bar("dbt: reading the project") as shown:
            finished = dbtRunner(callbacks=[queries.take, DbtProgress(shown).take]).invoke(list(arguments))
    finally:
        queries.close()
    match finished.exception:
        case KeyboardInterrupt():
            raise finished.exception
        case DbtUsageException():
            terminal.error(str(finished.exception))
            return ERROR_STATUS
        case None:
            return 0 if finished.success else FAILED_STATUS
        case _:
            return ERROR_STATUS


@dataclass
class _Running:
    query: Query
    begun: float
    is_of_debug_lines: bool = False


class DbtQueries:
    """A callback for dbt's events: each query begins and ends in one thread, which runs no other meanwhile."""

    def __init__(self, add: Callable[[Query], None]) -> None:
        """Make a callback.

        Args:
            add: Takes each query when it has ended.
        """
        self._add = add
        self._running: dict[int, _Running] = {}

    def take(self, event: "EventMsg") -> None:
        """Take an event, in the thread that fired it."""
        match event.info.name:
            case "SQLQuery":
                self._end(FAILED)
                self._begin(event.data.sql, event.data.node_info.unique_id or event.data.conn_name)
            case "SQLQueryStatus":
                found = ROWS.search(event.data.status)
                rows = int(found[1] or found[2]) if found else None
                self._end(SUCCESS, rows, event.data.query_id or None)
            case "AdapterEventDebug":
                self._note(event.data.base_msg, event.data.node_info.unique_id)
            case "NodeFinished":
                self._end(FAILED)

    def close(self) -> None:
        """Hand on what has begun and not ended."""
        for running in list(self._running.values()):
            self._hand_on(running, UNFINISHED)
        self._running.clear()

    def _begin(self, text: str, node: str, is_of_debug_lines: bool = False) -> None:
        if text not in TRANSACTION:
            query = Query(node, text_hash(text), datetime.now(UTC), 0.0, UNFINISHED)
            self._running[threading.get_ident()] = _Running(query, time.perf_counter(), is_of_debug_lines)

    def _note(self, message: str, node: str) -> None:
        running = self._running.get(threading.get_ident())
        if message.startswith(ATHENA_TEXT):
            text = message.removeprefix(ATHENA_TEXT)
            if running is None:
                self._begin(text, node, is_of_debug_lines=True)
            else:
                running.query = replace(running.query, text_sha256=text_hash(text))  # as it is sent
            return
        if running is None:
            return
        if running.is_of_debug_lines and (found := ATHENA_END.fullmatch(message)):
            self._end(SUCCESS if found[1] == "SUCCEEDED" else FAILED)
        elif found := QUERY_ID.fullmatch(message):
            running.query = replace(running.query, query_id=found[1] or found[2])
        elif message.startswith(ERRORS):
            self._end(FAILED)

    def _end(self, status: str, rows: int | None = None, query_id: str | None = None) -> None:
        running = self._running.pop(threading.get_ident(), None)
        if running is not None:
            running.query = replace(running.query, rows=rows, query_id=query_id or running.query.query_id)
            self._hand_on(running, status)

    def _hand_on(self, running: _Running, status: str) -> None:
        self._add(replace(running.query, status=status, seconds=time.perf_counter() - running.begun))
