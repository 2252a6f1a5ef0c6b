"""One module an engine, and the choice of one."""

import os
from pathlib import Path

from warehouse.engines.base import Engine
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """Give the engine that `DBT_TARGET` names.

    Args:
        settings: The environment of the command.

    Raises:
        UserError: When the engine's own settings are wrong.
    """
    if settings.target == "trino":
        # the other engines' commands need not load its client
        from warehouse.engines.trino import TrinoEngine, read_server  # noqa: PLC0415

        if not isinstance(settings.lake, Path):
            raise UserError(f"LAKE={settings.lake} cannot be read by Trino, which reads a lake in a folder")
        return TrinoEngine(read_server(), Lake(settings.lake))
    if settings.target == "athena":
        from warehouse.engines.athena import AthenaEngine  # noqa: PLC0415

        work_group = os.environ.get("ATHENA_WORK_GROUP", "") or "primary"
        return AthenaEngine(Lake(settings.lake), work_group)
    return DuckDBEngine(settings.warehouse, settings.lake)
