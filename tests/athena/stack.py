"""An AWS account of our own for tests: Athena by the endpoint beside this file, a real S3 store, Glue and STS by moto.

Its three buckets are those of docs/aws-policy.md, with the bucket policy of that page on the lake's, and with keys for
each of its two policies, as far as the store can tell one action from another.
"""

import io
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
from moto.moto_api._internal import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tests.athena.endpoint.backend import Backend
from tests.athena.endpoint.catalog import Catalog
from tests.athena.endpoint.executions import Execution, Executor
from tests.athena.endpoint.server import serve
from tests.s3_store import HOST, REGION, serve_s3

ROOT = Path(__file__).resolve().parents[2]
RAW_BUCKET, WAREHOUSE_BUCKET, RESULTS_BUCKET = "raw-lake", "warehouse", "query-results"
LAKE = "country"  # prefix of the lake in its bucket
LANDING, BUILDING, BOTH = "landing", "building", "both"  # who asks, as in docs/aws-policy.md
READ_LAKE = (f"Read:{RAW_BUCKET}", f"List:{RAW_BUCKET}")
WRITE_LAKE = (*READ_LAKE, f"Write:{RAW_BUCKET}")
WRITE_TABLES = tuple(
    f"{action}:{bucket}" for action in ("Read", "List", "Write") for bucket in (WAREHOUSE_BUCKET, RESULTS_BUCKET)
)
WRITE_LOG = (f"Write:{RAW_BUCKET}/{LAKE}/LOGS_QUERY_EXECUTION/*",)
MAY = {LANDING: WRITE_LAKE, BUILDING: READ_LAKE + WRITE_LOG + WRITE_TABLES, BOTH: WRITE_LAKE + WRITE_TABLES}
NOTHING_IS_DELETED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "NothingIsDeleted",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": f"arn:aws:s3:::{RAW_BUCKET}/*",
        }
    ],
}


@dataclass(frozen=True)
class Call:
    """A request to Glue or STS.

    Attributes:
        agent: What the client says of itself.
        operation: Such as `GetTable`.
        database: Of Glue; empty where the operation is about none.
    """

    agent: str
    operation: str
    database: str


@dataclass(frozen=True)
class Account:
    """A running account.

    Attributes:
        environment: What boto3, and so dbt-athena, must know to find it, with the keys of one who may do everything
            that the two policies together allow.
        credentials: Variables with the keys of each who asks.
        calls: Requests to Glue and STS so far.
    """

    environment: Mapping[str, str]
    credentials: Mapping[str, Mapping[str, str]]
    session: boto3.Session
    catalog: Catalog
    executor: Executor
    calls: list[Call]

    def query(self, sql: str) -> pa.Table:
        """Run a statement, without the protocol around it."""
        execution = self.run(sql)
        assert execution.state == "SUCCEEDED", execution.reason
        return execution.rows

    def run(self, sql: str) -> Execution:
        """Run a statement to whatever end it comes to."""
        execution = self.executor.start(sql)
        execution.over.wait()
        return execution

    def client_of(self, name: str, service: str) -> Any:
        """A client with the keys of one who asks."""
        urls = (self.environment["AWS_ENDPOINT_URL_S3"], self.environment["AWS_ENDPOINT_URL"])
        return Session(*urls, self.credentials[name]).client(service)

    def statements(self) -> list[str]:
        """Texts of all statements so far."""
        return [execution.query for execution in self.executor.executions.values()]

    def keys(self, bucket: str, prefix: str = "") -> set[str]:
        """Keys of all objects of a bucket."""
        pages = self.session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}


def inherited() -> dict[str, str]:
    """The environment of the tests without anybody's own account and server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SFTP_", "ATHENA_"))}


@contextmanager
def start(folder: Path, backend: Backend) -> Iterator[Account]:
    """Run an account for the time of a `with` block.

    Args:
        folder: For the store, and for local copies of what is in it.
        backend: What queries run on.
    """
    calls: list[Call] = []
    (folder / "store").mkdir(parents=True)
    with serve_s3(folder / "store", RAW_BUCKET, MAY) as store, _moto(calls) as endpoint:
        environment = store.environment | store.keys[BOTH].environment | {
            "AWS_ENDPOINT_URL": endpoint,
            "ATHENA_S3_STAGING_DIR": f"s3://{RESULTS_BUCKET}/",
            "ATHENA_S3_DATA_DIR": f"s3://{WAREHOUSE_BUCKET}/tables",
            "LAKE_WORK": str(folder / "work"),
            "DO_NOT_TRACK": "1",
        }  # fmt: skip
        url = store.environment["AWS_ENDPOINT_URL_S3"]
        owner = Session(url, endpoint, store.environment)
        for bucket in (WAREHOUSE_BUCKET, RESULTS_BUCKET):
            owner.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        owner.client("s3").put_bucket_policy(Bucket=RAW_BUCKET, Policy=json.dumps(NOTHING_IS_DELETED))
        catalog = Catalog(Session(url, endpoint, store.keys[BUILDING].environment), folder / "mirror")
        executor = Executor(catalog, backend)
        with serve(executor) as athena:
            credentials = {name: store.keys[name].environment for name in MAY}
            yield Account(
                environment | {"AWS_ENDPOINT_URL_ATHENA": athena}, credentials, owner, catalog, executor, calls
            )  # fmt: skip


class Session(boto3.Session):
    """Clients of the account, whatever the environment says."""

    def __init__(self, store: str, endpoint: str, keys: Mapping[str, str]) -> None:
        super().__init__(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
        self._store, self._endpoint = store, endpoint

    def client(self, service: str, *arguments, **keywords):
        endpoint = self._store if service == "s3" else self._endpoint
        return super().client(service, *arguments, endpoint_url=endpoint, **keywords)


class _Recorded:
    """Notes the requests before an application answers them."""

    def __init__(self, application: Callable[..., Iterable[bytes]], calls: list[Call]) -> None:
        self._application, self._calls = application, calls

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(content)
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        if operation:
            request = json.loads(content or b"{}")
            made = request.get("DatabaseInput", request) if operation.endswith("Database") else {}
            database = request.get("DatabaseName", made.get("Name", ""))
            self._calls.append(Call(environ.get("HTTP_USER_AGENT", ""), operation, database))
        return self._application(environ, start_response)


@contextmanager
def _moto(calls: list[Call]) -> Iterator[str]:
    """Serve Glue and STS, with nothing in them, on a free port; gives the URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line a request
    moto_api_backend.reset()  # its state is the process's
    application = _Recorded(DomainDispatcherApplication(create_backend_app), calls)
    server = make_server(HOST, 0, application, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
