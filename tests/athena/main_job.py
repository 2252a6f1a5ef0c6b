"""The commands of `make run` on a lake in an Athena account: by Athena, by DuckDB, and by DuckDB on a copy of it."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ml.settings import SETTINGS_FILE
from tests.athena.endpoint.backend import Table
from tests.athena.stack import BOTH, BUILDING, LAKE, LANDING, RAW_BUCKET, ROOT, Account, inherited
from tests.engines.parity import types_on_duckdb
from warehouse.catalog import literal, quoted

QUICK = Path(__file__).with_name("quick")
ONLY_TABLES = ("--resource-type", "model", "--resource-type", "seed")
# for few companies, and for tests that run side by side
FEW = {"minimum_positives": 2, "test_windows": 1, "company_folds": 1, "bootstrap_samples": 20, "nthread": 1}


@dataclass(frozen=True)
class Run:
    """One place to run the commands at.

    Attributes:
        folder: For what is not in the lake.
        environment: Of the commands.
        keys: Variables of those who may do a command's work, by the command's module.
    """

    folder: Path
    environment: Mapping[str, str]
    keys: Mapping[str, Mapping[str, str]]

    def attempt(self, *module: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = ("--settings", str(self._settings())) if module[1] in {"train", "predict"} else ()
        return subprocess.run(
            [sys.executable, "-m", *module, *settings], cwd=ROOT, capture_output=True, text=True, check=False,
            env=inherited() | self.environment | self.keys.get(module[0], {}) | environment,
        )  # fmt: skip

    def run(self, *module: str, **environment: str) -> str:
        """Run a command; gives what it says."""
        finished = self.attempt(*module, **environment)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def dbt(self, *arguments: str) -> list[dict[str, Any]]:
        """Run dbt; gives its results."""
        self.run("warehouse", "dbt", *arguments, PYTHONPATH=str(QUICK), DBT_LOG_LEVEL_FILE="warn")
        return json.loads((self.folder / "target/run_results.json").read_text(encoding="utf-8"))["results"]

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def _settings(self) -> Path:
        path = self.folder / "settings.yml"
        path.write_text(yaml.safe_dump(yaml.safe_load(SETTINGS_FILE.read_text(encoding="utf-8")) | FEW))
        return path


def _run(folder: Path, lake: str, environment: Mapping[str, str], keys: Mapping[str, Mapping[str, str]]) -> Run:
    folder.mkdir()
    given = {
        "LAKE": lake,
        "WAREHOUSE": str(folder / "warehouse.duckdb"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "MONTH": "",
    }
    return Run(folder, given | environment, keys)


def on_athena(folder: Path, account: Account, server: Mapping[str, str]) -> Run:
    """Give a place in the account; each command has no more rights than docs/aws-policy.md gives it.

    Args:
        folder: Is made.
        account: The account.
        server: Variables of the vendor's server.
    """
    keys = {
        "ingestion": account.credentials[LANDING],
        "warehouse": account.credentials[BUILDING],
        "ml": account.credentials[BOTH],
    }
    environment = {**account.environment, **server, "DBT_TARGET": "athena"}
    return _run(folder, f"s3://{RAW_BUCKET}/{LAKE}", environment, keys)


def on_laptop(folder: Path) -> Run:
    """Give a place with DuckDB, and a local lake that is empty."""
    return _run(folder, str(folder / "lake"), {"DBT_TARGET": "duckdb"}, {})


def on_duckdb(folder: Path, account: Account) -> Run:
    """Give a place with DuckDB over the account's lake."""
    keys = dict.fromkeys(("ingestion", "warehouse", "ml"), account.credentials[LANDING])
    return _run(folder, f"s3://{RAW_BUCKET}/{LAKE}", account.environment | {"DBT_TARGET": "duckdb"}, keys)


