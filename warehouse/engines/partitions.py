"""Partitions of external tables, which are folders: whatever lies in one is read, by Trino and Athena alike."""

from collections.abc import Sequence, Set
from pathlib import Path

from warehouse.catalog import ExternalTable
from warehouse.errors import UserError
from warehouse.s3 import Location, S3Path

# Values of the partition columns, in their order.
Partition = tuple[str, ...]


def partition_columns(table: ExternalTable) -> tuple[str, ...]:
    """Name the columns whose values are in the names of folders."""
    return (table.partition,) if table.folder_column is None else (table.folder_column, table.partition)


def is_hidden(path: Location) -> bool:
    """Tell whether the engines pass a file over because of its name."""
    return path.name.startswith((".", "_"))


def find_partitions(table: ExternalTable, files: Sequence[Location]) -> dict[Partition, Location]:
    """Find the folders of files, by the values of the partition columns.

    Args:
        table: The table.
        files: Its files.

    Raises:
        AwsError: When S3 refuses.
        UserError: When a folder holds something else, which the engine would read too.
    """
    given = set(files)
    folders: set[Location] = {file.parent for file in files}
    stray = [path for path in _content(table, folders) if path not in given and not is_hidden(path)]
    if stray:
        raise UserError(
            f"{min(stray, key=str)} is in a folder of the table {table.schema}.{table.name}, but does not belong to "
            "it: run `make ingest` if a landing was interrupted, else delete it"
        )
    found: dict[Partition, Location] = {}
    for folder in sorted(folders, key=str):
        value = folder.name.removeprefix(f"{table.partition}=")
        found[(value,) if table.folder_column is None else (folder.parent.name, value)] = folder
    return found


def _content(table: ExternalTable, folders: Set[Location]) -> list[Location]:
    """Everything in these folders; a table on S3 is listed once, which is cheaper than a question about each."""
    if not folders:
        return []
    if isinstance(table.folder, S3Path):
        return [path for path in table.folder.below() if path.parent in folders]
    return [path for folder in folders if isinstance(folder, Path) for path in folder.iterdir()]
