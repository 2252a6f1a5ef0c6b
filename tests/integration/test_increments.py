"""Month after month into one warehouse, and everything at once into another, must hold the same."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import rarfile

from ingestion.sample.rar_writer import write_rar
from ingestion.sample.server import ServerAddress, serve

ROOT = Path(__file__).resolve().parents[2]
MONTHS = ("2026-08", "2026-09", "2026-10", "2026-11")
ONLY_TABLES = ("--selector", "features", "--resource-type", "model", "--resource-type", "seed")


@dataclass(frozen=True)
class Country:
    """A vendor's deliveries, a lake that they land in, and warehouses made of it."""

    folder: Path
    address: ServerAddress

    def run(self, *command: str, warehouse: str = "increments", month: str = "") -> None:
        environment = {
            "LAKE": str(self.folder / "lake"),
            "WAREHOUSE": str(self.folder / f"{warehouse}.duckdb"),
            "DBT_TARGET_PATH": str(self.folder / f"target-{warehouse}"),
            "MONTH": month,
            "SFTP_HOST": self.address.host,
            "SFTP_PORT": str(self.address.port),
            "SFTP_USER": self.address.user,
            "SFTP_PASSWORD": self.address.password,
            "SFTP_HOST_KEY": self.address.host_key,
            "SFTP_ROOT": "/",
        }
        finished = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr

    def build(self, warehouse: str = "increments", month: str = "") -> None:
        self.run("ingestion", "register", warehouse=warehouse)
        self.run("warehouse", "dbt", "build", *ONLY_TABLES, warehouse=warehouse, month=month)

    def build_at_once(self, month: str = "") -> None:
        (self.folder / "at_once.duckdb").unlink(missing_ok=True)
        self.build("at_once", month)

    def change(self, *statements: str) -> None:
        with duckdb.connect(str(self.folder / "increments.duckdb")) as connection:
            for statement in statements:
                connection.execute(statement)

    def count(self, query: str) -> int:
        with duckdb.connect(str(self.folder / "increments.duckdb"), read_only=True) as connection:
            return int(connection.execute(query).fetchall()[0][0])

    def differences(self, *schemas: str) -> tuple[int, dict[str, int]]:
        """How many tables were compared, and the rows that only one of the warehouses has, of those that differ."""
        with duckdb.connect() as connection:
            for name in ("increments", "at_once"):
                connection.execute(f"attach '{self.folder / name}.duckdb' as {name} (read_only)")
            tables = connection.execute(
                "select distinct schema_name || '.' || table_name from duckdb_tables() "
                "where database_name in ('increments', 'at_once') and schema_name in (select unnest(?))", [schemas]
            ).fetchall()  # fmt: skip
            found = {}
            for (table,) in tables:
                types = {
                    name: dict(sorted(row[:2] for row in connection.execute(f"describe {name}.{table}").fetchall()))
                    for name in ("increments", "at_once")
                }
                assert types["increments"] == types["at_once"]
                columns = ", ".join(f'"{column}"' for column in types["at_once"])
                rows = sum(
                    connection.execute(
                        f"select count(*) from (select {columns} from {one}.{table} "
                        f"except all select {columns} from {other}.{table})"
                    ).fetchall()[0][0]
                    for one, other in (("increments", "at_once"), ("at_once", "increments"))
                )  # fmt: skip
                if rows:
                    found[table] = rows
            return len(tables), found


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    """Four deliveries, each landed and built by itself."""
    folder = tmp_path_factory.mktemp("country")
    subprocess.run(
        [sys.executable, "-m", "ingestion", "sample"], cwd=ROOT, check=True, capture_output=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("SFTP_")}
        | {"SAMPLE_DELIVERIES": str(folder / "sample"), "SAMPLE_COMPANIES": "1500"},
    )  # fmt: skip
    with serve(folder / "sample" / "deliveries") as address:
        made = Country(folder, address)
        for month in MONTHS:
            made.run("ingestion", "ingest", month=month)
            made.build()
        yield made


def test_three_months_of_increments_equal_a_full_refresh(country):
    country.build_at_once()
    compared, differences = country.differences("staging", "intermediate", "marts")
    assert differences == {}
    assert compared > 40
    assert country.count("select count(distinct snapshot_month) from staging.stg_ukltd__accounts") == len(MONTHS)


def test_a_redelivered_month_replaces_itself_and_no_other_month_is_typed_again(country):
    mark = "update staging.stg_ukltd__companies set postcode = 'MARKED' where snapshot_month <> '2026-10'"
    country.change(mark)
    marked = country.count("select count(*) from staging.stg_ukltd__companies where postcode = 'MARKED'")
    for archive in (country.folder / "sample/deliveries/UKLTD_M_20261001").glob("[CA]*01_M_20261001.rar"):
        with rarfile.RarFile(archive) as opened:
            member = opened.namelist()[0]
            header, *lines = opened.read(member).split(b"\n")
        archive.unlink()
        write_rar(archive, [(member, b"\n".join([header, *lines[: len(lines) // 2]]) + b"\n")])
    before = country.count("select count(*) from staging.stg_ukltd__companies where snapshot_month = '2026-10'")
    country.run("ingestion", "ingest")
    country.build()
    assert country.count("select count(*) from staging.stg_ukltd__companies where postcode = 'MARKED'") == marked
    after = country.count("select count(*) from staging.stg_ukltd__companies where snapshot_month = '2026-10'")
    assert 0.4 * before < after < 0.6 * before
    country.change(
        "update staging.stg_ukltd__companies set typing_version = 'of marked rows' where postcode = 'MARKED'"
    )
    country.build()
    country.build_at_once()
    assert country.differences("staging", "intermediate", "marts")[1] == {}


def test_rows_typed_by_other_rules_are_typed_anew_and_a_month_that_is_gone_goes(country):
    country.change(
        "update staging.stg_ukltd__companies set typing_version = 'older' where postcode = 'MARKED'",
        "update staging.stg_ukltd__accounts set typing_version = 'older', turnover = 1",
        "alter table staging.stg_ukltd__accounts drop column cash",
        "alter table staging.stg_ukltd__accounts alter weeks type varchar using 'no number'",
        "alter table staging.stg_ukltd__charges add column no_longer_delivered integer",
        "update staging.stg_ukltd__charges set typing_version = 'older'",
    )
    for log in (country.folder / "lake/LOGS_FTP_EXECUTION").glob("*20261101.json"):
        log.unlink()
    country.build()
    country.build_at_once()
    assert country.differences("staging", "intermediate", "marts")[1] == {}
    assert country.count("select count(*) from staging.stg_ukltd__accounts where snapshot_month = '2026-11'") == 0


def test_a_run_killed_between_its_two_statements_is_made_up_for(country):
    country.change("delete from staging.stg_ukltd__charges where snapshot_month = '2026-09'")
    country.build()
    assert country.differences("staging", "intermediate", "marts")[1] == {}


def test_a_build_of_an_earlier_month_keeps_later_months_typed_and_unseen(country):
    country.build(month="2026-09")
    country.build_at_once(month="2026-09")
    assert country.differences("intermediate", "marts")[1] == {}
    assert country.count("select count(*) from staging.stg_ukltd__accounts where snapshot_month = '2026-10'") > 0
