"""The clock is set back a day or forward a month, while a run reads it or between two runs: the lake is right.

A few of the readings are tried, `FAULTS=all` sets the clock before each.
"""

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator

import pytest
from faults import StoppedClock, chosen
from proxy import Proxy
from vendor import CONTRACT, LATER, S3Site, Site, archive, deliver, pack, text

from ingestion import discovery, sftp_connection
from ingestion.delivery_log import DeliveryLog, read_logs
from ingestion.partial import DOUBTFUL_BYTES
from warehouse import s3
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import leased

SEPTEMBER, OCTOBER = "UKLTD_M_20260901", "UKLTD_M_20261001"
TABLES = [*(table.name for table in CONTRACT.tables.values()), "landed_files", "rejected_lines"]
BACK, FORWARD = dt.timedelta(days=-1), dt.timedelta(days=31)
TRIED = 2
READERS = ("ingestion.ingest", "ingestion.reporting", "warehouse.query_log")


class Clock:
    """The machine's clock, which somebody sets before a reading of choice."""

    def __init__(self, jump: dt.timedelta, before: int | None) -> None:
        self.readings, self._jump, self._before = 0, jump, before

    def now(self, tz: dt.tzinfo) -> dt.datetime:
        is_set = self._before is not None and self.readings >= self._before
        self.readings += 1
        return dt.datetime.now(tz) + (self._jump if is_set else dt.timedelta())


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Clock]]:
    """Gives a clock to everything that reads one in a run."""

    def set_it(jump: dt.timedelta, before: int | None) -> Clock:
        clock = Clock(jump, before)
        for module in READERS:
            monkeypatch.setattr(f"{module}.datetime", clock)
        return clock

    yield set_it


def check_times(log: DeliveryLog) -> None:
    """Check that the times of a landing are in the order in which they were."""
    times = [log.started_at, *(step.started_at for step in log.steps), log.finished_at]
    assert times == sorted(times)
    assert log.finished_at - log.started_at < dt.timedelta(minutes=5)


def rows(site: Site) -> dict[str, list[tuple]]:
    return {table: site.rows(f"select * exclude (loaded_at) from raw.{table} order by all") for table in TABLES}


def loaded(site: Site) -> dt.datetime:
    return site.rows("select max(loaded_at) from raw.ci01 where snapshot_month = '2026-10'")[0][0]


def land(site: Site) -> None:
    status, _, errors = site.run({}, "ingest", "--log-format", "json")
    assert (status, errors) == (0, "")


def begin_anew(site: Site) -> None:
    for path in site.lake.rglob("*"):
        if path.is_file():
            path.unlink()
    site.warehouse.unlink(missing_ok=True)


