"""An AWS account of our own for tests: Glue, STS and S3 by moto, Athena by the endpoint beside this file."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pyarrow as pa
from moto.server import ThreadedMotoServer

from ingestion.contract import read_contract
from ingestion.delivery_log import read_logs
from tests.athena.endpoint.backend import Backend, Column
from tests.athena.endpoint.catalog import Catalog
from tests.athena.endpoint.executions import Execution, Executor
from tests.athena.endpoint.server import serve
from tests.athena.endpoint.statements import Name
from warehouse.lake import Lake

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-west-2"
RAW_BUCKET, WAREHOUSE_BUCKET, RESULTS_BUCKET = "raw-lake", "warehouse", "query-results"
GLUE_TYPES = {"varchar": "string", "integer": "int"}


@dataclass(frozen=True)
class Account:
    """A running account.

    Attributes:
        environment: What boto3, and so dbt-athena, must know to find it.
    """

    environment: Mapping[str, str]
    session: boto3.Session
    catalog: Catalog
    executor: Executor

    def query(self, sql: str) -> pa.Table:
        """Run a statement, without the protocol around it."""
        execution = self.run(sql)
        assert execution.state == "SUCCEEDED", execution.reason
        return execution.rows

    def run(self, sql: str) -> Execution:
        """Run a statement to whatever end it comes to."""
        execution = self.executor.start(sql)
        execution.over.wait()
        return execution

    def keys(self, bucket: str) -> set[str]:
        """Keys of all objects of a bucket."""
        pages = self.session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def dbt(self, target: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run dbt with the target athena; its files go to a folder of their own."""
        return subprocess.run(
            [Path(sys.executable).with_name("dbt"), *arguments, "--target", "athena", "--target-path", target,
             "--log-path", target, "--project-dir", "dbt_project", "--profiles-dir", "profiles"],
            cwd=ROOT, env=os.environ | self.environment | environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


@contextmanager
def start(folder: Path, backend: Backend) -> Iterator[Account]:
    """Run an account for the time of a `with` block.

    Args:
        folder: For local copies of what is in S3.
        backend: What queries run on.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line a request
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,  # nobody's own account
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "ATHENA_S3_STAGING_DIR": f"s3://{RESULTS_BUCKET}/",
        "ATHENA_S3_DATA_DIR": f"s3://{WAREHOUSE_BUCKET}/tables",
        "DO_NOT_TRACK": "1",
    }
    try:
        session = _session(environment)
        for bucket in (RAW_BUCKET, WAREHOUSE_BUCKET, RESULTS_BUCKET):
            session.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        catalog = Catalog(session, folder)
        executor = Executor(catalog, backend)
        with serve(executor) as athena:
            yield Account(environment | {"AWS_ENDPOINT_URL_ATHENA": athena}, session, catalog, executor)
    finally:
        moto.stop()


class _Session(boto3.Session):
    def __init__(self, endpoint: str, **arguments: str) -> None:
        super().__init__(**arguments)
        self._endpoint = endpoint

    def client(self, *arguments, **keywords):
        return super().client(*arguments, endpoint_url=self._endpoint, **keywords)


def _session(environment: Mapping[str, str]) -> boto3.Session:
    return _Session(
        environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def register_raw_tables(account: Account, lake: Lake) -> None:
    """Copy what the delivery logs of a local lake name to S3, and make the raw tables over it in Glue, anew."""
    contract, logs = read_contract(), read_logs(lake)
    files: dict[str, list[str]] = {table.name: [] for table in contract.tables.values()}
    files |= {"landed_files": [log.landed_files for log in logs], "rejected_lines": []}
    for record in (record for log in logs for record in log.files):
        files[contract.tables[record.file].name].append(record.parquet)
        files["rejected_lines"] += [record.rejected] if record.rejected else []
    columns = {
        table.name: tuple((column.name, "varchar") for column in table.columns) + contract.landing_columns
        for table in contract.tables.values()
    } | contract.landing_tables
    for name, typed_columns in columns.items():
        register_table(account, Name("raw", name), typed_columns, [lake.root / file for file in files[name]])


def register_table(
    account: Account, name: Name, typed_columns: Sequence[tuple[str, str]], files: Iterable[Path]
) -> None:
    """Copy Parquet files of `<partition>=<value>` folders to S3, and make exactly them a table in Glue.

    Args:
        typed_columns: Name and SQL type of each column; one of them is the partition.
    """
    catalog, s3 = account.catalog, account.session.client("s3")
    if not catalog.has_schema(name.schema):
        catalog.create_schema(name.schema)
    location, locations, partition = f"s3://{RAW_BUCKET}/{name.schema}/{name.name}", {}, "snapshot_month"
    for file in files:
        s3.upload_file(str(file), RAW_BUCKET, f"{name.schema}/{name.name}/{file.parent.name}/{file.name}")
        partition, _, value = file.parent.name.partition("=")
        locations[(value,)] = f"{location}/{file.parent.name}"
    own = [Column(column, GLUE_TYPES.get(type_, type_)) for column, type_ in typed_columns if column != partition]
    if catalog.get(name) is not None:
        catalog.drop(name)
    catalog.create_table(name, own, [Column(partition, "string")], location)
    catalog.add_partitions(catalog.get_table(name), locations)
