"""Rules of the feature contract and of the matrices read by it."""

import numpy as np
import pytest

from ml.features import check_mart, difference, read_features
from ml.frames import PREDICTION_COLUMNS, TRAINING_COLUMNS, Encoder, batches, read_training
from tests.unit.ml.synthetic import DEFINITIONS, Planted, make_world, write_warehouse
from warehouse.engines.duckdb import connect, narrow
from warehouse.errors import UserError


@pytest.fixture
def connection(tmp_path):
    write_warehouse(tmp_path / "warehouse.duckdb", make_world(Planted(companies=60)))
    with connect(tmp_path / "warehouse.duckdb") as opened:
        yield opened


def test_names_order_kinds_and_wording_come_from_the_marts(connection):
    features = read_features(connection)
    assert [(f.name, f.kind, f.unit, f.reason) for f in features] == list(DEFINITIONS)
    for mart, columns in (("to_train", TRAINING_COLUMNS), ("to_predict", PREDICTION_COLUMNS)):
        check_mart(connection, mart, features, columns)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("insert into marts.feature_definitions values (90, 'noise', 'numeric', 'ratio', '', 'x')", "noise is there 2"),
        ("update marts.feature_definitions set position = 1", "position 1 is there 9 times"),
        ("update marts.feature_definitions set kind = 'text' where feature = 'section'", "section is of unknown kind"),
        ("update marts.feature_definitions set unit = 'eur' where feature = 'growth'", "growth is of unknown unit eur"),
        ("update marts.feature_definitions set reason = null where feature = 'noise'", "noise has no reason"),
        ("delete from marts.feature_definitions", "it is empty"),
        ("drop table marts.feature_definitions", "run `make build` first"),
    ],
)  # fmt: skip
def test_a_list_that_is_no_list_of_features_is_refused(connection, change, complaint):
    connection.execute(change)
    with pytest.raises(UserError, match=complaint):
        read_features(connection)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("alter table marts.to_train drop growth", "lacks growth"),
        ("alter table marts.to_train drop similar_since", "lacks similar_since"),
        ("alter table marts.to_train alter growth type varchar", "has growth as varchar, which is not numeric"),
        ("alter table marts.to_train alter has_website type date using date '2020-01-01'", "has has_website as date"),
        ("update marts.feature_definitions set kind = 'categorical' where feature = 'noise'", "has noise as double"),
    ],
)  # fmt: skip
def test_a_mart_that_differs_from_the_list_is_refused_with_the_difference(connection, change, complaint):
    connection.execute(change)
    with pytest.raises(UserError, match=complaint):
        check_mart(connection, "to_train", read_features(connection), TRAINING_COLUMNS)


@pytest.mark.parametrize("limit", ["8MB", "20MB"])
def test_too_little_memory_for_a_query_is_said_in_one_sentence(tmp_path, monkeypatch, limit):
    with connect(tmp_path / "warehouse.duckdb") as opened:
        opened.execute("create schema marts")
        opened.execute(
            "create table marts.wide as select hash(i) as company_number, i as accounts_date, "
            "repeat('x', 50) || i as x from range(500000) as t(i)"
        )
    monkeypatch.setenv("DUCKDB_MEMORY_LIMIT", limit)
    with (
        pytest.raises(UserError, match=f"DuckDB needs more memory than DUCKDB_MEMORY_LIMIT={limit}"),
        connect(tmp_path / "warehouse.duckdb", read_only=True) as opened,
    ):
        for _ in batches(opened, "wide", ["company_number", "x"], 1000):
            pass


def test_a_memory_limit_that_is_no_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DUCKDB_MEMORY_LIMIT", "much")
    with (
        pytest.raises(UserError, match="DUCKDB_MEMORY_LIMIT=much is not a size"),
        connect(tmp_path / "warehouse.duckdb"),
    ):
        pass


