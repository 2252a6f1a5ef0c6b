"""Statements carried out: from a text to a state, rows and statistics."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from tests.athena.endpoint import statements as st
from tests.athena.endpoint.backend import Backend, Column, Table
from tests.athena.endpoint.catalog import Catalog, check_names, columns_of, partition_location, partition_values
from tests.athena.endpoint.failures import QueryFailedError, QueryStoppedError, not_emulated

NO_ROWS = pa.table({})


@dataclass
class Execution:
    """One statement that was started.

    Attributes:
        state: RUNNING, SUCCEEDED, FAILED or CANCELLED.
        reason: Why it failed.
        is_ddl: Whether it is neither a query nor writes rows.
        rows: What it found.
        updated: How many rows it wrote.
        scanned: Bytes of the files that it could read.
        over: Is set when it has ended.
    """

    query: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    submitted: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed: datetime | None = None
    state: str = "RUNNING"
    reason: str = ""
    is_ddl: bool = False
    rows: pa.Table = field(default_factory=lambda: NO_ROWS)
    updated: int | None = None
    scanned: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    interrupt: Callable[[], None] | None = None


class Executor:
    """Carries statements out, each in a thread of its own."""

    def __init__(self, catalog: Catalog, backend: Backend) -> None:
        self._catalog = catalog
        self._backend = backend
        self.executions: dict[str, Execution] = {}

    def start(self, query: str) -> Execution:
        """Start a statement."""
        execution = Execution(query)
        self.executions[execution.id] = execution
        threading.Thread(target=self._carry_out, args=(execution,), daemon=True).start()
        return execution

    def stop(self, execution: Execution) -> None:
        """Cancel a statement that has not ended."""
        if not execution.over.is_set() and execution.interrupt is not None:
            execution.interrupt()

    def _carry_out(self, execution: Execution) -> None:
        try:
            statement = st.parse(execution.query)
            execution.is_ddl = not isinstance(statement, st.Query | st.CreateTableAs | st.Insert | st.Unload)
            self._execute(execution, statement)
            execution.state = "SUCCEEDED"
        except QueryStoppedError:
            execution.state, execution.reason = "CANCELLED", "Query cancelled by user"
        except QueryFailedError as error:
            execution.state, execution.reason = "FAILED", str(error)
        except Exception as error:  # noqa: BLE001 - a fault of the endpoint must not leave the caller waiting
            execution.state, execution.reason = "FAILED", f"INTERNAL_ERROR: {type(error).__name__}: {error}"
        finally:
            execution.completed = datetime.now(UTC)
            execution.over.set()

    def _run(self, execution: Execution, query: str, is_written: bool = False) -> pa.Table:
        relations = self._catalog.relations(query)
        execution.scanned += sum(
            file.stat().st_size
            for relation in relations
            if isinstance(relation, Table)
            for partition in relation.partitions
            for file in partition.files
        )

        def remember(interrupt: Callable[[], None]) -> None:
            execution.interrupt = interrupt

        return self._backend.run(query, relations, remember, is_written)

    def _execute(self, execution: Execution, statement: st.Statement) -> None:  # noqa: PLR0912 - a branch a statement
        catalog = self._catalog
        match statement:
            case st.Query(sql):
                execution.rows = self._run(execution, sql)
            case st.CreateTableAs():
                self._create_table_as(execution, statement)
            case st.Insert():
                self._insert(execution, statement)
            case st.Unload(location, sql):
                if not catalog.is_empty(location):
                    raise QueryFailedError(f"HIVE_PATH_ALREADY_EXISTS: {location} is not empty")
                rows = self._run(execution, sql, is_written=True)
                columns_of(rows)
                catalog.write(rows, location)
                execution.updated = rows.num_rows
            case st.CreateView(view, or_replace, sql):
                check_names(sql)
                columns = columns_of(self._run(execution, f"select * from (\n{sql}\n) as definition limit 0"))
                catalog.write_view(view, columns, sql, or_replace)
            case st.CreateSchema(schema, if_not_exists):
                if not catalog.has_schema(schema):
                    catalog.create_schema(schema)
                elif not if_not_exists:
                    raise QueryFailedError(f"FAILED: SemanticException: Database {schema} already exists")
            case st.DropSchema():
                self._drop_schema(statement)
            case st.Drop(relation, is_view, if_exists):
                self._drop(relation, is_view, if_exists)
            case st.CreateExternalTable():
                if catalog.get(statement.table) is None or not statement.if_not_exists:
                    catalog.create_table(
                        statement.table, statement.columns, statement.partition_columns, statement.location,
                        format_=statement.format, properties=statement.properties,
                    )  # fmt: skip
            case st.ShowPartitions(table):
                keys = [key["Name"] for key in catalog.get_table(table).get("PartitionKeys", [])]
                folders = [
                    "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
                    for values in sorted(catalog.partitions(table))
                ]
                execution.rows = pa.table({"partition": pa.array(folders, pa.string())})
            case st.SetTableProperties() | st.ChangeColumns():
                self._alter(statement)
            case st.AddPartitions() | st.DropPartitions() | st.RepairTable():
                self._alter_partitions(statement)

    def _create_table_as(self, execution: Execution, statement: st.CreateTableAs) -> None:
        catalog, table = self._catalog, statement.table
        if not catalog.has_schema(table.schema):
            raise QueryFailedError(f"SCHEMA_NOT_FOUND: Schema '{table.schema}' does not exist")
        if catalog.get(table) is not None:
            raise QueryFailedError(f"TABLE_ALREADY_EXISTS: Table '{st.CATALOG}.{table}' already exists")
        if not catalog.is_empty(statement.location):
            raise QueryFailedError(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{table}' already exists: {statement.location}"
            )
        rows = self._run(execution, statement.sql, is_written=True)
        columns = columns_of(rows)
        own, keys = _parted(columns, statement.partitioned_by)
        if tuple(key.name for key in keys) != statement.partitioned_by or not own:
            raise QueryFailedError(
                "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in the same "
                f"order as the table properties: {', '.join(statement.partitioned_by)}"
            )
        locations = catalog.write(rows, statement.location, statement.partitioned_by)
        catalog.create_table(table, own, keys, statement.location)
        if locations:
            catalog.add_partitions(catalog.get_table(table), locations)
        execution.updated = rows.num_rows

    def _insert(self, execution: Execution, statement: st.Insert) -> None:
        catalog, table = self._catalog, statement.table
        entry = catalog.get_table(table)
        keys = [key["Name"] for key in entry.get("PartitionKeys", [])]
        expected = {member["Name"]: member["Type"] for member in entry["StorageDescriptor"]["Columns"]}
        expected |= {member["Name"]: member["Type"] for member in entry.get("PartitionKeys", [])}
        rows = self._run(execution, statement.sql)
        names = statement.columns or tuple(expected)
        if len(names) != rows.num_columns or not set(names) <= set(expected):
            raise QueryFailedError(f"SYNTAX_ERROR: Insert query has mismatched columns for {table}: {', '.join(names)}")
        rows = rows.rename_columns(list(names))
        for column in columns_of(rows):
            if column.type != expected[column.name]:
                raise QueryFailedError(
                    f"TYPE_MISMATCH: Insert query has mismatched column types: {column.name} of {table} is "
                    f"{expected[column.name]}, query {column.type}"
                )
        if missing := set(keys) - set(names):
            raise not_emulated(f"INSERT without the partition columns {', '.join(missing)}")
        locations = catalog.write(rows, entry["StorageDescriptor"]["Location"], keys)
        known = catalog.partitions(table) if keys else {}
        catalog.add_partitions(entry, {values: place for values, place in locations.items() if values not in known})
        execution.updated = rows.num_rows

    def _drop_schema(self, statement: st.DropSchema) -> None:
        if not self._catalog.has_schema(statement.schema):
            if not statement.if_exists:
                raise QueryFailedError(f"FAILED: SemanticException: Database does not exist: {statement.schema}")
            return
        if self._catalog.names(statement.schema) and not statement.cascade:
            raise QueryFailedError(f"FAILED: InvalidOperationException: Database {statement.schema} is not empty")
        self._catalog.drop_schema(statement.schema)

    def _drop(self, relation: st.Name, is_view: bool, if_exists: bool) -> None:
        entry = self._catalog.get(relation)
        if entry is None:
            if not if_exists:
                raise QueryFailedError(f"FAILED: SemanticException: Table not found {relation}")
            return
        if (entry["TableType"] == "VIRTUAL_VIEW") != is_view:
            raise QueryFailedError(f"FAILED: SemanticException: {relation} is {'no' if is_view else 'a'} view")
        self._catalog.drop(relation)

    def _alter(self, statement: st.SetTableProperties | st.ChangeColumns) -> None:
        entry = self._catalog.get_table(statement.table)
        if isinstance(statement, st.SetTableProperties):
            self._catalog.change_table(entry, Parameters=entry.get("Parameters", {}) | statement.properties)
            return
        descriptor = entry["StorageDescriptor"]
        kept = [] if statement.replace else descriptor["Columns"]
        members = kept + [{"Name": column.name, "Type": column.type} for column in statement.columns]
        self._catalog.change_table(entry, StorageDescriptor=descriptor | {"Columns": members})

    def _alter_partitions(self, statement: st.AddPartitions | st.DropPartitions | st.RepairTable) -> None:
        catalog, table = self._catalog, statement.table
        entry = catalog.get_table(table)
        location = entry["StorageDescriptor"]["Location"]
        keys = tuple(Column(key["Name"], key["Type"]) for key in entry.get("PartitionKeys", []))
        known = catalog.partitions(table)
        match statement:
            case st.AddPartitions(_, if_not_exists, partitions):
                if (taken := [values for values, _ in partitions if values in known]) and not if_not_exists:
                    raise QueryFailedError(f"FAILED: AlreadyExistsException: partition {taken[0]} of {table}")
                places = {values: place or partition_location(location, keys, values) for values, place in partitions}
            case st.DropPartitions(_, if_exists, dropped):
                if (missing := [values for values in dropped if values not in known]) and not if_exists:
                    raise QueryFailedError(f"FAILED: SemanticException: Partition not found {missing[0]}")
                catalog.drop_partitions(table, [values for values in dropped if values in known])
                places = {}
            case st.RepairTable():
                found = (partition_values(keys, folder) for folder in catalog.folders(location))
                places = {values: partition_location(location, keys, values) for values in found if values is not None}
        catalog.add_partitions(entry, {values: place for values, place in places.items() if values not in known})


def _parted(
    columns: tuple[Column, ...], partitioned_by: tuple[str, ...]
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    border = len(columns) - len(partitioned_by)
    return columns[:border], columns[border:]
