"""Clients of AWS against a server that answers as AWS does when it is asked too often."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from warehouse.aws import athena_client, glue_client

HOST = "127.0.0.1"


@contextmanager
def busy(refusals: list[str], answer: dict[str, object]) -> Iterator[str]:
    """Serve one answer, after an error for each code of `refusals`, which loses one a request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            code = refusals.pop(0) if refusals else None
            content = json.dumps({"__type": code, "message": "Rate exceeded"} if code else answer).encode()
            self.send_response(400 if code else 200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-west-2",
        "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)


def test_glue_that_is_asked_too_often_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with busy(["ThrottlingException"] * 5, {"DatabaseList": []}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", url)
        assert glue_client().get_databases(MaxResults=1)["DatabaseList"] == []


def test_athena_that_is_asked_too_often_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with busy(["TooManyRequestsException"] * 5, {"QueryExecutionId": "1"}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ATHENA", url)
        assert athena_client().start_query_execution(QueryString="select 1")["QueryExecutionId"] == "1"


def test_what_the_user_says_of_attempts_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = ["ThrottlingException"] * 5
    with busy(refusals, {"DatabaseList": []}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        with pytest.raises(ClientError, match="ThrottlingException"):
            glue_client().get_databases(MaxResults=1)
    assert len(refusals) == 3


def test_other_errors_are_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = ["AccessDeniedException"] * 3
    with busy(refusals, {"DatabaseList": []}) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", url)
        with pytest.raises(ClientError, match="AccessDeniedException"):
            glue_client().get_databases(MaxResults=1)
    assert len(refusals) == 2
