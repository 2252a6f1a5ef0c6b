"""Athena's protocol over HTTP: JSON in and out, the operation's name in a header."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa

from tests.athena.endpoint.executions import Execution, Executor

LONGEST_STATEMENT = 262_144  # bytes
MOST_ASKED = 50  # executions that one request asks about
MOST_ROWS = 1000  # that one answer holds, the header included
LONGEST_WAIT = 2.0  # seconds that a question for the state of a running query waits for its end
TYPES = {
    pa.string(): "varchar",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("ms"): "timestamp",
}


VERSION = {"EngineVersion": {"EffectiveEngineVersion": "Athena engine version 3"}}
RUNNING = "primary"  # the only one of these work groups that runs queries
WORK_GROUPS: dict[str, dict[str, Any]] = {
    RUNNING: {"State": "ENABLED", "Configuration": {"EnforceWorkGroupConfiguration": False} | VERSION},
    "switched_off": {"State": "DISABLED", "Configuration": VERSION},
    "of_version_2": {
        "State": "ENABLED",
        "Configuration": {"EngineVersion": {"EffectiveEngineVersion": "Athena engine version 2"}},
    },
    "overriding": {
        "State": "ENABLED",
        "Configuration": {
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": "s3://query-results/overridden/"},
        }
        | VERSION,
    },
    "managing": {
        "State": "ENABLED",
        "Configuration": {"ManagedQueryResultsConfiguration": {"Enabled": True}} | VERSION,
    },
}


class RequestError(Exception):
    """The request is wrong: `InvalidRequestException` with this message."""


def _work_group(name: str) -> dict[str, Any]:
    if name not in WORK_GROUPS:
        raise RequestError(f"WorkGroup {name} is not found.")
    return {"Name": name} | WORK_GROUPS[name]


def _as_text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat(sep=" ", timespec="milliseconds")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _type(type_: pa.DataType) -> str:
    if pa.types.is_decimal(type_):
        return "decimal"
    return TYPES.get(type_, str(type_))


def _described(execution: Execution) -> dict[str, Any]:
    status: dict[str, Any] = {"State": execution.state, "SubmissionDateTime": execution.submitted.timestamp()}
    elapsed = 0
    if execution.completed is not None:
        status["CompletionDateTime"] = execution.completed.timestamp()
        elapsed = int((execution.completed - execution.submitted).total_seconds() * 1000)
    if execution.reason:
        status["StateChangeReason"] = execution.reason
    if execution.state == "FAILED":
        status["AthenaError"] = {"ErrorCategory": 2, "ErrorType": 1, "ErrorMessage": execution.reason}
    return {
        "QueryExecutionId": execution.id,
        "Query": execution.query,
        "StatementType": "DDL" if execution.is_ddl else "DML",
        "WorkGroup": "primary",
        "Status": status,
        "Statistics": {
            "DataScannedInBytes": execution.scanned,
            "EngineExecutionTimeInMillis": elapsed,
            "TotalExecutionTimeInMillis": elapsed,
        },
    }


class Operations:
    """The operations of Athena that dbt-athena and PyAthena call."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request.

        Raises:
            RequestError: When the request is wrong, or the operation is not emulated.
        """
        operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "BatchGetQueryExecution": self._get_several,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
            "GetWorkGroup": self._work_group,
        }
        if operation not in operations:
            raise RequestError(f"NOT_EMULATED: this endpoint does not emulate the operation {operation}")
        return operations[operation](request)

    def _execution(self, request: dict[str, Any]) -> Execution:
        execution = self._executor.executions.get(request.get("QueryExecutionId", ""))
        if execution is None:
            raise RequestError(f"QueryExecution {request.get('QueryExecutionId')} was not found")
        return execution

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(request) - {
            "QueryString", "QueryExecutionContext", "WorkGroup", "ResultConfiguration", "ClientRequestToken",
            "ResultReuseConfiguration",
        }:  # fmt: skip
            raise RequestError(f"NOT_EMULATED: this endpoint does not emulate {', '.join(sorted(unknown))}")
        if _work_group(request.get("WorkGroup", RUNNING)) != _work_group(RUNNING):
            raise RequestError(f"NOT_EMULATED: this endpoint runs no queries in the work group {request['WorkGroup']}")
        query = request["QueryString"]
        if not 1 <= len(query.encode()) <= LONGEST_STATEMENT:
            raise RequestError(f"QueryString has {len(query.encode())} bytes; {LONGEST_STATEMENT} are the most")
        return {"QueryExecutionId": self._executor.start(query).id}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._execution(request)
        execution.over.wait(LONGEST_WAIT)
        return {"QueryExecution": _described(execution)}

    def _get_several(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request["QueryExecutionIds"]
        if not 1 <= len(wanted) <= MOST_ASKED:
            raise RequestError(f"QueryExecutionIds has {len(wanted)} members; {MOST_ASKED} are the most")
        found = [self._executor.executions[id_] for id_ in wanted if id_ in self._executor.executions]
        missing = [{"QueryExecutionId": id_} for id_ in wanted if id_ not in self._executor.executions]
        return {
            "QueryExecutions": [_described(execution) for execution in found],
            "UnprocessedQueryExecutionIds": missing,
        }

    def _results(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._execution(request)
        if execution.state != "SUCCEEDED":
            raise RequestError(f"Query has not yet finished. Current state: {execution.state}")
        start = int(request.get("NextToken", "0"))
        size = min(request.get("MaxResults", MOST_ROWS), MOST_ROWS)
        rows = execution.rows
        header = 0 if execution.is_ddl or not rows.num_columns else 1  # the names, as the first row of the first answer
        first = max(start - header, 0)
        last = start + size - header
        data = [[_as_text(value) if value is not None else None for value in column.to_pylist()]
                for column in rows.slice(first, last - first).columns]  # fmt: skip
        lines = [list(line) for line in zip(*data, strict=True)]
        if header and not start:
            lines.insert(0, list(rows.column_names))
        answer: dict[str, Any] = {
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if value is None else {"VarCharValue": value} for value in line]} for line in lines
                ],
                "ResultSetMetadata": {
                    "ColumnInfo": [
                        {"Name": field.name, "Label": field.name, "Type": _type(field.type), "Nullable": "UNKNOWN"}
                        for field in rows.schema
                    ]
                },
            }
        }
        if execution.updated is not None:
            answer["UpdateCount"] = execution.updated
        if last < rows.num_rows:
            answer["NextToken"] = str(start + size)
        return answer

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        self._executor.stop(self._execution(request))
        return {}

    def _work_group(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"WorkGroup": _work_group(request["WorkGroup"])}


@contextmanager
def serve(executor: Executor) -> Iterator[str]:
    """Serve Athena on a free port of this machine for the time of a `with` block; gives the URL."""
    operations = Operations(executor)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            try:
                status, answer = 200, operations.answer(operation, request)
            except RequestError as error:
                status, answer = 400, {"__type": "InvalidRequestException", "Message": str(error)}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
