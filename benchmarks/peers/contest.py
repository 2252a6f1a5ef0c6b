"""Who is measured: three builds of ours, and what people would otherwise do."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.job import TABLES
from benchmarks.processes import Figures, measure

ROOT = Path(__file__).resolve().parents[2]
WAREHOUSE = "warehouse.duckdb"
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")


@dataclass(frozen=True)
class Round:
    """What one contestant works on.

    Attributes:
        lake: Root of the lake, as landed.
        month: Month of the latest delivery that counts, `YYYY-MM`.
        folder: Folder for whatever it writes; there, and empty.
    """

    lake: Path
    month: str
    folder: Path


@dataclass(frozen=True)
class Contestant:
    """A way to the five tables.

    Attributes:
        name: What it is called.
        about: What it is, in a few words.
        is_ours: Whether it makes our warehouse.
        commands: The commands of a round, one after the other.
        before: Commands before these, which are not measured.
        missing: Says what is not installed and how to get it; nothing where all is there.
    """

    name: str
    about: str
    is_ours: bool
    commands: Callable[[Round], Sequence[Sequence[str]]]
    missing: Callable[[], str]
    before: Sequence[Sequence[str]] = ()


# on a machine that has built before, dbt knows the project
PARSE = [sys.executable, "-m", "warehouse", "dbt", "parse"]


def _build(*selection: str) -> Callable[[Round], Sequence[Sequence[str]]]:
    """As `make build` does it: raw tables first, in a warehouse that is not there yet."""

    def commands(_: Round) -> Sequence[Sequence[str]]:
        modules = (["ingestion", "register"], ["ml", "register"], ["warehouse", "dbt", "build", *selection])
        return [[sys.executable, "-m", *arguments] for arguments in modules]

    return commands


def _peer(module: str) -> Callable[[Round], Sequence[Sequence[str]]]:
    def commands(round_: Round) -> Sequence[Sequence[str]]:
        job = [str(round_.lake), round_.month, str(round_.folder)]
        return [[sys.executable, "-m", f"benchmarks.peers.{module}", *job]]

    return commands


def _nothing() -> str:
    return ""


def _missing_pandas() -> str:
    return "" if importlib.util.find_spec("pandas") else "pandas is not installed; `make lint` installs it"


def _missing_pyspark() -> str:
    if importlib.util.find_spec("pyspark") is None:
        return (
            "pyspark is not installed, and is no dependency; run `python -m pip install --target FOLDER pyspark`, then "
            "this again with PYTHONPATH=FOLDER"
        )
    return "" if shutil.which("java") else "PySpark needs Java 17 or later, and no java is on the PATH; install one"


CONTESTANTS: Mapping[str, Contestant] = {
    each.name: each
    for each in (
        Contestant(
            "bookdebts-tables",
            "ours, only the five tables and what they need",
            True,
            _build("--select", *(f"+{table}" for table in TABLES), *NO_TESTS),
            _nothing,
            [PARSE],
        ),
        Contestant(
            "bookdebts", "ours, every table", True, _build("--selector", "features", *NO_TESTS), _nothing, [PARSE]
        ),
        Contestant(
            "bookdebts-tested", "ours, every table and test", True, _build("--selector", "features"), _nothing, [PARSE]
        ),
        Contestant("duckdb", "one script by hand", False, _peer("duckdb_script"), _nothing),
        Contestant("pandas", "as a notebook does it", False, _peer("pandas_notebook"), _missing_pandas),
        Contestant("pyspark", "local[2]", False, _peer("pyspark_local"), _missing_pyspark),
    )
}


def run(contestant: Contestant, round_: Round) -> Figures:
    """Run a contestant once, each of its commands in a process of its own, and measure it.

    Args:
        contestant: Who.
        round_: On what, and where.

    Raises:
        CommandFailedError: When it fails.
    """
    environment = os.environ | {
        "LAKE": str(round_.lake),
        "WAREHOUSE": str(round_.folder / WAREHOUSE),
        "MONTH": round_.month,
        "DBT_TARGET": "duckdb",
        "DBT_TARGET_PATH": str(round_.folder / "target"),
        "DBT_LOG_PATH": str(round_.folder / "logs"),
        "SCHEMA_PREFIX": "",
    }
    for command in contestant.before:
        measure(command, environment, ROOT, round_.folder / "said.txt")
    taken = Figures(0, 0, 0)
    for command in contestant.commands(round_):
        taken = taken.then(measure(command, environment, ROOT, round_.folder / "said.txt"))
    return taken
