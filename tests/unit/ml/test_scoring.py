"""Rules of the scoring pass: ranks, parts that outlive a run, and bytes that no thread or batch changes."""

import dataclasses
import os

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml.features import read_features
from ml.frames import Encoder
from ml.model import fit_model
from ml.scoring import Scores, Served, score_companies
from ml.settings import read_settings
from ml.split import training_part
from tests.unit.ml.synthetic import HORIZON, Planted, make_world, write_warehouse
from tests.unit.ml.test_model import read_frame
from warehouse.errors import UserError

SETTINGS = read_settings().model_copy(update={"nthread": 1, "batch_rows": 50, "part_rows": 100})
NAMES = ("precision", "recall")
SECTION = 7  # place of the categorical feature
NAN = float("nan")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    frame = read_frame(tmp_path_factory.mktemp("frame"), Planted())
    part = training_part(frame.observations, HORIZON)
    return {name: Served(fit_model(name, frame, part, SETTINGS), f"version of {name}", "run") for name in NAMES}


@pytest.fixture
def warehouse(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    write_warehouse(path, make_world(Planted()))
    with duckdb.connect(str(path)) as connection:
        yield connection


def scored(connection, served, folder, **changes) -> Scores:
    return score_companies(connection, served, read_features(connection), SETTINGS.model_copy(update=changes), folder)


def predictions(scores: Scores, served) -> pa.Table:
    return pa.Table.from_batches(scores.predictions(served)).combine_chunks()


def test_equal_probabilities_are_ranked_by_score_then_by_company(tmp_path):
    columns = {
        "company_number": ["E", "D", "C", "B", "A"],
        "recall_probability": [0.2, 0.5, 0.5, 0.5, 0.2],
        "recall_score": [0.9, 0.1, 0.3, 0.3, 0.95],
    }
    pq.write_table(pa.table(columns), tmp_path / "part.parquet")
    with duckdb.connect() as connection:
        scores = Scores(connection, [tmp_path / "part.parquet"], 5, 0, {})
        assert scores.best("recall", None) == ["B", "C", "D", "A", "E"]
        assert scores.best("recall", 2) == ["B", "C"]
        assert scores.best("recall", 0) == []
        ranked = predictions(scores, {"recall": Served(None, "v", "r")})
        assert ranked.column("company_number").to_pylist() == ["B", "C", "D", "A", "E"]
        assert ranked.column("rank").to_pylist() == [1, 2, 3, 4, 5]
        assert scores.evenly_spread(5) == ["A", "B", "C", "D", "E"]
        assert scores.evenly_spread(2) == ["A", "D"]


def test_scores_are_those_of_the_model_on_the_encoded_rows(warehouse, served, tmp_path):
    found = predictions(scored(warehouse, served, tmp_path / "parts"), served)
    model = served["recall"].model
    features = read_features(warehouse)
    columns = ", ".join(feature.name for feature in features)
    rows = warehouse.execute(
        f"select company_number, {columns} from marts.to_predict where is_eligible"
    ).to_arrow_table().combine_chunks().to_batches()[0]  # fmt: skip
    log_odds = model.log_odds(Encoder(features, model.card.vocabularies).matrix(rows))
    expected = dict(zip(rows.column("company_number").to_pylist(), model.score(log_odds).tolist(), strict=True))
    of_recall = found.filter(pa.compute.equal(found.column("model_name"), "recall"))
    assert dict(zip(of_recall.column("company_number").to_pylist(), of_recall.column("score").to_pylist(), strict=True)
                ) == expected  # fmt: skip


def test_threads_batches_and_parts_change_no_bit(warehouse, served, tmp_path):
    found = []
    for place, changes in enumerate(
        ({}, {"nthread": 2}, {"nthread": 3, "batch_rows": 7}, {"part_rows": 1}, {"batch_rows": 10_000})
    ):
        for threads in (1, 2):
            booster = {name: with_threads(each, threads) for name, each in served.items()}
            scores = scored(warehouse, booster, tmp_path / f"{place}-{threads}", **changes)
            found.append((predictions(scores, served), {name: scores.drift[name].indices() for name in served}))
    assert all(each == found[0] for each in found[1:])
    assert found[0][0].num_rows > 700


def test_duckdb_has_its_threads_again_when_the_companies_are_scored(warehouse, served, tmp_path):
    warehouse.execute("set threads = 3")
    scored(warehouse, served, tmp_path / "parts")
    assert warehouse.execute("select current_setting('threads')").fetchall() == [(3,)]


def with_threads(served: Served, threads: int) -> Served:
    booster = served.model.booster.copy()
    booster.set_param({"nthread": threads})
    return dataclasses.replace(served, model=dataclasses.replace(served.model, booster=booster))


@pytest.mark.parametrize("name", NAMES)
def test_log_odds_are_the_same_bits_on_one_thread_and_on_two(served, name):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(20_000, len(served[name].model.card.features))).astype(np.float32)
    matrix[:, SECTION] = rng.integers(0, 5, len(matrix))
    one, two = (with_threads(served[name], threads).model.log_odds(matrix) for threads in (1, 2))
    assert one.tobytes() == two.tobytes()
    assert one.tobytes() == np.concatenate([with_threads(served[name], 2).model.log_odds(part)
                                            for part in np.array_split(matrix, 11)]).tobytes()  # fmt: skip


