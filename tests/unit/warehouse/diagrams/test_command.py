"""`python -m warehouse diagrams` and `publish`."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.unit.warehouse.diagrams.manifests import manifest, model

ROOT = Path(__file__).resolve().parents[4]


def run(command: str, target: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "warehouse", command],
        cwd=ROOT, env=os.environ | {"DBT_TARGET_PATH": str(target), "LAKE": str(target / "lake")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_pictures_are_written_beside_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest([model("orders", "marts")])), encoding="utf-8")
    done = run("diagrams", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"wrote {tmp_path}/lineage.svg", f"wrote {tmp_path}/marts.svg"]
    assert all(">orders<" in (tmp_path / name).read_text(encoding="utf-8") for name in ("lineage.svg", "marts.svg"))


def test_without_a_manifest_the_next_step_is_named(tmp_path: Path) -> None:
    done = run("diagrams", tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path} holds no manifest of dbt; run `make docs`\n"


def test_the_documentation_and_the_pictures_are_published_among_the_reports(tmp_path: Path) -> None:
    for name in ("static_index.html", "lineage.svg", "marts.svg"):
        (tmp_path / name).write_text(f"content of {name}", encoding="utf-8")
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    done = run("publish", tmp_path)
    assert done.returncode == 0, done.stderr
    docs = tmp_path / "lake/ANALYSIS/docs"
    published = {path.name: path.read_text(encoding="utf-8") for path in docs.iterdir()}
    assert published == {name: f"content of {name}" for name in ("static_index.html", "lineage.svg", "marts.svg")}
    assert set(done.stdout.splitlines()) == {f"wrote {docs / name}" for name in published}


def test_nothing_is_published_where_something_is_missing(tmp_path: Path) -> None:
    (tmp_path / "static_index.html").write_text("page", encoding="utf-8")
    done = run("publish", tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path} holds no lineage.svg; run `make docs`\n"
    assert not (tmp_path / "lake").exists()
