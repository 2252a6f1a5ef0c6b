import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from vendor import CONTRACT, LATER, QUERY_LOGS, Site, archive, deliver, pack, text

from ingestion.sample.settings import SampleSettings


def test_a_delivery_becomes_raw_tables(site: Site) -> None:
    delivery = deliver(site.deliveries, "UKLTD_M_20261001")
    ci01 = text("CI01") + b"only one value\r\n\r\n"
    pack(delivery, "CI01", ci01)
    output = site.succeeds()
    assert "UKLTD_M_20261001: new" in output
    columns = [row[0] for row in site.rows("describe raw.ci01")]
    assert columns == [column.name for column in CONTRACT.tables["CI01"].columns] + [
        "source_file",
        "line_number",
        "loaded_at",
        "_extra",
        "snapshot_month",
    ]
    assert site.rows("select company_number, source_file, line_number, snapshot_month from raw.ci01") == [
        ("company_number 0", "CI01_M_20261001.txt", 2, "2026-10"),
        ("company_number 1", "CI01_M_20261001.txt", 3, "2026-10"),
    ]
    assert site.rows("select file, line_number, reason, raw_text, snapshot_month from raw.rejected_lines") == [
        ("CI01", 4, "1 value where the header has 16", "only one value", "2026-10")
    ]
    counts = "lines, header_lines, blank_lines, rejected_lines, landed_rows"
    assert site.rows(f"select {counts} from raw.landed_files where file = 'CI01'") == [(5, 1, 1, 1, 2)]
    assert site.rows("select count(*), sum(lines) from raw.landed_files") == [(13, 5 + 12 * 3)]
    log = json.loads((site.lake / "LOGS_FTP_EXECUTION/LOG_UKLTD_M_20261001.json").read_text())
    assert (log["status"], log["snapshot_month"], len(log["files"])) == ("landed", "2026-10", 13)
    kept = site.lake / "DATA/RAW_DATA/UKLTD_M_20261001/CI01_M_20261001.rar"
    assert kept.read_bytes() == archive(delivery, "CI01").read_bytes()
    assert not (site.lake / ".work").exists()


def test_types_of_the_raw_tables_are_the_contracts(site: Site) -> None:
    deliver(site.deliveries, "UKLTD_M_20261001")
    site.succeeds()
    for table in ("landed_files", "rejected_lines"):
        described = [(row[0], row[1].lower()) for row in site.rows(f"describe raw.{table}")]
        assert described == list(CONTRACT.landing_tables[table])
    assert {row[1] for row in site.rows("describe raw.ac01")[:-4]} == {"VARCHAR"}


def test_a_second_run_downloads_and_lands_nothing(site: Site) -> None:
    deliver(site.deliveries, "UKLTD_M_20261001")
    site.succeeds()

    def modified() -> dict[Path, int]:
        paths = (path for path in site.lake.rglob("*") if path != site.lake and QUERY_LOGS not in path.parts)
        return {path: path.stat().st_mtime_ns for path in paths}

    before = modified()
    assert "nothing downloaded, nothing landed" in site.succeeds()
    assert modified() == before


def test_only_what_is_new_is_landed(site: Site) -> None:
    deliver(site.deliveries, "UKLTD_M_20260901")
    site.succeeds()
    deliver(site.deliveries, "UKLTD_M_20261001")
    output = site.succeeds()
    assert "UKLTD_M_20261001: new" in output
    assert "UKLTD_M_20260901" not in output
    assert site.rows("select distinct snapshot_month from raw.mr01 order by all") == [("2026-09",), ("2026-10",)]


def test_a_stock_is_landed_before_and_beside_the_monthly_delivery_of_its_month(site: Site) -> None:
    for name in ("UKLTD_M_20261001", "UKLTD_S_20261001", "UKLTD_M_20260901"):
        deliver(site.deliveries, name)
    landed = [line.split(":")[0] for line in site.succeeds().splitlines() if line.startswith("UKLTD")]
    assert landed == ["UKLTD_M_20260901", "UKLTD_S_20261001", "UKLTD_M_20261001"]
    assert site.rows("select source_file from raw.ci01 where line_number = 2 and snapshot_month = '2026-10'") == [
        ("CI01_M_20261001.txt",),
        ("CI01_S_20261001.txt",),
    ]


def test_month_restricts_to_the_deliveries_of_that_month(site: Site) -> None:
    for name in ("UKLTD_S_20260901", "UKLTD_M_20260901", "UKLTD_M_20261001"):
        deliver(site.deliveries, name)
    site.succeeds(MONTH="2026-09")
    assert site.rows("select count(*), count(distinct snapshot_month) from raw.ci01") == [(4, 1)]


