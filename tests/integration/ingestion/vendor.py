"""A vendor's small deliveries, and one place to ingest them from and to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ingestion.contract import read_contract
from ingestion.sample.rar_writer import write_rar
from warehouse.engines.duckdb import show_objects
from warehouse.s3 import S3Path

CONTRACT = read_contract()
LATER = 1_800_000_000
BUCKET = "the-lake"
QUERY_LOGS = "LOGS_QUERY_EXECUTION"
EARLIER = "LOGS_FTP_EXECUTION/EARLIER"


@dataclass(frozen=True)
class Site:
    """A vendor's folder and everything else that one run of the command works with."""

    deliveries: Path
    lake: Path
    warehouse: Path
    run: Callable[..., tuple[int, str, str]]

    def succeeds(self, **environment: str) -> str:
        status, output, errors = self.run(environment)
        assert (status, errors) == (0, "")
        return output

    def registers(self, **environment: str) -> None:
        """Create the raw tables again, from what the lake has; an empty lake makes empty tables and a complaint."""
        status, _, errors = self.run(environment, "register")
        lake = Path(environment.get("LAKE", self.lake))
        is_empty = not list(lake.glob("LOGS_FTP_EXECUTION/*.json"))
        assert status == is_empty
        assert ("no delivery has landed" in errors) == is_empty

    def fails(self, **environment: str) -> str:
        """Run, and return the one sentence; status 1, and nothing left behind."""
        status, _, errors = self.run(environment)
        assert status == 1
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1
        assert not (self.lake / ".work").exists()
        return errors

    def content(self) -> dict[str, bytes]:
        """Every file of the lake but the query log, which grows with every command, and logs of replaced landings."""
        files = (path for path in self.lake.rglob("*") if path.is_file() and QUERY_LOGS not in path.parts)
        found = {str(path.relative_to(self.lake)): path.read_bytes() for path in files}
        return {name: content for name, content in found.items() if not name.startswith(EARLIER)}

    def earlier_logs(self) -> list[Path]:
        """Logs of replaced landings, by name."""
        return sorted((self.lake / EARLIER).glob("*"))

    def rows(self, query: str) -> list[tuple]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()


@dataclass(frozen=True)
class S3Site(Site):
    """The same with a lake on S3, of which nothing can be deleted, and a local folder for unfinished work."""

    lake: S3Path
    work: Path
    client: Any

    @property
    def unfinished(self) -> Path:
        return self.work / self.lake.bucket / self.lake.key / "ingestion"

    def fails(self, **environment: str) -> str:
        status, _, errors = self.run(environment)
        assert (status, errors.count("\n")) == (1, 1)
        assert errors.startswith("error: ")
        return errors

    def objects(self) -> list[S3Path]:
        return [path for path in self.lake.below() if ".work" not in path.key and QUERY_LOGS not in path.key]

    def content(self) -> dict[str, bytes]:
        found = {path.key.removeprefix(f"{self.lake.key}/"): path.read_bytes() for path in self.objects()}
        return {name: content for name, content in found.items() if not name.startswith(EARLIER)}

    def rows(self, query: str) -> list[tuple]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            show_objects(connection, self.lake)
            return connection.execute(query).fetchall()

    def registers(self, **environment: str) -> None:
        status, _, errors = self.run(environment, "register")
        is_empty = not list(self.lake.glob("LOGS_FTP_EXECUTION/*.json"))
        assert (status, "no delivery has landed" in errors) == (is_empty, is_empty)


def text(file: str, rows: int = 2) -> bytes:
    names = [column.name for column in CONTRACT.tables[file].columns]
    lines = ["|".join(names), *("|".join(f"{name} {row}" for name in names) for row in range(rows))]
    return ("\r\n".join(lines) + "\r\n").encode("windows-1252")


def archive(delivery: Path, file: str) -> Path:
    _, kind, stamp = delivery.name.split("_")
    return delivery / f"{file}_{kind}_{stamp}.rar"


def pack(delivery: Path, file: str, content: bytes, member: str | None = None) -> Path:
    path = archive(delivery, file)
    write_rar(path, [(member or path.with_suffix(".txt").name, content)])
    return path


def deliver(folder: Path, name: str, files: Iterable[str] = tuple(CONTRACT.tables)) -> Path:
    delivery = folder / name
    delivery.mkdir()
    for file in files:
        pack(delivery, file, text(file))
    return delivery
