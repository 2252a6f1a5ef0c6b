"""Amazon Athena: external tables in the Glue catalog, marts read through files that Athena writes."""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from warehouse.aws import AwsError, athena_client, glue_client, told
from warehouse.catalog import ExternalTable, literal, quoted
from warehouse.catalog import register as show_files
from warehouse.engines import glue
from warehouse.engines.duckdb import connect_memory, show_objects
from warehouse.engines.unloading import delete_objects, parse_outside
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location, S3Path
from warehouse.settings import schema_name

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

DUCKDB_TYPES = {"string": "varchar", "int": "integer"}
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


def read_staging(lake: Lake[Location], environment: Mapping[str, str] = os.environ) -> S3Path:
    """Read `ATHENA_S3_STAGING_DIR`, where Athena writes results.

    Args:
        lake: The lake, whose bucket must be another, since nothing of it may be deleted.
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When it is not set, no place on S3, or in the bucket of the lake.
    """
    url = environment.get("ATHENA_S3_STAGING_DIR", "")
    if not url:
        raise UserError("ATHENA_S3_STAGING_DIR is not set; set it to s3://bucket/prefix, in another bucket than LAKE's")
    return parse_outside(lake, url, "ATHENA_S3_STAGING_DIR")


@dataclass(frozen=True)
class AthenaEngine:
    """Athena over the Glue catalog of an account and region.

    Attributes:
        lake: Where the files of the external tables are.
        work_group: The work group that pays for queries.
    """

    lake: Lake[Location]
    work_group: str

    @property
    def place(self) -> str:
        """Work group and region."""
        return f"Athena work group {self.work_group} in {athena_client().meta.region_name}"

    def check(self) -> None:
        """See `Engine`: asks Glue for a database."""
        with told("Glue"):
            glue_client().get_databases(MaxResults=1)

    def register(self, tables: Sequence[tuple[ExternalTable, Sequence[Location]]]) -> None:
        """See `Engine`: tables and partitions of the Glue catalog, none changed before all were found in order."""
        found = [(table, glue.find_folders(table, files)) for table, files in tables]
        for table, partitions in found:
            glue.write(glue_client(), table, partitions)

    @contextlib.contextmanager
    def reading(self, marts: Mapping[str, Sequence[str]]) -> Iterator[duckdb.DuckDBPyConnection]:
        """See `Engine`: views in memory over Parquet that Athena unloads beside its results; deleted at the end.

        What a killed run leaves there ends with the life of results, which the bucket's lifecycle rule sets.
        """
        staging = read_staging(self.lake)
        folder = staging / "unloaded" / uuid.uuid4().hex
        try:
            with connect_memory(self.lake.work() / "spilled") as connection:
                show_objects(connection, folder)
                for mart, columns in marts.items():
                    self._unload(connection, mart, columns, folder / mart)
                yield connection
        finally:
            delete_objects(folder)

    def _unload(self, connection: duckdb.DuckDBPyConnection, mart: str, columns: Sequence[str], folder: S3Path) -> None:
        schema, client = schema_name("marts"), glue_client()
        with told(f"the Glue table {schema}.{mart}"):
            try:
                found = client.get_table(DatabaseName=schema, Name=mart)["Table"]
            except client.exceptions.EntityNotFoundException:
                return
        described = [*found["StorageDescriptor"]["Columns"], *found.get("PartitionKeys", ())]
        types = tuple(
            (column["Name"], DUCKDB_TYPES.get(column["Type"], column["Type"]))
            for column in described
            if column["Name"] in columns or not columns
        )
        self._run(
            f"unload (select {', '.join(quoted(name) for name, _ in types)} from {quoted(schema)}.{quoted(mart)}) "
            f"to {literal(f'{folder}/')} with (format = 'PARQUET', compression = 'ZSTD')"
        )
        show_files(connection, ExternalTable(schema, mart, types, "", folder), folder.below())

    def _run(self, statement: str) -> None:
        """Run a statement to its end.

        Raises:
            AwsError: When it fails, with Athena's reason.
        """
        client = athena_client()
        with told("Athena"):
            query = client.start_query_execution(
                QueryString=statement,
                WorkGroup=self.work_group,
                ResultConfiguration={"OutputLocation": f"{read_staging(self.lake)}/"},
            )["QueryExecutionId"]
            try:
                status = _ended(client, query)
            except KeyboardInterrupt:
                client.stop_query_execution(QueryExecutionId=query)
                raise
        if status["State"] != "SUCCEEDED":
            raise AwsError(f"Athena: {status.get('StateChangeReason', status['State'])}")


def _ended(client: "AthenaClient", query: str) -> Mapping[str, str]:
    pause = FIRST_PAUSE
    while True:
        execution = client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        status = execution["Status"]
        state = status["State"]
        if state not in {"QUEUED", "RUNNING"}:
            return {"State": state, "StateChangeReason": status.get("StateChangeReason", state)}
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