@pytest.mark.parametrize("jump", [BACK, FORWARD], ids=["back", "forward"])
def test_the_clock_is_set_at_any_reading_of_it(
    site: Site, set_clock: Callable[..., Clock], jump: dt.timedelta, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (SEPTEMBER, OCTOBER):
        pack(deliver(site.deliveries, name), "CI01", text("CI01", rows=9) + b"ragged\r\n")
    path = archive(site.deliveries / OCTOBER, "CI01")
    delivered = path.read_bytes(), path.stat().st_mtime

    def run(before: int | None) -> tuple[int, dict[str, list[tuple]], dict[str, list[tuple]]]:
        """Land, deliver October again, land; the clock goes wrong in the first run and is right in the second."""
        begin_anew(site)
        path.write_bytes(delivered[0])
        os.utime(path, (delivered[1], delivered[1]))
        clock = set_clock(jump, before)
        land(site)
        first, readings, at_first = rows(site), clock.readings, loaded(site)
        set_clock(dt.timedelta(), None)
        os.utime(pack(path.parent, "CI01", text("CI01", rows=5)), (LATER, LATER))
        land(site)
        assert loaded(site) != at_first
        assert len(site.earlier_logs()) == 1
        for log in read_logs(Lake(site.lake)):
            check_times(log)
        assert site.run({}, "verify")[0] == 0
        assert "nothing downloaded, nothing landed" in site.succeeds()
        return readings, first, rows(site)

    readings, *undisturbed = run(None)
    tried = 0
    for reading in chosen(readings, TRIED):
        assert list(run(reading)[1:]) == undisturbed, f"set {jump} before reading {reading}"
        tried += 1
    with capsys.disabled():
        print(f"\nthe clock was set {jump} before {tried} of {readings} readings")


def test_landings_at_the_very_same_time_are_told_apart(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.ingest.datetime", StoppedClock)
    folder = deliver(site.deliveries, OCTOBER)
    times = []
    for rows_delivered in (2, 3, 4):
        os.utime(pack(folder, "CI01", text("CI01", rows=rows_delivered)), (LATER, LATER + rows_delivered))
        site.succeeds()
        times.append(loaded(site))
    assert len(set(times)) == len(times)
    kept = [DeliveryLog.model_validate_json(path.read_text()) for path in site.earlier_logs()]
    assert [record.landed_rows for log in kept for record in log.files if record.file == "CI01"] == [2, 3]


@pytest.mark.parametrize("modified", [1, LATER, 4_000_000_000])
def test_a_file_that_still_grows_is_noticed_whatever_its_time(
    site: Site, monkeypatch: pytest.MonkeyPatch, modified: int
) -> None:
    path = pack(deliver(site.deliveries, OCTOBER), "CI01", text("CI01", rows=9))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    os.utime(path, (modified, modified))

    def upload_more() -> None:
        path.write_bytes(whole)
        os.utime(path, (modified, modified))

    with monkeypatch.context() as patch:
        patch.setattr(discovery, "_settle", upload_more)
        assert "CI01_M_20261001.rar changed meanwhile" in site.fails()
    site.succeeds()


@pytest.mark.parametrize("age", [0, 4_000_000_000])
def test_a_part_of_a_file_is_gone_on_with_whatever_its_age(
    site: Site, proxy: Callable[..., Proxy], monkeypatch: pytest.MonkeyPatch, age: int
) -> None:
    monkeypatch.setattr(sftp_connection, "PAUSES", ())
    path = pack(deliver(site.deliveries, OCTOBER), "MR01", text("MR01", rows=40_000))
    assert site.run({"SFTP_PORT": str(proxy(budget=3_000_000).port)})[0] == 1
    (part,) = (site.lake / ".work").rglob(".MR01*.part")
    came = part.stat().st_size
    os.utime(part, (age, age))
    between = proxy()
    site.succeeds(SFTP_PORT=str(between.port))
    assert between.sent < path.stat().st_size - came + 2 * DOUBTFUL_BYTES


def test_a_clock_that_s3_does_not_accept_is_one_sentence_and_no_more_once_it_is_right(
    s3_site: S3Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(s3_site.deliveries, OCTOBER)
    wrong = dt.datetime.now(dt.UTC).replace(tzinfo=None) + FORWARD
    with monkeypatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: wrong)
        assert "the clock of this machine is wrong" in s3_site.fails()
    s3_site.succeeds()


@pytest.fixture
def store_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the store's clock be a day behind what it was when it wrote."""
    parsed = s3.parsedate_to_datetime
    monkeypatch.setattr(s3, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(s3, "parsedate_to_datetime", lambda text: parsed(text) + BACK)


@pytest.mark.usefixtures("store_set_back")
def test_the_hold_of_a_dead_run_ends_although_the_clock_of_s3_was_set_back(s3_site: S3Site) -> None:
    lock = s3_site.lake / ".work/test.lock"
    with leased(lock, "test"):
        with pytest.raises(UserError, match="another test"), leased(lock, "test"):
            pass  # the first one lives and renews its hold meanwhile
        s3._leases[0]._ended.set()  # no renewal from now on, as after a kill
        time.sleep(s3.LEASE_SECONDS / s3.RENEWALS)
        with leased(lock, "test"):
            pass
    begun = time.monotonic()
    with leased(lock, "test"):  # which was given back, so there is nothing to wait for
        assert time.monotonic() - begun < s3.LEASE_SECONDS


def test_a_run_on_a_machine_that_slept_writes_nothing_more(s3_site: S3Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with leased(s3_site.lake / ".work/test.lock", "test"):
        awake = s3.uptime()
        monkeypatch.setattr(s3, "uptime", lambda: awake + 3_600)
        with pytest.raises(UserError, match="could not keep its hold"):
            (s3_site.lake / "late").write_bytes(b"")
    assert not (s3_site.lake / "late").exists()
