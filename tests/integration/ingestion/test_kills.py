"""A landing killed before every one of its steps: nothing half is ever shown, and the next run makes up for it.

A few of the steps are tried, `FAULTS=all` tries every one; each of these tests says how many there are.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from faults import Landings, chosen
from lakes import FolderLakes, S3Lakes, Trial
from vendor import CONTRACT, LATER, S3Site, Site, deliver, pack, text

from ingestion.delivery_log import read_logs
from ingestion.reporting import Report
from ingestion.verification import verify
from warehouse.errors import UserError
from warehouse.lake import Lake

OCTOBER = "UKLTD_M_20261001"
TRIED, TRIED_ON_S3 = 8, 4
# A step on S3 is one more request, and each file makes the same ones, so few files are enough there.
FILES, FILES_ON_S3 = tuple(CONTRACT.tables), ("CI01", "AC01", "MR01")


def kill_everywhere(
    lakes: FolderLakes | S3Lakes,
    before: Trial | None,
    capsys: pytest.CaptureFixture[str],
    files: Sequence[str] = FILES,
    at_most: int = TRIED,
) -> Trial:
    """Die before each step of a landing, from the same start; then land again, and compare with one undisturbed."""
    landings = Landings((lakes.folder,), files)
    trial = lakes.new(before)
    ended = landings.run(trial.environment)
    assert ended.is_quiet
    assert ended.steps is not None
    undisturbed, steps, tried = trial.state(), ended.steps, 0
    for step in chosen(steps, at_most):
        trial = lakes.new(before)
        assert landings.run(trial.environment, die_before=step).is_killed, f"step {step} never came"
        trial.check_whole()
        trial.end_the_hold()
        assert landings.run(trial.environment).is_quiet
        assert trial.state() == undisturbed, f"killed before step {step} of {steps}"
        tried += 1
    with capsys.disabled():
        print(f"\n{tried} of {steps} steps tried")
    return trial


def deliver_one_with_a_ragged_line(site: Site, files: Sequence[str] = FILES) -> None:
    pack(deliver(site.deliveries, OCTOBER, files), "CI01", text("CI01", rows=9) + b"ragged\r\n")


def land_and_deliver_again(site: Site, landed: Trial, files: Sequence[str] = FILES) -> None:
    """Land a delivery; in what is delivered then, rejected lines come and go."""
    folder = deliver(site.deliveries, OCTOBER, files)
    pack(folder, "CI01", text("CI01", rows=9) + b"ragged\r\n")
    pack(folder, "AC01", text("AC01", rows=4) + b"ragged\r\n")
    assert Landings((landed.folder,), files).run(landed.environment).is_quiet
    os.utime(pack(folder, "CI01", text("CI01", rows=5)), (LATER, LATER))
    os.utime(pack(folder, "MR01", text("MR01", rows=5) + b"ragged\r\n"), (LATER, LATER))


def test_a_first_landing_killed_before_any_step(site: Site, tmp_path: Path, capsys) -> None:
    deliver_one_with_a_ragged_line(site)
    kill_everywhere(FolderLakes(tmp_path / "run"), None, capsys)


def test_a_landing_again_killed_before_any_step(site: Site, tmp_path: Path, capsys) -> None:
    first = FolderLakes(tmp_path / "first").new()
    land_and_deliver_again(site, first)
    again = kill_everywhere(FolderLakes(tmp_path / "run"), first, capsys)
    assert len(json.loads((again.root / f"LOGS_FTP_EXECUTION/LOG_{OCTOBER}.json").read_bytes())["files"]) == 13


def test_a_first_landing_on_s3_killed_before_any_step(s3_site: S3Site, tmp_path: Path, capsys) -> None:
    deliver_one_with_a_ragged_line(s3_site, FILES_ON_S3)
    kill_everywhere(S3Lakes(s3_site, tmp_path / "run"), None, capsys, FILES_ON_S3, TRIED_ON_S3)


def test_a_landing_again_on_s3_killed_before_any_step(s3_site: S3Site, tmp_path: Path, capsys) -> None:
    first = S3Lakes(s3_site, tmp_path / "first").new()
    land_and_deliver_again(s3_site, first, FILES_ON_S3)
    kill_everywhere(S3Lakes(s3_site, tmp_path / "run"), first, capsys, FILES_ON_S3, TRIED_ON_S3)


def test_what_kills_leave_is_never_a_landing_that_verify_takes_for_whole(site: Site, tmp_path: Path) -> None:
    deliver(site.deliveries, OCTOBER)
    trial = FolderLakes(tmp_path / "run").new()
    assert Landings((trial.folder,)).run(trial.environment).is_quiet
    (path,) = trial.root.glob("DATA/UNZIP_DATA_APPEND_ALL/MR02/*/*.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="faults"):
        verify(Lake(trial.root), read_logs(Lake(trial.root)), Report())
