"""The README and the pages of docs name commands, variables, files and pages that are there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion.delivery_log import ArchiveRecord, DeliveryLog, FileRecord, StepRecord

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in [*(ROOT / "profiles").glob("*.yml"), *(ROOT / "tests").rglob("*.py"),
                 *(path for folder in ("ingestion", "ml", "warehouse") for path in (ROOT / folder).rglob("*.py"))]
    if path != Path(__file__)
)  # fmt: skip
# read by boto3 and the command line of AWS
OF_AWS = {"AWS_PROFILE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"}


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request: pytest.FixtureRequest) -> str:
    return request.param.read_text(encoding="utf-8")


def test_there_are_pages_with_commands() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(PAGES) >= 5
    assert len(set(re.findall(r"\bmake ([a-z-]+)\b", text)) & TARGETS) >= 10


def test_every_make_command_of_a_page_is_one(page: str) -> None:
    commands = re.findall(r"(?:`|^|=\S+ )make ([a-z-]+)\b", page, re.MULTILINE)
    assert [command for command in commands if command not in TARGETS] == []


def test_every_variable_of_a_page_is_read(page: str) -> None:
    variables = set(re.findall(r"\b((?:SFTP|AWS|ATHENA|TRINO|LAKE|SAMPLE|DUCKDB|DBT|S3)_[A-Z][A-Z_0-9]*)\b", page))
    unread = {name for name in variables - OF_AWS if f'"{name}"' not in CODE and f"'{name}'" not in CODE}
    assert unread == set()


def test_every_link_and_path_of_a_page_is_there(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page)
    absent = [link for link in links if not any((folder / link).exists() for folder in (ROOT, ROOT / "docs"))]
    named = re.findall(r"`((?:tests|docs|dbt_project|macros|seeds|ingestion|ml|warehouse|benchmarks)/[\w./-]+)`", page)
    assert [*absent, *(path for path in named if not (ROOT / path).exists() and "target/" not in path)] == []


def test_the_page_about_ingestion_names_every_command_and_every_field_of_a_log() -> None:
    page = (ROOT / "docs/ingestion.md").read_text(encoding="utf-8")
    fields = {
        *DeliveryLog.model_fields,
        *FileRecord.model_fields,
        *ArchiveRecord.model_fields,
        *StepRecord.model_fields,
    }
    named = set(re.findall(r"`(\w+)(?: \w+| --[\w -]+)?`", page))
    assert fields - named == set()
    usage = subprocess.run([sys.executable, "-m", "ingestion", "--help"], capture_output=True, text=True, check=True)
    (commands,) = re.findall(r"{([\w,]+)}", usage.stdout)[:1]
    assert set(commands.split(",")) - named == set()