def test_a_file_delivered_again_is_landed_again_in_place_and_only_it_is_downloaded(site: Site) -> None:
    delivery = deliver(site.deliveries, "UKLTD_M_20261001")
    pack(delivery, "MR01", text("MR01") + b"ragged\r\n")
    site.succeeds()
    names = set(site.content())
    path = pack(delivery, "MR01", text("MR01", rows=5))
    os.utime(path, (LATER, LATER))
    output = site.succeeds()
    assert "UKLTD_M_20261001: delivered again" in output
    assert "downloaded 1 of 13 archives" in output
    assert site.rows("select count(*) from raw.mr01") == [(5,)]
    assert site.rows("select count(*) from raw.rejected_lines") == [(0,)]
    assert names - set(site.content()) == {
        "DATA/REJECTED_DATA/MR01/snapshot_month=2026-10/MR01_M_20261001.parquet",
    }
    assert (site.lake / "DATA/RAW_DATA/UKLTD_M_20261001" / path.name).read_bytes() == path.read_bytes()


def test_an_archive_of_the_same_size_but_another_time_is_landed_again(site: Site) -> None:
    delivery = deliver(site.deliveries, "UKLTD_M_20261001")
    site.succeeds()
    path = pack(delivery, "CI01", text("CI01").replace(b"company_name 1", b"company_name X"))
    os.utime(path, (LATER, LATER))
    site.succeeds()
    assert site.rows("select company_name from raw.ci01 order by all") == [("company_name 0",), ("company_name X",)]


def test_an_unknown_column_is_reported_and_kept_as_json_and_a_missing_optional_one_is_null(site: Site) -> None:
    delivery = deliver(site.deliveries, "UKLTD_M_20261001")
    lines = ['fax|code|a"b', '020|1|say "no"', "|2|", "\t|3|C\\D\rE\xe9"]
    pack(delivery, "LUAT01", "\r\n".join(lines).encode("windows-1252"))
    output = site.succeeds()
    assert 'not in the contract, kept in _extra: fax, a"b' in output
    assert "not delivered, null: description" in output
    rows = site.rows("select code, description, _extra from raw.luat01 order by code")
    assert [(row[0], row[1], row[2] and json.loads(row[2])) for row in rows] == [
        ("1", None, {"fax": "020", 'a"b': 'say "no"'}),
        ("2", None, None),
        ("3", None, {"fax": "\t", 'a"b': "C\\D\rE\xe9"}),
    ]
    assert site.rows("select count(*) from raw.ci01 where _extra is not null") == [(0,)]


def test_the_raw_tables_can_be_created_again_from_a_lake_that_has_moved(site: Site, tmp_path: Path) -> None:
    deliver(site.deliveries, "UKLTD_M_20261001")
    site.succeeds()
    site.lake.rename(tmp_path / "moved")
    site.registers(LAKE=str(tmp_path / "moved"), WAREHOUSE=str(tmp_path / "fresh.duckdb"))
    with duckdb.connect(str(tmp_path / "fresh.duckdb")) as connection:
        assert connection.execute("select count(*) from raw.ac01").fetchone() == (2,)


def test_a_delivery_landed_before_origins_were_kept_is_of_unknown_origin(site: Site) -> None:
    deliver(site.deliveries, "UKLTD_M_20261001")
    site.succeeds()
    (counts,) = site.lake.glob("DATA/ETL/LANDED_FILES/*/UKLTD_M_20261001.parquet")
    pq.write_table(pq.read_table(counts, partitioning=None).drop_columns("origin"), counts)
    site.registers()
    assert site.rows("select count(*), count(origin), count(landed_rows) from raw.landed_files") == [(13, 0, 13)]


def test_raw_tables_exist_before_anything_is_landed(site: Site) -> None:
    site.registers()
    for table in [*(table.name for table in CONTRACT.tables.values()), "landed_files", "rejected_lines"]:
        assert site.rows(f"select count(*) from raw.{table}") == [(0,)]


