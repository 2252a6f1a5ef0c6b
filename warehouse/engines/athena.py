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
from warehouse.prices import read_prices
from warehouse.query_log import Outcome, QueryLog, Scan
from warehouse.s3 import Location, S3Path
from warehouse.settings import schema_name

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import WorkGroupTypeDef

DUCKDB_TYPES = {"string": "varchar", "int": "integer"}
ENGINE = "Athena engine version 3"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
# What one call tells about at most.
MEASURED_BATCH = 50


def check_work_group(found: "WorkGroupTypeDef") -> None:
    """Check that queries of a work group do what is asked of them.

    Args:
        found: The work group as Athena describes it.

    Raises:
        UserError: When it is switched off, runs another version of Athena's engine, or has places of its own for all
            that is written: dbt's tables would lie among the results of queries, and expire with them.
    """
    name, configuration = found["Name"], found.get("Configuration", {})
    if found.get("State") == "DISABLED":
        raise UserError(
            f"the Athena work group {name} is switched off; switch it on, or name another ATHENA_WORK_GROUP"
        )
    version = configuration.get("EngineVersion", {}).get("EffectiveEngineVersion", ENGINE)
    if version != ENGINE:
        raise UserError(f"the Athena work group {name} runs {version}, and {ENGINE} is needed; change it there")
    is_enforced = configuration.get("EnforceWorkGroupConfiguration", False)
    is_managed = configuration.get("ManagedQueryResultsConfiguration", {}).get("Enabled", False)
    if is_managed or (is_enforced and configuration.get("ResultConfiguration", {}).get("OutputLocation")):
        raise UserError(
            f"the Athena work group {name} overrides where a query writes, and tables would lie among results that "
            "expire; switch that off there (client-side settings, managed results), or name another ATHENA_WORK_GROUP"
        )


def check_places(lake: Lake[Location], environment: Mapping[str, str] = os.environ) -> None:
    """Check what only dbt reads of the environment, before dbt does.

    Args:
        lake: The lake; dbt writes nothing into its bucket.
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When the place of the tables or of the results will not do, or the region is not set.
    """
    read_staging(lake, environment)
    _read_place("ATHENA_S3_DATA_DIR", lake, environment)
    if not environment.get("AWS_REGION"):
        raise UserError("AWS_REGION is not set, and dbt reads it nowhere else; set it, for example to eu-west-2")


def read_staging(lake: Lake[Location], environment: Mapping[str, str] = os.environ) -> S3Path:
    """Read `ATHENA_S3_STAGING_DIR`, where Athena writes results.

    Args:
        lake: The lake, whose bucket must be another, since nothing of it may be deleted.
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When it is not set, no place on S3, or in the bucket of the lake.
    """
    return _read_place("ATHENA_S3_STAGING_DIR", lake, environment)


def _read_place(variable: str, lake: Lake[Location], environment: Mapping[str, str]) -> S3Path:
    url = environment.get(variable, "")
    if not url:
        raise UserError(f"{variable} is not set; set it to s3://bucket/prefix, in another bucket than LAKE's")
    return parse_outside(lake, url, variable)


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
        """See `Engine`: asks Glue for a database, and Athena for the work group."""
        check_places(self.lake)
        with told("Glue"):
            glue_client().get_databases(MaxResults=1)
        with told(f"the Athena work group {self.work_group}"):
            check_work_group(athena_client().get_work_group(WorkGroup=self.work_group)["WorkGroup"])

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
                with QueryLog(self.lake, "athena", self.measure) as log:
                    for mart, columns in marts.items():
                        self._unload(log, connection, mart, columns, folder / mart)
                yield connection
        finally:
            delete_objects(folder)

    def measure(self, query_ids: Sequence[str]) -> Mapping[str, Scan]:
        """See `Engine`: with its price, which is none for what only defines something and for what failed."""
        client, prices, found = athena_client(), read_prices(), {}
        for start in range(0, len(query_ids), MEASURED_BATCH):
            with told("Athena"):
                answer = client.batch_get_query_execution(QueryExecutionIds=query_ids[start : start + MEASURED_BATCH])
            for execution in answer["QueryExecutions"]:
                scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
                is_query = execution.get("StatementType") == "DML" or (
                    execution.get("SubstatementType") == "CREATE_TABLE_AS_SELECT"
                )
                is_free = execution["Status"]["State"] == "FAILED" or not (is_query or scanned)
                found[execution["QueryExecutionId"]] = Scan(scanned, 0.0 if is_free else prices.query(scanned))
        return found

    def _unload(
        self,
        log: QueryLog,
        connection: duckdb.DuckDBPyConnection,
        mart: str,
        columns: Sequence[str],
        folder: S3Path,
    ) -> None:
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
        statement = (
            f"unload (select {', '.join(quoted(name) for name, _ in types)} from {quoted(schema)}.{quoted(mart)}) "
            f"to {literal(f'{folder}/')} with (format = 'PARQUET', compression = 'ZSTD')"
        )
        with log.running(f"unload {schema}.{mart}", statement) as outcome:
            self._run(statement, outcome)
        show_files(connection, ExternalTable(schema, mart, types, "", folder), folder.below())

    def _run(self, statement: str, outcome: Outcome) -> None:
        """Run a statement to its end; its id goes to the outcome.

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
            outcome.query_id = query
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
