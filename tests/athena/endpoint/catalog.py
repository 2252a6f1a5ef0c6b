"""Glue's tables and the objects in S3 that they stand for, as Athena keeps the two."""

import base64
import json
import re
import threading
import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from botocore.exceptions import ClientError
from sqlglot import exp

from tests.athena.endpoint.backend import Column, Partition, Table, View
from tests.athena.endpoint.failures import QueryFailedError, not_emulated
from tests.athena.endpoint.statements import CATALOG, Name

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
CSV = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"},
}
COLUMNS = Name("information_schema", "columns")
PRESTO_VIEW = re.compile(r"/\* Presto View: (\S+) \*/")
GLUE_TYPES = {
    pa.string(): "string",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("ms"): "timestamp",
}
MOST_PARTITIONS = 100  # that one statement may write
BATCH = 100  # partitions that Glue takes at once


def columns_of(rows: pa.Table) -> tuple[Column, ...]:
    """Name the columns of a query with their types as Glue writes them.

    Raises:
        QueryFailedError: When a column has no name, the name of another, or a type that tables cannot have.
    """
    columns: list[Column] = []
    for field in rows.schema:
        type_ = GLUE_TYPES.get(field.type)
        if type_ is None and pa.types.is_decimal(field.type):
            type_ = f"decimal({field.type.precision},{field.type.scale})"
        if type_ is None:
            raise not_emulated(f"a table with the column {field.name} of type {field.type}")
        if not re.fullmatch(r"[a-z0-9_]+", field.name):
            raise QueryFailedError(f"SYNTAX_ERROR: column name not specified or not one of Hive's: {field.name}")
        if field.name in {column.name for column in columns}:
            raise QueryFailedError(f"DUPLICATE_COLUMN_NAME: column name '{field.name}' specified more than once")
        columns.append(Column(field.name, type_))
    return tuple(columns)


@lru_cache(maxsize=256)
def _tree(query: str) -> exp.Expression:
    try:
        return sqlglot.parse_one(query, read="trino")
    except sqlglot.errors.SqlglotError as error:
        raise not_emulated(f"what sqlglot cannot read: {error}") from error


def check_names(query: str) -> None:
    """Check that no two columns of a query bear one name, where it names them itself.

    Raises:
        QueryFailedError: When two do.
    """
    names = [name.lower() for name in _tree(query).named_selects if name != "*"]
    if twice := {name for name in names if names.count(name) > 1}:
        raise QueryFailedError(f"DUPLICATE_COLUMN_NAME: column name '{min(twice)}' specified more than once")


def split_location(location: str) -> tuple[str, str]:
    """Split s3://bucket/a/b into the bucket and the prefix a/b/."""
    found = re.fullmatch(r"s3://([^/]+)/(.*)", location)
    if found is None:
        raise QueryFailedError(f"INVALID_TABLE_PROPERTY: {location} is not a location in S3")
    return found[1], found[2].rstrip("/") + "/"


