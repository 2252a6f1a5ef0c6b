"""Between a client and the S3 store of the tests: at a request of choice it refuses, or the connection breaks."""

import http.client
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
ANSWER_SECONDS = 30
CHANGED = "PreconditionFailed"
# What the store answers: status and code.
REFUSALS = {"AccessDenied": 403, "SlowDown": 503, "InternalError": 500, CHANGED: 412}
# The connection breaks before the store hears of the request; after it did what was asked; in the middle of its answer.
CUT, LOST, HALF = "cut", "lost", "half"


@dataclass(frozen=True)
class Harm:
    """What goes wrong.

    Attributes:
        kind: One of `REFUSALS`, or `CUT`, `LOST`, `HALF`.
        at: Number of the request, the first is 0.
        is_lasting: Whether every request after it meets the same.
    """

    kind: str
    at: int
    is_lasting: bool = False

    def strikes(self, number: int, is_conditional: bool) -> bool:
        is_time = number >= self.at if self.is_lasting else number == self.at
        return is_time and (is_conditional or self.kind != CHANGED)


@dataclass
class Refusals:
    """Forwards requests to a store on loopback, and harms some. Use in a `with` block.

    Attributes:
        target: Port of the store.
        harm: What goes wrong; None for nothing.
        conditional: Numbers of the requests that are to write only over what the client knows.
        port: Its own.
    """

    target: int
    harm: Harm | None = None
    conditional: list[int] = field(default_factory=list)
    requests: int = 0
    port: int = field(init=False)

    def begin(self, harm: Harm | None) -> None:
        """Count the requests anew."""
        self.harm, self.requests, self.conditional = harm, 0, []

    def __enter__(self) -> "Refusals":
        lock = threading.Lock()

        class Handler(_Handler):
            def next_harm(handler) -> str | None:  # noqa: N805
                with lock:
                    number, self.requests = self.requests, self.requests + 1
                    is_conditional = "If-Match" in handler.headers or "If-None-Match" in handler.headers
                    if is_conditional:
                        self.conditional.append(number)
                    harm = self.harm
                    return harm.kind if harm is not None and harm.strikes(number, is_conditional) else None

            def connect(handler) -> http.client.HTTPConnection:  # noqa: N805
                return http.client.HTTPConnection(HOST, self.target, timeout=ANSWER_SECONDS)

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def next_harm(self) -> str | None:
        raise NotImplementedError

    def connect(self) -> http.client.HTTPConnection:
        raise NotImplementedError

    def setup(self) -> None:
        super().setup()
        self._store = self.connect()

    def finish(self) -> None:
        self._store.close()
        super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        """Read the request's body as it comes, with the lengths of its chunks if it has such."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while True:
            line = self.rfile.readline()
            size = int(line.split(b";")[0], 16)
            body += line + self.rfile.read(size + 2)
            if not size:
                return body

    def _forward(self) -> tuple[int, list[tuple[str, str]], bytes]:
        self._store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":  # it is answered here
                self._store.putheader(name, value)
        self._store.endheaders(self._sent)
        answer = self._store.getresponse()
        return answer.status, answer.getheaders(), answer.read()

    def _answer(self) -> None:
        self._sent = self._body()
        harm = self.next_harm()
        if harm in REFUSALS:
            self._refuse(harm)
            return
        if harm == CUT:
            self.close_connection = True
            return
        status, headers, content = self._forward()
        if harm == LOST:
            self.close_connection = True
            return
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "content-length", "connection"} or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if harm == HALF else content)
        self.close_connection = self.close_connection or harm == HALF

    def _refuse(self, code: str) -> None:
        content = b"" if self.command == "HEAD" else f"<Error><Code>{code}</Code><Message/></Error>".encode()
        self.send_response_only(REFUSALS[code])
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815 - the base class names them
