"""The command `predict`: scores the eligible companies with the month's models and writes predictions, reasons, lists.

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
from ml.artefacts import Evaluation, load_evaluation, load_model
from ml.features import Feature, check_mart, difference, read_features
from ml.frames import PREDICTION_COLUMNS, Encoder, Matrix, batches
from ml.lists import write_lists
from ml.model import Model
from ml.reasons import Peers, choose, direction, sentence, written_value
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
        peers: Encoded features of at most `peer_rows` companies, evenly spread.
    """

    company_number: NDArray[np.str_]
    score: Mapping[ModelName, Floats]
    probability: Mapping[ModelName, Floats]
    best: Mapping[ModelName, NDArray[np.intp]]
    peers: Matrix


def say(line: str) -> None:
    """Print a progress line."""
    print(f"predict: {line}", flush=True)


def rank_order(probability: Floats, score: Floats) -> NDArray[np.intp]:
    """Sort rows, best first, by probability, then score, then their order; returns indices."""
    order: NDArray[np.intp] = np.lexsort((-score, -probability))
    return order


def _check_contract(models: Mapping[ModelName, Model], features: tuple[Feature, ...]) -> None:
    current = [(feature.name, feature.kind) for feature in features]
    for name, model in models.items():
        found = difference(model.card.features, current)
        if found:
            raise UserError(f"the features are not those the {name} model was trained on: {found}; run `make train`")


def _score(
    connection: duckdb.DuckDBPyConnection, models: Mapping[ModelName, Model], encoder: Encoder, settings: Settings
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
    columns = ["company_number", *(feature.name for feature in encoder.features)]
    numbers: list[NDArray[np.str_]] = []
    peers: list[Matrix] = []
    log_odds: dict[ModelName, list[Floats]] = {name: [] for name in models}
    start = 0
    for batch in batches(connection, "to_predict", columns, settings.batch_rows, condition="is_eligible"):
        matrix = encoder.matrix(batch)
        numbers.append(batch.column("company_number").to_numpy(zero_copy_only=False).astype(np.str_))
        peers.append(matrix[-start % stride :: stride].copy())
        start += batch.num_rows
        for name, model in models.items():
            log_odds[name].append(model.log_odds(matrix))
    company_number = np.concatenate(numbers)
    twice = company_number[1:][company_number[1:] == company_number[:-1]]
    if len(twice):
        raise UserError(f"marts.to_predict holds company {twice[0]} twice; it must have one row a company")
    whole = {name: np.concatenate(parts) for name, parts in log_odds.items()}
    score = {name: models[name].score(values) for name, values in whole.items()}
    probability = {name: models[name].probability(values) for name, values in whole.items()}
    best = {name: rank_order(probability[name], score[name]) for name in models}
    return Scored(company_number, score, probability, best, np.concatenate(peers))


def _predictions(scored: Scored, evaluation: Evaluation) -> pa.Table:
    parts = []
    for name in MODEL_NAMES:
        order = scored.best[name]
        parts.append(
            pa.table(
                {
                    "company_number": pa.array(scored.company_number[order].tolist(), pa.string()),
                    "model_name": pa.array([name] * len(order), pa.string()),
                    "model_version": pa.array([evaluation.models[name].model_version] * len(order), pa.string()),
                    "run_id": pa.array([evaluation.run_id] * len(order), pa.string()),
                    "score": scored.score[name][order],
                    "probability": scored.probability[name][order],
                    "rank": pa.array(np.arange(1, len(order) + 1), pa.int32()),
                }
            )
        )
    return pa.concat_tables(parts).combine_chunks()


def _reasons(
    connection: duckdb.DuckDBPyConnection,
    models: Mapping[ModelName, Model],
    encoder: Encoder,
    scored: Scored,
    settings: Settings,
    *,
    run_id: str,
) -> pa.Table:
    """Find the reasons for the best rows of each model, in a second read of just these companies."""
    tops = {name: scored.company_number[scored.best[name][: settings.reasons_rows]] for name in models}
    wanted = sorted(set(np.concatenate(list(tops.values())).tolist()))
    columns = ["company_number", *(feature.name for feature in encoder.features)]
    condition = "is_eligible and company_number in (select unnest(?))"
    found = list(
        batches(connection, "to_predict", columns, settings.batch_rows, condition=condition, parameters=[wanted])
    )
    matrix = np.concatenate([encoder.matrix(batch) for batch in found]) if found else np.empty((0, 0), np.float32)
    values = pa.Table.from_batches(found).to_pydict() if found else {}
    place = {number: row for row, number in enumerate(wanted)}
    peers = Peers(scored.peers)
    rows: list[tuple[Any, ...]] = []
    for name, model in models.items():
        at = [place[number] for number in tops[name].tolist()]
        contributions = model.contributions(matrix[at]) if at else np.empty((0, len(encoder.features)))
        for row, chosen, moves in zip(at, choose(contributions), contributions, strict=True):
            for reason_rank, position in enumerate(chosen[chosen >= 0].tolist(), start=1):
                feature = encoder.features[position]
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


def predict(environment: Environment, settings: Settings) -> None:
    """Score `marts.to_predict` with the models that the month's evaluation file names.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        settings: Those for reading and for reasons are used; the models carry their own.

    Raises:
        UserError: When nothing was trained on these marts, an artefact is not the evaluated one, the features are not
            the model's, or no company is eligible.
    """
    lake, engine = Lake(environment.lake), open_engine(environment)
    with alone(lake, "ml", "training or prediction"):
        with engine.reading(READS) as connection:
            horizon = marts.read_horizon(connection, environment.month)
            evaluation = load_evaluation(lake, horizon.day)
            models = {name: load_model(lake.model(horizon.day, name), evaluation.models[name]) for name in MODEL_NAMES}
            features = read_features(connection)
            _check_contract(models, features)
            check_mart(connection, "to_predict", features, PREDICTION_COLUMNS)
            # both models were trained on one frame, so their vocabularies are the same
            encoder = Encoder(features, models["precision"].card.vocabularies)
            scored = _score(connection, models, encoder, settings)
            say(f"{len(scored.company_number):,} companies scored by both models, score month {horizon.month}")
            reasons = _reasons(connection, models, encoder, scored, settings, run_id=evaluation.run_id)
        write_partition(lake, "prediction_reasons", horizon.month, reasons)
        path = write_partition(lake, "predictions", horizon.month, _predictions(scored, evaluation))
        say(f"predictions in {path}, {reasons.num_rows:,} reasons for the best {settings.reasons_rows:,} of each model")
        lists = write_lists(lake, horizon.day, horizon.month)
        say(f"{len(lists)} lists in {lake.lists(horizon.day)}")
        register_tables(engine, lake)