class Catalog:
    """One account's Glue and S3, with the files that were read or written lying in a local folder as well."""

    def __init__(self, session: boto3.Session, mirror: Path) -> None:
        self._glue = session.client("glue")
        self._s3 = session.client("s3")
        self._mirror = mirror
        self._lock = threading.Lock()

    # schemas

    def has_schema(self, schema: str) -> bool:
        """Whether Glue has a database."""
        return self._found(self._glue.get_database, Name=schema) is not None

    def create_schema(self, schema: str) -> None:
        """Create a database."""
        self._glue.create_database(DatabaseInput={"Name": schema})

    def drop_schema(self, schema: str) -> None:
        """Drop a database with its tables; objects stay."""
        self._glue.delete_database(Name=schema)

    def is_view(self, schema: str, name: str) -> bool:
        """Whether a name of a database is that of a view."""
        entry = self.get(Name(schema, name))
        return entry is not None and entry["TableType"] == "VIRTUAL_VIEW"

    def names(self, schema: str) -> list[str]:
        """Names of the tables and views of a database."""
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=schema)
        return [table["Name"] for page in pages for table in page["TableList"]]

    # tables and views

    def get(self, name: Name) -> dict[str, Any] | None:
        """Glue's entry of a table or view; None if there is none."""
        found = self._found(self._glue.get_table, DatabaseName=name.schema, Name=name.name)
        return None if found is None else found["Table"]

    def get_table(self, name: Name) -> dict[str, Any]:
        """Glue's entry of a table.

        Raises:
            QueryFailedError: When there is none, or it is a view.
        """
        entry = self.get(name)
        if entry is None:
            raise QueryFailedError(f"TABLE_NOT_FOUND: Table '{CATALOG}.{name}' does not exist")
        if entry["TableType"] == "VIRTUAL_VIEW":
            raise QueryFailedError(f"NOT_SUPPORTED: {name} is a view")
        return entry

    def create_table(
        self,
        name: Name,
        columns: Sequence[Column],
        partition_columns: Sequence[Column],
        location: str,
        *,
        format_: str = "parquet",
        properties: dict[str, str] | None = None,
    ) -> None:
        """Create a table over a location.

        Raises:
            QueryFailedError: When the name is taken or the schema is missing.
        """
        self._create(
            name,
            {
                "Name": name.name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"EXTERNAL": "TRUE"} | (properties or {}),
                "PartitionKeys": _glue_columns(partition_columns),
                "StorageDescriptor": (CSV if format_ == "csv" else PARQUET)
                | {"Columns": _glue_columns(columns), "Location": location},
            },
        )

    def change_table(self, entry: dict[str, Any], **changes: Any) -> None:
        """Write Glue's entry of a table again, with some of its members changed."""
        kept = ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor", "Description")
        members = {member: entry[member] for member in kept if member in entry}
        self._glue.update_table(DatabaseName=entry["DatabaseName"], TableInput=members | changes)

    def drop(self, name: Name) -> None:
        """Drop a table or view; objects stay."""
        self._glue.delete_table(DatabaseName=name.schema, Name=name.name)

    def write_view(self, name: Name, columns: Sequence[Column], query: str, or_replace: bool) -> None:
        """Create or replace a view, kept in Glue as Athena keeps it.

        Raises:
            QueryFailedError: When the name is taken by a table, or by a view that is not to be replaced.
        """
        definition = {
            "originalSql": query,
            "catalog": CATALOG,
            "schema": name.schema,
            "columns": [{"name": column.name, "type": _trino_type(column)} for column in columns],
        }
        encoded = base64.b64encode(json.dumps(definition).encode()).decode()
        members = {
            "Name": name.name,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": {"presto_view": "true", "comment": "Presto View"},
            "StorageDescriptor": {"Columns": _glue_columns(columns), "Location": ""},
            "ViewOriginalText": f"/* Presto View: {encoded} */",
            "ViewExpandedText": "/* Presto View */",
        }
        entry = self.get(name)
        if entry is None or not or_replace or entry["TableType"] != "VIRTUAL_VIEW":
            self._create(name, members)
        else:
            self._glue.update_table(DatabaseName=name.schema, TableInput=members)

    def _create(self, name: Name, members: dict[str, Any]) -> None:
        try:
            self._glue.create_table(DatabaseName=name.schema, TableInput=members)
        except self._glue.exceptions.AlreadyExistsException:
            raise QueryFailedError(f"TABLE_ALREADY_EXISTS: Table '{CATALOG}.{name}' already exists") from None
        except self._glue.exceptions.EntityNotFoundException:
            raise QueryFailedError(f"SCHEMA_NOT_FOUND: Schema '{name.schema}' does not exist") from None

    # partitions

    def partitions(self, name: Name) -> dict[tuple[str, ...], str]:
        """Location of each partition, by its values."""
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=name.schema, TableName=name.name)
        return {
            tuple(partition["Values"]): partition["StorageDescriptor"]["Location"]
            for page in pages
            for partition in page["Partitions"]
        }

    def add_partitions(self, entry: dict[str, Any], locations: dict[tuple[str, ...], str]) -> None:
        """Add partitions that are not there yet."""
        values = list(locations)
        for start in range(0, len(values), BATCH):
            answer = self._glue.batch_create_partition(
                DatabaseName=entry["DatabaseName"],
                TableName=entry["Name"],
                PartitionInputList=[
                    {
                        "Values": list(value),
                        "StorageDescriptor": entry["StorageDescriptor"] | {"Location": locations[value]},
                    }
                    for value in values[start : start + BATCH]
                ],
            )
            if answer.get("Errors"):
                raise QueryFailedError(f"HIVE_METASTORE_ERROR: {answer['Errors']}")

    def drop_partitions(self, name: Name, values: Iterable[tuple[str, ...]]) -> None:
        """Drop partitions; objects stay."""
        for value in values:
            self._glue.delete_partition(DatabaseName=name.schema, TableName=name.name, PartitionValues=list(value))

    # objects

    def is_empty(self, location: str) -> bool:
        """Whether no object lies below a location."""
        return not self._objects(location)

    def folders(self, location: str) -> set[str]:
        """Folders below a location that hold objects, relative to it."""
        prefix = split_location(location)[1]
        return {key.removeprefix(prefix).rpartition("/")[0] for key, _ in self._objects(location)}

    def write(self, rows: pa.Table, location: str, partitioned_by: Sequence[str] = ()) -> dict[tuple[str, ...], str]:
        """Write rows as new Parquet objects, one a partition.

        Returns:
            The locations that got rows, by the values of the partition columns.

        Raises:
            QueryFailedError: When there are too many partitions.
        """
        if not partitioned_by:
            if rows.num_rows:
                self._put(rows, location)
            return {}
        groups = rows.select(list(partitioned_by)).group_by(list(partitioned_by)).aggregate([]).to_pylist()
        if len(groups) > MOST_PARTITIONS:
            raise QueryFailedError(
                f"HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {MOST_PARTITIONS} open writers for partitions"
            )
        written = {}
        for group in groups:
            mask = None
            for column, value in group.items():
                if not isinstance(value, str) or not re.fullmatch(r"[\w.-]+", value):
                    raise not_emulated(f"a partition of {column} = {value!r}")
                is_same = pa.compute.equal(rows[column], value)
                mask = is_same if mask is None else pa.compute.and_(mask, is_same)
            folder = "/".join(f"{column}={value}" for column, value in group.items())
            place = f"{location.rstrip('/')}/{folder}"
            self._put(rows.filter(mask).drop_columns(list(partitioned_by)), place)
            written[tuple(group.values())] = place
        return written

    def relations(self, query: str) -> list[Table | View]:
        """Find all tables and views that a query reads, each after those that it reads itself, with their files.

        Raises:
            QueryFailedError: When there is none of that name.
        """
        found: dict[Name, Table | View] = {}
        self._collect(query, found)
        return list(found.values())

    def _collect(self, query: str, found: dict[Name, Table | View]) -> None:
        tree = _tree(query)
        within = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
        for node in tree.find_all(exp.Table):
            if not node.db:
                if node.name.lower() not in within:
                    raise not_emulated(f"the table {node.name} without its schema")
                continue
            if node.catalog.lower() not in {"", CATALOG}:
                raise not_emulated(f"the catalog {node.catalog}")
            name = Name(node.db.lower(), node.name.lower())
            if name == COLUMNS:
                found[name] = self._columns_view()
            elif name not in found:
                entry = self.get(name)
                if entry is None:
                    raise QueryFailedError(f"TABLE_NOT_FOUND: Table '{CATALOG}.{name}' does not exist")
                if entry["TableType"] == "VIRTUAL_VIEW":
                    view = _view(entry)
                    self._collect(view.query, found)
                    found[name] = view
                else:
                    found[name] = self._table(entry)

    def _columns_view(self) -> View:
        """Make the relation information_schema.columns of all that is in Glue."""
        lines = [f"({', '.join(['cast(null as varchar)'] * 4)}, 0, cast(null as varchar))"]
        for page in self._glue.get_paginator("get_databases").paginate():
            for schema in page["DatabaseList"]:
                for tables in self._glue.get_paginator("get_tables").paginate(DatabaseName=schema["Name"]):
                    for entry in tables["TableList"]:
                        members = entry["StorageDescriptor"]["Columns"] + entry.get("PartitionKeys", [])
                        lines += [
                            f"('{CATALOG}', '{schema['Name']}', '{entry['Name']}', '{column.name}', {position}, "
                            f"'{_trino_type(column)}')"
                            for position, column in enumerate(_columns(members), start=1)
                        ]
        names = "table_catalog, table_schema, table_name, column_name, ordinal_position, data_type"
        query = f"select {names} from (values {', '.join(lines)}) as t ({names}) where table_name is not null"
        return View(COLUMNS.schema, COLUMNS.name, (), query)

    def _table(self, entry: dict[str, Any]) -> Table:
        name = Name(entry["DatabaseName"], entry["Name"])
        descriptor = entry["StorageDescriptor"]
        keys = _columns(entry.get("PartitionKeys", []))
        locations = self.partitions(name) if keys else {(): descriptor["Location"]}
        is_csv = descriptor["SerdeInfo"]["SerializationLibrary"] == CSV["SerdeInfo"]["SerializationLibrary"]
        objects = self._objects(descriptor["Location"])  # one listing for all partitions that lie below the table
        partitions = tuple(
            Partition(values, tuple(self._fetch(location, objects, descriptor["Location"])))
            for values, location in sorted(locations.items())
        )
        if is_csv and any(b"\\" in file.read_bytes() for partition in partitions for file in partition.files):
            raise not_emulated(f"a backslash, which escapes, in the CSV of {name}")
        return Table(
            name.schema,
            name.name,
            _columns(descriptor["Columns"]),
            keys,
            partitions,
            "csv" if is_csv else "parquet",
            int(entry.get("Parameters", {}).get("skip.header.line.count", 0)),
        )

    def _objects(self, location: str) -> list[tuple[str, str]]:
        """Key and version of the objects below a location."""
        bucket, prefix = split_location(location)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [(found["Key"], found["ETag"].strip('"')) for page in pages for found in page.get("Contents", [])]

    def _fetch(self, location: str, listed: Sequence[tuple[str, str]], listed_at: str) -> Iterable[Path]:
        bucket, prefix = split_location(location)
        above, prefix_above = split_location(listed_at)
        is_below = bucket == above and prefix.startswith(prefix_above)
        for key, version in listed if is_below else self._objects(location):
            if not key.startswith(prefix):
                continue
            file = self._mirror / bucket / key / version
            with self._lock:
                if not file.exists():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    content = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                    file.write_bytes(content)
            yield file

    def _put(self, rows: pa.Table, location: str) -> None:
        bucket, prefix = split_location(location)
        key = f"{prefix}{uuid.uuid4()}.parquet"
        folder = self._mirror / bucket / key
        folder.mkdir(parents=True)
        pq.write_table(rows, folder / "new", compression="zstd")
        with (folder / "new").open("rb") as content:
            version = self._s3.put_object(Bucket=bucket, Key=key, Body=content)["ETag"].strip('"')
        (folder / "new").rename(folder / version)

    @staticmethod
    def _found(call: Any, **arguments: str) -> Any:
        try:
            return call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException":
                return None
            raise


