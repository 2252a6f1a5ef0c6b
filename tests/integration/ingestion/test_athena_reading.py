"""Marts read from Athena: what is asked of it, what becomes of its files; here a stand-in runs its statements."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer
from vendor import S3Site

from ml.evaluation_tables import IMPORTANCE
from ml.tables import append, show_tables
from tests.s3_store import HOST, REGION, Store
from warehouse.engines import athena
from warehouse.engines.athena import AthenaEngine
from warehouse.engines.duckdb import show_objects
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.query_log import read, text_hash
from warehouse.s3 import S3Path

RESULTS = "the-results"
UNLOAD = re.compile(
    r"unload \((?P<query>select .*)\) to 's3://(?P<to>[^']*/)' with \(format = 'PARQUET', compression = 'ZSTD'\)"
)
SCANNED = 30 << 20
COLUMNS = [{"Name": "company_number", "Type": "string"}, {"Name": "rows", "Type": "int"}]


class Athena:
    """Answers the calls of an Athena client: runs UNLOAD on DuckDB, and is never done at the first question."""

    def __init__(self) -> None:
        self.statements: list[dict[str, Any]] = []
        self._ends: dict[str, Iterator[dict[str, str]]] = {}

    def start_query_execution(self, **arguments: Any) -> dict[str, str]:
        self.statements.append(arguments)
        found = UNLOAD.fullmatch(arguments["QueryString"])
        assert found, arguments["QueryString"]
        end = {"State": "SUCCEEDED"}
        with duckdb.connect() as connection:
            show_objects(connection, S3Path(RESULTS, ""))
            connection.execute("create schema marts")
            connection.execute("create table marts.horizon as select '01' as company_number, 7::integer as rows")
            connection.execute("create table marts.leads as from marts.horizon limit 0")
            try:
                rows = connection.execute(found["query"]).to_arrow_table()
                if rows.num_rows:
                    connection.execute(f"copy rows to 's3://{found['to']}part-0' (format parquet)")
            except duckdb.CatalogException:
                end = {"State": "FAILED", "StateChangeReason": "TABLE_NOT_FOUND: it is gone"}
        query = str(len(self.statements))
        self._ends[query] = itertools.chain([{"State": "QUEUED"}, {"State": "RUNNING"}], itertools.repeat(end))
        return {"QueryExecutionId": query}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803
        return {"QueryExecution": {"Status": next(self._ends[QueryExecutionId])}}

    def batch_get_query_execution(self, QueryExecutionIds: list[str]) -> dict[str, Any]:  # noqa: N803
        return {
            "QueryExecutions": [
                {
                    "QueryExecutionId": query,
                    "StatementType": "DML",
                    "Status": next(self._ends[query]),
                    "Statistics": {"DataScannedInBytes": SCANNED},
                }
                for query in QueryExecutionIds
            ]
        }


@pytest.fixture(scope="module")
def results(store: Store) -> S3Path:
    store.client.create_bucket(Bucket=RESULTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    return S3Path(RESULTS, "queries")


@pytest.fixture
def stand_in(s3_site: S3Site, results: S3Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Athena]:
    moto = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", f"http://{host}:{port}")
    monkeypatch.setenv("ATHENA_S3_STAGING_DIR", str(results))
    client = boto3.client("glue", region_name=REGION, endpoint_url=f"http://{host}:{port}")
    client.create_database(DatabaseInput={"Name": "marts"})
    for name in ("horizon", "leads", "gone"):
        client.create_table(DatabaseName="marts", TableInput={"Name": name, "StorageDescriptor": {"Columns": COLUMNS}})
    stand_in = Athena()
    monkeypatch.setattr(athena, "athena_client", lambda: stand_in)
    monkeypatch.setattr(athena, "FIRST_PAUSE", 0.01)
    yield stand_in
    client.delete_database(Name="marts")
    moto.stop()


@pytest.fixture
def engine(s3_site: S3Site) -> AthenaEngine:
    return AthenaEngine(Lake(s3_site.lake), "payers")


def test_marts_and_the_tables_of_the_lake_are_read_side_by_side(
    engine: AthenaEngine, stand_in: Athena, results: S3Path
) -> None:
    feature = {"run_id": "a", "model_name": "recall", "feature": "turnover", "importance_rank": 1}
    append(engine.lake, "ml_feature_importance", "2026-10", "a", pa.Table.from_pylist([feature], IMPORTANCE))
    with engine.reading({"horizon": ()}) as connection:
        show_tables(connection, engine.lake, ["ml_feature_importance", "ml_comparison"])
        found = connection.execute("select score_month, feature, rows from ml_feature_importance, marts.horizon")
        assert found.fetchall() == [("2026-10", "turnover", 7)]
        assert connection.execute("select * from ml_comparison").fetchall() == []


def test_marts_are_unloaded_read_and_deleted(engine: AthenaEngine, stand_in: Athena, results: S3Path) -> None:
    with engine.reading({"horizon": (), "leads": ("rows",), "absent": ()}) as connection:
        assert connection.execute("select * from marts.horizon").fetchall() == [("01", 7)]
        assert connection.execute("describe marts.leads").fetchall()[0][:2] == ("rows", "INTEGER")
        assert connection.execute("select * from marts.leads").fetchall() == []
        with pytest.raises(duckdb.CatalogException):
            connection.execute("select * from marts.absent")
        assert len(results.below()) == 1
    assert results.below() == []
    assert {statement["WorkGroup"] for statement in stand_in.statements} == {"payers"}
    assert {statement["ResultConfiguration"]["OutputLocation"] for statement in stand_in.statements} == {f"{results}/"}


def test_unloads_are_logged_with_their_bytes_and_price(engine: AthenaEngine, stand_in: Athena) -> None:
    def logged() -> list[dict[str, Any]]:
        return [query for path in engine.lake.query_logs().glob("*.json") for query in read(path)]

    before = len(logged())
    with engine.reading({"horizon": ()}):
        pass
    (query,) = logged()[before:]
    assert (query["engine"], query["node"], query["status"]) == ("athena", "unload marts.horizon", "success")
    assert query["query_id"] == "1"
    assert query["text_sha256"] == text_hash(stand_in.statements[0]["QueryString"])
    assert (query["scanned_bytes"], query["price_usd"]) == (SCANNED, pytest.approx(30 / 2**20 * 5))


def test_a_failed_query_is_a_sentence_and_nothing_stays(
    engine: AthenaEngine, stand_in: Athena, results: S3Path
) -> None:
    with (
        pytest.raises(UserError, match="Athena: TABLE_NOT_FOUND: it is gone"),
        engine.reading({"horizon": (), "gone": ()}),
    ):
        pass
    assert results.below() == []


@pytest.mark.parametrize(
    ("staging", "sentence"),
    [("", "ATHENA_S3_STAGING_DIR is not set"), ("/tmp", "not of the form"), ("s3://the-lake/x", "bucket of the lake")],
)
def test_a_place_for_results_that_will_not_do_is_refused(
    engine: AthenaEngine, monkeypatch: pytest.MonkeyPatch, staging: str, sentence: str
) -> None:
    monkeypatch.setenv("ATHENA_S3_STAGING_DIR", staging)
    with pytest.raises(UserError, match=sentence), engine.reading({"horizon": ()}):
        pass
