"""One module an engine, and the choice of one."""

import os

from warehouse.engines.base import Engine
from warehouse.engines.duckdb import DuckDBEngine
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
        from warehouse.engines.trino import TrinoEngine, read_server, read_unload_folder  # noqa: PLC0415

        lake = Lake(settings.lake)
        return TrinoEngine(read_server(), lake, read_unload_folder(lake))
    if settings.target == "athena":
        from warehouse.engines.athena import AthenaEngine  # noqa: PLC0415

        work_group = os.environ.get("ATHENA_WORK_GROUP", "") or "primary"
        return AthenaEngine(Lake(settings.lake), work_group)
    return DuckDBEngine(settings.warehouse, settings.lake)
