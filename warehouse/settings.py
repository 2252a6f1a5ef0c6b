"""Where the lake and the warehouse are, read from the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import UserError
from warehouse.s3 import S3Path

PREFIX_PATTERN = re.compile(r"[a-z]([a-z0-9_]*[a-z0-9])?")
MONTH_PATTERN = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
TARGETS = ("duckdb", "athena", "trino")


@dataclass(frozen=True)
class Settings:
    """The environment of one command.

    Attributes:
        lake: Root of the lake: an absolute folder, or a prefix of an S3 bucket.
        warehouse: The DuckDB file, absolute.
        month: Delivery month as `YYYY-MM`, or None for everything that is new.
        target: The engine that holds the tables, one of `TARGETS`; on another than duckdb no DuckDB file is used.
    """

    lake: Path | S3Path
    warehouse: Path
    month: str | None
    target: str = "duckdb"


def schema_name(schema: str, environment: Mapping[str, str] = os.environ) -> str:
    """Name a schema as it is called in the warehouse: with `SCHEMA_PREFIX`, which keeps developers apart, before it.

    Args:
        schema: `raw`, `staging`, `intermediate`, `marts`, `ml` or `seeds`.
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When the prefix could not begin the name of a schema.
    """
    prefix = environment.get("SCHEMA_PREFIX", "")
    if prefix and not PREFIX_PATTERN.fullmatch(prefix):
        raise UserError(f"SCHEMA_PREFIX={prefix} cannot begin a name; write small letters, digits and _, as in ana")
    return f"{prefix}_{schema}" if prefix else schema


def local_work(environment: Mapping[str, str] = os.environ) -> Path:
    """Name the local folder for the unfinished work on lakes that are not local.

    Args:
        environment: Variables to read: `LAKE_WORK`; a blank one counts as unset.
    """
    return Path(environment.get("LAKE_WORK", "") or "lake_work").expanduser().resolve()


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read `LAKE`, `WAREHOUSE`, `DBT_TARGET` and `MONTH`.

    Args:
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When a variable has a value that this version cannot work with.
    """
    target = environment.get("DBT_TARGET", "") or "duckdb"
    if target not in TARGETS:
        raise UserError(f"DBT_TARGET={target} is no engine that this works on; set it to {' or '.join(TARGETS)}")
    lake = environment.get("LAKE", "") or "lake"
    root = S3Path.parse(lake) if "://" in lake else Path(lake).expanduser().resolve()
    if target == "athena" and isinstance(root, Path):
        raise UserError(f"LAKE={lake} is a folder of this machine, which Athena cannot read; name s3://bucket/prefix")
    month = environment.get("MONTH", "") or None
    if month is not None and not MONTH_PATTERN.fullmatch(month):
        raise UserError(f"MONTH={month} is not a month; write it as YYYY-MM, for example 2026-10")
    return Settings(
        lake=root,
        warehouse=Path(environment.get("WAREHOUSE", "") or "warehouse.duckdb").expanduser().resolve(),
        month=month,
        target=target,
    )
