"""The tests of the Athena endpoint once more, its queries on a real Trino."""

from collections.abc import Iterator

import pytest

from tests.athena.endpoint.on_trino import Trino
from tests.athena.stack import Account, start
from tests.athena.test_athena_endpoint import *  # noqa: F403 - every test and fixture of it but one
from tests.engines.trino_server import CATALOG_OF_ATHENA, TrinoServer


@pytest.fixture(scope="module")
def account(server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    backend = Trino(lambda: server.connection(CATALOG_OF_ATHENA), tmp_path_factory.mktemp("tables"))
    with start(tmp_path_factory.mktemp("account"), backend) as running:
        running.query("create schema `shop`")
        yield running
