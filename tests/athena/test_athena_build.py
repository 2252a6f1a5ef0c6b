"""`dbt build --target athena` on a small sample, and all marts held against DuckDB's, row for row and type for type."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import rarfile

from ingestion.sample.rar_writer import write_rar
from ingestion.sample.server import ServerAddress, serve
from ml.tables import read_tables, write_partition
from tests.athena.endpoint.on_duckdb import DuckDB
from tests.athena.endpoint.statements import Name
from tests.athena.stack import RAW_BUCKET, ROOT, WAREHOUSE_BUCKET, Account, register_raw_tables, register_table, start
from warehouse.lake import Lake

COMPANIES = "1000"
ONLY_TABLES = ("--resource-type", "model", "--resource-type", "seed")
REDELIVERED, LATEST = "2026-10", "2026-11"
MOST_PARTITIONS, LONGEST_STATEMENT, MOST_CHAINED_VIEWS = 100, 262_144, 4
pytestmark = pytest.mark.timeout(1800)  # of its minutes most are dbt's own, on cores that other tests share
RELATIVE = 1e-9  # the engines add up doubles in different orders


@dataclass(frozen=True)
class Country:
    """A vendor's deliveries in a lake, and the same models over it in DuckDB and in an Athena account."""

    folder: Path
    address: ServerAddress
    account: Account

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "lake")

    def python(self, *module: str) -> None:
        environment = {
            "LAKE": str(self.lake.root),
            "WAREHOUSE": str(self.folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(self.folder / "target-duckdb"),
            "MONTH": "",
            "SFTP_HOST": self.address.host,
            "SFTP_PORT": str(self.address.port),
            "SFTP_USER": self.address.user,
            "SFTP_PASSWORD": self.address.password,
            "SFTP_HOST_KEY": self.address.host_key,
            "SFTP_ROOT": "/",
        }
        finished = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr

    def athena(self, *arguments: str) -> list[dict]:
        """Run dbt on Athena; gives its results."""
        target = self.folder / "target-athena"
        finished = self.account.dbt(target, "--quiet", *arguments)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]

    def duckdb(self, sql: str) -> pa.Table:
        with duckdb.connect(str(self.folder / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).to_arrow_table()

    def keys(self, table: str) -> set[str]:
        return {key for key in self.account.keys(WAREHOUSE_BUCKET) if f"/{table}/" in key}

    def predict(self) -> None:
        """Put predictions into the lake: not of a model, but of every company that is eligible, with reasons."""
        eligible = self.duckdb("select company_number from marts.to_predict where is_eligible order by 1")
        numbers = eligible["company_number"].to_pylist()
        predictions, reasons = [], []
        for model in ("precision", "recall"):
            for rank, number in enumerate(numbers, start=1):
                company = {"company_number": number, "model_name": model, "run_id": "made for a test"}
                score = 1 - rank / (len(numbers) + 1)
                predictions.append(
                    company | {"model_version": "0", "score": score, "probability": score / 10, "rank": rank}
                )
                reasons += [
                    company
                    | {"reason_rank": place, "feature": "turnover", "direction": "raises", "contribution": 1.0 / place}
                    | {"value": None, "reason": f"reason {place}"}
                    for place in (1, 2, 3)
                ]
        for table, rows in (("predictions", predictions), ("prediction_reasons", reasons)):
            schema = pa.schema([("rank", pa.int32()), ("reason_rank", pa.int32())])
            content = pa.Table.from_pylist(rows)
            types = [
                schema.field(name).type if name in schema.names else (pa.string() if pa.types.is_null(type_) else type_)
                for name, type_ in zip(content.schema.names, content.schema.types, strict=True)
            ]
            write_partition(
                self.lake, table, LATEST, content.cast(pa.schema(zip(content.schema.names, types, strict=True)))
            )
        self.python("ml", "register")

    def register_predictions(self) -> None:
        for name, table in read_tables(self.lake).items():
            files = sorted(self.lake.root.glob(f"DATA/*/score_month={LATEST}/{name}.parquet"))
            register_table(self.account, Name("ml", name), table.columns, files)

    def redeliver(self) -> None:
        """Deliver one month again, with half of its companies and accounts."""
        month = REDELIVERED.replace("-", "") + "01"
        for archive in (self.folder / f"sample/deliveries/UKLTD_M_{month}").glob(f"[CA]*01_M_{month}.rar"):
            with rarfile.RarFile(archive) as opened:
                member = opened.namelist()[0]
                header, *lines = opened.read(member).split(b"\n")
            archive.unlink()
            write_rar(archive, [(member, b"\n".join([header, *lines[: len(lines) // 2]]) + b"\n")])


def at_once(*works) -> list:
    with ThreadPoolExecutor() as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    folder = tmp_path_factory.mktemp("country")
    subprocess.run(
        [sys.executable, "-m", "ingestion", "sample"], cwd=ROOT, check=True, capture_output=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("SFTP_")}
        | {"SAMPLE_DELIVERIES": str(folder / "sample"), "SAMPLE_COMPANIES": COMPANIES},
    )  # fmt: skip
    with serve(folder / "sample" / "deliveries") as address, start(folder / "s3", DuckDB()) as account:
        made = Country(folder, address, account)
        made.python("ingestion", "ingest")
        made.python("ml", "register")
        made.python("warehouse", "dbt", "build", "--selector", "features", *ONLY_TABLES)
        yield made


@pytest.fixture(scope="module")
def first_build(country: Country) -> list[dict]:
    """Everything, tests and all, after DuckDB has predicted."""
    country.predict()
    register_raw_tables(country.account, country.lake)
    country.register_predictions()
    scores = ("warehouse", "dbt", "build", "--selector", "scores", *ONLY_TABLES)
    return at_once(lambda: country.athena("build"), lambda: country.python(*scores))[0]


@pytest.fixture(scope="module")
def second_build(country: Country, first_build: list[dict]) -> tuple[set[str], list[str]]:
    """Only what types deliveries; gives the objects before it, and the statements that it took."""
    before = country.keys("stg_ukltd__accounts")
    country.account.executor.executions.clear()
    country.athena("run", "--select", "path:models/staging/ukltd")
    return before, [execution.query for execution in country.account.executor.executions.values()]


@pytest.fixture(scope="module")
def after_redelivery(country: Country, second_build: object) -> tuple[set[str], set[str]]:
    """One month landed again and everything made anew; gives the accounts' objects before and after."""
    before = country.keys("stg_ukltd__accounts")
    country.redeliver()
    country.python("ingestion", "ingest")
    register_raw_tables(country.account, country.lake)
    features = ("build", "--selector", "features", *ONLY_TABLES)
    at_once(lambda: country.athena(*features), lambda: country.python("warehouse", "dbt", *features))
    return before, country.keys("stg_ukltd__accounts")


def marts() -> list[str]:
    return sorted(path.stem for path in (ROOT / "dbt_project/models/marts").rglob("*.sql"))


def difference(country: Country, mart: str) -> str:
    """What differs between Athena's table and DuckDB's; nothing if they are equal."""
    found = country.account.query(f"select * from marts.{mart}")
    expected = country.duckdb(f"select * from marts.{mart}")
    types = dict(zip(found.column_names, found.schema.types, strict=True))
    for name, type_ in zip(expected.column_names, expected.schema.types, strict=True):
        if pa.types.is_timestamp(type_):
            expected = expected.set_column(
                expected.column_names.index(name), name, expected[name].cast(pa.timestamp("ms"), safe=False)
            )
    if types != dict(zip(expected.column_names, expected.schema.types, strict=True)):
        return f"{mart} has {found.schema} on Athena and {expected.schema} on DuckDB"
    with duckdb.connect() as connection:
        connection.register("found", found)
        connection.register("expected", expected)
        exact = [name for name, type_ in types.items() if not pa.types.is_floating(type_)]
        close = [name for name in types if name not in exact]
        columns = ", ".join(f'"{name}"' for name in exact)
        ordered = ", ".join(f'"{name}"' for name in [*exact, *close])
        alone = connection.execute(
            f"select count(*) from ((select {columns} from found except all select {columns} from expected) "
            f"union all (select {columns} from expected except all select {columns} from found))"
        ).fetchall()[0][0]
        if alone:
            return f"{mart}: {alone} rows that only one of the two has"
        sides = [
            connection.execute(f"select {ordered} from {side} order by all").to_arrow_table()
            for side in ("found", "expected")
        ]
    for name in close:
        for left, right in zip(*(side[name].to_pylist() for side in sides), strict=True):
            if left != right and (left is None or right is None or abs(left - right) > RELATIVE * abs(right)):
                return f"{mart}.{name}: {left} on Athena, {right} on DuckDB"
    return ""


def test_the_whole_project_builds(first_build):
    statuses = {}
    for result in first_build:
        kind = result["unique_id"].split(".")[0]
        statuses.setdefault(kind, set()).add(result["status"])
    assert statuses["model"] == {"success"}
    assert statuses["seed"] == {"success"}
    assert statuses["unit_test"] == {"pass"}
    assert statuses["test"] <= {"pass", "warn"}
    assert sum(result["unique_id"].startswith("unit_test") for result in first_build) > 100


@pytest.mark.parametrize("mart", marts())
def test_a_mart_equals_duckdbs(country, first_build, mart):
    assert difference(country, mart) == ""


def test_the_marts_have_rows(country, first_build):
    empty = [mart for mart in marts() if not country.account.query(f"select * from marts.{mart}").num_rows]
    assert empty == []


def test_each_query_says_what_it_scanned(first_build):
    scanned = {
        result["unique_id"].split(".")[2]: result["adapter_response"].get("data_scanned_in_bytes", 0)
        for result in first_build
    }
    assert scanned["int_features"] > scanned["horizon"] > 0


def test_no_statement_is_near_the_limit_and_none_chains_too_many_views(country, first_build):
    executions = country.account.executor.executions.values()
    assert max(len(execution.query.encode()) for execution in executions) < LONGEST_STATEMENT / 4
    manifest = json.loads((country.folder / "target-athena/manifest.json").read_text(encoding="utf-8"))
    nodes = manifest["nodes"]

    def chained(unique_id: str) -> int:
        node = nodes.get(unique_id)
        if node is None or node["config"]["materialized"] != "view":
            return 0
        return 1 + max((chained(parent) for parent in node["depends_on"]["nodes"]), default=0)

    assert max(chained(unique_id) for unique_id in nodes) <= MOST_CHAINED_VIEWS


def test_dbt_writes_to_unique_places_of_its_own_bucket(country, first_build):
    glue = country.account.session.client("glue")
    locations = {}
    for schema in ("staging", "intermediate", "marts", "seeds"):
        for page in glue.get_paginator("get_tables").paginate(DatabaseName=schema):
            for table in page["TableList"]:
                assert not table["Name"].endswith("__dbt_tmp")
                if table["TableType"] != "VIRTUAL_VIEW":
                    locations[f"{schema}/{table['Name']}"] = table["StorageDescriptor"]["Location"]
    assert len(set(locations.values())) == len(locations) > 50
    for name, location in locations.items():
        assert location.startswith(f"s3://{WAREHOUSE_BUCKET}/tables/{name}/")
    assert {key.split("/")[0] for key in country.account.keys(RAW_BUCKET)} == {"raw", "ml"}


def test_what_is_typed_is_not_typed_again(country, second_build):
    before, statements = second_build
    assert country.keys("stg_ukltd__accounts") == before
    assert not any("external_location" in statement and "partitioned_by" in statement for statement in statements)


def test_a_redelivered_month_replaces_its_partition_and_no_other(country, after_redelivery):
    before, after = after_redelivery
    assert before - after == {key for key in before if f"snapshot_month={REDELIVERED}" in key}
    assert {key for key in after - before if f"snapshot_month={REDELIVERED}" in key} == after - before
    assert len(before) == len(after)


def test_marts_equal_duckdbs_after_a_redelivery(country, after_redelivery):
    differing = [difference(country, mart) for mart in marts() if mart != "leads"]
    assert [sentence for sentence in differing if sentence] == []
