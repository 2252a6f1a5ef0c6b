"""The command `predict`: scores the eligible companies with the champions and writes predictions, reasons, lists.

Everything is named by the score month or the horizon date of the marts, so predicting a month again replaces it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml import marts
from ml.features import check_mart, read_features
from ml.frames import PREDICTION_COLUMNS, Encoder, Matrix, batches
from ml.lists import write_lists
from ml.reasons import Peers, choose, direction, sentence, written_value
from ml.serving import Serving, describe, load
from ml.settings import MODEL_NAMES, ModelName, Settings
from ml.tables import register_tables, write_partition
from warehouse.engines import open_engine
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.settings import Settings as Environment

Floats = NDArray[np.float64]
READS = {"horizon": (), "feature_definitions": (), "to_train": ("label",), "to_predict": ()}


@dataclass(frozen=True)
class Scored:
    """The eligible companies, n of them by company number, with what each model says.

    Attributes:
        company_number: Shape (n,).
        score, probability: By model name, shape (n,).
        best: By model name, indices of the companies from rank 1 on, shape (n,).
        peers: By model name, encoded features of at most `peer_rows` companies, evenly spread.
    """

    company_number: NDArray[np.str_]
    score: Mapping[ModelName, Floats]
    probability: Mapping[ModelName, Floats]
    best: Mapping[ModelName, NDArray[np.intp]]
    peers: Mapping[ModelName, Matrix]


def say(line: str) -> None:
    """Print a progress line."""
    print(f"predict: {line}", flush=True)


def rank_order(probability: Floats, score: Floats) -> NDArray[np.intp]:
    """Sort rows, best first, by probability, then score, then their order; returns indices."""
    order: NDArray[np.intp] = np.lexsort((-score, -probability))
    return order


def _matrices(encoders: Mapping[ModelName, Encoder], batch: pa.RecordBatch) -> dict[ModelName, Matrix]:
    """Encode a batch for each model; once, where they were trained on the same codes."""
    made: dict[ModelName, Matrix] = {}
    for name, encoder in encoders.items():
        same = [other for other in made if encoders[other].vocabularies == encoder.vocabularies]
        made[name] = made[same[0]] if same else encoder.matrix(batch)
    return made


def _score(
    connection: duckdb.DuckDBPyConnection,
    models: Mapping[ModelName, Serving],
    encoders: Mapping[ModelName, Encoder],
    settings: Settings,
) -> Scored:
    counts = f"select count(*), count(*) filter (is_eligible), count(company_number) from {marts.mart('to_predict')}"
    ((everyone, total, named),) = marts.rows(connection, counts)
    if not everyone:
        raise UserError(
            "marts.to_predict has no rows: no live company that is no user has recent accounts; "
            "land the latest deliveries and run `make build`"
        )
    if named < everyone:
        raise UserError("marts.to_predict has rows without company_number; it must never be null there")
    if not total:
        raise UserError("marts.to_predict has no eligible company; its column ineligible_reason says why")
    stride = -(-total // settings.peer_rows)
    columns = ["company_number", *(feature.name for feature in encoders["precision"].features)]
    numbers: list[NDArray[np.str_]] = []
    peers: dict[ModelName, list[Matrix]] = {name: [] for name in models}
    log_odds: dict[ModelName, list[Floats]] = {name: [] for name in models}
    start = 0
    for batch in batches(connection, "to_predict", columns, settings.batch_rows, condition="is_eligible"):
        matrices = _matrices(encoders, batch)
        numbers.append(batch.column("company_number").to_numpy(zero_copy_only=False).astype(np.str_))
        for name, serving in models.items():
            peers[name].append(matrices[name][-start % stride :: stride].copy())
            log_odds[name].append(serving.model.log_odds(matrices[name]))
        start += batch.num_rows
    company_number = np.concatenate(numbers)
    twice = company_number[1:][company_number[1:] == company_number[:-1]]
    if len(twice):
        raise UserError(f"marts.to_predict holds company {twice[0]} twice; it must have one row a company")
    whole = {name: np.concatenate(parts) for name, parts in log_odds.items()}
    score = {name: models[name].model.score(values) for name, values in whole.items()}
    probability = {name: models[name].model.probability(values) for name, values in whole.items()}
    best = {name: rank_order(probability[name], score[name]) for name in models}
    evenly = {name: np.concatenate(parts) for name, parts in peers.items()}
    return Scored(company_number, score, probability, best, evenly)


def _predictions(scored: Scored, models: Mapping[ModelName, Serving]) -> pa.Table:
    parts = []
    for name in MODEL_NAMES:
        order = scored.best[name]
        parts.append(
            pa.table(
                {
                    "company_number": pa.array(scored.company_number[order].tolist(), pa.string()),
                    "model_name": pa.array([name] * len(order), pa.string()),
                    "model_version": pa.array([models[name].model_version] * len(order), pa.string()),
                    "run_id": pa.array([models[name].run_id] * len(order), pa.string()),
                    "score": scored.score[name][order],
                    "probability": scored.probability[name][order],
                    "rank": pa.array(np.arange(1, len(order) + 1), pa.int32()),
                }
            )
        )
    return pa.concat_tables(parts).combine_chunks()


def _reasons(
    connection: duckdb.DuckDBPyConnection,
    models: Mapping[ModelName, Serving],
    encoders: Mapping[ModelName, Encoder],
    scored: Scored,
    settings: Settings,
) -> pa.Table:
    """Find the reasons for the best rows of each model, in a second read of just these companies."""
    tops = {name: scored.company_number[scored.best[name][: settings.reasons_rows]] for name in models}
    wanted = sorted(set(np.concatenate(list(tops.values())).tolist()))
    features = encoders["precision"].features
    columns = ["company_number", *(feature.name for feature in features)]
    condition = "is_eligible and company_number in (select unnest(?))"
    found = list(
        batches(connection, "to_predict", columns, settings.batch_rows, condition=condition, parameters=[wanted])
    )
    encoded = [_matrices(encoders, batch) for batch in found]
    values = pa.Table.from_batches(found).to_pydict() if found else {}
    place = {number: row for row, number in enumerate(wanted)}
    rows: list[tuple[Any, ...]] = []
    for name, serving in models.items():
        matrix = np.concatenate([matrices[name] for matrices in encoded]) if encoded else np.empty((0, 0), np.float32)
        peers, run_id = Peers(scored.peers[name]), serving.run_id
        at = [place[number] for number in tops[name].tolist()]
        contributions = serving.model.contributions(matrix[at]) if at else np.empty((0, len(features)))
        for row, chosen, moves in zip(at, choose(contributions), contributions, strict=True):
            for reason_rank, position in enumerate(chosen[chosen >= 0].tolist(), start=1):
                feature = features[position]
                value = written_value(feature, values[feature.name][row])
                move = float(moves[position])
                text = sentence(feature, value, peers.shares(position, matrix[row, position]), direction(move))
                rows.append((wanted[row], name, run_id, reason_rank, feature.name, direction(move), move, value, text))
    schema = pa.schema(
        [
            ("company_number", pa.string()), ("model_name", pa.string()), ("run_id", pa.string()),
            ("reason_rank", pa.int32()), ("feature", pa.string()), ("direction", pa.string()),
            ("contribution", pa.float64()), ("value", pa.string()), ("reason", pa.string()),
        ]
    )  # fmt: skip
    names = schema.names
    return pa.Table.from_pydict({name: [row[i] for row in rows] for i, name in enumerate(names)}, schema=schema)


def predict(environment: Environment, settings: Settings, *, dry_run: bool = False) -> None:
    """Score `marts.to_predict` with the champions, or with the latest registered where nothing was promoted.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        settings: Those for reading and for reasons are used; the models carry their own.
        dry_run: Whether to end before the scoring, when the models are loaded and the marts suit them.

    Raises:
        UserError: When nothing was trained on what these marts know, an artefact is not the registered one, the
            features are not the model's, or no company is eligible.
    """
    lake, engine = Lake(environment.lake), open_engine(environment)
    with alone(lake, "ml", "training or prediction"):
        with engine.reading(READS) as connection:
            horizon = marts.read_horizon(connection, environment.month)
            features = read_features(connection)
            models = load(lake, horizon.date, features)
            for line in describe({name: serving.served for name, serving in models.items()}):
                say(line)
            check_mart(connection, "to_predict", features, PREDICTION_COLUMNS)
            if dry_run:
                say("nothing was scored or written")
                return
            encoders = {name: Encoder(features, serving.model.card.vocabularies) for name, serving in models.items()}
            scored = _score(connection, models, encoders, settings)
            say(f"{len(scored.company_number):,} companies scored by both models, score month {horizon.month}")
            reasons = _reasons(connection, models, encoders, scored, settings)
        write_partition(lake, "prediction_reasons", horizon.month, reasons)
        path = write_partition(lake, "predictions", horizon.month, _predictions(scored, models))
        say(f"predictions in {path}, {reasons.num_rows:,} reasons for the best {settings.reasons_rows:,} of each model")
        lists = write_lists(lake, horizon.day, horizon.month)
        say(f"{len(lists)} lists in {lake.lists(horizon.day)}")
        register_tables(engine, lake)