def test_a_changed_contract_lands_again_without_a_download(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = deliver(site.deliveries, "UKLTD_M_20261001")
    pack(delivery, "LUAT01", b"code|fax\r\n1|020\r\n")
    site.succeeds()
    luat01 = CONTRACT.tables["LUAT01"]
    with_fax = replace(luat01, columns=(*luat01.columns, replace(luat01.columns[1], name="fax")))
    changed = replace(CONTRACT, tables=CONTRACT.tables | {"LUAT01": with_fax})
    monkeypatch.setattr("ingestion.__main__.read_contract", lambda: changed)
    output = site.succeeds()
    assert "columns of the contract changed" in output
    assert "downloaded 0 of 13 archives" in output
    assert site.rows("select code, fax from raw.luat01") == [("1", "020")]


def test_a_column_that_the_vendor_names_otherwise_lands_under_our_name(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = deliver(site.deliveries, "UKLTD_M_20261001")
    pack(delivery, "LUAT01", b"CODE|Long Text\r\n1|full accounts\r\n")
    assert "not in the contract, kept in _extra: long text; not delivered, null: description" in site.succeeds()
    luat01 = CONTRACT.tables["LUAT01"]
    renamed = replace(luat01, columns=(luat01.columns[0], replace(luat01.columns[1], delivered_as="Long Text")))
    changed = replace(CONTRACT, tables=CONTRACT.tables | {"LUAT01": renamed})
    monkeypatch.setattr("ingestion.__main__.read_contract", lambda: changed)
    assert "columns of the contract changed" in site.succeeds()
    assert site.rows("select code, description from raw.luat01") == [("1", "full accounts")]


@pytest.fixture
def small_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = SampleSettings(companies=300, monthly_deliveries=1)
    monkeypatch.setattr("ingestion.__main__.read_sample_settings", lambda: small)
    monkeypatch.setenv("SAMPLE_DELIVERIES", str(tmp_path / "samples"))


@pytest.mark.usefixtures("small_sample")
def test_without_a_server_sample_deliveries_are_made_once_and_ingested(site: Site) -> None:
    assert "made deliveries of 300 companies" in site.succeeds(SFTP_HOST="")
    ((companies, months),) = site.rows(
        "select count(distinct company_number), count(distinct snapshot_month) from raw.ci01"
    )
    assert companies > 200
    assert months == 2
    assert site.rows("select count(*) > 0 from raw.rejected_lines") == [(True,)]
    output = site.succeeds(SFTP_HOST="")
    assert "there are already deliveries of 300 companies" in output
    assert "nothing downloaded, nothing landed" in output


def test_a_sample_of_another_size_is_made_when_asked_for_and_taken_as_it_is(site: Site, tmp_path: Path) -> None:
    environment = {"SFTP_HOST": "", "SAMPLE_DELIVERIES": str(tmp_path / "samples"), "SAMPLE_COMPANIES": ""}
    command = ("sample", "--companies", "250", "--established", "0.5")
    status, output, _ = site.run(environment, *command)
    assert (status, "made deliveries of 250 companies" in output) == (0, True)
    assert "there are already deliveries of 250 companies" in site.run(environment, *command)[1]
    assert "there are already deliveries of 250 companies" in site.succeeds(**environment)
    ((companies,),) = site.rows(
        "select count(distinct company_number) from raw.ci01 where company_number not like '%/%'"
    )
    assert 200 < companies < 300
    status, output, _ = site.run(environment | {"SFTP_HOST": "sftp.example.com"}, "sample", "--companies", "200")
    assert (status, "made deliveries of 200 companies" in output) == (0, True)
    assert "no sample is needed" in site.run(environment | {"SFTP_HOST": "sftp.example.com"}, "sample")[1]
    assert "made deliveries of 260 companies" in site.run(environment | {"SAMPLE_COMPANIES": "260"}, "sample")[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("--companies", "0"), "0 is not a number of companies"), (("--established", "2"), "2 is not a share")],
)
def test_a_sample_that_cannot_be_is_a_wrong_command_line(
    site: Site, arguments: tuple[str, ...], complaint: str
) -> None:
    status, _, errors = site.run({}, "sample", *arguments)
    assert status == 2
    assert complaint in errors


def origins(site: Site) -> set[str]:
    return {json.loads(log.read_text())["origin"] for log in site.lake.glob("LOGS_FTP_EXECUTION/*.json")}


@pytest.mark.usefixtures("small_sample")
def test_sample_deliveries_and_real_ones_do_not_come_into_one_lake(site: Site, tmp_path: Path) -> None:
    site.succeeds(SFTP_HOST="")
    assert origins(site) == {"sample"}
    assert site.rows("select distinct origin from raw.landed_files") == [("sample",)]
    deliver(site.deliveries, "UKLTD_M_20261001")
    before = site.content()
    assert f"{site.lake} holds sample deliveries, not those of 127.0.0.1/" in (errors := site.fails())
    assert "name another LAKE or delete it" in errors
    assert site.content() == before

    shutil.rmtree(site.lake)
    site.succeeds()
    assert origins(site) == {f"127.0.0.1/{tmp_path.name}"}
    assert site.rows("select distinct origin from raw.landed_files") == [(f"127.0.0.1/{tmp_path.name}",)]
    before = site.content()
    assert f"{site.lake} holds deliveries of 127.0.0.1/{tmp_path.name}, not the sample's" in site.fails(SFTP_HOST="")
    assert site.content() == before


def test_a_vendor_may_move_and_a_log_without_an_origin_fits(site: Site, tmp_path: Path) -> None:
    deliver(site.deliveries, "UKLTD_M_20261001")
    site.succeeds()
    site.deliveries.rename(site.deliveries.with_name(f"{tmp_path.name}-moved"))
    assert "nothing new" in site.succeeds(SFTP_ROOT=f"/{tmp_path.name}-moved")
    (log,) = site.lake.glob("LOGS_FTP_EXECUTION/*.json")
    log.write_text(json.dumps({name: value for name, value in json.loads(log.read_text()).items() if name != "origin"}))
    assert "nothing new" in site.succeeds(SFTP_ROOT=f"/{tmp_path.name}-moved")
