"""The commands of `make run` on a lake in a real S3 store, held against the same on a local lake, both on DuckDB."""

import csv
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml

from ml.settings import SETTINGS_FILE as USUAL_SETTINGS
from tests.s3_store import Store, serve_s3
from warehouse.s3 import S3Path

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "the-lake"
COMPANIES = "3000"
SETTINGS = "settings.yml"
ONLY_TABLES = ("--resource-type", "model", "--resource-type", "seed")
STEPS = (
    ("ingestion", "ingest"),
    ("ml", "register"),
    ("warehouse", "dbt", "build", "--selector", "features", *ONLY_TABLES),
    ("ml", "train", "--settings", SETTINGS),
    ("ml", "predict", "--settings", SETTINGS),
    ("warehouse", "dbt", "build", "--selector", "scores"),
    ("ml", "summary"),
)


@dataclass(frozen=True)
class Run:
    folder: Path
    environment: Mapping[str, str]

    def python(self, *module: str) -> str:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SFTP_", "AWS_"))}
        words = [str(self.settings) if word == SETTINGS else word for word in module]
        finished = subprocess.run(
            [sys.executable, "-m", *words], cwd=ROOT, env=inherited | self.environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    @property
    def settings(self) -> Path:
        """The usual settings, for fewer companies."""
        path = self.folder / SETTINGS
        few = {"minimum_positives": 2, "company_folds": 1, "bootstrap_samples": 20}
        path.write_text(yaml.safe_dump(yaml.safe_load(USUAL_SETTINGS.read_text()) | few))
        return path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"


def run(folder: Path, sample: Path, lake: str, environment: Mapping[str, str]) -> tuple[Run, str]:
    folder.mkdir()
    made = Run(
        folder,
        {
            "LAKE": lake,
            "LAKE_WORK": str(folder / "work"),
            "WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "SAMPLE_DELIVERIES": str(sample),
            "SAMPLE_COMPANIES": COMPANIES,
            "MONTH": "",
        }
        | environment,
    )
    return made, "".join(made.python(*step) for step in STEPS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with serve_s3(tmp_path_factory.mktemp("s3"), BUCKET) as running:
        yield running


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    folder = tmp_path_factory.mktemp("runs")
    return run(folder / "local", folder / "sample", str(folder / "lake"), {})


@pytest.fixture(scope="module")
def on_s3(local: tuple[Run, str], store: Store) -> tuple[Run, str]:
    folder = local[0].folder.parent
    return run(folder / "on_s3", folder / "sample", f"s3://{BUCKET}/country", store.environment)


@pytest.fixture
def both(local: tuple[Run, str], on_s3: tuple[Run, str]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, (made, _) in {"local": local, "on_s3": on_s3}.items():
            connection.execute(f"attach '{made.warehouse}' as {name} (read_only)")
        yield connection


@pytest.fixture
def lake(on_s3: tuple[Run, str], store: Store, monkeypatch: pytest.MonkeyPatch) -> S3Path:
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return S3Path(BUCKET, "country")


def test_every_mart_is_that_of_the_local_lake(both: duckdb.DuckDBPyConnection) -> None:
    query = "select table_name from duckdb_tables() where database_name = '{}' and schema_name = 'marts' order by all"
    marts = [row[0] for row in both.execute(query.format("local")).fetchall()]
    assert len(marts) > 15
    assert marts == [row[0] for row in both.execute(query.format("on_s3")).fetchall()]
    different, filled = [], 0
    for mart in marts:
        described = [both.execute(f"describe {name}.marts.{mart}").fetchall() for name in ("local", "on_s3")]
        assert described[0] == described[1]
        # when a row was landed is the one thing that two landings do not share
        columns = ", ".join(row[0] for row in described[0] if not row[0].endswith("loaded_at"))
        (local, on_s3) = (f"select {columns} from {name}.marts.{mart}" for name in ("local", "on_s3"))
        count = f"select count(*) from (({local} except all {on_s3}) union all ({on_s3} except all {local}))"
        different += [mart] * (both.execute(count).fetchone() != (0,))
        filled += both.execute(f"select count(*) > 0 from on_s3.marts.{mart}").fetchone() == (True,)
    assert different == []
    assert filled > 12


def test_predictions_lists_and_artefacts_are_in_the_bucket(lake: S3Path, local: tuple[Run, str]) -> None:
    local_lake = Path(local[0].environment["LAKE"])
    names = {str(path.relative_to(local_lake)) for path in local_lake.rglob("*") if path.is_file()}
    assert {path.key.removeprefix("country/") for path in lake.below() if "/.work/" not in path.key} == names
    folder = "ALGORITHM/20261101/DATA/PREDICT/LIST_POSITIVE_CLASS"
    for name in ("full_prediction", "full_prediction_proba_75", "reg_prediction_proba_75"):
        content = (lake / folder / f"{name}.csv").read_bytes()
        assert content == (local_lake / folder / f"{name}.csv").read_bytes()
        assert next(csv.reader(content.decode().splitlines()))


def test_the_commands_name_places_on_s3(on_s3: tuple[Run, str]) -> None:
    for line in (
        f"evaluation in s3://{BUCKET}/country/ALGORITHM/EVALUATION/evaluation_20261101.json",
        f"s3://{BUCKET}/country/DATA/LIST_USERS_PREDICTED/score_month=2026-11/predictions.parquet",
    ):
        assert line in on_s3[1]


def test_dbt_by_itself_reads_the_lake_too(on_s3: tuple[Run, str]) -> None:
    made = on_s3[0]
    finished = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", "show", "--inline",
         "select count(*) as companies from {{ source('ukltd', 'ci01') }}",
         "--project-dir", "dbt_project", "--profiles-dir", "profiles"],
        cwd=ROOT, env=os.environ | made.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "companies" in finished.stdout


def test_credentials_are_nowhere_in_the_warehouse(on_s3: tuple[Run, str], store: Store) -> None:
    content = on_s3[0].warehouse.read_bytes()
    assert store.secret.encode() not in content
    assert store.key_id.encode() not in content
