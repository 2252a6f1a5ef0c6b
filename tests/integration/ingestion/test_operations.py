"""What the commands beside the landing say and do: --dry-run, --stock, --month, status, verify, prune, JSON logs."""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from vendor import CONTRACT, LATER, S3Site, Site, archive, deliver, pack, text

from ingestion.delivery_log import SCHEMA_VERSION

STOCK, SEPTEMBER, OCTOBER = "UKLTD_S_20260901", "UKLTD_M_20260901", "UKLTD_M_20261001"


def landed(site: Site) -> list[str]:
    return sorted(path.stem.removeprefix("LOG_") for path in site.lake.glob("LOGS_FTP_EXECUTION/*.json"))


def says(site: Site, *command: str) -> str:
    status, output, errors = site.run({}, *command)
    assert (status, errors) == (0, "")
    return output


def refused(site: Site, *command: str) -> tuple[str, str]:
    status, output, errors = site.run({}, *command)
    assert (status, errors.count("\n")) == (1, 1)
    return output, errors


def test_a_dry_run_names_what_is_new_incomplete_and_landed_and_changes_nothing(site: Site) -> None:
    deliver(site.deliveries, SEPTEMBER)
    site.succeeds()
    before = site.content()
    folder = deliver(site.deliveries, OCTOBER)
    archive(folder, "CI01").unlink()
    (folder / "MR01_M_20261001.rar.filepart").write_bytes(b"")
    (folder / "readme.txt").write_bytes(b"")
    deliver(site.deliveries, STOCK)
    lines = says(site, "ingest", "--dry-run").splitlines()
    assert [" ".join(line.split()[:1]) for line in lines] == [STOCK, SEPTEMBER, OCTOBER, OCTOBER, OCTOBER, OCTOBER]
    assert lines[0].endswith("would be landed: new")
    assert lines[1].endswith("landed, nothing to do")
    assert lines[2].endswith("new, but cannot be landed")
    assert "is still being uploaded, it holds MR01_M_20261001.rar.filepart" in lines[3]
    assert "holds the unknown file 'readme.txt'" in lines[4]
    assert "lacks the file CI01_M_20261001.rar" in lines[5]
    assert site.content() == before


def test_a_dry_run_of_an_empty_lake_makes_no_lake(site: Site) -> None:
    deliver(site.deliveries, OCTOBER)
    says(site, "ingest", "--dry-run")
    assert not site.lake.exists()


def test_only_a_stock_or_a_month_is_landed_where_that_is_asked_for(site: Site) -> None:
    for name in (STOCK, SEPTEMBER, OCTOBER):
        deliver(site.deliveries, name)
    says(site, "ingest", "--stock")
    assert landed(site) == [STOCK]
    status, _, errors = site.run({"MONTH": "2026-09"}, "ingest", "--month", "2026-10")
    assert (status, errors) == (0, "")
    assert landed(site) == [OCTOBER, STOCK]
    status, _, errors = site.run({"MONTH": "2026-10"}, "ingest", "--all-new")
    assert (status, errors) == (0, "")
    assert landed(site) == [SEPTEMBER, OCTOBER, STOCK]
    assert "no delivery that is a stock of MONTH=2026-10" in refused(site, "ingest", "--stock", "--month", "2026-10")[1]


@pytest.mark.parametrize(
    "arguments", [("ingest", "--month", "2026-13"), ("prune", "--keep-months", "0"), ("prune",), ()]
)
def test_a_wrong_call_is_status_2(site: Site, arguments: tuple[str, ...]) -> None:
    if not arguments:
        arguments = ("no such command",)
    assert site.run({}, *arguments)[0] == 2


def test_a_file_whose_size_still_changes_is_still_being_uploaded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = deliver(site.deliveries, OCTOBER)

    def grow() -> None:
        with archive(folder, "AC01").open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr("ingestion.discovery._settle", grow)
    assert f"{OCTOBER} is still being uploaded, AC01_M_20261001.rar changed meanwhile" in site.fails()
    assert site.content() == {}


def test_a_landed_delivery_is_listed_once_and_nothing_is_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(site.deliveries, OCTOBER)
    site.succeeds()
    monkeypatch.setattr("ingestion.discovery._settle", lambda: pytest.fail("waited"))
    site.succeeds()


