"""Rules of the leak canaries: silent on clean data, each loud on the leak it is for."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import canaries
from ml.canaries import run_canaries
from ml.settings import read_settings
from ml.split import Fold, Part, evaluation_folds
from tests.unit.ml.synthetic import HORIZON, Planted, read_frame
from warehouse.errors import UserError

SETTINGS = read_settings().model_copy(update={"nthread": 1, "company_folds": 2})


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    return read_frame(tmp_path_factory.mktemp("frame"), Planted(companies=800))


def failing(frame, settings=SETTINGS) -> dict[str, str]:
    return {each.name: each.found for each in run_canaries(frame, HORIZON, settings) if not each.holds}


def test_clean_data_lets_every_canary_live(frame):
    outcomes = run_canaries(frame, HORIZON, SETTINGS)
    assert [each.name for each in outcomes if not each.holds] == []
    assert len(outcomes) == 6
    assert {each.name: (each.found, each.wanted) for each in outcomes}[
        "area under ROC of the company number alone"
    ] == (
        "0.500",
        "0.470 to 0.530",
    )


def test_the_same_data_gives_the_same_outcomes(frame):
    assert run_canaries(frame, HORIZON, SETTINGS) == run_canaries(frame, HORIZON, SETTINGS)


@pytest.mark.parametrize("rows", [400, SETTINGS.canaries.rows])
def test_a_feature_that_knows_the_outcome_is_named(frame, rows):
    place = [feature.name for feature in frame.encoder.features].index("noise")
    matrix = frame.matrix.copy()
    matrix[:, place] = frame.observations.label + np.random.default_rng(1).normal(scale=0.4, size=len(matrix))
    settings = SETTINGS.model_copy(update={"canaries": SETTINGS.canaries.model_copy(update={"rows": rows})})
    found = failing(dataclasses.replace(frame, matrix=matrix), settings)
    assert list(found) == ["highest area under ROC of a single feature, out of time"]
    assert found.popitem()[1].endswith("(noise)")


@given(st.lists(st.booleans(), min_size=1), st.integers(1, 60))
def test_of_many_rows_all_users_and_evenly_spread_others_are_taken(labels, most):
    label = np.array(labels)
    rows = np.flatnonzero(np.arange(len(label)) % 3 != 1)
    kept = canaries._thinned(rows, label, most)
    assert set(kept) <= set(rows)
    assert label[kept].sum() == label[rows].sum()
    assert len(set(kept)) <= max(most, label[kept].sum() + 1)
    assert (np.diff(kept) >= 0).all()
    if len(rows) <= most:
        assert kept.tolist() == rows.tolist()


def test_a_company_in_both_parts_is_counted(frame):
    rows = frame.observations
    year = rows.observed_on.astype("datetime64[Y]").astype(int)
    torn = dataclasses.replace(frame, observations=dataclasses.replace(rows, split_bucket=year * 33 % 100))
    found = failing(torn)
    (shared,) = [count for name, count in found.items() if name.startswith("companies in both")]
    assert int(shared) > 500
    # and who a company is does tell something then: the effects planted in it last
    assert float(found["area under ROC of the company number alone"]) > 0.53


def test_test_rows_that_were_trained_on_show_with_shuffled_labels(frame, monkeypatch):
    def leaking(rows, horizon, parts):
        return [
            Fold(Part(fold.part.cut, fold.part.inner_cut, fold.part.fit, fold.part.slice,
                      np.union1d(fold.part.refit, fold.test)), fold.test, fold.missed)
            for fold in evaluation_folds(rows, horizon, parts)
        ]  # fmt: skip

    monkeypatch.setattr(canaries, "evaluation_folds", leaking)
    found = failing(frame)
    (area,) = [float(found[name]) for name in found if "shuffled labels" in name]
    assert area > 0.6


def test_few_users_widen_what_counts_as_chance(tmp_path):
    few = read_frame(tmp_path, Planted(companies=300, base_log_odds=-5.0))
    settings = SETTINGS.model_copy(update={"canaries": SETTINGS.canaries.model_copy(update={"shuffles": 1})})
    wanted = {each.name: each.wanted for each in run_canaries(few, HORIZON, settings)}
    (interval,) = [text for name, text in wanted.items() if "shuffled labels" in name]
    low, high = (float(bound) for bound in interval.split(" to "))
    assert low + high == pytest.approx(1, abs=0.002)
    assert high - low > 0.1


def test_too_few_users_for_any_canary_are_said_in_one_sentence(frame):
    rows = frame.observations
    late = dataclasses.replace(rows, label=rows.label & (rows.observed_on < np.datetime64("2024-10-01")))
    with pytest.raises(UserError, match=r"half of the companies has 0 users among its .* test rows"):
        run_canaries(dataclasses.replace(frame, observations=late), HORIZON, SETTINGS)
