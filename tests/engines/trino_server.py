"""A real Trino server, alone or with workers: found or fetched through Maven, unpacked once, started on loopback."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trino

from tests.s3_store import HOST, Store

VERSION = os.environ.get("TRINO_VERSION", "") or "368"
PLUGINS = ("hive", "memory")  # the others are most of 2 GB, and lengthen the start
CATALOG, CATALOG_ON_S3 = "hive", "hive_on_s3"
CATALOG_OF_ATHENA = "awsdatacatalog"  # as Athena calls its own
START_SECONDS = 120
NEEDED = (
    "make test-engines needs Java 17 or later and Maven, on the path as java and mvn; install them and run it again"
)

CONFIG = """
coordinator={is_coordinator}
http-server.http.port={port}
http-server.log.enabled=false
discovery.uri=http://127.0.0.1:{coordinator}
optimizer.optimize-hash-generation=false
task.concurrency=2
"""
COORDINATOR = """
node-scheduler.include-coordinator={works}
query.max-history=1000
query.min-expire-age=10s
"""
# tables of thousands of rows are joined as they are written: to ask for their statistics takes longer
SMALL_TABLES = """
optimizer.join-reordering-strategy=NONE
join-distribution-type=BROADCAST
enable-dynamic-filtering=false
"""
# half of the work of a server that runs for minutes would be to optimise and verify its own code
JVM = """
-Xmx{memory}
-Xmn512M
-XX:+UseSerialGC
-XX:TieredStopAtLevel=1
-XX:ReservedCodeCacheSize=256M
-XX:+UnlockDiagnosticVMOptions
-XX:-BytecodeVerificationRemote
-XX:+ExitOnOutOfMemoryError
-Djdk.attach.allowAttachSelf=true
--add-opens=java.base/java.nio=ALL-UNNAMED
-Dnode.environment=test
-Dnode.id={name}
-Dnode.bind-ip=127.0.0.1
-Dnode.internal-address=127.0.0.1
-Dnode.data-dir={folder}/data
-Dconfig={folder}/etc/config.properties
-Dcatalog.config-dir={folder}/etc/catalog
-Dplugin.dir={home}/plugin
"""
HIVE = """
connector.name=hive
hive.metastore=file
hive.metastore.catalog.dir={metastore}
hive.security=allow-all
hive.storage-format=PARQUET
hive.non-managed-table-writes-enabled=true
hive.allow-register-partition-procedure=true
hive.collect-column-statistics-on-write=false
hive.table-statistics-enabled=false
"""
# not of the catalog that follows Glue: a query that runs while a view is made anew would bring the old one back
CACHED = """
hive.metastore-cache-ttl=1h
"""
ON_S3 = """
hive.s3.endpoint=http://{host}:{port}
hive.s3.aws-access-key={key_id}
hive.s3.aws-secret-key={secret}
hive.s3.path-style-access=true
hive.s3.ssl.enabled=false
"""


@dataclass(frozen=True)
class TrinoServer:
    """A running server."""

    port: int
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the commands need to work on it."""
        return {
            "DBT_TARGET": "trino",
            "TRINO_HOST": "127.0.0.1",
            "TRINO_PORT": str(self.port),
            "TRINO_CATALOG": CATALOG,
        }

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(self.connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def connection(self, catalog: str = CATALOG) -> Any:
        connect: Any = trino.dbapi.connect
        return connect(host="127.0.0.1", port=self.port, user="test", catalog=catalog)


def is_possible() -> bool:
    """Whether Java 17 or later and Maven are here."""
    if shutil.which("mvn") is None or shutil.which("java") is None:
        return False
    version = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    number = version.partition('version "')[2].partition(".")[0].partition('"')[0]
    return number.isdigit() and int(number) >= 17


def check() -> None:
    """End with a sentence where the server cannot run."""
    if not is_possible():
        raise SystemExit(f"error: {NEEDED}")


def _archive() -> Path:
    repository = Path(os.environ.get("MAVEN_REPOSITORY", "") or Path.home() / ".m2/repository")
    archive = repository / f"io/trino/trino-server/{VERSION}/trino-server-{VERSION}.tar.gz"
    if not archive.is_file():
        coordinates = f"io.trino:trino-server:{VERSION}:tar.gz"
        subprocess.run(
            ["mvn", "--quiet", "--batch-mode", f"-Dmaven.repo.local={repository}",
             "dependency:get", f"-Dartifact={coordinates}", "-Dtransitive=false"],
            check=True,
        )  # fmt: skip
    return archive


def _unpacked() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "bookdebts"
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"trino-server-{VERSION}"
    with (cache / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                # all of it, since the files of one plugin are hard links to those of another
                with tarfile.open(_archive()) as archive:
                    archive.extractall(scratch, filter="data")
                unpacked = Path(scratch) / home.name
                for plugin in (unpacked / "plugin").iterdir():
                    if plugin.name not in PLUGINS:
                        shutil.rmtree(plugin)
                unpacked.rename(home)
    return home


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class _Node:
    """A process of Trino."""

    name: str
    port: int
    folder: Path
    processor: int | None = None  # the only one that it may use

    def configure(self, config: str, catalogs: Mapping[str, str]) -> None:
        (self.folder / "etc/catalog").mkdir(parents=True)
        files = {"config.properties": config}
        files |= {f"catalog/{catalog}.properties": text for catalog, text in catalogs.items()}
        for name, text in files.items():
            (self.folder / "etc" / name).write_text(text.replace("\n\n", "\n").lstrip(), encoding="utf-8")

    @contextlib.contextmanager
    def started(self, home: Path, memory: str) -> Iterator[subprocess.Popen[bytes]]:
        options = JVM.format(folder=self.folder, home=home, name=self.name, memory=memory).split()
        pinned = [] if self.processor is None else ["taskset", "--cpu-list", str(self.processor)]
        with (self.folder / "server.log").open("wb") as output:
            process = subprocess.Popen(
                [*pinned, "java", *options, "-cp", f"{home}/lib/*", "io.trino.server.TrinoServer"],
                cwd=self.folder, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                yield process
            finally:
                process.kill()  # asked to end, it takes seconds to say farewell
                process.wait()


def _catalogs(folder: Path, store: Store | None) -> dict[str, str]:
    more = {CATALOG: CACHED, CATALOG_OF_ATHENA: ""}
    if store is not None:
        more[CATALOG_ON_S3] = CACHED + ON_S3.format(
            host=HOST, port=store.port, key_id=store.key_id, secret=store.secret
        )
    return {
        catalog: HIVE.format(metastore=f"file://{folder}/metastore-of-{catalog}") + text
        for catalog, text in more.items()
    }


def _wait(server: TrinoServer, process: subprocess.Popen[bytes], nodes: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(Exception):
            if server.query("select count(*) from system.runtime.nodes where state = 'active'") == [(nodes,)]:
                return
        time.sleep(0.5)
    lines = (server.folder / "server.log").read_text(encoding="utf-8").splitlines()
    errors = [line for line in lines if "ERROR" in line or line.startswith("1) ")]
    raise RuntimeError("\n".join(["Trino does not answer; its log says", *(errors or lines)[:20]]))


@contextlib.contextmanager
def running(
    folder: Path, store: Store | None = None, *, workers: int = 0, memory: str = "2G", options: str = SMALL_TABLES
) -> Iterator[TrinoServer]:
    """Run a server for the time of a `with` block.

    Args:
        folder: Has its data.
        store: For a second catalog, which reads and writes there too.
        workers: Processes that do the work, each on one processor of this machine (Linux), in turns; with none the
            coordinator does it, on all.
        memory: Heap of each process, as Java writes it.
        options: More lines for `config.properties`.
    """
    home, catalogs = _unpacked(), _catalogs(folder, store)
    coordinator = _Node("one", _free_port(), folder)
    nodes = [coordinator]
    for number in range(workers):
        name, processor = f"worker{number + 1}", number % (os.cpu_count() or 1)
        nodes.append(_Node(name, _free_port(), folder / name, processor))
    server = TrinoServer(coordinator.port, folder)
    with contextlib.ExitStack() as stack:
        processes = []
        for node in nodes:
            is_coordinator = str(node is coordinator).lower()
            config = CONFIG.format(is_coordinator=is_coordinator, port=node.port, coordinator=coordinator.port)
            if node is coordinator:
                config += COORDINATOR.format(works=str(not workers).lower())
            node.configure(config + options, catalogs)
            processes.append(stack.enter_context(node.started(home, memory)))
        _wait(server, processes[0], len(nodes))
        yield server
