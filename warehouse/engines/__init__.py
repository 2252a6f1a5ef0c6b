"""One module an engine, and the choice of one."""

from warehouse.engines.base import Engine
from warehouse.engines.duckdb import DuckDBEngine
from warehouse.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """Give the engine that `DBT_TARGET` names.

    Args:
        settings: The environment of the command.

    Raises:
        UserError: When the engine's own settings are wrong.
    """
    return DuckDBEngine(settings.warehouse, settings.lake)
