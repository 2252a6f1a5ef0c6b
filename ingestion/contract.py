"""The delivery contract, read from the dbt source definitions: files, columns, types, keys, naming conventions."""

import codecs
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from warehouse.errors import UserError

SOURCES_FILE = Path(__file__).resolve().parent.parent / "dbt_project/models/staging/ukltd/_ukltd__sources.yml"


TYPES = {"varchar", "date", "integer", "bigint", "double", "boolean"}


@dataclass(frozen=True)
class Column:
    """A column as delivered.

    Attributes:
        name: Name in the raw table and everywhere after it.
        type: Type that staging reads from the text: varchar, date, integer, bigint, double or boolean.
        required: Whether a file without it cannot be landed.
        lookup: File that explains its codes, such as `LUCT01`, or None.
        delivered_as: Name in the vendor's header, in any case; None where it is `name`.
    """

    name: str
    type: str
    required: bool
    lookup: str | None
    delivered_as: str | None = None

    @property
    def header_name(self) -> str:
        """Name in the vendor's header, in lower case."""
        return (self.delivered_as or self.name).lower()


@dataclass(frozen=True)
class Table:
    """A delivered file and the raw table it becomes.

    Attributes:
        file: Name in the delivery, such as `CI01`.
        name: Name of the raw table, such as `ci01`.
        key: Names of the key columns.
        columns: Delivered columns; a file's own header decides their order.
    """

    file: str
    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Contract:
    """What a delivery looks like.

    Attributes:
        tables: By file name, such as `CI01`, in the order of the source definitions.
        monthly_folder, stock_folder: Folder names with `{YYYYMM}`.
        archive, member: File names with `{FILE}`, `{KIND}` (M or S) and `{YYYYMM}`.
        upload_in_progress_suffix: Ending of the name of a file that the vendor is still writing.
        delimiter: One character between values; values are never quoted.
        encoding: Of the delivered text, a Python codec name.
        landing_columns: Name and SQL type of the columns that landing adds to every raw table, the partition last.
        landing_tables: Name and SQL type of all columns of landing's own tables, by table name.
    """

    tables: dict[str, Table]
    monthly_folder: str
    stock_folder: str
    archive: str
    member: str
    upload_in_progress_suffix: str
    delimiter: str
    encoding: str
    landing_columns: tuple[tuple[str, str], ...]
    landing_tables: dict[str, tuple[tuple[str, str], ...]]

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that change with anything that the contract says."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = node.get("config", {}).get("meta", {})
    return meta


def _column(table: str, node: dict[str, Any]) -> Column:
    column = Column(
        name=node["name"],
        type=node.get("data_type", ""),
        required=bool(_meta(node).get("required", False)),
        lookup=_meta(node).get("lookup"),
        delivered_as=_meta(node).get("delivered_as"),
    )
    if column.type not in TYPES:
        raise UserError(
            f"the delivery contract gives {table}.{column.name} the data_type '{column.type}'; "
            f"write one of {', '.join(sorted(TYPES))}"
        )
    return column


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise UserError(f"the delivery contract names the encoding '{name}', which is unknown") from None
    return name


def _table(node: dict[str, Any]) -> Table:
    return Table(
        file=_meta(node)["file"],
        name=node["name"],
        key=tuple(_meta(node)["key"]),
        columns=tuple(
            _column(node["name"], column) for column in node["columns"] if not _meta(column).get("added_by_landing")
        ),
    )


def _typed_names(columns: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((column["name"], column["data_type"]) for column in columns)


def delivered_columns(table: Table) -> tuple[str, ...]:
    """Say how each column of a table comes to its name, for the delivery log: a change means to land again."""
    return tuple(
        column.name if column.delivered_as is None else f"{column.name} from {column.header_name}"
        for column in table.columns
    )


def read_contract(sources_file: Path = SOURCES_FILE) -> Contract:
    """Read the contract from the dbt source definitions.

    Args:
        sources_file: The YAML file with the sources `ukltd` and `landing`.

    Raises:
        UserError: When the file is not a readable contract; the message says what is missing.
    """
    try:
        definitions = yaml.safe_load(sources_file.read_text(encoding="utf-8"))
        sources = {source["name"]: source for source in definitions["sources"]}
        vendor, landing = sources["ukltd"], sources["landing"]
        delivery, text = _meta(vendor)["delivery"], _meta(vendor)["text"]
        tables = [_table(node) for node in vendor["tables"]]
        return Contract(
            tables={table.file: table for table in tables},
            monthly_folder=delivery["monthly_folder"],
            stock_folder=delivery["stock_folder"],
            archive=delivery["archive"],
            member=delivery["member"],
            upload_in_progress_suffix=delivery["upload_in_progress_suffix"],
            delimiter=text["delimiter"],
            encoding=_encoding(text["encoding"]),
            landing_columns=_typed_names(
                [column for column in vendor["tables"][0]["columns"] if _meta(column).get("added_by_landing")]
            ),
            landing_tables={node["name"]: _typed_names(node["columns"]) for node in landing["tables"]},
        )
    except OSError as error:
        raise UserError(f"the delivery contract cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{sources_file} is not valid YAML: {' '.join(str(error).split())}") from None
    except (KeyError, TypeError) as error:
        raise UserError(f"{sources_file} is not a complete delivery contract: {error} is missing") from None
