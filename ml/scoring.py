"""The scoring pass: the eligible companies of `marts.to_predict` go by in batches, and only their scores are kept.

What is scored is written in parts to local files, so memory does not grow with the companies, and a run that was killed
is taken up where it ended: a part whose companies still have the values that it was scored on is not scored again. A
company's scores depend on its own row and the model alone, not on the batch, the order or the number of threads.
"""

import contextlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ml import marts
from ml.drift import SCORE, Counter, Counts
from ml.features import Feature
from ml.frames import Encoder, arrow_batches
from ml.model import Model
from ml.settings import ModelName, Settings
from warehouse.catalog import literal, quoted
from warehouse.engines.duckdb import one_thread
from warehouse.errors import UserError
from warehouse.progress import bar
from warehouse.storage import whole_file

PART = "part-{:05d}.parquet"
DRIFT = b"drift"
# DuckDB rounds these as the encoder does; decimals and 128-bit numbers stay as they are
NARROWED_TYPES = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"}
WRITTEN_ROWS = 100_000

PREDICTIONS = pa.schema(
    [
        ("company_number", pa.string()), ("model_name", pa.string()), ("model_version", pa.string()),
        ("run_id", pa.string()), ("score", pa.float64()), ("probability", pa.float64()), ("rank", pa.int32()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Served:
    """A model that scores, and what the predictions say of it."""

    model: Model
    version: str
    run_id: str


@dataclass(frozen=True)
class Scores:
    """What a pass has found, in files that `connection` reads.

    Attributes:
        connection: Reads the marts and the parts.
        parts: Files with company_number, row_hash, and score and probability of each model.
        companies: How many were scored.
        resumed: How many of them a run before this one had scored.
        drift: By model.
    """

    connection: duckdb.DuckDBPyConnection
    parts: Sequence[Path]
    companies: int
    resumed: int
    drift: Mapping[ModelName, Counter]

    def best(self, name: ModelName, rows: int | None) -> list[str]:
        """Company numbers from rank 1 on of one model.

        Args:
            name: The model.
            rows: How many; None for all.
        """
        limit = "" if rows is None else f"limit {rows}"
        query = f"select company_number from {_scan(self.parts)} order by {_best_first(name)} {limit}"
        return [row[0] for row in self.connection.execute(query).fetchall()]

    def evenly_spread(self, rows: int) -> list[str]:
        """At most so many company numbers, evenly spread over all by their order."""
        stride = -(-self.companies // rows)
        placed = (
            f"select company_number, row_number() over (order by company_number) - 1 as place from {_scan(self.parts)}"
        )
        query = f"select company_number from ({placed}) where place % {stride} = 0 order by place"
        return [row[0] for row in self.connection.execute(query).fetchall()]

    def predictions(self, served: Mapping[ModelName, Served]) -> Iterator[pa.RecordBatch]:
        """Every prediction, model by model and best first, as `PREDICTIONS` says.

        Args:
            served: The models that scored.
        """
        for name, each in served.items():
            best_first = _best_first(name)
            query = f"""
                select company_number, {literal(name)} as model_name, {literal(each.version)} as model_version,
                    {literal(each.run_id)} as run_id, {name}_score as score, {name}_probability as probability,
                    cast(row_number() over (order by {best_first}) as integer) as "rank"
                from {_scan(self.parts)} order by {best_first}"""
            for batch in arrow_batches(self.connection.execute(query), WRITTEN_ROWS):
                yield batch.cast(PREDICTIONS)


def _scan(parts: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(literal(str(part)) for part in parts)}])"


def _best_first(name: ModelName) -> str:
    return f"{name}_probability desc, {name}_score desc, company_number"


def check_companies(connection: duckdb.DuckDBPyConnection) -> int:
    """Count the eligible companies.

    Raises:
        UserError: When there is none, or a company is there without its number or twice.
    """
    mart = marts.mart("to_predict")
    counts = (
        "select count(*), count(*) filter (is_eligible), count(company_number), "
        f"count(distinct company_number) filter (is_eligible) from {mart}"
    )
    ((everyone, eligible, named, different),) = marts.rows(connection, counts)
    if not everyone:
        raise UserError(
            "marts.to_predict has no rows: no live company that is no user has recent accounts; "
            "land the latest deliveries and run `make build`"
        )
    if named < everyone:
        raise UserError("marts.to_predict has rows without company_number; it must never be null there")
    if not eligible:
        raise UserError("marts.to_predict has no eligible company; its column ineligible_reason says why")
    if different < eligible:
        ((twice,),) = marts.rows(
            connection,
            f"select min(company_number) from (select company_number from {mart} where is_eligible "
            "group by company_number having count(*) > 1)",
        )
        raise UserError(f"marts.to_predict holds company {twice} twice; it must have one row a company")
    return int(eligible)


Counted = Mapping[ModelName, Mapping[str, Counts]]


class _Scorer:
    """Scores one batch; called from several threads."""

    def __init__(self, served: Mapping[ModelName, Served], features: tuple[Feature, ...]) -> None:
        self._models = {name: each.model.single_threaded() for name, each in served.items()}
        # models of one training share vocabularies and bins, so that what the one needs is there for the other
        self._encoded_as: dict[ModelName, ModelName] = {}
        self._counted_as: dict[ModelName, ModelName] = {}
        self._encoders: dict[ModelName, Encoder] = {}
        for name, model in self._models.items():
            card = model.card
            same = [other for other in self._encoders if self._encoders[other].vocabularies == card.vocabularies]
            self._encoded_as[name] = same[0] if same else name
            if not same:
                self._encoders[name] = Encoder(features, card.vocabularies)
            self._counted_as[name] = next(
                other for other in self._models if self._models[other].card.baseline.features == card.baseline.features
            )

    def __call__(self, batch: pa.RecordBatch) -> tuple[pa.Table, Counted]:
        columns = {name: batch.column(name) for name in ("company_number", "row_hash")}
        encoded = {name: encoder.columns(batch) for name, encoder in self._encoders.items()}
        counted: dict[ModelName, dict[str, Counts]] = {}
        for name, model in self._models.items():
            # read down its columns it costs no more than across its rows, so nothing is copied into rows
            log_odds = model.log_odds(encoded[self._encoded_as[name]].T)
            columns[f"{name}_score"] = pa.array(model.score(log_odds))
            columns[f"{name}_probability"] = pa.array(model.probability(log_odds))
            known = counted.get(self._counted_as[name])
            found = known or model.card.baseline.counts(encoded[self._encoded_as[name]])
            counted[name] = {**found, SCORE: model.card.baseline.score.counts(log_odds)}
        return pa.table(columns), counted


def _scored(batches: Iterator[pa.RecordBatch], scorer: _Scorer, threads: int) -> Iterator[tuple[pa.Table, Counted]]:
    """Score batches on several threads, a few ahead, in their order."""
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[tuple[pa.Table, Counted]]] = deque()
        for batch in batches:
            ahead.append(pool.submit(scorer, batch))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


class _Part:
    """Scores on their way to a file, with the counts of their drift."""

    def __init__(self, served: Mapping[ModelName, Served]) -> None:
        self.rows = 0
        self.drift = counters(served)
        self._tables: list[pa.Table] = []

    def add(self, table: pa.Table, counted: Counted) -> None:
        self._tables.append(table)
        self.rows += table.num_rows
        for name, found in counted.items():
            self.drift[name].add(found)

    def write(self, path: Path) -> None:
        counts = {name: counter.counts() for name, counter in self.drift.items()}
        table = pa.concat_tables(self._tables).replace_schema_metadata({DRIFT: json.dumps(counts)})
        with whole_file(path) as unfinished:
            pq.write_table(table, unfinished, compression="none", use_dictionary=False, write_statistics=False)


def _parts(
    scored: Iterator[tuple[pa.Table, Counted]], served: Mapping[ModelName, Served], part_rows: int
) -> Iterator[_Part]:
    """Gather batches to parts of at least so many rows."""
    part = _Part(served)
    for table, counted in scored:
        part.add(table, counted)
        if part.rows >= part_rows:
            yield part
            part = _Part(served)
    if part.rows:
        yield part


def counters(served: Mapping[ModelName, Served]) -> dict[ModelName, Counter]:
    """Begin counting the drift of each model."""
    return {name: Counter(each.model.card.baseline) for name, each in served.items()}


def _row_hash(features: Sequence[Feature]) -> str:
    return f"hash({', '.join(quoted(feature.name) for feature in features)})"


def _kept_parts(connection: duckdb.DuckDBPyConnection, features: Sequence[Feature], folder: Path) -> dict[Path, int]:
    """Find the parts of an earlier run whose rows are still the marts', with their rows; the others are deleted."""
    kept: dict[Path, int] = {}
    parts = sorted(folder.glob("part-*.parquet"))
    if parts:
        query = f"""
            select part.filename, count(*), count(current.company_number)
            from read_parquet([{", ".join(literal(str(part)) for part in parts)}], filename = true) as part
            left join (
                select company_number, {_row_hash(features)} as row_hash
                from {marts.mart("to_predict")} where is_eligible
            ) as current
            on part.company_number = current.company_number and part.row_hash = current.row_hash
            group by 1"""
        found = {Path(name): (rows, held) for name, rows, held in connection.execute(query).fetchall()}
        for part in parts:
            rows, held = found.get(part, (0, 0))
            if rows and rows == held:
                kept[part] = rows
            else:
                part.unlink()
    return kept


def _narrowed(connection: duckdb.DuckDBPyConnection, features: Sequence[Feature]) -> list[str]:
    """Columns of the features, numbers as the 32-bit floats that the encoder makes of them; here it costs less.

    Nulls are written as not a number here too: a column with nulls is handed over bit by bit.
    """
    types = dict(row[:2] for row in marts.rows(connection, f"describe {marts.mart('to_predict')}"))
    columns = []
    for feature in features:
        name = quoted(feature.name)
        if types[feature.name] in NARROWED_TYPES:
            narrowed = f"case when {name} is null then cast('nan' as float) else cast({name} as float) end"
            columns.append(f"{narrowed} as {name}")
        else:
            columns.append(name)
    return columns


@contextlib.contextmanager
def _too_large_named(connection: duckdb.DuckDBPyConnection, features: Sequence[Feature]) -> Iterator[None]:
    """Name the feature where DuckDB finds a value that no 32-bit float can hold."""
    try:
        yield
    except (duckdb.ConversionException, OSError) as error:
        if "destination type FLOAT" not in str(error):
            raise
    else:
        return
    numbers = [feature.name for feature in features if feature.kind == "numeric"]
    held = ", ".join(f"count({quoted(name)}), count(try_cast({quoted(name)} as float))" for name in numbers)
    (counts,) = marts.rows(connection, f"select {held} from {marts.mart('to_predict')} where is_eligible")
    wrong = [name for name, all_, fit in zip(numbers, counts[::2], counts[1::2], strict=True) if fit < all_]
    raise UserError(f"{', '.join(wrong)} holds an infinite value; make its SQL give null there, then rebuild")


def _unscored(columns: Sequence[str], features: Sequence[Feature], kept: Sequence[Path]) -> str:
    query = (
        f"select company_number, {', '.join(columns)}, {_row_hash(features)} as row_hash "
        f"from {marts.mart('to_predict')} where is_eligible"
    )
    if kept:
        query += f" and company_number not in (select company_number from {_scan(kept)})"
    return query


def score_companies(
    connection: duckdb.DuckDBPyConnection,
    served: Mapping[ModelName, Served],
    features: tuple[Feature, ...],
    settings: Settings,
    folder: Path,
) -> Scores:
    """Score every eligible company by every model.

    Args:
        connection: The warehouse.
        served: The models.
        features: The contract; models and mart were checked against it.
        settings: Batches, parts and threads are used.
        folder: Local folder for the parts, of these models and this month alone.

    Raises:
        UserError: When there is no eligible company, a company is there without its number or twice, or a value is
            infinite.
    """
    companies = check_companies(connection)
    folder.mkdir(parents=True, exist_ok=True)
    drift = counters(served)
    kept = _kept_parts(connection, features, folder)
    for path in kept:
        for name, counts in json.loads(pq.read_schema(path).metadata[DRIFT]).items():
            drift[name].add(counts)
    resumed = sum(kept.values())
    parts = list(kept)
    number = 1 + max((int(path.stem.removeprefix("part-")) for path in parts), default=-1)
    query = _unscored(_narrowed(connection, features), features, parts)
    paths = (folder / PART.format(place) for place in count(number))
    unscored = bar("scoring companies", companies - resumed)
    with unscored as shown, _too_large_named(connection, features), one_thread(connection):
        reader = arrow_batches(marts.execute(connection, query), settings.batch_rows)
        scored = _scored(reader, _Scorer(served, features), settings.nthread)
        watched = shown.follow(scored, lambda of: of[0].num_rows)
        for part in _parts(watched, served, settings.part_rows):
            path = next(paths)
            part.write(path)
            parts.append(path)
            for name, counter in part.drift.items():
                drift[name].add(counter.counts())
    rows = sum(pq.read_metadata(path).num_rows for path in parts)
    return Scores(connection, parts, rows, resumed, drift)
