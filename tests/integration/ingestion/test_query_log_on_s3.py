"""The query log of a lake on S3: conditional writes keep writers from undoing one another."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from vendor import S3Site

from warehouse.lake import Lake
from warehouse.query_log import SUCCESS, Query, QueryLog, path_of, read, text_hash
from warehouse.s3 import S3Path

MOMENT = datetime(2026, 11, 20, tzinfo=UTC)


def write(lake: Lake[S3Path], node: str) -> None:
    with QueryLog(lake, "athena", lambda _ids: {}, pytest.fail) as log:
        log.add(Query(node, text_hash("select 1"), MOMENT, 0.5, SUCCESS))


def test_writers_do_not_lose_what_others_wrote(s3_site: S3Site) -> None:
    lake, nodes = Lake(s3_site.lake), [str(number) for number in range(24)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda node: write(lake, node), nodes))
    assert sorted(query["node"] for query in read(path_of(lake, "20261120"))) == sorted(nodes)
