"""Raw tables and predictions in the Glue catalog, over a lake in a real S3 store; Glue by moto."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer
from vendor import CONTRACT, LATER, S3Site, Site, deliver, pack, text

from ingestion import publication
from ml.tables import register_tables, write_partition
from tests.s3_store import HOST, REGION
from warehouse.catalog import ExternalTable
from warehouse.engines import glue, open_engine
from warehouse.engines.duckdb import show_objects
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import S3Path
from warehouse.settings import read_settings

DELIVERY = "UKLTD_M_20261001"
TABLES = {*(table.name for table in CONTRACT.tables.values()), "landed_files", "rejected_lines"}


@pytest.fixture(scope="module")
def glue_endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass(frozen=True)
class Account:
    """A site whose raw tables are in Glue, in databases of its own."""

    site: S3Site
    prefix: str
    client: Any

    def database(self, schema: str = "raw") -> str:
        return f"{self.prefix}_{schema}"

    def table(self, name: str, schema: str = "raw") -> dict[str, Any]:
        return self.client.get_table(DatabaseName=self.database(schema), Name=name)["Table"]

    def partitions(self, name: str, schema: str = "raw") -> dict[tuple[str, ...], str]:
        pages = self.client.get_paginator("get_partitions").paginate(DatabaseName=self.database(schema), TableName=name)
        return {
            tuple(found["Values"]): found["StorageDescriptor"]["Location"]
            for page in pages
            for found in page["Partitions"]
        }

    def rows(self, name: str, columns: str, schema: str = "raw") -> list[tuple]:
        """Read a table as Athena would: whatever lies in the folders of its partitions."""
        keys = [key["Name"] for key in self.table(name, schema)["PartitionKeys"]]
        with duckdb.connect() as connection:
            show_objects(connection, self.site.lake)
            queries = []
            for values, location in self.partitions(name, schema).items():
                replaced = ", ".join(f"{value!r} as {key}" for key, value in zip(keys, values, strict=True))
                scan = f"read_parquet('{location}*.parquet', hive_partitioning = true)"
                queries.append(f"select * replace ({replaced}) from {scan}")
            content = " union all by name ".join(queries)
            return sorted(connection.execute(f"select {columns} from ({content})").fetchall())


@pytest.fixture
def account(s3_site: S3Site, glue_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    prefix = "".join(letter if letter.isalnum() else "_" for letter in tmp_path.name.lower())[-40:].strip("_")
    environment = {"DBT_TARGET": "athena", "AWS_ENDPOINT_URL_GLUE": glue_endpoint, "SCHEMA_PREFIX": f"t_{prefix}"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(more: dict[str, str], command: str = "ingest") -> tuple[int, str, str]:
        return s3_site.run(environment | more, command)

    client = boto3.client("glue", region_name=REGION, endpoint_url=glue_endpoint)
    return Account(replace(s3_site, run=run), f"t_{prefix}", client)


def test_an_ingestion_makes_the_raw_tables_of_the_contract(account: Account) -> None:
    folder = deliver(account.site.deliveries, DELIVERY)
    pack(folder, "CI01", text("CI01") + b"only one value\r\n")
    account.site.succeeds()
    pages = account.client.get_paginator("get_tables").paginate(DatabaseName=account.database())
    assert {found["Name"] for page in pages for found in page["TableList"]} == TABLES
    table = account.table("ci01")
    described = table["StorageDescriptor"]
    assert [(column["Name"], column["Type"]) for column in described["Columns"]] == [
        *((column.name, "string") for column in CONTRACT.tables["CI01"].columns),
        ("source_file", "string"),
        ("line_number", "bigint"),
        ("loaded_at", "timestamp"),
        ("_extra", "string"),
    ]
    assert table["PartitionKeys"] == [{"Name": "snapshot_month", "Type": "string"}]
    assert "projection.enabled" not in table["Parameters"]
    folder_of_table = f"{account.site.lake}/DATA/UNZIP_DATA_APPEND_ALL/CI01/"
    assert described["Location"] == folder_of_table
    assert account.partitions("ci01") == {("2026-10",): f"{folder_of_table}snapshot_month=2026-10/"}
    assert account.rows("ci01", "company_number, line_number, snapshot_month") == [
        ("company_number 0", 2, "2026-10"),
        ("company_number 1", 3, "2026-10"),
    ]
    assert [key["Name"] for key in account.table("rejected_lines")["PartitionKeys"]] == ["file", "snapshot_month"]
    assert list(account.partitions("rejected_lines")) == [("CI01", "2026-10")]
    assert account.rows("rejected_lines", "file, line_number, raw_text") == [("CI01", 4, "only one value")]
    assert account.rows("landed_files", "count(*)") == [(13,)]
    assert not account.site.warehouse.exists()


def test_a_second_run_changes_nothing_and_a_new_month_adds_its_partitions(account: Account) -> None:
    deliver(account.site.deliveries, DELIVERY)
    account.site.succeeds()
    before = account.table("ci01")
    assert "nothing downloaded" in account.site.succeeds()
    assert account.table("ci01") == before
    deliver(account.site.deliveries, "UKLTD_M_20261101")
    account.site.succeeds()
    assert list(account.partitions("ci01")) == [("2026-10",), ("2026-11",)]
    assert account.table("ci01") == before


def test_a_month_is_hidden_while_files_of_it_are_published(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UKLTD_M_20260901", "UKLTD_S_20261001"):
        deliver(account.site.deliveries, name)
    account.site.succeeds()
    deliver(account.site.deliveries, DELIVERY)
    seen: list[list[tuple[str, ...]]] = []
    original = publication.publish

    def publish(unfinished: Path, final: S3Path, **over: str | None) -> None:
        seen.append(list(account.partitions("ci01")))
        original(unfinished, final, **over)

    monkeypatch.setattr(publication, "publish", publish)
    account.site.succeeds()
    assert len(seen) == 28
    assert {tuple(each) for each in seen} == {(("2026-09",),)}
    assert list(account.partitions("ci01")) == [("2026-09",), ("2026-10",)]
    assert account.rows("ci01", "count(*), count(distinct source_file)") == [(6, 3)]


def test_a_delivery_again_replaces_what_its_month_shows(account: Account) -> None:
    folder = deliver(account.site.deliveries, DELIVERY)
    pack(folder, "MR01", text("MR01") + b"ragged\r\n")
    account.site.succeeds()
    path = pack(folder, "MR01", text("MR01", rows=5))
    os.utime(path, (LATER, LATER))
    account.site.succeeds()
    assert account.rows("mr01", "count(*)") == [(5,)]
    assert account.rows("rejected_lines", "count(*)") == [(0,)]


def test_an_interrupted_publication_shows_nothing_of_its_month_until_it_is_complete(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(account.site.deliveries, "UKLTD_S_20261001")
    account.site.succeeds()
    deliver(account.site.deliveries, DELIVERY)
    original = publication.publish

    def publish(unfinished: Path, final: S3Path, **over: str | None) -> None:
        if final.name == "MR01_M_20261001.parquet":
            raise KeyboardInterrupt
        original(unfinished, final, **over)

    with monkeypatch.context() as patch:
        patch.setattr(publication, "publish", publish)
        assert account.site.run({})[0] == 130
    assert account.partitions("ci01") == {}
    status, _, errors = account.site.run({}, "register")
    assert (status, errors.count("\n")) == (1, 1)
    assert "does not belong to it: run `make ingest`" in errors
    assert account.partitions("ci01") == {}
    account.site.succeeds()
    assert account.rows("ci01", "count(*)") == [(4,)]


def test_a_changed_contract_changes_the_table_and_its_partitions(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(account.site.deliveries, DELIVERY)
    account.site.succeeds()
    luat01 = CONTRACT.tables["LUAT01"]
    with_fax = replace(luat01, columns=(*luat01.columns, replace(luat01.columns[1], name="fax")))
    changed = replace(CONTRACT, tables=CONTRACT.tables | {"LUAT01": with_fax})
    monkeypatch.setattr("ingestion.__main__.read_contract", lambda: changed)
    account.site.succeeds()
    (found,) = account.client.get_partitions(DatabaseName=account.database(), TableName="luat01")["Partitions"]
    for described in (account.table("luat01")["StorageDescriptor"], found["StorageDescriptor"]):
        assert "fax" in {column["Name"] for column in described["Columns"]}


def test_predictions_are_a_glue_table(account: Account) -> None:
    lake = Lake(account.site.lake)
    settings = read_settings()
    register_tables(open_engine(settings), lake)
    assert account.partitions("predictions", "ml") == {}
    columns = {"company_number": ["01"], "model_name": ["recall"], "score": [0.5], "rank": pa.array([1], pa.int32())}
    for month in ("2026-10", "2026-11"):
        write_partition(lake, "predictions", month, pa.table(columns))
    register_tables(open_engine(settings), lake)
    assert list(account.partitions("predictions", "ml")) == [("2026-10",), ("2026-11",)]
    types = {each["Name"]: each["Type"] for each in account.table("predictions", "ml")["StorageDescriptor"]["Columns"]}
    assert (types["score"], types["rank"], types["company_number"]) == ("double", "int", "string")
    assert account.rows("predictions", "company_number, score_month", "ml") == [("01", "2026-10"), ("01", "2026-11")]


@pytest.fixture
def table(account: Account) -> ExternalTable:
    columns = (("code", "varchar"), ("snapshot_month", "varchar"))
    return ExternalTable(account.database("many"), "many", columns, "snapshot_month", account.site.lake / "many")


def test_more_partitions_than_one_call_takes_come_change_and_go(
    account: Account, table: ExternalTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = [f"{year}-{month:02d}" for year in range(2000, 2018) for month in range(1, 13)][:205]
    files = [table.folder / f"snapshot_month={month}" / "many.parquet" for month in months]
    monkeypatch.setattr(S3Path, "below", lambda _: files)
    sizes: dict[str, list[int]] = {}
    for call, argument in (
        ("batch_create_partition", "PartitionInputList"),
        ("batch_update_partition", "Entries"),
        ("batch_delete_partition", "PartitionsToDelete"),
    ):
        original = getattr(account.client, call)

        def counted(original=original, call=call, argument=argument, **arguments: Any) -> Any:
            sizes.setdefault(call, []).append(len(arguments[argument]))
            return original(**arguments)

        monkeypatch.setattr(account.client, call, counted)
    glue.register(account.client, table, files)
    assert len(account.partitions("many", "many")) == 205
    glue.register(account.client, replace(table, columns=(("extra", "date"), *table.columns)), files)
    glue.register(account.client, table, files[:1])
    assert list(account.partitions("many", "many")) == [("2000-01",)]
    assert sizes["batch_create_partition"] == [100, 100, 5]
    assert sizes["batch_update_partition"] == [100, 100, 5, 1]
    assert sizes["batch_delete_partition"] == [25] * 8 + [4]


def test_a_partition_that_glue_refuses_is_an_error(
    account: Account, table: ExternalTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [table.folder / "snapshot_month=2026-10" / "many.parquet"]
    monkeypatch.setattr(S3Path, "below", lambda _: files)
    refusal = {"Errors": [{"ErrorDetail": {"ErrorCode": "InternalServiceException", "ErrorMessage": "later"}}]}
    monkeypatch.setattr(account.client, "batch_create_partition", lambda **_: refusal)
    with pytest.raises(UserError, match="Glue refused 1 partitions, the first: InternalServiceException later"):
        glue.register(account.client, table, files)


def test_a_type_without_a_name_in_glue_is_refused(account: Account, table: ExternalTable) -> None:
    with pytest.raises(UserError, match="has a column of type hugeint, which Glue lacks"):
        glue.register(account.client, replace(table, columns=(("code", "hugeint"), *table.columns[1:])), [])


def test_athena_needs_a_lake_on_s3(account: Account, site: Site) -> None:
    status, _, errors = account.site.run({"LAKE": str(site.lake)})
    assert (status, errors.count("\n")) == (1, 1)
    assert "which Athena cannot read; name s3://bucket/prefix" in errors


def test_a_glue_that_cannot_be_reached_is_one_sentence(account: Account) -> None:
    deliver(account.site.deliveries, DELIVERY)
    trouble = {"AWS_ENDPOINT_URL_GLUE": f"http://{HOST}:1", "AWS_MAX_ATTEMPTS": "1"}
    status, _, errors = account.site.run(trouble)
    assert (status, errors.count("\n")) == (1, 1)
    assert "cannot be reached" in errors
