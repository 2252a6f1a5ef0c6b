"""The vendor replaces or removes files at any moment of a run: the old delivery lands, or the new one, never a mix.

A few of the moments are tried, `FAULTS=all` tries each change before every request, archive test and landing.
"""

import os
import shutil
import types
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faults import StoppedClock, chosen
from vendor import LATER, Site, archive, deliver, pack, text

from ingestion import ingest
from ingestion.sample import server

DELIVERY = "UKLTD_M_20261001"
EARLIER_TIME = 1_700_000_000
TRIED = 9
REQUESTS = ("scandir", "lstat", "stat", "open", "read", "close")
LOCAL = ("check_archive", "land", "publish_delivery", "_register")


@dataclass
class Vendor:
    """What the vendor has, and has ready to put in its place.

    Attributes:
        folder: What the server shows.
        old: The delivery as it is.
        new: The one that replaces it.
    """

    folder: Path
    old: Path
    new: Path
    replaced: int = 0

    def show(self, delivery: Path) -> None:
        """Have one of them, whole."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(delivery, self.folder)
        self.replaced = 0

    def write(self, path: Path, modified: int = LATER) -> None:
        """Write a file of the new delivery into the very file of the old one."""
        shown = self.folder / path.name
        shown.write_bytes(path.read_bytes())
        os.utime(shown, (modified, modified))

    @property
    def large(self) -> Path:
        return archive(self.new, "AC01")

    def replace_file(self) -> None:
        self.write(self.large)

    def replace_file_in_the_same_second(self) -> None:
        self.write(self.large, EARLIER_TIME)

    def remove_file(self) -> None:
        (self.folder / self.large.name).unlink(missing_ok=True)

    def remove_folder(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def replace_folder(self) -> None:
        self.show(self.new)

    def replace_one_more(self) -> None:
        """Put one more file of the new delivery in place of the old one."""
        paths = sorted(self.new.iterdir())
        if self.replaced < len(paths):
            self.write(paths[self.replaced])
        self.replaced += 1


@dataclass(frozen=True)
class Change:
    """Something that the vendor does.

    Attributes:
        begin: What is done at the moment.
        end: What is done after the run; then the vendor has a whole delivery.
        goes_on: Whether `begin` is done again at every later moment.
    """

    begin: Callable[[Vendor], None]
    end: Callable[[Vendor], None]
    goes_on: bool = False


CHANGES = {
    "a file": Change(Vendor.replace_file, Vendor.replace_file),
    "a file in the same second": Change(Vendor.replace_file_in_the_same_second, Vendor.replace_file_in_the_same_second),
    "a file removed": Change(Vendor.remove_file, Vendor.replace_file),
    "the folder": Change(Vendor.replace_folder, Vendor.replace_folder),
    "the folder removed": Change(Vendor.remove_folder, Vendor.replace_folder),
    "file by file": Change(Vendor.replace_one_more, Vendor.replace_folder, goes_on=True),
}


@dataclass
class Moments:
    """Counts the moments of a run, and acts at one of them or from it on."""

    at: int = -1
    goes_on: bool = False
    act: Callable[[], None] = field(default=lambda: None)
    counted: int = 0

    def pass_one(self) -> None:
        if self.counted == self.at or (self.goes_on and self.counted > self.at):
            self.act()
        self.counted += 1

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self.pass_one()
            return function(*arguments, **named)

        return called

    def begin(self, at: int = -1, goes_on: bool = False, act: Callable[[], None] = lambda: None) -> None:
        self.at, self.goes_on, self.act, self.counted = at, goes_on, act, 0


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Moments:
    """Requests to the server, one after the other, and what the run does with the archives afterwards."""
    passing = Moments()
    for name in REQUESTS:
        monkeypatch.setattr(server._ReadOnlyFolder, name, passing.before(getattr(server._ReadOnlyFolder, name)))
    for name in LOCAL:
        monkeypatch.setattr(ingest, name, passing.before(getattr(ingest, name)))
    monkeypatch.setattr("ingestion.sftp.CONNECTIONS", 1)
    monkeypatch.setattr("ingestion.ingest.datetime", StoppedClock)
    monkeypatch.setattr("ingestion.ingest.time", types.SimpleNamespace(monotonic=lambda: 0.0))
    return passing


def make(folder: Path, letter: bytes) -> Path:
    """Make a delivery; one of another letter has other bytes all over every file, and as many."""
    folder.mkdir()
    delivery = deliver(folder, DELIVERY)
    for path in delivery.iterdir():
        file = path.name.split("_")[0]
        rows = {"AC01": 2_000, "CI01": 9}.get(file, 2)
        changed = text(file, rows).replace(b" ", letter)
        pack(delivery, file, changed + (b"ragged\r\n" if file == "CI01" else b""))
    return delivery


@pytest.fixture
def vendor_at_work(site: Site, tmp_path: Path) -> Vendor:
    vendor = Vendor(site.deliveries / DELIVERY, make(tmp_path / "old", b"a"), make(tmp_path / "new", b"b"))
    for delivery, modified in ((vendor.old, EARLIER_TIME), (vendor.new, LATER)):
        for path in delivery.iterdir():
            os.utime(path, (modified, modified))
    sizes = [sorted((path.name, path.stat().st_size) for path in each.iterdir()) for each in (vendor.old, vendor.new)]
    assert sizes[0] == sizes[1]
    return vendor


def empty(site: Site) -> None:
    shutil.rmtree(site.lake, ignore_errors=True)
    site.warehouse.unlink(missing_ok=True)


def lands(site: Site) -> Mapping[str, bytes]:
    site.succeeds()
    return site.content()


class Outcomes:
    """The lakes that undisturbed runs make of what the vendor has."""

    def __init__(self, site: Site, vendor: Vendor) -> None:
        self._site, self._vendor = site, vendor
        self.old = self._of_old()
        self._others: dict[Callable[[Vendor], None], tuple[Mapping[str, bytes], Mapping[str, bytes]]] = {}

    def _of_old(self) -> Mapping[str, bytes]:
        empty(self._site)
        self._vendor.show(self._vendor.old)
        return lands(self._site)

    def after(self, change: Change) -> tuple[Mapping[str, bytes], Mapping[str, bytes]]:
        """Give the lake of the new delivery alone, and that of the new one after the old one."""
        if change.end not in self._others:
            self._of_old()
            change.end(self._vendor)
            after_old = lands(self._site)
            empty(self._site)
            self._others[change.end] = lands(self._site), after_old
        return self._others[change.end]


def test_the_vendor_changes_something_at_any_moment_of_a_run(
    site: Site, vendor_at_work: Vendor, moments: Moments, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor, counts = vendor_at_work, Counter[tuple[str, str]]()
    moments.begin()
    lakes = Outcomes(site, vendor)
    number = moments.counted
    faults = [(name, at) for name in CHANGES for at in range(number)]
    for each in chosen(len(faults), TRIED):
        name, at = faults[each]
        change = CHANGES[name]
        new, new_after_old = lakes.after(change)
        empty(site)
        vendor.show(vendor.old)
        moments.begin(at, change.goes_on, lambda change=change: change.begin(vendor))
        status, _, errors = site.run({})
        moments.begin()
        landed = site.content()
        if status == 0:
            assert landed in (lakes.old, new), f"a mix: {name} at {at}"
            came_to = "old" if landed == lakes.old else "new"
        else:
            assert (status, errors.count("\n"), errors[:7], landed) == (1, 1, "error: ", {}), (name, at)
            came_to = "one sentence"
        counts[name, came_to] += 1
        change.end(vendor)
        is_seen = came_to != "old" or change.end != Vendor.replace_file_in_the_same_second
        expected = new_after_old if came_to == "old" else new
        assert lands(site) == (expected if is_seen else landed), (name, at)
    with capsys.disabled():
        print(f"\n{counts.total()} of {len(faults)} faults at {number} moments tried")
        for (name, came_to), count in sorted(counts.items()):
            print(f"  {name:<27} {came_to:<14} {count:>4}")


def test_what_is_put_in_place_file_by_file_is_not_landed_half_old(
    site: Site, vendor_at_work: Vendor, monkeypatch
) -> None:
    vendor = vendor_at_work
    vendor.show(vendor.old)
    vendor.replace_one_more()  # the vendor has begun, and goes on when everything is downloaded
    publish = ingest._check_unchanged

    def late(*arguments: Any) -> None:
        vendor.replace_one_more()
        publish(*arguments)

    monkeypatch.setattr(ingest, "_check_unchanged", late)
    assert "is being delivered again, " in site.fails()
    assert site.content() == {}
    vendor.show(vendor.new)
    site.succeeds()


def test_a_file_replaced_while_it_is_read_and_in_the_same_second_is_not_landed(
    site: Site, vendor_at_work: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor, read, reads = vendor_at_work, server._ReadOnlyFolder.read, Counter[object]()
    vendor.show(vendor.old)

    def late(folder: object, file: object, *arguments: Any) -> Any:
        reads[file] += 1
        if reads[file] == 3:
            vendor.replace_file_in_the_same_second()
        return read(folder, file, *arguments)

    monkeypatch.setattr(server._ReadOnlyFolder, "read", late)
    assert f"{vendor.large.name} is damaged, it fails the archive test" in site.fails()
    assert site.content() == {}
    site.succeeds()


def test_a_delivery_that_the_vendor_takes_away_meanwhile_is_landed(
    site: Site, vendor_at_work: Vendor, monkeypatch
) -> None:
    vendor = vendor_at_work
    vendor.show(vendor.old)
    check = ingest._check_unchanged

    def late(*arguments: Any) -> None:
        vendor.remove_folder()
        check(*arguments)

    monkeypatch.setattr(ingest, "_check_unchanged", late)
    site.succeeds()
    assert site.rows("select count(*) from raw.ac01") == [(2_000,)]
