"""The Athena endpoint over the tests' Trino server, with the project built by dbt-athena."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.athena.endpoint.on_trino import Trino
from tests.athena.main_job import on_athena, put_lake
from tests.athena.stack import Account, start
from tests.engines.trino_server import CATALOG_OF_ATHENA, TrinoServer


@contextmanager
def built(folder: Path, server: TrinoServer, lake: Path) -> Iterator[Account]:
    """Run an account for the time of a `with` block, in which every model, seed and data test has been built.

    Args:
        folder: For everything that belongs to it.
        server: What its queries run on.
        lake: A local lake that has predictions; what is in it is brought to the account, and registered there.
    """
    backend = Trino(lambda: server.connection(CATALOG_OF_ATHENA), folder / "tables")
    with start(folder / "account", backend) as account:
        put_lake(account, lake)
        athena = on_athena(folder / "athena", account, {})
        athena.run("ingestion", "register")
        athena.run("ml", "register")
        athena.dbt("build", "--exclude-resource-type", "unit_test")
        yield account
