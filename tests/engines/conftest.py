"""One Trino server for all tests here; the sample landed once, in a lake for DuckDB and in a copy of it for Trino."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engines.trino_server import NEEDED, TrinoServer, is_possible, running

ROOT = Path(__file__).resolve().parents[2]
DBT = ("--project-dir", "dbt_project", "--profiles-dir", "profiles")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrinoServer]:
    if not is_possible():
        pytest.fail(NEEDED, pytrace=False)
    with running(tmp_path_factory.mktemp("trino")) as started:
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
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SFTP_", "TRINO_"))}
        return inherited | self.variables | {
            "DBT_TARGET": self.name,
            "LAKE": str(self.lake),
            "WAREHOUSE": str(self.warehouse),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "MONTH": "",
        }  # fmt: skip

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


@pytest.fixture(scope="session")
def engines(server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Engine]:
    """Both engines, with the sample landed and registered, and nothing built."""
    folder = tmp_path_factory.mktemp("engines")
    duckdb = Engine("duckdb", folder / "duckdb", {"SAMPLE_DELIVERIES": str(folder / "sample")})
    trino = Engine("trino", folder / "trino", server.environment)
    duckdb.run("ingestion", "ingest")
    shutil.copytree(duckdb.lake, trino.lake)
    duckdb.run("ml", "register")
    trino.register()
    return {"duckdb": duckdb, "trino": trino}
