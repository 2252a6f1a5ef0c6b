"""External tables in the Glue catalog, where Athena finds them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warehouse.aws import AwsError, told
from warehouse.catalog import ExternalTable
from warehouse.engines.partitions import Partition, find_partitions, partition_columns
from warehouse.errors import UserError
from warehouse.s3 import Location, S3Path

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import TableInputTypeDef

# What one call takes at most.
BATCH = 100
DELETED_BATCH = 25
GLUE_TYPES = {
    "varchar": "string",
    "bigint": "bigint",
    "integer": "int",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
PARQUET: Mapping[str, Any] = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
# No projection of partitions: that would show a month while its files are still coming.
PARAMETERS = {"EXTERNAL": "TRUE", "classification": "parquet"}


def register(client: "GlueClient", table: ExternalTable, files: Sequence[Location]) -> None:
    """Make exactly these files the content of the table.

    Args:
        client: Of Glue.
        table: The table to create or change; its folder is on S3.
        files: Parquet files below `<partition>=<value>` folders.

    Raises:
        AwsError: When Glue or S3 refuses.
        UserError: When a folder holds something else, or a column has a type that Glue has no name for.
    """
    write(client, table, find_folders(table, files))


def write(client: "GlueClient", table: ExternalTable, wanted: Mapping[Partition, S3Path]) -> None:
    """Create or change the table, and bring its partitions to what is wanted.

    A partition comes when its files are whole, and that is the moment when it is seen. A column that a file does not
    have reads as null.

    Args:
        client: Of Glue.
        table: The table; its folder is on S3.
        wanted: Folder of each partition, by the values of the partition columns.

    Raises:
        AwsError: When Glue refuses.
        UserError: When a column has a type that Glue has no name for.
    """
    definition = _definition(table)
    with told(f"the Glue table {table.schema}.{table.name}"):
        _create_database(client, table.schema)
        found = _existing_partitions(client, table) if _write_table(client, table, definition) else {}
        gone = [values for values in found if values not in wanted]
        _for_batches(
            gone, DELETED_BATCH,
            lambda batch: client.batch_delete_partition(
                DatabaseName=table.schema, TableName=table.name,
                PartitionsToDelete=[{"Values": list(values)} for values in batch],
            ),
        )  # fmt: skip
        inputs: dict[Partition, Any] = {
            values: {
                "Values": list(values),
                "StorageDescriptor": {**definition["StorageDescriptor"], "Location": f"{folder}/"},
            }
            for values, folder in wanted.items()
        }
        changed = [values for values in inputs if values in found and not _is_alike(inputs[values], found[values])]
        _for_batches(
            changed, BATCH,
            lambda batch: client.batch_update_partition(
                DatabaseName=table.schema, TableName=table.name,
                Entries=[{"PartitionValueList": list(values), "PartitionInput": inputs[values]} for values in batch],
            ),
        )  # fmt: skip
        new = [values for values in inputs if values not in found]
        _for_batches(
            new, BATCH,
            lambda batch: client.batch_create_partition(
                DatabaseName=table.schema, TableName=table.name, PartitionInputList=[inputs[values] for values in batch]
            ),
        )  # fmt: skip


def _columns(table: ExternalTable, names: Iterable[str]) -> list[dict[str, str]]:
    types = dict(table.columns)
    unknown = sorted({types[name] for name in names} - GLUE_TYPES.keys())
    if unknown:
        raise UserError(f"the table {table.schema}.{table.name} has a column of type {unknown[0]}, which Glue lacks")
    return [{"Name": name, "Type": GLUE_TYPES[types[name]]} for name in names]


def _definition(table: ExternalTable) -> Any:
    keys = partition_columns(table)
    return {
        "Name": table.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": dict(PARAMETERS),
        "PartitionKeys": _columns(table, keys),
        "StorageDescriptor": {
            **PARQUET,
            "Columns": _columns(table, [name for name, _ in table.columns if name not in keys]),
            "Location": f"{table.folder}/",
        },
    }


def find_folders(table: ExternalTable, files: Sequence[Location]) -> dict[Partition, S3Path]:
    """Find the partitions of a table that is on S3.

    Args:
        table: The table.
        files: Its files.

    Raises:
        AwsError: When S3 refuses.
        UserError: When a folder holds something else, or the table is not on S3.
    """
    if not isinstance(table.folder, S3Path):
        raise UserError(f"the table {table.schema}.{table.name} is in {table.folder}, and Athena reads S3 only")
    found = find_partitions(table, files)
    return {values: folder for values, folder in found.items() if isinstance(folder, S3Path)}


def _create_database(client: "GlueClient", name: str) -> None:
    try:
        client.get_database(Name=name)
    except client.exceptions.EntityNotFoundException:
        client.create_database(DatabaseInput={"Name": name})


def _write_table(client: "GlueClient", table: ExternalTable, definition: "TableInputTypeDef") -> bool:
    """Create the table or change it, and tell whether partitions of it can be there already."""
    try:
        found = client.get_table(DatabaseName=table.schema, Name=table.name)["Table"]
    except client.exceptions.EntityNotFoundException:
        client.create_table(DatabaseName=table.schema, TableInput=definition)
        return False
    keys = [(key["Name"], key.get("Type")) for key in found.get("PartitionKeys", ())]
    if keys != [(key["Name"], key["Type"]) for key in definition["PartitionKeys"]]:
        # keys cannot be changed; the entry goes, the objects stay
        client.delete_table(DatabaseName=table.schema, Name=table.name)
        client.create_table(DatabaseName=table.schema, TableInput=definition)
        return False
    if not _is_alike(definition, found):
        client.update_table(DatabaseName=table.schema, TableInput=definition)
    return True


def _existing_partitions(client: "GlueClient", table: ExternalTable) -> dict[Partition, Any]:
    pages = client.get_paginator("get_partitions").paginate(DatabaseName=table.schema, TableName=table.name)
    return {tuple(found["Values"]): found for page in pages for found in page["Partitions"]}


def _is_alike(wanted: Any, found: Any) -> bool:
    """Tell whether Glue has everything that is wanted; it adds members of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_is_alike(wanted[name], found.get(name)) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(_is_alike, wanted, found))
    return bool(wanted == found)


def _for_batches(
    partitions: Sequence[Partition], size: int, call: Callable[[Sequence[Partition]], Mapping[str, Any]]
) -> None:
    """Call with so many partitions at a time; Glue reports what failed for one of them in its answer."""
    for batch in _batched(partitions, size):
        errors = call(batch).get("Errors")
        if errors:
            detail = errors[0].get("ErrorDetail", {})
            raise AwsError(
                f"Glue refused {len(errors)} partitions, the first: {detail.get('ErrorCode')} "
                f"{detail.get('ErrorMessage')}; run again"
            )


def _batched(partitions: Sequence[Partition], size: int) -> Iterator[Sequence[Partition]]:
    for start in range(0, len(partitions), size):
        yield partitions[start : start + size]