def copy_landed(account: Account, lake: Path) -> None:
    """Bring what was landed in the account to a local lake."""
    s3 = account.session.client("s3")
    for part in ("DATA/UNZIP_DATA_APPEND_ALL", "DATA/REJECTED_DATA", "DATA/ETL", "LOGS_FTP_EXECUTION"):
        for key in account.keys(RAW_BUCKET, f"{LAKE}/{part}/"):
            local = lake / key.removeprefix(f"{LAKE}/")
            local.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(RAW_BUCKET, key, str(local))


def put_lake(account: Account, lake: Path) -> None:
    """Bring what was landed and predicted in a local lake to the account."""
    s3 = account.session.client("s3")
    for folder in ("DATA", "LOGS_FTP_EXECUTION", "ALGORITHM/TABLES"):
        for path in (path for path in (lake / folder).rglob("*") if path.is_file()):
            s3.upload_file(str(path), RAW_BUCKET, f"{LAKE}/{path.relative_to(lake)}")


def features(run: Run, *arguments: str) -> list[dict[str, Any]]:
    """Register and build what `make build` does; gives dbt's results."""
    run.run("ingestion", "register")
    run.run("ml", "register")
    return run.dbt("build", "--selector", "features", *arguments)


def scores(run: Run, *arguments: str) -> list[dict[str, Any]]:
    """Train, predict and build the leads; gives dbt's results."""
    run.run("ml", "train")
    run.run("ml", "predict")
    return run.dbt("build", "--selector", "scores", *arguments)


@dataclass(frozen=True)
class OnDuckDB:
    """Tables of another DuckDB file, for `tests.engines.parity`."""

    warehouse: Path
    name: str = "duckdb on s3"

    def types(self, schema: str) -> dict[str, dict[str, str]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return types_on_duckdb(connection, schema)

    def shown(self, connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str | None:
        connection.execute(f"attach if not exists {literal(str(self.warehouse))} as other (read_only)")
        return f"other.{schema}.{quoted(table)}"


@dataclass(frozen=True)
class OnAthena:
    """Tables of an account for `tests.engines.parity`, read from their objects and not through the endpoint."""

    account: Account
    name: str = "athena"

    def types(self, schema: str) -> dict[str, dict[str, str]]:
        catalog = self.account.catalog
        tables = [self._table(schema, name) for name in catalog.names(schema) if not catalog.is_view(schema, name)]
        return {
            table.name: {
                column.name: {"string": "varchar", "int": "integer"}.get(column.type, column.type)
                for column in (*table.columns, *table.partition_columns)
            }
            for table in tables
        }

    def shown(self, _connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str | None:
        files = [file for partition in self._table(schema, table).partitions for file in partition.files]
        listed = ", ".join(literal(str(file)) for file in files)
        return f"read_parquet([{listed}], hive_types_autocast = false, hive_partitioning = true)" if files else None

    def _table(self, schema: str, table: str) -> Table:
        (found,) = self.account.catalog.relations(f"select * from {schema}.{table}")
        assert isinstance(found, Table)
        return found


def without_places(summary: str) -> str:
    """The summary up to where it names files."""
    return summary.split("\nwarehouse ", maxsplit=1)[0]


def unlike(account: Account, lake: Path, folders: Sequence[str]) -> list[str]:
    """Names of the files below these folders that a local lake and the account's do not share, byte for byte.

    The events of models are left out: they tell when they happened.
    """
    s3 = account.session.client("s3")
    on_s3 = {
        key.removeprefix(f"{LAKE}/"): s3.get_object(Bucket=RAW_BUCKET, Key=key)["Body"].read()
        for folder in folders
        for key in account.keys(RAW_BUCKET, f"{LAKE}/{folder}/")
    }
    local = {
        str(path.relative_to(lake)): path.read_bytes()
        for folder in folders
        for path in (lake / folder).rglob("*")
        if path.is_file()
    }
    assert local
    names = (name for name in local.keys() | on_s3.keys() if "/ml_model_event/" not in name)
    return sorted(name for name in names if local.get(name) != on_s3.get(name))
