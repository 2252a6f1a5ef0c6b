"""The table of reasons: for the companies that are asked for, what moved each model, in words, a batch at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.features import Feature
from ml.frames import Encoder, Matrix, batches
from ml.reasons import Peers, choose, direction, sentence, written_value
from ml.scoring import Served
from ml.settings import ModelName

LISTED = "listed_companies"

REASONS = pa.schema(
    [
        ("company_number", pa.string()), ("model_name", pa.string()), ("run_id", pa.string()),
        ("reason_rank", pa.int32()), ("feature", pa.string()), ("direction", pa.string()),
        ("contribution", pa.float64()), ("value", pa.string()), ("reason", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """Reads companies of `marts.to_predict` by their numbers.

    Attributes:
        connection: The warehouse.
        features: The contract.
        batch_rows: Rows of a batch.
    """

    connection: duckdb.DuckDBPyConnection
    features: tuple[Feature, ...]
    batch_rows: int

    def companies(self, numbers: Collection[str] | None) -> Iterator[pa.RecordBatch]:
        """Read eligible companies with their features, in the order of their numbers.

        Args:
            numbers: Which; None for all.
        """
        columns = ["company_number", *(feature.name for feature in self.features)]
        condition = "is_eligible"
        if numbers is not None:
            self.connection.register(LISTED, pa.table({"company_number": pa.array(sorted(numbers), pa.string())}))
            condition += f" and company_number in (select company_number from {LISTED})"
        yield from batches(self.connection, "to_predict", columns, self.batch_rows, condition=condition)
        if numbers is not None:
            self.connection.unregister(LISTED)


def reasons(
    reader: Reader,
    served: Mapping[ModelName, Served],
    listed: Mapping[ModelName, Collection[str] | None],
    peers: Collection[str],
) -> Iterator[pa.Table]:
    """Find the reasons of listed companies, by company, model and rank of the reason, as `REASONS` says.

    Args:
        reader: Of the companies.
        served: The models.
        listed: By model the companies that get reasons; None for all.
        peers: Companies that a value is compared with.
    """
    chosen = {name: None if numbers is None else frozenset(numbers) for name, numbers in listed.items()}
    asked = [numbers for numbers in chosen.values() if numbers is not None]
    wanted = frozenset().union(*asked) if len(asked) == len(chosen) else None
    if wanted is not None and not wanted:
        return
    compared = list(reader.companies(peers))
    explained = {name: _Explained(reader.features, each, compared) for name, each in served.items()}
    for batch in reader.companies(wanted):
        numbers_of_batch = batch.column("company_number").to_pylist()
        parts = []
        for place, (name, each) in enumerate(explained.items()):
            mine = chosen[name]
            rows = [row for row, number in enumerate(numbers_of_batch) if mine is None or number in mine]
            if rows:
                parts.append(each.table(batch, np.array(rows, dtype=np.intp), name, place))
        if parts:
            table = pa.concat_tables(parts).sort_by(
                [("row", "ascending"), ("place", "ascending"), ("reason_rank", "ascending")]
            )
            yield table.select(REASONS.names).cast(REASONS)


class _Explained:
    """One model with the peers that its features are compared among."""

    def __init__(self, features: tuple[Feature, ...], served: Served, peers: Sequence[pa.RecordBatch]) -> None:
        self._served = served
        self._features = features
        self._encoder = Encoder(features, served.model.card.vocabularies)
        self._peers = Peers(np.concatenate([self._encoder.matrix(batch) for batch in peers]))

    def table(self, batch: pa.RecordBatch, rows: NDArray[np.intp], name: ModelName, place: int) -> pa.Table:
        """Explain some rows of a batch; `row` is their place in it and `place` that of the model, for the order."""
        some = batch.take(pa.array(rows))
        matrix = self._encoder.matrix(some)
        contributions = self._served.model.contributions(matrix)
        chosen = choose(contributions)
        row, reason = np.nonzero(chosen >= 0)
        position = chosen[row, reason]
        moves = contributions[row, position]
        texts: NDArray[Any] = np.empty((3, len(row)), dtype=object)
        for feature_position in np.unique(position).tolist():
            of_feature = np.flatnonzero(position == feature_position)
            texts[:, of_feature] = self._words(some, matrix, feature_position, row[of_feature], moves[of_feature])
        return pa.table(
            {
                "row": rows[row],
                "place": np.full(len(row), place),
                "company_number": some.column("company_number").take(pa.array(row)),
                "model_name": pa.array([name] * len(row), pa.string()),
                "run_id": pa.array([self._served.run_id] * len(row), pa.string()),
                "reason_rank": reason + 1,
                "feature": pa.array([self._features[each].name for each in position.tolist()], pa.string()),
                "direction": pa.array(texts[0], pa.string()),
                "contribution": moves,
                "value": pa.array(texts[1], pa.string()),
                "reason": pa.array(texts[2], pa.string()),
            }
        )

    def _words(
        self, batch: pa.RecordBatch, matrix: Matrix, position: int, rows: NDArray[np.intp], moves: NDArray[np.float64]
    ) -> NDArray[Any]:
        """Direction, value and reason of one feature for some rows, shape (3, rows)."""
        feature = self._features[position]
        values = batch.column(feature.name).take(pa.array(rows)).to_pylist()
        written = [written_value(feature, value) for value in values]
        directions = [direction(move) for move in moves.tolist()]
        sentences = [
            sentence(feature, *each)
            for each in zip(written, self._peers.shares(position, matrix[rows, position]), directions, strict=True)
        ]
        return np.array([directions, written, sentences], dtype=object)
