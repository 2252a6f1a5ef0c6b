"""Plugin of dbt-duckdb for a lake on S3: what dbt opens can read it, as what Python opens; see `profiles.yml`."""

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from warehouse.engines.duckdb import show_objects
from warehouse.settings import read_settings


class Plugin(BasePlugin):
    """Named by dbt-duckdb."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Prepare the database that all connections of dbt share; dbt-duckdb calls this once."""
        show_objects(conn, read_settings().lake)
