"""S3 refuses, breaks off or loses an answer, at any request of a run, once or from then on.

What passes is asked for again and leaves no trace; what does not ends the run in one sentence, shows nothing half, and
the next run makes up for it. A few of the faults are tried, `FAULTS=all` tries each kind at every request.
"""

import os
from collections import Counter
from pathlib import Path

import pytest
from faults import Ended, Landings, chosen
from lakes import S3Lakes, Trial
from refusals import CHANGED, CUT, HALF, HOST, LOST, REFUSALS, Harm, Refusals
from vendor import LATER, S3Site, deliver, pack, text

from tests.s3_store import Store
from warehouse import s3
from warehouse.errors import UserError
from warehouse.s3 import leased

OCTOBER = "UKLTD_M_20261001"
PASSING = {"SlowDown", "InternalError", CUT, LOST, HALF}
KINDS = (*REFUSALS, CUT, LOST, HALF)
TRIED = 6
# A request is asked for each file alike, so few files are enough.
FILES = ("CI01", "AC01")


def all_harm(requests: int, conditional: list[int]) -> list[Harm]:
    return [
        Harm(kind, at, is_lasting)
        for kind in KINDS
        for is_lasting in (False, True)
        for at in range(requests)
        if kind != CHANGED or at in conditional
    ]


def outcome(ended: Ended) -> str:
    if ended.status == 0:
        return "landed" if ended.is_quiet else "landed, with a warning"
    assert ended.sentence is not None, ended
    assert "; " in ended.sentence, "a sentence names the next step"
    return "one sentence"


def harm_everywhere(site: S3Site, store: Store, folder: Path, before: Trial | None, capsys) -> None:
    lakes, landings = S3Lakes(site, folder), Landings((folder,), FILES)
    outcomes: Counter[tuple[str, str, str]] = Counter()
    with Refusals(store.port) as between:
        through = {"AWS_ENDPOINT_URL_S3": f"http://{HOST}:{between.port}", "AWS_MAX_ATTEMPTS": "3"}
        trial = lakes.new(before)
        assert landings.run(trial.environment | through).is_quiet
        undisturbed, requests = trial.state(), between.requests
        faults = all_harm(requests, between.conditional)
        for number in chosen(len(faults), TRIED):
            harm = faults[number]
            trial = lakes.new(before)
            between.begin(harm)
            ended = landings.run(trial.environment | through)
            came_to = outcome(ended)
            outcomes[harm.kind, "from then on" if harm.is_lasting else "once", came_to] += 1
            trial.check_whole()
            if harm.kind in PASSING and not harm.is_lasting:
                assert ended.is_quiet, (harm, ended)
            if ended.status != 0:
                trial.end_the_hold()
                assert landings.run(trial.environment).is_quiet
            assert trial.state() == undisturbed, harm
    with capsys.disabled():
        print(f"\n{outcomes.total()} of {len(faults)} faults at {requests} requests tried")
        for (kind, times, came_to), count in sorted(outcomes.items()):
            print(f"  {kind:<20} {times:<13} {came_to:<23} {count:>5}")


def test_a_first_landing_while_s3_refuses_any_request(s3_site: S3Site, store: Store, tmp_path: Path, capsys) -> None:
    pack(deliver(s3_site.deliveries, OCTOBER, FILES), "CI01", text("CI01", rows=9) + b"ragged\r\n")
    harm_everywhere(s3_site, store, tmp_path / "run", None, capsys)


def test_a_landing_again_while_s3_refuses_any_request(s3_site: S3Site, store: Store, tmp_path: Path, capsys) -> None:
    pack(deliver(s3_site.deliveries, OCTOBER, FILES), "CI01", text("CI01", rows=9) + b"ragged\r\n")
    first = S3Lakes(s3_site, tmp_path / "first").new()
    assert Landings((first.folder,), FILES).run(first.environment).is_quiet
    os.utime(pack(s3_site.deliveries / OCTOBER, "CI01", text("CI01", rows=5)), (LATER, LATER))
    harm_everywhere(s3_site, store, tmp_path / "run", first, capsys)


@pytest.fixture
def between(s3_site: S3Site, store: Store, monkeypatch: pytest.MonkeyPatch):
    """What stands before the store for this process."""
    with Refusals(store.port) as refusals:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{HOST}:{refusals.port}")
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.01)
        yield refusals


def test_a_conditional_write_whose_answer_is_lost_is_known_as_our_own(s3_site: S3Site, between: Refusals) -> None:
    path = s3_site.lake / "log"
    between.begin(Harm(LOST, at=0))
    version = path.write_bytes(b"first", over=None)
    between.begin(Harm(LOST, at=0))
    path.write_bytes(b"second", over=version)
    assert between.requests > 1  # it was asked again, and refused, and looked
    assert path.read_bytes() == b"second"


def test_a_hold_whose_answer_is_lost_is_held(s3_site: S3Site, between: Refusals) -> None:
    lock = s3_site.lake / ".work/test.lock"
    between.begin(Harm(LOST, at=1))
    with leased(lock, "test"), pytest.raises(UserError, match="another test"), leased(lock, "test"):
        pass


def test_an_object_whose_bytes_break_off_is_read_again(s3_site: S3Site, between: Refusals) -> None:
    path = s3_site.lake / "log"
    path.write_bytes(b"of many bytes")
    between.begin(Harm(HALF, at=0))
    assert path.read_bytes() == b"of many bytes"
    between.begin(Harm(HALF, at=0, is_lasting=True))
    with pytest.raises(UserError, match="cannot be reached"):
        path.read_bytes()
    assert between.requests >= s3.READS


def test_a_download_that_breaks_off_again_and_again_is_one_sentence(
    s3_site: S3Site, between: Refusals, tmp_path: Path
) -> None:
    path = s3_site.lake / "archive"
    path.write_bytes(bytes(100_000))
    between.begin(Harm(HALF, at=0))
    path.download(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == bytes(100_000)
    between.begin(Harm(HALF, at=1, is_lasting=True))
    with pytest.raises(UserError, match="breaks off again and again"):
        path.download(tmp_path / "copy")