def test_a_difference_of_two_contracts_is_said_in_words():
    trained = [("a", "numeric"), ("b", "numeric"), ("c", "categorical")]
    assert difference(trained, trained) is None
    assert difference(trained, [("a", "numeric"), ("c", "numeric"), ("d", "numeric")]) == (
        "added d; removed b; of another kind c"
    )
    assert difference(trained, [trained[1], trained[0], trained[2]]) == "in another order"


def test_rows_come_in_one_order_whatever_the_batches(connection):
    features = read_features(connection)
    whole, pieces = read_training(connection, features, 100_000), read_training(connection, features, 7)
    assert whole.sha256() == pieces.sha256()
    np.testing.assert_array_equal(whole.matrix, pieces.matrix)
    rows = whole.observations
    assert (np.diff(rows.company) >= 0).all()
    same_company = rows.company[1:] == rows.company[:-1]
    assert (rows.observed_on[1:] >= rows.observed_on[:-1])[same_company].all()


def test_values_arrive_as_they_are_and_missing_stays_missing(connection):
    features = read_features(connection)
    frame = read_training(connection, features, 50)
    names = ", ".join(f.name for f in features)
    rows = connection.execute(f"select {names} from marts.to_train order by company_number, accounts_date").fetchall()
    vocabulary = frame.encoder.vocabularies["section"]
    expected = [
        [vocabulary.index(v) if isinstance(v, str) else np.nan if v is None else float(v) for v in row] for row in rows
    ]
    np.testing.assert_array_equal(frame.matrix, np.array(expected, dtype=np.float32))
    assert np.isnan(frame.matrix).any()
    assert vocabulary == sorted(vocabulary)


def test_a_code_outside_the_vocabulary_is_missing(connection):
    features = read_features(connection)
    encoder = Encoder(features, {"section": ["C", "G"]})
    matrix = np.concatenate(
        [encoder.matrix(b) for b in batches(connection, "to_predict", [f.name for f in features], 20)]
    )
    sections = connection.execute("select section from marts.to_predict order by company_number").fetchall()
    codes = matrix[:, [f.name for f in features].index("section")]
    expected = [{"C": 0.0, "G": 1.0}.get(section, np.nan) for (section,) in sections]
    np.testing.assert_array_equal(codes, np.array(expected, dtype=np.float32))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("update marts.to_train set noise = 'infinity'", "noise holds an infinite value"),
        ("update marts.to_train set noise = 1e300", "noise holds an infinite value"),
        ("update marts.to_train set label = 2", "a label that is neither 0 nor 1"),
        ("update marts.to_train set label = null", "rows without label"),
        ("update marts.to_train set sample_weight = 0", "a sample_weight that is no number above 0"),
        ("update marts.to_train set sample_weight = 'infinity'", "a sample_weight that is no number above 0"),
        ("update marts.to_train set sample_weight = 'nan'", "a sample_weight that is no number above 0"),
        ("update marts.to_train set company_number = null", "rows without company_number"),
        ("insert into marts.to_train from marts.to_train limit 1", "twice for the same accounts_date"),
        ("update marts.to_train set split_bucket = 100", "a split_bucket outside 0 to 99"),
        ("update marts.to_train set similar_since = null", "rows without similar_since"),
        ("delete from marts.to_train", "marts.to_train has no rows"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(connection, change, complaint):
    connection.execute(change)
    with pytest.raises(UserError, match=complaint):
        read_training(connection, read_features(connection), 1000)


def test_work_that_narrowed_its_memory_says_how_far(tmp_path, monkeypatch):
    monkeypatch.delenv("DUCKDB_MEMORY_LIMIT", raising=False)
    with (
        pytest.raises(UserError, match=r"more memory than [0-9.]+ MiB; set DUCKDB_MEMORY_LIMIT higher"),
        connect(tmp_path / "warehouse.duckdb") as connection,
    ):
        narrow(connection, "10MB")
        connection.execute("select list(i) from range(10_000_000) as t(i)").fetchall()