@given(
    arrays(
        np.float32, st.tuples(st.integers(1, 5), st.just(9)), elements=st.floats(-1e6, 1e6, width=32) | st.just(NAN)
    ),
    st.sampled_from(NAMES),
)
@settings(max_examples=60)
def test_contributions_and_bias_are_the_log_odds_of_any_row(served, matrix, name):
    model = served[name].model
    matrix[:, SECTION] = np.where(np.isnan(matrix[:, SECTION]), NAN, np.abs(matrix[:, SECTION]) % 7 // 1)
    # a row without any value, explained like the others: what is left of its log-odds is the bias of all
    empty = np.full((1, 9), NAN, dtype=np.float32)
    bias = model.log_odds(empty) - model.contributions(empty).sum(axis=1)
    np.testing.assert_allclose(model.contributions(matrix).sum(axis=1) + bias, model.log_odds(matrix), atol=2e-5)


def test_what_a_run_before_has_scored_is_not_scored_again(warehouse, served, tmp_path):
    whole = scored(warehouse, served, tmp_path / "whole")
    assert len(whole.parts) == 4
    assert whole.resumed == 0
    killed = scored(warehouse, served, tmp_path / "killed")
    for path in killed.parts[1:3]:
        path.unlink()
    left = sum(pq.read_metadata(path).num_rows for path in killed.parts if path.exists())
    again = scored(warehouse, served, tmp_path / "killed")
    assert again.resumed == left
    assert again.companies == whole.companies
    assert predictions(again, served) == predictions(whole, served)
    assert {name: again.drift[name].indices() for name in NAMES} == {
        name: whole.drift[name].indices() for name in NAMES
    }
    complete = scored(warehouse, served, tmp_path / "killed")
    assert complete.resumed == complete.companies


@pytest.mark.parametrize(
    "change",
    [
        "update marts.to_predict set growth = coalesce(growth, 0) + 1 where company_number = '{}'",
        "delete from marts.to_predict where company_number = '{}'",
        "update marts.to_predict set is_eligible = false where company_number = '{}'",
    ],
)
def test_a_part_whose_companies_have_changed_is_scored_again(warehouse, served, tmp_path, change):
    before = scored(warehouse, served, tmp_path / "parts")
    some = pq.read_table(before.parts[2]).column("company_number")[0].as_py()
    others = before.companies - pq.read_metadata(before.parts[2]).num_rows
    warehouse.execute(change.format(some))
    again = scored(warehouse, served, tmp_path / "parts")
    assert again.resumed == others
    assert predictions(again, served) == predictions(scored(warehouse, served, tmp_path / "anew"), served)


@pytest.mark.parametrize("value", ["'infinity'", "1e300"])
def test_a_value_that_is_infinite_or_too_large_is_refused_by_its_feature(warehouse, served, tmp_path, value):
    warehouse.execute(f"update marts.to_predict set noise = {value} where is_eligible and hash(company_number) % 9 = 0")
    with pytest.raises(UserError, match=r"^noise holds an infinite value; make its SQL give null there"):
        scored(warehouse, served, tmp_path / "parts")


def test_models_that_know_other_codes_are_each_given_theirs(warehouse, served, tmp_path):
    alone = predictions(scored(warehouse, served, tmp_path / "alone"), served)
    model = served["recall"].model
    codes = {"section": [*reversed(model.card.vocabularies["section"]), "Z"]}
    # the same trees under a vocabulary in another order are another model
    other = dataclasses.replace(model, card=model.card.model_copy(update={"vocabularies": codes}))
    both = {"precision": served["precision"], "recall": dataclasses.replace(served["recall"], model=other)}
    found = predictions(scored(warehouse, both, tmp_path / "both"), both)
    half = alone.num_rows // 2
    assert found.slice(0, half) == alone.slice(0, half)
    assert found.slice(half) != alone.slice(half)


def test_a_part_that_was_being_written_is_no_part(warehouse, served, tmp_path):
    folder = tmp_path / "parts"
    scored(warehouse, served, folder)
    (folder / ".part-00009.parquet.unfinished").write_bytes(os.urandom(50))
    assert scored(warehouse, served, folder).resumed == 376
