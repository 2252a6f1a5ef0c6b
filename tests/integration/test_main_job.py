"""`make run` as a stranger runs it, and its marts held against the same marts computed a second time in pandas."""

import csv
import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pytest
import rarfile

from tests.integration.cells import differences, read_mart
from tests.integration.recomputation import KEYS, recompute

ROOT = Path(__file__).resolve().parents[2]
MONTHS = ("2026-08", "2026-09", "2026-10", "2026-11")
STEPS = [f"[{number}/8]" for number in range(1, 9)]


@dataclass(frozen=True)
class Job:
    folder: Path

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def make(self, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("SFTP_", "MAKE", "MFLAGS"))
        }
        return subprocess.run(
            ["make", target], cwd=ROOT, capture_output=True, text=True, check=False,
            env=inherited | {
                "LAKE": str(self.lake),
                "WAREHOUSE": str(self.folder / "warehouse.duckdb"),
                "SAMPLE_DELIVERIES": str(self.folder / "sample"),
                "DBT_TARGET_PATH": str(self.folder / "target"),
                "MONTH": "",
            } | environment,
        )  # fmt: skip

    def query(self, sql: str, warehouse: str = "warehouse.duckdb") -> list[tuple]:
        with duckdb.connect(str(self.folder / warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def recomputed(self, month: str, **variables: int) -> dict[str, pd.DataFrame]:
        """Unpack what was delivered and compute the marts as of a month."""
        texts = self.folder / "texts"
        for archive in self.lake.glob("DATA/RAW_DATA/*/*.rar"):
            if not (texts / archive.parent.name / f"{archive.stem}.txt").exists():
                rarfile.RarFile(archive).extractall(texts / archive.parent.name)
        return recompute(texts, ROOT / "seeds", month, **variables)

    def differences(self, mart: str, marts: dict[str, pd.DataFrame], warehouse: str = "warehouse.duckdb") -> list[str]:
        return differences(mart, read_mart(self.folder / warehouse, mart), marts[mart], KEYS[mart])


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return Job(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def first_run(job: Job) -> str:
    finished = job.make("run")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def latest(job: Job, first_run: str) -> dict[str, pd.DataFrame]:
    return job.recomputed(MONTHS[-1])


def landed(lake: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in lake.glob("DATA/*_DATA*/**/*") if path.is_file()}


def test_every_step_is_announced_and_the_summary_comes_last(first_run):
    places = [first_run.index(step) for step in STEPS]
    assert places == sorted(places)
    summary = first_run[places[-1] :]
    for word in ("companies", "users", "training rows", "lift at the top 1 %", "average precision", "lead"):
        assert word in summary


def test_users_are_those_that_the_sample_planted(job, first_run):
    truth = json.loads((job.folder / "sample" / "manifest.json").read_text(encoding="utf-8"))["truth"]
    found = job.query("select company_number, cast(first_charge_date as varchar) from marts.users")
    assert dict(found) == truth["users"]


@pytest.mark.parametrize("mart", KEYS)
def test_every_cell_of_a_mart_is_what_the_definitions_say(job, latest, mart):
    assert job.differences(mart, latest) == []


def test_the_marts_have_every_kind_of_row(latest):
    assert len(latest["users"]) > 100
    assert set(latest["users_not_users"]["status"]) == {"user", "becomes_user", "not_user", "unknown"}
    assert latest["lagged_financials"]["previous_accounts_date"].notna().mean() > 0.5
    assert set(latest["to_train"]["label"]) == {0, 1}
    assert set(latest["to_predict"]["is_eligible"]) == {True, False}


def test_negatives_are_sampled_by_hash(job, first_run):
    reduced = job.folder / "reduced"
    reduced.mkdir()
    shutil.copy(job.folder / "warehouse.duckdb", reduced)
    environment = {"WAREHOUSE": str(reduced / "warehouse.duckdb"), "DBT_TARGET_PATH": str(job.folder / "target")}
    build = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", "run", "--select",
         "int_not_user_sample", "int_training_rows__screened", "to_train",
         "--project-dir", "dbt_project", "--profiles-dir", "profiles", "--vars", "{non_user_rows: 700}"],
        cwd=ROOT, check=False, capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip
    assert build.returncode == 0, build.stdout
    marts = job.recomputed(MONTHS[-1], non_user_rows=700)
    assert marts["to_train"]["label"].value_counts()[0] == 700
    assert job.differences("to_train", marts, "reduced/warehouse.duckdb") == []


def test_leads_are_the_eligible_companies_best_first(job, first_run):
    leads = job.query("select lead_rank, company_number, precision_rank, reason_1 from marts.leads")
    eligible = job.query("select company_number from marts.to_predict where is_eligible")
    assert [row[0] for row in leads] == list(range(1, len(eligible) + 1))
    assert {row[1] for row in leads} == {row[0] for row in eligible}
    assert [row[2] for row in leads] == sorted(row[2] for row in leads)
    assert all(row[3] for row in leads[:100])


def test_lists_are_the_predictions(job, first_run):
    folder = job.lake / "ALGORITHM/20261101/DATA/PREDICT/LIST_POSITIVE_CLASS"

    def read(name: str) -> list[dict[str, str]]:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    rows = job.query("select company_number, model_name, score, probability from ml.predictions")
    assert {(row["company_number"], row["model_name"]) for row in read("full_prediction")} == {row[:2] for row in rows}
    high = {row[:2] for row in rows if row[2] >= 0.75}
    assert {(row["company_number"], row["model_name"]) for row in read("full_prediction_proba_75")} == high
    assert [row["company_number"] for row in read("reg_prediction_proba_75")] == sorted({number for number, _ in high})
    assert all(0 < row[3] < 1 for row in rows)


def test_a_second_ingest_lands_nothing_and_says_so(job, first_run):
    files = landed(job.lake)
    second = job.make("ingest")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "nothing downloaded, nothing landed" in second.stdout
    assert landed(job.lake) == files


def test_a_past_month_is_built_as_it_was_known_then(job, first_run):
    past = {"WAREHOUSE": str(job.folder / "past.duckdb"), "MONTH": "2026-09"}
    finished = job.make("build", **past)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    marts = job.recomputed("2026-09")
    assert [sentence for mart in KEYS for sentence in job.differences(mart, marts, "past.duckdb")] == []
    assert job.query("select horizon_date, snapshot_month from marts.horizon", "past.duckdb") == [
        (dt.date(2026, 9, 1), "2026-09")
    ]


def test_unit_tests_hold_whatever_month_is_built(job, first_run):
    finished = subprocess.run(
        [sys.executable, "-m", "warehouse", "dbt", "test", "--select", "test_type:unit"],
        cwd=ROOT, check=False, capture_output=True, text=True,
        env=os.environ | {"WAREHOUSE": str(job.folder / "warehouse.duckdb"), "MONTH": "2000-01",
                          "DBT_TARGET_PATH": str(job.folder / "target")},
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout


def test_a_command_that_cannot_work_says_why_and_ends_non_zero(job, first_run):
    for target, month, sentence in (
        ("ingest", "2031-01", "no delivery of MONTH=2031-01"),
        ("build", "2031-01", "no delivery of MONTH=2031-01 has landed"),
        ("train", "2031-01", "2031-01"),
        ("predict", "2031-01", "2031-01"),
        ("build", "2026-13", "MONTH=2026-13 is not a month"),
    ):
        finished = job.make(target, MONTH=month)
        assert finished.returncode != 0
        assert sentence in finished.stderr
        assert "Traceback" not in finished.stderr


@pytest.fixture(scope="module")
def reported(job: Job, first_run: str) -> Path:
    """The folder of the reports, with the documentation among them."""
    for target in ("report", "docs"):
        finished = job.make(target)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    return job.lake / "ANALYSIS"


def test_docs_are_one_page(job, reported):
    page = (job.folder / "target" / "static_index.html").read_text(encoding="utf-8")
    assert "model.bookdebts.leads" in page
    assert "source.bookdebts.ukltd.ci01" in page


def test_an_index_page_leads_to_the_documentation_the_reports_the_workbook_and_the_lists(reported):
    page = (reported / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="((?!#|data:)[^"]+)"', page)
    assert all((reported / link).is_file() for link in links)
    day = f"{MONTHS[-1].replace('-', '')}01"
    (evaluation,) = (path.name for path in (reported / day).glob("evaluation_*.html"))
    lists = f"../ALGORITHM/{day}/DATA/PREDICT/LIST_POSITIVE_CLASS"
    assert {
        "docs/static_index.html", "docs/lineage.svg", "docs/marts.svg", f"{day}/insights.html", f"{day}/{evaluation}",
        f"{day}/leads_{MONTHS[-1]}.xlsx", f"{day}/leads_{MONTHS[-1]}.csv", f"{lists}/full_prediction.csv",
    } <= set(links)  # fmt: skip


def test_the_workbook_has_every_lead_and_explains_every_column(job, reported):
    (path,) = reported.rglob("*.xlsx")
    book = openpyxl.load_workbook(path, read_only=True)
    head, *given = book["Leads"].iter_rows(values_only=True)
    one_line = "regexp_replace(company_name, '\\s', ' ', 'g')"
    leads = job.query(f"select lead_rank, company_number, {one_line} from marts.leads order by lead_rank")
    assert [row[:3] for row in given] == leads
    _, *explained = book["Columns"].iter_rows(values_only=True)
    described = job.query("describe marts.leads")
    assert [(name, column) for name, column, _ in explained] == [
        (heading, column[0]) for heading, column in zip(head, described, strict=True)
    ]
    assert all(len(words) > 10 for _, _, words in explained)
    with path.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        assert [row[1] for row in csv.reader(file)][1:] == [number for _, number, _ in leads]
