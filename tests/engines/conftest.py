"""One Trino server for all tests here; the sample landed once, in a lake for DuckDB and in a copy of it for Trino."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tests.engines.trino_server import NEEDED, TrinoServer, is_possible, running
from tests.s3_store import Store, serve_s3

ROOT = Path(__file__).resolve().parents[2]
DBT = ("--project-dir", "dbt_project", "--profiles-dir", "profiles")
ONLY_TABLES = ("--resource-type", "model", "--resource-type", "seed")
LAKES, UNLOADED = "the-lakes", "unloaded-by-trino"
T = TypeVar("T")
NOT_INHERITED = ("SFTP_", "TRINO_", "AWS_")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with a bucket for lakes and one for what Trino unloads."""
    with serve_s3(tmp_path_factory.mktemp("s3"), LAKES) as running_store:
        running_store.client.create_bucket(Bucket=UNLOADED)
        yield running_store


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Iterator[TrinoServer]:
    if not is_possible():
        pytest.fail(NEEDED, pytrace=False)
    with running(tmp_path_factory.mktemp("trino"), store) as started:
        yield started


@dataclass(frozen=True)
class Engine:
    """A target of the project with a lake of its own.

    Attributes:
        name: Of the target.
        folder: Has the lake, the DuckDB file and what dbt writes.
        variables: What the environment says besides.
    """

    name: str
    folder: Path
    variables: dict[str, str]

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
        own = {
            "DBT_TARGET": self.name,
            "LAKE": str(self.lake),
            "LAKE_WORK": str(self.folder / "work"),
            "WAREHOUSE": str(self.warehouse),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "MONTH": "",
        }
        return inherited | own | self.variables

    def attempt(self, *command: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=cwd, env=self.environment | variables, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def run(self, *command: str, cwd: Path = ROOT, **variables: str) -> str:
        finished = self.attempt(*command, cwd=cwd, **variables)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def register(self) -> None:
        self.run("ingestion", "register")
        self.run("ml", "register")

    def build(self, *arguments: str) -> None:
        self.run("warehouse", "dbt", "build", *arguments)


def at_once(*works: Callable[[], T]) -> list[T]:
    """Do things that do not wait for each other on both cores; gives their results in order."""
    with ThreadPoolExecutor() as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Engine]:
    """Both engines, with the sample landed and registered, and nothing built."""
    folder = tmp_path_factory.mktemp("engines")
    duckdb = Engine("duckdb", folder / "duckdb", {"SAMPLE_DELIVERIES": str(folder / "sample")})
    with ThreadPoolExecutor() as pool:
        landed = pool.submit(duckdb.run, "ingestion", "ingest")
        server = request.getfixturevalue("server")  # takes as long to start
        landed.result()
    trino = Engine("trino", folder / "trino", server.environment)
    shutil.copytree(duckdb.lake, trino.lake)
    at_once(trino.register, lambda: duckdb.run("ml", "register"))
    return {"duckdb": duckdb, "trino": trino}
