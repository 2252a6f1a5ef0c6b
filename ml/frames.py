"""Marts to matrices: Arrow batches in a fixed order, numbers as 32-bit floats, codes by a vocabulary."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml import marts
from ml.features import Feature
from ml.split import BUCKETS, Observations
from warehouse.catalog import quoted
from warehouse.errors import UserError

Matrix = NDArray[np.float32]

ORDER = "company_number, accounts_date"
TRAINING_COLUMNS = (
    "company_number", "accounts_date", "observed_on", "label", "sample_weight", "split_bucket", "similar_since",
)  # fmt: skip
PREDICTION_COLUMNS = ("company_number", "accounts_date", "observed_on", "is_eligible")


@dataclass(frozen=True)
class Encoder:
    """Turns Arrow batches into rows of a model's matrix.

    Attributes:
        features: In the order of the matrix's columns.
        vocabularies: For each categorical feature its values; a value's code is its place, any other is missing.
    """

    features: tuple[Feature, ...]
    vocabularies: Mapping[str, Sequence[str]]

    def columns(self, batch: pa.RecordBatch) -> Matrix:
        """Encode a batch, column by column.

        Args:
            batch: Has a column for every feature.

        Returns:
            Shape (features, rows), missing as not a number.

        Raises:
            UserError: When a value is infinite, also one too large for a 32-bit float.
        """
        columns = np.empty((len(self.features), batch.num_rows), dtype=np.float32)
        for position, feature in enumerate(self.features):
            column = batch.column(feature.name)
            if feature.kind == "categorical":
                column = pc.index_in(column, value_set=pa.array(self.vocabularies[feature.name], pa.string()))
            _write_floats(column, columns[position])
        if np.isinf(columns).any():
            name = self.features[int(np.isinf(columns).any(axis=1).argmax())].name
            raise UserError(f"{name} holds an infinite value; make its SQL give null there, then rebuild")
        return columns

    def matrix(self, batch: pa.RecordBatch) -> Matrix:
        """Encode a batch, row by row: `columns` as a model takes them, shape (rows, features)."""
        return np.ascontiguousarray(self.columns(batch).T)


def _write_floats(column: pa.Array, target: Matrix) -> None:
    """Write a column as 32-bit floats, null as not a number."""
    is_number = pa.types.is_integer(column.type) or pa.types.is_float32(column.type) or pa.types.is_float64(column.type)
    if not is_number or not len(column):
        column = column.cast(pa.float64(), safe=False)
    with np.errstate(over="ignore"):
        if column.null_count:
            # the values below the nulls are copied too: that and a mask cost a third of Arrow's own way
            whole = pa.Array.from_buffers(column.type, len(column), [None, column.buffers()[1]], 0, column.offset)
            target[:] = whole.to_numpy()
            np.copyto(target, np.nan, where=column.is_null().to_numpy(zero_copy_only=False))
        else:
            target[:] = column.to_numpy(zero_copy_only=False)


@dataclass(frozen=True)
class TrainingFrame:
    """The whole of `marts.to_train` in memory: 4 bytes a cell of the matrix and some 100 a row for the rest.

    No limit holds here: `non_user_rows` of the mart is what keeps it small. Each training takes copies of its rows.

    Attributes:
        observations: The rows without their features.
        matrix: Shape (rows, features).
        encoder: What encoded the features.
    """

    observations: Observations
    matrix: Matrix
    encoder: Encoder

    def sha256(self) -> str:
        """Hash of everything that a training reads: features, vocabularies, keys, labels, weights, values."""
        rows = self.observations
        digest = hashlib.sha256()
        for feature in self.encoder.features:
            values = self.encoder.vocabularies.get(feature.name, ())
            digest.update(repr((feature.name, feature.kind, list(values))).encode())
        digest.update("\n".join(rows.company_numbers.tolist()).encode())
        for array in (rows.company, rows.observed_on.astype(np.int64), rows.similar_since.astype(np.int64),
                      rows.split_bucket, rows.label, rows.weight):  # fmt: skip
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(self.matrix.data.cast("B"))
        return digest.hexdigest()


def batches(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    columns: Sequence[str],
    batch_rows: int,
    *,
    condition: str = "true",
    parameters: list[Any] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read a mart in its fixed order, by company number and accounts date.

    Args:
        connection: The warehouse; it must run nothing else until the last batch is read.
        mart: Name in the schema `marts`.
        columns: Columns to read.
        batch_rows: Rows of a batch.
        condition: SQL condition for the rows to read.
        parameters: Values of the condition's placeholders.
    """
    names = ", ".join(quoted(name) for name in columns)
    query = f"select {names} from {marts.mart(mart)} where {condition} order by {ORDER}"
    return arrow_batches(marts.execute(connection, query, parameters), batch_rows)


