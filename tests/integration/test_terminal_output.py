"""What the commands themselves show: on a terminal, in a pipe, quiet, without colours, and when they fail."""

import re
import shutil

import duckdb
import pytest

from tests.terminal import in_pipes, on_terminal
from tests.unit.ml.synthetic import Planted, make_world, write_warehouse

# quick, but long enough for a bar
SHORT = [
    "nthread=1", "company_folds=5", "test_windows=1", "canaries.shuffles=2", "promotion.calibration_error=5",
    "models.precision.minimum_rounds=200", "models.precision.maximum_rounds=400",
    "models.recall.minimum_rounds=200", "models.recall.maximum_rounds=400",
]  # fmt: skip
OVERRIDES = [word for text in SHORT for word in ("-o", text)]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A folder with a small sample, and the environment that names it."""
    folder = tmp_path_factory.mktemp("sample")
    places = {"LAKE": folder / "lake", "WAREHOUSE": folder / "warehouse.duckdb", "SAMPLE_DELIVERIES": folder / "sample"}
    environment = {name: str(path) for name, path in places.items()} | {"SFTP_HOST": "", "MONTH": ""}
    assert in_pipes(["-m", "ingestion", "sample", "--companies", "2000"], **environment).returncode == 0
    return folder, environment


def test_a_sample_is_drawn_beside_a_bar_that_leaves_one_line(tmp_path):
    sample = ["-m", "ingestion", "sample", "--companies", "20000"]
    environment = {"SAMPLE_DELIVERIES": str(tmp_path), "SFTP_HOST": ""}
    session = on_terminal(sample, NO_COLOR="1", **environment)
    assert session.status == 0
    assert session.screen == [f"made deliveries of 20,000 companies in {tmp_path}"]
    assert any(bar.startswith("drawing companies") and " of 20,000" in bar for bar in session.bars)
    assert "\x1b" not in session.output
    again = in_pipes(sample, **environment)
    assert again.stdout == f"there are already deliveries of 20,000 companies in {tmp_path}\n"
    assert again.stderr == ""


def test_a_quiet_ingestion_says_nothing_and_what_was_asked_for_is_told(sample):
    _, environment = sample
    ingest = on_terminal(["-m", "ingestion", "ingest", "--quiet"], **environment)
    assert (ingest.status, ingest.output) == (0, "")
    assert on_terminal(["-m", "ingestion", "verify"], QUIET="1", **environment).output == ""
    status = in_pipes(["-m", "ingestion", "status", "--quiet"], **environment)
    assert status.stdout == in_pipes(["-m", "ingestion", "status"], **environment).stdout
    assert "UKLTD_S_20260801" in status.stdout


def test_a_quiet_ingestion_that_fails_says_why_on_standard_error(sample, tmp_path):
    _, environment = sample
    shutil.copytree(environment["LAKE"], tmp_path / "lake")
    landed = next((tmp_path / "lake").rglob("CI01_S_20260801.parquet"))
    landed.write_bytes(landed.read_bytes()[:-1])
    finished = in_pipes(["-m", "ingestion", "verify", "--quiet"], **environment | {"LAKE": str(tmp_path / "lake")})
    assert finished.returncode == 1
    assert finished.stdout == f"  {landed} is not what was landed, its SHA-256 is another\n"
    assert finished.stderr.startswith(f"error: the lake {tmp_path / 'lake'} is not as its logs say")


def test_lines_for_machines_are_the_same_on_a_terminal(sample, tmp_path):
    _, environment = sample
    places = {"LAKE": str(tmp_path / "lake"), "WAREHOUSE": str(tmp_path / "warehouse.duckdb")}
    session = on_terminal(["-m", "ingestion", "ingest", "--log-format", "json"], **environment | places)
    assert session.status == 0
    assert not session.bars
    assert all(line.startswith('{"time": ') for line in session.screen)


def test_dbt_shows_its_nodes_and_keeps_its_colours_to_itself(tmp_path):
    build = ["-m", "warehouse", "dbt", "build", "--select", "int_horizon+1", "--resource-type", "model"]
    folders = {"LAKE": "lake", "WAREHOUSE": "warehouse.duckdb", "DBT_TARGET_PATH": "dbt"}
    environment = {name: str(tmp_path / path) for name, path in folders.items()}
    session = on_terminal(build, NO_COLOR="1", **environment)
    assert session.status == 1
    assert "\x1b" not in session.output
    assert any(bar.startswith("dbt: reading the project  0:0") for bar in session.bars)
    assert any("not rebuilt, as an earlier build left them" in line for line in session.screen)
    assert not any("━" in line or "─" in line for line in session.screen)
    quiet = on_terminal([*build, "--quiet"], **environment)
    assert quiet.status == 1
    assert not quiet.bars
    assert "not rebuilt, as an earlier build left them" in quiet.output
    assert "\x1b[31m" in quiet.output


def test_models_are_trained_and_applied_beside_bars_or_in_silence(tmp_path):
    environment = {"LAKE": str(tmp_path / "lake"), "WAREHOUSE": str(tmp_path / "warehouse.duckdb"), "MONTH": ""}
    write_warehouse(tmp_path / "warehouse.duckdb", make_world(Planted()))
    train = ["-m", "ml", "train", *OVERRIDES]
    session = on_terminal(train, NO_COLOR="1", **environment)
    assert session.status == 0, session.output
    assert any(bar.startswith("testing both models  ━") for bar in session.bars)
    assert "\x1b" not in session.output
    assert all(line.startswith("train: ") for line in session.screen)
    in_a_pipe = in_pipes(train, **environment)
    assert in_a_pipe.stderr == ""
    is_the_same = [line for line in in_a_pipe.stdout.splitlines() if "champion" not in line]
    assert is_the_same == [line for line in session.screen if "champion" not in line]
    quiet = on_terminal(["-m", "ml", "predict", "--quiet", *OVERRIDES], **environment)
    assert quiet.status == 0
    # a warning is no less one for that
    assert re.fullmatch(r"predict: moved from training by a stability index above 0.1: .*\r\n", quiet.output)


def test_a_quiet_prediction_that_cannot_be_made_says_why(tmp_path):
    environment = {"LAKE": str(tmp_path / "lake"), "WAREHOUSE": str(tmp_path / "warehouse.duckdb"), "MONTH": ""}
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")):
        pass
    finished = in_pipes(["-m", "ml", "predict", "--quiet"], **environment)
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.startswith("error: ")
    assert finished.stderr.count("\n") == 1