def partition_location(location: str, keys: Sequence[Column], values: Sequence[str]) -> str:
    """Name the place of a partition below its table's, such as .../snapshot_month=2026-10."""
    folder = "/".join(f"{key.name}={value}" for key, value in zip(keys, values, strict=True))
    return f"{location.rstrip('/')}/{folder}"


def partition_values(keys: Sequence[Column], folder: str) -> tuple[str, ...] | None:
    """Read the values out of a folder such as snapshot_month=2026-10; None if it is not one of these columns."""
    parts = [unquote(part).partition("=") for part in folder.split("/")]
    if [part[0] for part in parts] != [key.name for key in keys]:
        return None
    return tuple(part[2] for part in parts)


def _view(entry: dict[str, Any]) -> View:
    found = PRESTO_VIEW.fullmatch(entry.get("ViewOriginalText", ""))
    if found is None:
        raise not_emulated(f"the view {entry['Name']}, which is not a Presto view")
    definition = json.loads(base64.b64decode(found[1]))
    return View(
        entry["DatabaseName"], entry["Name"], _columns(entry["StorageDescriptor"]["Columns"]), definition["originalSql"]
    )


def _columns(members: Sequence[dict[str, str]]) -> tuple[Column, ...]:
    return tuple(Column(member["Name"], member["Type"]) for member in members)


def _glue_columns(columns: Sequence[Column]) -> list[dict[str, str]]:
    return [{"Name": column.name, "Type": column.type} for column in columns]


def _trino_type(column: Column) -> str:
    return {"string": "varchar", "int": "integer", "timestamp": "timestamp(3)"}.get(column.type, column.type)
