"""A lake in a bucket of a real S3 store that denies every delete, by the same commands as a local one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from vendor import BUCKET, CONTRACT, LATER, QUERY_LOGS, S3Site, Site, archive, deliver, pack, text

from ingestion import publication
from tests.s3_store import HOST, Store
from warehouse import s3
from warehouse.aws import AwsError
from warehouse.errors import UserError
from warehouse.s3 import S3Path, leased

DELIVERY = "UKLTD_M_20261001"
LOG = f"LOGS_FTP_EXECUTION/LOG_{DELIVERY}.json"
TABLES = [*(table.name for table in CONTRACT.tables.values()), "landed_files", "rejected_lines"]

KILLED_RUN = """
import os, signal, sys
import warehouse.s3
from ingestion.__main__ import _main

ending, before = sys.argv[1], int(sys.argv[2])

def killing(original, is_counted):
    def called(self, *arguments, **named):
        global before
        if is_counted(self):
            if before == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            before -= 1
        return original(self, *arguments, **named)
    return called

path = warehouse.s3.S3Path
for name in ("upload", "write_bytes"):
    setattr(path, name, killing(getattr(path, name), lambda self: self.key.endswith(ending)))
sys.argv = ["ingestion", "ingest"]
_main()
"""


def rows_of_all_tables(site: Site) -> dict[str, list[tuple]]:
    return {table: site.rows(f"select * exclude (loaded_at) from raw.{table} order by all") for table in TABLES}


def modified(site: S3Site) -> dict[str, tuple[object, object]]:
    listed = site.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{site.lake.key}/")["Contents"]
    kept = (each for each in listed if not {".work", QUERY_LOGS} & set(each["Key"].split("/")))
    return {each["Key"]: (each["LastModified"], each["ETag"]) for each in kept}


def kill(ending: str, before: int) -> None:
    """Run the command in a process of its own that dies before it writes this object, or after so many of the kind."""
    arguments = [sys.executable, "-c", KILLED_RUN, ending, str(before)]
    process = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert process.returncode == -signal.SIGKILL, process.stderr


def end_the_lease(site: S3Site) -> None:
    """Do what a minute of waiting would."""
    lock = site.lake / ".work/ingestion.lock"
    lock.write_bytes(json.dumps(json.loads(lock.read_bytes()) | {"held": False}).encode())


def test_a_delivery_becomes_the_objects_and_raw_tables_that_a_local_lake_has(s3_site: S3Site, site: Site) -> None:
    folder = deliver(s3_site.deliveries, DELIVERY)
    pack(folder, "CI01", text("CI01") + b"only one value\r\n\r\n")
    assert f"{DELIVERY}: new" in s3_site.succeeds()
    on_s3, names = rows_of_all_tables(s3_site), set(s3_site.content())
    assert s3_site.content()[f"DATA/RAW_DATA/{DELIVERY}/CI01_M_20261001.rar"] == archive(folder, "CI01").read_bytes()
    assert not s3_site.unfinished.exists()
    site.succeeds(WAREHOUSE=str(site.warehouse.with_name("local.duckdb")))
    assert names == set(site.content())
    local = replace(site, warehouse=site.warehouse.with_name("local.duckdb"))
    assert rows_of_all_tables(local) == on_s3
    assert s3_site.rows("select line_number, raw_text from raw.rejected_lines") == [(4, "only one value")]


def test_the_duckdb_file_has_no_credentials(s3_site: S3Site, store: Store) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    s3_site.succeeds()
    assert store.secret.encode() not in s3_site.warehouse.read_bytes()
    assert store.key_id.encode() not in s3_site.warehouse.read_bytes()


def test_a_second_run_writes_nothing(s3_site: S3Site) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    s3_site.succeeds()
    before = modified(s3_site)
    assert "nothing downloaded, nothing landed" in s3_site.succeeds()
    assert modified(s3_site) == before


def test_a_file_delivered_again_replaces_itself_and_its_rejected_lines_although_nothing_is_deleted(
    s3_site: S3Site,
) -> None:
    folder = deliver(s3_site.deliveries, DELIVERY)
    pack(folder, "MR01", text("MR01") + b"ragged\r\n")
    s3_site.succeeds()
    names = set(s3_site.content())
    os.utime(pack(folder, "MR01", text("MR01", rows=5)), (LATER, LATER))
    output = s3_site.succeeds()
    assert f"{DELIVERY}: delivered again" in output
    assert "downloaded 1 of 13 archives" in output
    assert s3_site.rows("select (select count(*) from raw.mr01), (select count(*) from raw.rejected_lines)") == [(5, 0)]
    assert set(s3_site.content()) == names


def test_a_changed_contract_lands_again_from_the_archives_in_the_lake(
    s3_site: S3Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    s3_site.succeeds()
    luat01 = CONTRACT.tables["LUAT01"]
    with_fax = replace(luat01, columns=(*luat01.columns, replace(luat01.columns[1], name="fax")))
    changed = replace(CONTRACT, tables=CONTRACT.tables | {"LUAT01": with_fax})
    monkeypatch.setattr("ingestion.__main__.read_contract", lambda: changed)
    assert "downloaded 0 of 13 archives" in s3_site.succeeds()
    assert s3_site.rows("select count(*), count(fax) from raw.luat01") == [(2, 0)]


def test_an_archive_that_is_another_in_the_lake_is_downloaded_again(
    s3_site: S3Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    s3_site.succeeds()
    spoilt = s3_site.lake / "DATA/RAW_DATA" / DELIVERY / "AC01_M_20261001.rar"
    spoilt.write_bytes(bytes(spoilt.size() or 0))
    without = replace(CONTRACT.tables["LUAT01"], columns=CONTRACT.tables["LUAT01"].columns[:1])
    changed = replace(CONTRACT, tables=CONTRACT.tables | {"LUAT01": without})
    monkeypatch.setattr("ingestion.__main__.read_contract", lambda: changed)
    assert "downloaded 1 of 13 archives" in s3_site.succeeds()


@pytest.mark.parametrize(
    ("ending", "before", "shown"),
    [(".rar", 4, "refusal"), (".json", 0, "before"), (".json", 1, "before"), (".json", 2, "refusal")],
)
def test_a_kill_shows_no_half_delivery_and_the_next_run_gives_what_a_run_without_it_gives(
    s3_site: S3Site, ending: str, before: int, shown: str
) -> None:
    folder = deliver(s3_site.deliveries, DELIVERY)
    s3_site.succeeds()
    states = {"before": rows_of_all_tables(s3_site)}
    os.utime(pack(folder, "CI01", text("CI01", rows=9) + b"ragged\r\n"), (LATER, LATER))
    kill(ending, before)
    assert "if it was killed, its hold ends" in s3_site.fails()
    end_the_lease(s3_site)
    if shown == "refusal":
        status, _, errors = s3_site.run({}, "register")
        sentence = f"error: {DELIVERY} was interrupted while it was published; run `make ingest`\n"
        assert (status, errors) == (1, sentence)
    else:
        s3_site.registers()
        assert rows_of_all_tables(s3_site) == states[shown]
    s3_site.succeeds()
    assert s3_site.rows("select count(*), (select count(*) from raw.rejected_lines) from raw.ci01") == [(9, 1)]
    assert s3_site.rows("select count(*) from raw.mr01") == [(2,)]
    assert not s3_site.unfinished.exists()


def test_a_first_landing_that_was_killed_is_not_seen_and_a_run_elsewhere_lands_it(
    s3_site: S3Site, tmp_path: Path
) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    kill(".parquet", 9)
    end_the_lease(s3_site)
    s3_site.registers()
    assert rows_of_all_tables(s3_site) == {table: [] for table in TABLES}
    elsewhere = {"LAKE_WORK": str(tmp_path / "elsewhere"), "WAREHOUSE": str(tmp_path / "elsewhere.duckdb")}
    assert "downloaded 13 of 13 archives" in s3_site.succeeds(**elsewhere)
    assert "nothing downloaded" in s3_site.succeeds()
    assert s3_site.rows("select count(*) from raw.ac01") == [(2,)]


def test_uploads_in_parts_that_a_killed_run_left_are_given_up_and_others_are_not(s3_site: S3Site) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    landed, other = s3_site.lake / "DATA/RAW_DATA/X/CI01.rar", s3_site.lake / "ALGORITHM/model"
    for path in (landed, other):
        begun = s3_site.client.create_multipart_upload(Bucket=BUCKET, Key=path.key)
        part = {"Bucket": BUCKET, "Key": path.key, "UploadId": begun["UploadId"], "PartNumber": 1}
        s3_site.client.upload_part(**part, Body=bytes(6_000_000))
    s3_site.succeeds()
    left = s3_site.client.list_multipart_uploads(Bucket=BUCKET, Prefix=f"{s3_site.lake.key}/").get("Uploads", [])
    assert [each["Key"] for each in left] == [other.key]


def test_a_large_archive_goes_up_in_parts_and_is_whole(s3_site: S3Site, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 5 << 20
    parts = s3.TransferConfig(multipart_threshold=size, multipart_chunksize=size)
    monkeypatch.setattr(s3, "TRANSFER", parts)
    folder = deliver(s3_site.deliveries, DELIVERY)
    path = pack(folder, "MR01", text("MR01", rows=70_000))
    assert path.stat().st_size > size
    s3_site.succeeds()
    kept = s3_site.lake / "DATA/RAW_DATA" / DELIVERY / path.name
    assert kept.read_bytes() == path.read_bytes()
    assert s3_site.client.head_object(Bucket=BUCKET, Key=kept.key)["ETag"].endswith('-3"')
    assert s3_site.rows("select count(*) from raw.mr01") == [(70_000,)]


def test_of_two_ingestions_on_two_machines_at_once_one_lands_and_one_says_why_not(
    s3_site: S3Site, tmp_path: Path
) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "ingestion", "ingest"],
            env=os.environ | {"LAKE_WORK": str(tmp_path / name), "WAREHOUSE": str(tmp_path / f"{name}.duckdb")},
            cwd=Path(__file__).resolve().parents[3],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in ("one", "other")
    ]  # fmt: skip
    ended = [(process.communicate(timeout=120), process.returncode) for process in processes]
    ended.sort(key=lambda end: end[1])
    ((landed, no_errors), first), ((nothing, errors), second) = ended
    assert (first, no_errors, second, nothing) == (0, "", 1, "")
    assert f"{DELIVERY}: new" in landed
    assert errors.startswith("error: another ingestion")
    assert errors.count("\n") == 1


def test_a_run_that_lost_its_hold_writes_nothing_more(store: Store, s3_site: S3Site) -> None:
    lock = s3_site.lake / ".work/test.lock"
    with leased(lock, "test"):
        (s3_site.lake / "held").write_bytes(b"")
        s3._leases[0]._until = s3.uptime() - 1
        with pytest.raises(UserError, match="could not keep its hold"):
            (s3_site.lake / "lost").write_bytes(b"")
    assert not (s3_site.lake / "lost").exists()
    assert (s3_site.lake / "held").exists()


def test_a_living_run_keeps_its_hold_and_a_dead_one_loses_it(s3_site: S3Site, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, seconds = s3_site.lake / ".work/test.lock", 4.0
    monkeypatch.setattr(s3, "LEASE_SECONDS", seconds)
    with leased(lock, "test"):
        time.sleep(seconds + 1)
        with pytest.raises(UserError, match="another test"), leased(lock, "test"):
            pass
        s3._leases[0]._ended.set()  # no renewal from now on, as after a kill
        time.sleep(seconds + 1)
        with leased(lock, "test"):
            assert s3._leases[0]._until < s3.uptime() < s3._leases[1]._until
    with leased(lock, "test"):
        pass


def test_a_log_that_another_run_wrote_meanwhile_is_not_replaced(
    s3_site: S3Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    original = publication.publish

    def publish(unfinished: Path, final: S3Path, **over: str | None) -> None:
        if over:
            (s3_site.lake / LOG).write_bytes(b"of another run")
        original(unfinished, final, **over)

    monkeypatch.setattr(publication, "publish", publish)
    assert "was written by another run meanwhile" in s3_site.fails()
    assert s3_site.content()[LOG] == b"of another run"


def wrong_secret(store: Store) -> dict[str, str]:
    return {"AWS_SECRET_ACCESS_KEY": "not-the-secret"}


def unknown_key(store: Store) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": "NOBODY"}


def no_credentials(store: Store) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def unknown_profile(store: Store) -> dict[str, str]:
    return {"AWS_PROFILE": "nobody"}


def missing_bucket(store: Store) -> dict[str, str]:
    return {"LAKE": "s3://no-such-bucket/lake"}


def no_network(store: Store) -> dict[str, str]:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port = unused.getsockname()[1]
    return {"AWS_ENDPOINT_URL_S3": f"http://{HOST}:{port}", "AWS_MAX_ATTEMPTS": "1"}


@pytest.mark.parametrize("command", ["ingest", "register"])
@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (wrong_secret, "the AWS credentials are wrong (SignatureDoesNotMatch)"),
        (unknown_key, "the AWS credentials are wrong (InvalidAccessKeyId)"),
        (no_credentials, "there are no complete AWS credentials"),
        (unknown_profile, "check AWS_PROFILE"),
        (missing_bucket, "the bucket of s3://no-such-bucket/lake/.work/ingestion.lock does not exist; create it"),
        (no_network, "cannot be reached"),
    ],
)
def test_trouble_is_one_sentence(s3_site: S3Site, store: Store, trouble, sentence: str, command: str) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    status, _, errors = s3_site.run(trouble(store), command)
    assert (status, errors.count("\n")) == (1, 1)
    assert errors.startswith("error: ")
    assert sentence in errors
    assert "not-the-secret" not in errors
    assert s3_site.client.list_objects_v2(Bucket=BUCKET, Prefix=s3_site.lake.key)["KeyCount"] == 0


def test_a_delete_is_denied_so_the_tests_above_show_that_none_is_needed(s3_site: S3Site) -> None:
    (s3_site.lake / "kept").write_bytes(b"")
    with pytest.raises(s3_site.client.exceptions.ClientError, match="AccessDenied"):
        s3_site.client.delete_object(Bucket=BUCKET, Key=(s3_site.lake / "kept").key)


def test_connection_to_s3_that_is_lost_keeps_the_work_for_the_next_run(
    s3_site: S3Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(s3_site.deliveries, DELIVERY)
    calls = []
    original = S3Path.upload

    def upload(self: S3Path, local: Path) -> None:
        calls.append(self)
        if len(calls) == 9:
            raise AwsError("s3 cannot be reached")
        original(self, local)

    with monkeypatch.context() as patch:
        patch.setattr(S3Path, "upload", upload)
        assert "cannot be reached" in s3_site.fails()
    assert "downloaded 0 of 13 archives" in s3_site.succeeds()
    assert s3_site.rows("select count(*) from raw.ac01") == [(2,)]