def arrow_batches(result: duckdb.DuckDBPyConnection, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Read the result of a query in Arrow batches, while DuckDB works on the next ones.

    Args:
        result: A connection that has just run the query, and must run nothing else until the last batch is read.
        batch_rows: Rows of a batch.

    Raises:
        duckdb.OutOfMemoryException: When DuckDB needs more memory than it may have.
    """
    reader = result.to_arrow_reader(batch_rows)
    try:
        yield from reader
    except OSError as error:  # what Arrow makes of an error of DuckDB between two batches
        if "Out of Memory" in str(error):
            raise duckdb.OutOfMemoryException(str(error)) from None
        raise


def read_vocabularies(connection: duckdb.DuckDBPyConnection, features: Sequence[Feature]) -> dict[str, list[str]]:
    """Every value of every categorical feature in `marts.to_train`, sorted."""
    vocabularies = {}
    for feature in features:
        if feature.kind == "categorical":
            name = quoted(feature.name)
            query = f"select distinct {name} from {marts.mart('to_train')} where {name} is not null"
            vocabularies[feature.name] = sorted(row[0] for row in marts.rows(connection, query))
    return vocabularies


def _complete(batch: pa.RecordBatch, name: str) -> NDArray[Any]:
    column = batch.column(name)
    if column.null_count:
        raise UserError(f"marts.to_train has rows without {name}; it must never be null there")
    # copied, since a view would keep the whole batch in memory
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False).copy()
    return values


def _check(rows: Observations, accounts_date: NDArray[Any]) -> None:
    twice = np.flatnonzero((np.diff(rows.company) == 0) & (accounts_date[1:] == accounts_date[:-1]))
    if len(twice):
        raise UserError(
            f"marts.to_train holds company {rows.company_numbers[rows.company[twice[0]]]} twice for the same "
            "accounts_date; it must have one row for both"
        )
    if not (np.isfinite(rows.weight) & (rows.weight > 0)).all():
        raise UserError(
            "marts.to_train has a sample_weight that is no number above 0; it counts the rows one stands for"
        )
    if not ((rows.split_bucket >= 0) & (rows.split_bucket < BUCKETS)).all():
        raise UserError(f"marts.to_train has a split_bucket outside 0 to {BUCKETS - 1}")


def read_training(
    connection: duckdb.DuckDBPyConnection, features: tuple[Feature, ...], batch_rows: int
) -> TrainingFrame:
    """Read `marts.to_train`, batch by batch into one preallocated matrix.

    Args:
        connection: The warehouse.
        features: The contract; the mart was checked against it.
        batch_rows: Rows of a batch.

    Raises:
        UserError: When the mart is empty, a key is there twice, or a key, date, label, weight or bucket is null or out
            of range.
    """
    ((total,),) = marts.rows(connection, f"select count(*) from {marts.mart('to_train')}")
    if not total:
        raise UserError("marts.to_train has no rows; land a delivery with invoice-finance charges and run `make build`")
    encoder = Encoder(features, read_vocabularies(connection, features))
    matrix = np.empty((total, len(features)), dtype=np.float32)
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in TRAINING_COLUMNS}
    start = 0
    for batch in batches(connection, "to_train", [*TRAINING_COLUMNS, *(f.name for f in features)], batch_rows):
        matrix[start : start + batch.num_rows] = encoder.matrix(batch)
        start += batch.num_rows
        for name, parts in columns.items():
            values = _complete(batch, name)
            parts.append(values.astype(np.str_) if name == "company_number" else values)
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    if not np.isin(whole["label"], [0, 1]).all():
        raise UserError("marts.to_train has a label that is neither 0 nor 1")
    company_numbers, company = np.unique(whole["company_number"], return_inverse=True)
    observations = Observations(
        company=company.astype(np.int64),
        company_numbers=company_numbers,
        observed_on=whole["observed_on"].astype("datetime64[D]"),
        similar_since=whole["similar_since"].astype("datetime64[D]"),
        split_bucket=whole["split_bucket"].astype(np.int64),
        label=whole["label"] == 1,
        weight=whole["sample_weight"].astype(np.float64),
    )
    _check(observations, whole["accounts_date"])
    return TrainingFrame(observations, matrix, encoder)