def test_status_counts_lines_by_delivery_and_file_and_names_drift(site: Site) -> None:
    folder = deliver(site.deliveries, OCTOBER)
    names = [column.name for column in CONTRACT.tables["CI01"].columns if column.name != "website_flag"]
    header = "|".join([*names, "surprise"])
    pack(folder, "CI01", f"{header}\r\n{'|'.join('x' for _ in names)}|y\r\nragged\r\n\r\n".encode())
    site.succeeds()
    lines = [line.split() for line in says(site, "status").splitlines()]
    ci01 = next(words for words in lines if words[0] == "CI01")
    assert ci01[2:6] == ["4", "1", "1", "1"]
    assert " ".join(ci01).endswith("unknown column surprise, no column website_flag")
    whole = next(words for words in lines if words[:2] == [OCTOBER, "all"])
    assert whole[3] == str(4 + 3 * (len(CONTRACT.tables) - 1))
    (log,) = (json.loads(line) for line in says(site, "status", "--log-format", "json").splitlines())
    assert (log["delivery"], log["event"], len(log["files"])) == (OCTOBER, "landed", len(CONTRACT.tables))


def test_of_many_unknown_columns_people_see_the_first_and_machines_all(site: Site) -> None:
    folder = deliver(site.deliveries, OCTOBER)
    names = [column.name for column in CONTRACT.tables["CI01"].columns]
    more = [f"new_{number}" for number in range(1_000)]
    pack(folder, "CI01", "|".join([*names, *more]).encode() + b"\r\n" + b"|".join([b"x"] * (len(names) + 1_000)))
    assert "new_0, new_1," in (landed := site.succeeds())
    assert "new_11 and 988 more" in landed
    assert "unknown column new_11 and 988 more" in says(site, "status")
    (log,) = (json.loads(line) for line in says(site, "status", "--log-format", "json").splitlines())
    assert next(file for file in log["files"] if file["file"] == "CI01")["unknown_columns"] == more


def test_the_log_says_how_the_delivery_was_landed_and_a_redelivery_keeps_the_earlier_one(site: Site) -> None:
    folder = deliver(site.deliveries, OCTOBER)
    site.succeeds()
    path = site.lake / "LOGS_FTP_EXECUTION" / f"LOG_{OCTOBER}.json"
    first = path.read_bytes()
    log = json.loads(first)
    assert (log["schema_version"], log["contract"]) == (SCHEMA_VERSION, CONTRACT.fingerprint)
    assert [step["step"] for step in log["steps"]] == ["download", "land"]
    os.utime(pack(folder, "MR02", text("MR02", rows=7)), (LATER, LATER))
    site.succeeds()
    assert [earlier.read_bytes() for earlier in site.earlier_logs()] == [first]
    assert path.read_bytes() != first
    assert "nothing new" in site.succeeds()


def test_verify_finds_what_is_gone_changed_unknown_or_miscounted(site: Site) -> None:
    deliver(site.deliveries, SEPTEMBER)
    folder = deliver(site.deliveries, OCTOBER)
    pack(folder, "CI01", text("CI01") + b"ragged\r\n")
    site.succeeds()
    assert f"{OCTOBER}: as landed" in says(site, "verify")
    rows = site.lake / "DATA/UNZIP_DATA_APPEND_ALL"
    october = "snapshot_month=2026-10"
    (rows / "AC01" / october / "AC01_M_20261001.parquet").unlink()
    shorter = rows / "AC06" / october / "AC06_M_20261001.parquet"
    pq.write_table(pq.read_table(shorter).slice(1), shorter)
    stray = shorter.with_name("AC06_M_20261001_copy.parquet")
    stray.write_bytes(b"")
    raw = site.lake / f"DATA/RAW_DATA/{OCTOBER}/MR01_M_20261001.rar"
    raw.write_bytes(raw.read_bytes()[:-1])
    output, error = refused(site, "verify")
    assert f"{SEPTEMBER}: as landed" in output
    assert f"{OCTOBER}: 4 faults" in output
    for fault in (
        "AC01_M_20261001.parquet is gone",
        f"{shorter} is not what was landed",
        f"{shorter} has 1 rows, its log says 2",
        f"{raw} is not what was landed",
        f"{stray} belongs to no landed delivery",
    ):
        assert fault in output
    assert "5 faults" in error


def test_verify_of_a_lake_on_s3_reads_its_objects(s3_site: S3Site) -> None:
    deliver(s3_site.deliveries, OCTOBER)
    s3_site.succeeds()
    assert f"{OCTOBER}: as landed" in says(s3_site, "verify")
    changed = s3_site.lake / "DATA/UNZIP_DATA_APPEND_ALL/CI01/snapshot_month=2026-10/CI01_M_20261001.parquet"
    changed.write_bytes(b"something else")
    assert f"{changed} is not what was landed" in refused(s3_site, "verify")[0]


