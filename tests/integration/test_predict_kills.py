"""A prediction that is killed at any of its steps and run again writes the same bytes as one that was not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ml.train import train
from tests.integration.test_ml_train_predict import SETTINGS, content, rows
from tests.unit.ml.synthetic import Planted, make_world, write_warehouse
from warehouse.settings import Settings as Environment

ROOT = Path(__file__).resolve().parents[2]
PART_ROWS = 100  # four parts of the 376 companies
# four parts, drift, reasons, predictions, three lists, and the log of the queries that register them
PUBLICATIONS = 11

# Dies without a word, as by SIGKILL, before or after the publication whose number is given.
KILLED = """
import os, sys
from pathlib import Path
import warehouse.storage as storage
from ml.predict import predict
from ml.settings import Settings
from warehouse.settings import Settings as Environment

lake, warehouse, settings, number, after = sys.argv[1:]
publish, published = storage.publish, 0

def dying(*arguments, **options):
    global published
    published += 1
    if published == int(number) and after == "before":
        os._exit(9)
    publish(*arguments, **options)
    if published == int(number):
        os._exit(9)

storage.publish = dying
predict(Environment(Path(lake), Path(warehouse), None), Settings.model_validate_json(settings))
print("published", published)
"""


def run(environment: Environment, number: int, when: str) -> subprocess.CompletedProcess[str]:
    settings = SETTINGS.model_copy(update={"part_rows": PART_ROWS, "batch_rows": 50}).model_dump_json()
    return subprocess.run(
        [sys.executable, "-c", KILLED, environment.lake, environment.warehouse, settings, str(number), when],
        cwd=ROOT, env=os.environ | {"MONTH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    environment = Environment(folder / "lake", folder / "warehouse.duckdb", None)
    write_warehouse(environment.warehouse, make_world(Planted()))
    train(environment, SETTINGS)
    return environment


@pytest.fixture
def copied(trained, tmp_path):
    shutil.copytree(trained.lake, tmp_path / "lake")
    shutil.copy(trained.warehouse, tmp_path / "warehouse.duckdb")
    return Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None)


@pytest.fixture(scope="module")
def undisturbed(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(trained.lake, folder / "lake")
    shutil.copy(trained.warehouse, folder / "warehouse.duckdb")
    environment = Environment(folder / "lake", folder / "warehouse.duckdb", None)
    ended = run(environment, 0, "never")
    assert ended.returncode == 0, ended.stderr
    assert f"published {PUBLICATIONS}" in ended.stdout
    return environment


@pytest.mark.parametrize(
    ("number", "when", "resumed"),
    [(1, "before", 0), (1, "after", 100), (3, "before", 200), (4, "after", 376), (5, "after", 376), (6, "after", 376),
     (7, "before", 376), (7, "after", 376), (8, "after", 0), (10, "before", 0)],
)  # fmt: skip
def test_a_killed_prediction_is_taken_up_and_leaves_no_trace(undisturbed, copied, number, when, resumed):
    killed = run(copied, number, when)
    assert killed.returncode == 9, killed.stderr
    again = run(copied, 0, "never")
    assert again.returncode == 0, again.stderr
    said = f"376 companies scored by both models, {resumed} of them by a run that did not end"
    assert (said in again.stdout) == bool(resumed)
    assert content(copied.lake) == content(undisturbed.lake)
    counted = "select model_name, count(*), max(rank) from ml.predictions group by 1 order by 1"
    assert rows(copied.warehouse, counted) == [("precision", 376, 376), ("recall", 376, 376)]
