"""`python -m warehouse diagrams`."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.unit.warehouse.diagrams.manifests import manifest, model

ROOT = Path(__file__).resolve().parents[4]


def diagrams(target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "warehouse", "diagrams"],
        cwd=ROOT, env=os.environ | {"DBT_TARGET_PATH": str(target)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_pictures_are_written_beside_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest([model("orders", "marts")])), encoding="utf-8")
    done = diagrams(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"wrote {tmp_path}/lineage.svg", f"wrote {tmp_path}/marts.svg"]
    assert all(">orders<" in (tmp_path / name).read_text(encoding="utf-8") for name in ("lineage.svg", "marts.svg"))


def test_without_a_manifest_the_next_step_is_named(tmp_path: Path) -> None:
    done = diagrams(tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path} holds no manifest of dbt; run `make docs`\n"
