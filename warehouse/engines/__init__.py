"""One module an engine, and the choice of one."""

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
        from warehouse.engines.trino import TrinoEngine, read_server  # noqa: PLC0415

        return TrinoEngine(read_server(), Lake(settings.lake))
    return DuckDBEngine(settings.warehouse)
