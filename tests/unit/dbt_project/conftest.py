"""The manifest of the dbt project, compiled once for all its checks, for a month that no other SQL names."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD_MONTH = "2000-01"


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("target")
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", "compile", "--no-partial-parse",
         "--project-dir", "dbt_project", "--profiles-dir", "profiles", "--target-path", target],
        cwd=ROOT, env=os.environ | {"WAREHOUSE": ":memory:", "MONTH": BUILD_MONTH, "DO_NOT_TRACK": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)
    content: dict[str, Any] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