def old_site(site: Site) -> dict[str, bytes]:
    """Land September twice and October once, keep a text; and give what is there."""
    folder = deliver(site.deliveries, SEPTEMBER)
    site.succeeds()
    os.utime(pack(folder, "MR02", text("MR02", rows=7)), (LATER, LATER))
    deliver(site.deliveries, OCTOBER)
    site.succeeds()
    kept = site.lake / f"DATA/UNZIP_DATA/{SEPTEMBER}/CI01/CI01_M_20260901.txt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"text")
    return site.content()


def test_texts_are_kept_on_demand_as_they_were_delivered(site: Site) -> None:
    folder = deliver(site.deliveries, OCTOBER)
    content = text("CI01", rows=3)
    os.utime(pack(folder, "CI01", content), (LATER, LATER))
    says(site, "ingest", "--keep-text")
    kept = site.lake / f"DATA/UNZIP_DATA/{OCTOBER}/CI01/CI01_M_20261001.txt"
    assert kept.read_bytes() == content
    log = json.loads((site.lake / f"LOGS_FTP_EXECUTION/LOG_{OCTOBER}.json").read_text())
    assert sorted(record["text"] for record in log["files"]) == sorted(
        str(path.relative_to(site.lake)) for path in site.lake.glob("DATA/UNZIP_DATA/*/*/*.txt")
    )
    says(site, "verify")


def test_a_text_of_a_replaced_delivery_is_not_left_beside_the_new_rows(site: Site) -> None:
    folder = deliver(site.deliveries, OCTOBER)
    says(site, "ingest", "--keep-text")
    os.utime(pack(folder, "MR02", text("MR02", rows=7)), (LATER, LATER))
    site.succeeds()
    assert list(site.lake.glob("DATA/UNZIP_DATA/*/*/*.txt")) == []


def test_prune_deletes_what_is_old_but_no_rows_and_no_archives(site: Site) -> None:
    before = old_site(site)
    assert "would be deleted" in says(site, "prune", "--keep-months", "1", "--dry-run")
    assert site.content() == before
    assert len(site.earlier_logs()) == 1
    assert "deleted" in says(site, "prune", "--keep-months", "2")
    assert site.content() == before
    assert "2 files" in says(site, "prune", "--keep-months", "1")
    assert site.earlier_logs() == []
    assert before.keys() - site.content().keys() == {f"DATA/UNZIP_DATA/{SEPTEMBER}/CI01/CI01_M_20260901.txt"}
    says(site, "verify")


def test_prune_deletes_archives_on_demand_only_and_nothing_is_landed_again_for_that(site: Site) -> None:
    before = old_site(site)
    says(site, "prune", "--keep-months", "1", "--raw")
    gone = before.keys() - site.content().keys()
    assert {Path(name).parts[1] for name in gone} == {"RAW_DATA", "UNZIP_DATA"}
    assert all(SEPTEMBER in name for name in gone)
    says(site, "verify")
    assert "nothing new" in site.succeeds()
    assert "0 files" in says(site, "prune", "--keep-months", "1", "--raw")


def test_nothing_of_a_lake_on_s3_is_pruned(s3_site: S3Site) -> None:
    deliver(s3_site.deliveries, OCTOBER)
    s3_site.succeeds()
    assert "lifecycle rule" in refused(s3_site, "prune", "--keep-months", "1")[1]


def test_a_json_log_is_an_object_a_line_also_of_a_failure(site: Site) -> None:
    folder = deliver(site.deliveries, OCTOBER)
    lines = [json.loads(line) for line in says(site, "ingest", "--log-format", "json").splitlines()]
    assert [line["event"] for line in lines[:2]] == ["to_land", "downloaded"]
    ci01 = next(line for line in lines if line.get("file") == "CI01")
    assert (ci01["delivery"], ci01["landed_rows"], ci01["drift"]) == (OCTOBER, 2, [])
    archive(folder, "CI01").unlink()
    status, _, errors = site.run({}, "ingest", "--log-format", "json")
    assert status == 1
    assert json.loads(errors)["level"] == "error"
    assert "lacks the file CI01_M_20261001.rar" in json.loads(errors)["message"]
