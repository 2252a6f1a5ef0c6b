"""What Athena allows and forbids, met by our own commands: partitions a statement, work groups, places, keys."""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from ingestion.contract import read_contract
from tests.athena.endpoint.on_duckdb import DuckDB
from tests.athena.main_job import Run, on_athena
from tests.athena.stack import BUILDING, LAKE, LANDING, RAW_BUCKET, WAREHOUSE_BUCKET, Account, start
from warehouse.catalog import ExternalTable
from warehouse.engines import glue
from warehouse.engines.athena import AthenaEngine
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import S3Path
from warehouse.storage import whole_file

MOST_PARTITIONS = 100  # that one statement may write
MONTHS = [f"{2015 + month // 12}-{month % 12 + 1:02d}" for month in range(MOST_PARTITIONS + 1)]
PREFIX = "years"
TYPED = "stg_ukltd__accounts_types"
TYPES = {"varchar": pa.string(), "bigint": pa.int64(), "timestamp": pa.timestamp("us")}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with start(tmp_path_factory.mktemp("account"), DuckDB()) as running:
        yield running


@pytest.fixture(scope="module")
def run(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return on_athena(tmp_path_factory.mktemp("limits") / "athena", account, {"SCHEMA_PREFIX": PREFIX})


@pytest.fixture
def lake(account: Account, monkeypatch: pytest.MonkeyPatch) -> Lake[S3Path]:
    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    return Lake(S3Path(RAW_BUCKET, "years"))


def land(account: Account, lake: Lake[S3Path], description: str, loaded_at: dt.datetime) -> None:
    """Land a line a month of one table, and what the logs of the deliveries say of it."""
    contract = read_contract()
    (delivered,) = [table for table in contract.tables.values() if table.name == "luat01"]
    definitions = {
        "luat01": (
            tuple((column.name, "varchar") for column in delivered.columns) + contract.landing_columns,
            lake.landed("LUAT01"),
        ),
        "landed_files": (contract.landing_tables["landed_files"], lake.landed_files()),
    }
    for name, (columns, folder) in definitions.items():
        files = []
        for month in MONTHS:
            values = {
                "code": month, "description": description, "file": "LUAT01", "landed_rows": 1, "line_number": 2,
                "source_file": f"LUAT01_M_{month.replace('-', '')}01.txt", "loaded_at": loaded_at,
            }  # fmt: skip
            row = {
                column: pa.array([values.get(column)], TYPES[type_])
                for column, type_ in columns
                if column != "snapshot_month"
            }
            files.append(lake.month_folder(folder, month) / "one.parquet")
            with whole_file(files[-1]) as unfinished:
                pq.write_table(pa.table(row), unfinished)
        table = ExternalTable(f"{PREFIX}_raw", name, columns, "snapshot_month", folder)
        glue.register(account.session.client("glue"), table, files)


def partitions_written(account: Account) -> int:
    folders = {key.rpartition("/")[0] for key in account.keys(WAREHOUSE_BUCKET) if f"/{TYPED}/" in key}
    return len(folders)


def test_more_months_than_one_statement_may_write_are_typed_and_typed_again(
    account: Account, run: Run, lake: Lake[S3Path]
) -> None:
    for description, day in (("first", 1), ("again", 2)):
        land(account, lake, description, dt.datetime(2026, 1, day))
        earlier = len(account.executor.executions)
        run.dbt("run", "--select", TYPED)
        executions = list(account.executor.executions.values())[earlier:]
        refused = [execution for execution in executions if "TOO_MANY_OPEN_PARTITIONS" in execution.reason]
        assert len(refused) == 1
        assert partitions_written(account) == len(MONTHS)
        found = account.query(f"select code, description, snapshot_month from {PREFIX}_staging.{TYPED} order by 1")
        assert [tuple(row.values()) for row in found.to_pylist()] == [(month, description, month) for month in MONTHS]
    assert account.catalog.names(f"{PREFIX}_staging") == [TYPED]


@pytest.mark.parametrize(
    ("work_group", "sentence"),
    [
        ("primary", ""),
        ("switched_off", "the Athena work group switched_off is switched off; switch it on, or name another"),
        ("of_version_2", "runs Athena engine version 2, and Athena engine version 3 is needed"),
        ("overriding", "overrides where a query writes, and tables would lie among results that expire"),
        ("managing", "overrides where a query writes"),
        ("unknown", "the Athena work group unknown: GetWorkGroup failed"),
    ],
)
def test_a_work_group_that_will_not_do_is_found_out_before_a_build(
    lake: Lake[S3Path], work_group: str, sentence: str
) -> None:
    engine = AthenaEngine(lake, work_group)
    if sentence:
        with pytest.raises(UserError, match=sentence):
            engine.check()
    else:
        engine.check()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("ATHENA_S3_DATA_DIR", "", "ATHENA_S3_DATA_DIR is not set; set it to s3://bucket/prefix"),
        ("ATHENA_S3_DATA_DIR", f"s3://{RAW_BUCKET}/tables", "is in the bucket of the lake; name another bucket"),
        ("ATHENA_S3_STAGING_DIR", f"s3://{RAW_BUCKET}/", "is in the bucket of the lake; name another bucket"),
        ("AWS_REGION", "", "AWS_REGION is not set"),
        ("ATHENA_WORK_GROUP", "overriding", "overrides where a query writes"),
    ],
)
def test_dbt_is_not_started_where_it_would_go_wrong(run: Run, variable: str, value: str, sentence: str) -> None:
    refused = run.attempt("warehouse", "dbt", "build", **{variable: value})
    assert (refused.returncode, refused.stderr.count("\n"), refused.stdout) == (1, 1, "")
    assert sentence in refused.stderr


def test_the_keys_of_the_account_do_no_more_than_the_policies_allow(account: Account) -> None:
    def client(name: str):
        return account.client_of(name, "s3")

    client(LANDING).put_object(Bucket=RAW_BUCKET, Key="kept", Body=b"")
    client(BUILDING).put_object(Bucket=RAW_BUCKET, Key=f"{LAKE}/LOGS_QUERY_EXECUTION/log", Body=b"")
    client(BUILDING).put_object(Bucket=WAREHOUSE_BUCKET, Key="table", Body=b"")
    client(BUILDING).delete_object(Bucket=WAREHOUSE_BUCKET, Key="table")
    for name, call, bucket in (
        (LANDING, "delete_object", RAW_BUCKET),
        (BUILDING, "delete_object", RAW_BUCKET),
        (BUILDING, "put_object", RAW_BUCKET),
        (LANDING, "put_object", WAREHOUSE_BUCKET),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(client(name), call)(Bucket=bucket, Key="kept")
