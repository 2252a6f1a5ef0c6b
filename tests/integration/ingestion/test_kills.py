"""A landing killed before every one of its steps: nothing half is ever shown, and the next run makes up for it.

The suite tries some of the steps, `FAULTS=all` every one: then each of these tests says how many there are.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from faults import Landings
from vendor import LATER, QUERY_LOGS, Site, deliver, pack, text

from ingestion.delivery_log import read_logs
from ingestion.reporting import Report
from ingestion.verification import verify
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.storage import sha256

OCTOBER = "UKLTD_M_20261001"
TRIED = 8


def content(lake: Path) -> dict[str, bytes]:
    files = (path for path in lake.rglob("*") if path.is_file() and QUERY_LOGS not in path.parts)
    return {str(path.relative_to(lake)): path.read_bytes() for path in files}


def chosen(steps: int) -> Iterator[int]:
    """Steps to die before: all, or some that are spread over them, the last ones among them."""
    if os.environ.get("FAULTS") == "all":
        yield from range(steps)
        return
    yield from sorted({round(step * (steps - 1) / (TRIED - 1)) for step in range(TRIED)})


def environment(site: Site, folder: Path) -> dict[str, str]:
    names = ("SFTP_HOST", "SFTP_PORT", "SFTP_USER", "SFTP_PASSWORD", "SFTP_HOST_KEY", "SFTP_ROOT")
    return {name: os.environ[name] for name in names} | {
        "LAKE": str(folder / "lake"), "WAREHOUSE": str(folder / "warehouse.duckdb"), "MONTH": "",
    }  # fmt: skip


def is_whole(lake: Path) -> None:
    """What the logs say has landed is there, to the byte; a reader goes by them."""
    for log in (log for log in read_logs(Lake(lake)) if log.status == "landed"):
        named = {log.landed_files: log.landed_files_sha256}
        for record in log.files:
            named |= {record.parquet: record.parquet_sha256}
            named |= {record.rejected: record.rejected_sha256} if record.rejected else {}
        assert {name: sha256(lake / name) for name in named} == named


def kill_everywhere(site: Site, tmp_path: Path, before: Path | None, capsys: pytest.CaptureFixture[str]) -> None:
    """Die before each step of a landing, from the same start; then land again, and compare with one undisturbed."""
    work = tmp_path / "run"
    landings = Landings((work,))

    def begin() -> Mapping[str, str]:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        if before is not None:
            shutil.copytree(before, work, dirs_exist_ok=True)
        return environment(site, work)

    steps = landings.run(begin())
    assert steps is not None
    undisturbed = content(work / "lake")
    tried = 0
    for step in chosen(steps):
        variables = begin()
        assert landings.run(variables, die_before=step) is None, f"step {step} never came"
        is_whole(work / "lake")
        assert landings.run(variables) is not None
        assert content(work / "lake") == undisturbed, f"killed before step {step} of {steps}"
        tried += 1
    with capsys.disabled():
        print(f"\n{tried} of {steps} steps tried")


def test_a_first_landing_killed_before_any_step(site: Site, tmp_path: Path, capsys) -> None:
    pack(deliver(site.deliveries, OCTOBER), "CI01", text("CI01", rows=9) + b"ragged\r\n")
    kill_everywhere(site, tmp_path, None, capsys)


def test_a_landing_again_killed_before_any_step(site: Site, tmp_path: Path, capsys) -> None:
    folder = deliver(site.deliveries, OCTOBER)
    pack(folder, "CI01", text("CI01", rows=9) + b"ragged\r\n")
    pack(folder, "AC01", text("AC01", rows=4) + b"ragged\r\n")
    first = tmp_path / "first"
    first.mkdir()
    assert Landings((first,)).run(environment(site, first)) is not None
    os.utime(pack(folder, "CI01", text("CI01", rows=5)), (LATER, LATER))
    os.utime(pack(folder, "MR01", text("MR01", rows=5) + b"ragged\r\n"), (LATER, LATER))
    kill_everywhere(site, tmp_path, first, capsys)
    assert len(json.loads((tmp_path / f"run/lake/LOGS_FTP_EXECUTION/LOG_{OCTOBER}.json").read_text())["files"]) == 13


def test_what_kills_leave_is_never_a_landing_that_verify_takes_for_whole(site: Site, tmp_path: Path) -> None:
    deliver(site.deliveries, OCTOBER)
    variables = environment(site, tmp_path)
    assert Landings((tmp_path,)).run(variables) is not None
    (path,) = (tmp_path / "lake").glob("DATA/UNZIP_DATA_APPEND_ALL/MR02/*/*.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="faults"):
        verify(Lake(tmp_path / "lake"), read_logs(Lake(tmp_path / "lake")), Report())
