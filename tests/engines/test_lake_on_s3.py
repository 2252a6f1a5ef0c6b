"""A lake in a real S3 store on the real Trino: landed, registered, built, learned from, predicted, read back."""

import contextlib
from collections.abc import Iterator

import pytest
import yaml

from ml.settings import SETTINGS_FILE
from tests.engines.conftest import LAKES, ONLY_TABLES, UNLOADED, Engine
from tests.engines.trino_server import CATALOG_ON_S3, TrinoServer
from tests.s3_store import Store
from warehouse.engines import open_engine
from warehouse.s3 import S3Path
from warehouse.settings import read_settings

PREFIX = "country"
FEW = {"minimum_positives": 2, "test_windows": 1, "company_folds": 1, "bootstrap_samples": 20}
NEEDED = ("+to_train", "+to_predict", "+feature_definitions", "+horizon", "+users")


@pytest.fixture(scope="module")
def country(server: TrinoServer, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Everything that makes leads, run on a lake on S3."""
    folder = tmp_path_factory.mktemp("on_s3")
    settings = folder / "settings.yml"
    settings.write_text(yaml.safe_dump(yaml.safe_load(SETTINGS_FILE.read_text(encoding="utf-8")) | FEW))
    on_s3 = Engine(
        "trino",
        folder,
        server.environment
        | store.environment
        | {
            "LAKE": f"s3://{LAKES}/{PREFIX}",
            "TRINO_CATALOG": CATALOG_ON_S3,
            "TRINO_UNLOAD_DIR": f"s3://{UNLOADED}/here",
            "SAMPLE_DELIVERIES": str(folder / "sample"),
            "SAMPLE_COMPANIES": "3000",
        },
    )
    on_s3.run("ingestion", "ingest")
    on_s3.run("ml", "register")
    on_s3.build(*ONLY_TABLES, "--select", *NEEDED)
    on_s3.run("ml", "train", "--settings", str(settings))
    on_s3.run("ml", "predict", "--settings", str(settings))
    on_s3.build(*ONLY_TABLES, "--selector", "scores")
    return on_s3


@pytest.fixture
def here(country: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The same, with this process in its environment."""
    for name, value in country.environment.items():
        monkeypatch.setenv(name, value)
    return country


def keys(store: Store, bucket: str) -> set[str]:
    pages = store.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {found["Key"] for page in pages for found in page.get("Contents", ())}


def test_raw_tables_have_the_rows_that_landed(country, server):
    landed = dict(server.query(f"select file, sum(landed_rows) from {CATALOG_ON_S3}.raw.landed_files group by 1"))
    assert landed["CI01"] > 3000
    counted = {
        file: server.query(f"select count(*) from {CATALOG_ON_S3}.raw.{file.lower()}")[0][0]
        for file in ("CI01", "AC01")
    }
    assert counted == {file: landed[file] for file in counted}


def test_there_is_a_lead_for_every_company_that_was_scored(country, server):
    ((leads,),) = server.query(f"select count(*) from {CATALOG_ON_S3}.marts.leads")
    ((scored,),) = server.query(f"select count(distinct company_number) from {CATALOG_ON_S3}.ml.predictions")
    assert leads == scored > 100


def test_the_buckets_have_what_belongs_in_them(country, store):
    tops = {key.removeprefix(f"{PREFIX}/").split("/")[0] for key in keys(store, LAKES)}
    assert {"DATA", "ALGORITHM"} < tops
    assert tops <= {"DATA", "LOGS_FTP_EXECUTION", "LOGS_QUERY_EXECUTION", "ALGORITHM", ".work"}
    assert keys(store, UNLOADED) == set()


def test_marts_are_read_through_the_store_and_nothing_stays_there(here, server, store):
    some = "select count(*), sum(label), min(company_number) from {}marts.to_train"
    server.query(f"create table {CATALOG_ON_S3}.marts.of_no_rows as select 1 as label where false")
    wanted = {"to_train": ("company_number", "label"), "of_no_rows": (), "absent": ()}
    with open_engine(read_settings()).reading(wanted) as connection:
        assert any(key.startswith("here/marts/") for key in keys(store, UNLOADED))
        views = "select view_name from duckdb_views() where schema_name = 'marts' order by 1"
        assert connection.execute(views).fetchall() == [("of_no_rows",), ("to_train",)]
        assert connection.execute("select count(*) from marts.of_no_rows").fetchall() == [(0,)]
        read = connection.execute(some.format("")).fetchall()
    assert read == server.query(some.format(f"{CATALOG_ON_S3}."))
    assert keys(store, UNLOADED) == set()


@contextlib.contextmanager
def stray_object(store: Store, key: str) -> Iterator[S3Path]:
    store.client.put_object(Bucket=LAKES, Key=key, Body=b"stray")
    try:
        yield S3Path(LAKES, key)
    finally:
        store.client.delete_object(Bucket=LAKES, Key=key)


def test_a_folder_that_holds_more_than_the_logs_name_is_refused(country, store):
    folder = f"{PREFIX}/DATA/UNZIP_DATA_APPEND_ALL/CI01/snapshot_month=2026-10"
    with stray_object(store, f"{folder}/other.parquet") as stray:
        refused = country.attempt("ingestion", "register")
    assert refused.returncode == 1
    assert f"{stray} is in a folder of the table raw.ci01, but does not belong to it" in refused.stderr
