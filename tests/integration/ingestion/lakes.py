"""Lakes to do harm to, in a folder and on S3: each begins empty or like another, and tells what became of it."""

import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
from vendor import BUCKET, QUERY_LOGS, S3Site

from ingestion.delivery_log import read_logs
from warehouse.lake import Lake
from warehouse.s3 import Location, S3Path
from warehouse.storage import sha256

LOCK = ".work/ingestion.lock"
# Folder of what a killed run leaves to the operating system.
TEMPORARY = "temporary"


@dataclass(frozen=True)
class Trial:
    """One lake with its warehouse.

    Attributes:
        root: Of the lake.
        folder: What is on this machine: the warehouse, unfinished work, and a lake that is no S3's.
    """

    root: Location
    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def environment(self) -> dict[str, str]:
        """What a run on it needs, with the server and the store that the test works with."""
        places = {"LAKE": str(self.root), "WAREHOUSE": str(self.warehouse), "LAKE_WORK": str(self.folder / "work")}
        services = {name: value for name, value in os.environ.items() if name.startswith(("SFTP_", "AWS_"))}
        return services | places | {"TMPDIR": str(self.folder / TEMPORARY), "MONTH": ""}

    def content(self) -> Mapping[str, bytes]:
        """Every file and object but the query logs and the hold of a run, and unfinished work on this machine."""
        return dict(self._content())

    def _content(self) -> Iterator[tuple[str, bytes]]:
        if isinstance(self.root, S3Path):
            for path in self.root.below():
                name = path.key.removeprefix(f"{self.root.key}/")
                if name != LOCK and QUERY_LOGS not in name:
                    yield name, path.read_bytes()
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            is_kept = path != self.warehouse and QUERY_LOGS not in name and not name.startswith(TEMPORARY)
            if path.is_file() and is_kept:
                yield name, path.read_bytes()

    def catalog(self) -> Mapping[str, str]:
        """The raw tables, as they are defined."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            query = "select schema_name || '.' || view_name, sql from duckdb_views() where not internal"
            return {name: sql.replace(str(self.root), "LAKE") for name, sql in connection.execute(query).fetchall()}

    def state(self) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
        """Lake and catalog."""
        return self.content(), self.catalog()

    def check_whole(self) -> None:
        """Check that what the logs say has landed is there, to the byte; a reader goes by them."""
        for log in (log for log in read_logs(Lake(self.root)) if log.status == "landed"):
            named = {log.landed_files: log.landed_files_sha256}
            for record in log.files:
                named |= {record.parquet: record.parquet_sha256}
                named |= {record.rejected: record.rejected_sha256} if record.rejected else {}
            assert {name: sha256(self.root / name) for name in named} == named

    def end_the_hold(self) -> None:
        """Do what a minute of waiting would, where a run died that held a lake on S3."""
        lock = self.root / LOCK
        if isinstance(lock, S3Path) and (held := lock.read()) is not None:
            lock.write_bytes(json.dumps(json.loads(held.data) | {"held": False}).encode())


class FolderLakes:
    """Lakes in one folder, which is emptied for each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new(self, before: Trial | None = None) -> Trial:
        """Give a lake that is empty, or like another."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if before is not None:
            shutil.copytree(before.folder, self.folder)
        (self.folder / TEMPORARY).mkdir(parents=True, exist_ok=True)
        return Trial(self.folder / "lake", self.folder)


class S3Lakes:
    """Lakes on S3, each under a name of its own, since nothing is deleted there."""

    def __init__(self, site: S3Site, folder: Path) -> None:
        self.folder, self._site, self._numbers = folder, site, itertools.count()

    def new(self, before: Trial | None = None) -> Trial:
        """Give a lake that is empty, or like another."""
        trial = Trial(self._site.lake / f"{self.folder.name}/{next(self._numbers)}", self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / TEMPORARY).mkdir(parents=True)
        if before is not None:
            shutil.copy2(before.warehouse, trial.warehouse)
            for path in before.root.below():
                key = f"{trial.root.key}{path.key.removeprefix(before.root.key)}"
                self._site.client.copy_object(Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": path.key})
        return trial
