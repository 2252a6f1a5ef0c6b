"""Rules of the rows that a training learns from where it knows more than it may."""

import datetime
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.artefacts import version_of
from ml.draw import drawn, row_hashes
from ml.frames import TrainingFrame
from ml.model import fit_models
from ml.settings import MODEL_NAMES, read_settings
from ml.split import Observations, Part, training_part
from tests.unit.ml.synthetic import HORIZON, Planted, read_frame

SETTINGS = read_settings(
    overrides=["nthread=1", "models.precision.minimum_rounds=20", "models.recall.minimum_rounds=20"]
)
CUT = datetime.date(2024, 1, 1)


@st.composite
def known_rows(draw):
    """Rows of which no two are of one company and day, and a part that holds some of them."""
    keys = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=120, unique=True))
    company, year = (np.array(values) for values in zip(*sorted(keys), strict=True))
    labels = draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys)))
    weights = draw(st.lists(st.sampled_from([1.0, 2.5, 30.0]), min_size=len(keys), max_size=len(keys)))
    observed_on = np.datetime64("2014-05-17") + 365 * year
    rows = Observations(
        company=company,
        company_numbers=np.array([f"{number:08}" for number in range(31)]),
        observed_on=observed_on,
        similar_since=np.full(len(keys), np.datetime64("2010-01-01")),
        split_bucket=company % 100,
        label=np.array(labels),
        weight=np.array(weights),
    )
    used = np.flatnonzero(draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys))))
    early = year[used] < draw(st.integers(0, 9))
    return rows, Part(CUT, CUT, fit=used[early], slice=used[~early], refit=used)


def keys(rows, of):
    return {(rows.company_numbers[rows.company[place]], rows.observed_on[place]) for place in of}


@given(known_rows(), st.integers(2, 120))
@settings(max_examples=200)
def test_the_rows_drawn_stand_for_all_of_their_class(given_rows, most):
    rows, part = given_rows
    fewer, weighted = drawn(part, rows, most, 1)
    assert len(fewer.refit) == min(most, len(part.refit))
    for name in ("fit", "slice", "refit"):
        assert getattr(fewer, name).tolist() == sorted(set(getattr(part, name)) & set(fewer.refit))
    for is_positive in (True, False):
        before = part.refit[rows.label[part.refit] == is_positive]
        after = fewer.refit[rows.label[fewer.refit] == is_positive]
        assert bool(len(before)) == bool(len(after))
        assert weighted.weight[after].sum() == pytest.approx(rows.weight[before].sum())
        if len(after) > 1:
            np.testing.assert_allclose(np.ptp(weighted.weight[after] / rows.weight[after]), 0, atol=1e-9)


@given(known_rows(), st.integers(2, 120))
@settings(max_examples=100)
def test_all_positives_are_drawn_or_as_many_as_make_half(given_rows, most):
    rows, part = given_rows
    positives, negatives = (int((rows.label[part.refit] == value).sum()) for value in (True, False))
    fewer, _ = drawn(part, rows, most, 1)
    if positives + negatives > most:
        expected = positives if positives <= most // 2 else max(most // 2, most - negatives)
        assert rows.label[fewer.refit].sum() == expected


@given(known_rows())
@settings(max_examples=50)
def test_a_part_that_is_no_larger_stays_as_it_is(given_rows):
    rows, part = given_rows
    fewer, weighted = drawn(part, rows, max(2, len(part.refit)), 1)
    assert fewer is part
    assert weighted is rows


@given(known_rows(), st.integers(2, 60), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_the_draw_is_of_the_row_whatever_its_place_and_the_number_of_its_company(given_rows, most, random):
    rows, part = given_rows
    order = list(range(len(rows.label)))
    random.shuffle(order)
    place = np.argsort(order)
    # other companies stand before them, so that theirs have other numbers in the frame
    numbers = np.concatenate([["00000000A", "00000000B"], rows.company_numbers])
    moved = Observations(
        company=rows.company[order] + 2,
        company_numbers=numbers,
        observed_on=rows.observed_on[order],
        similar_since=rows.similar_since[order],
        split_bucket=rows.split_bucket[order],
        label=rows.label[order],
        weight=rows.weight[order],
    )
    moved_part = replace(part, **{name: np.sort(place[getattr(part, name)]) for name in ("fit", "slice", "refit")})
    one, two = drawn(part, rows, most, 1)[0], drawn(moved_part, moved, most, 1)[0]
    for name in ("fit", "slice", "refit"):
        assert keys(rows, getattr(one, name)) == keys(moved, getattr(two, name))


def test_hashes_are_spread_evenly_and_those_of_another_seed_are_others():
    companies, years = 3000, 10
    rows = Observations(
        company=np.repeat(np.arange(companies), years),
        company_numbers=np.array([f"{number:08}" for number in range(companies)]),
        observed_on=np.datetime64("2015-12-31") + 365 * np.tile(np.arange(years), companies),
        similar_since=np.full(companies * years, np.datetime64("2010-01-01")),
        split_bucket=np.zeros(companies * years, dtype=np.int64),
        label=np.zeros(companies * years, dtype=bool),
        weight=np.ones(companies * years),
    )
    everything = np.arange(companies * years)
    hashes = row_hashes(rows, everything, 1)
    assert len(np.unique(hashes)) == len(hashes)
    counts = np.bincount((hashes >> np.uint64(60)).astype(np.intp), minlength=16)
    expected = len(hashes) / 16
    # chi-square with 15 degrees of freedom is above 37.7 once in a thousand times
    assert ((counts - expected) ** 2 / expected).sum() < 37.7
    of_one = (hashes < np.uint64(2**63)).reshape(companies, years).sum(axis=1)
    assert np.var(of_one) == pytest.approx(years / 4, rel=0.1), "the days of a company are drawn one by one"
    others = row_hashes(rows, everything, 2)
    assert np.corrcoef(hashes.astype(float), others.astype(float))[0, 1] == pytest.approx(0, abs=0.03)


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    return read_frame(tmp_path_factory.mktemp("frame"), Planted())


def versions(frame, part, learned_rows):
    settings = SETTINGS.model_copy(update={"learned_rows": learned_rows})
    return {name: version_of(model) for name, model in fit_models(MODEL_NAMES, frame, part, settings).items()}


def test_a_training_goes_on_as_if_to_train_had_held_no_other_rows(frame):
    part = training_part(frame.observations, HORIZON)
    most = len(part.refit) // 2
    fewer, weighted = drawn(part, frame.observations, most, SETTINGS.seed)
    held = fewer.refit
    smaller = TrainingFrame(
        Observations(
            company=weighted.company[held],
            company_numbers=weighted.company_numbers,
            observed_on=weighted.observed_on[held],
            similar_since=weighted.similar_since[held],
            split_bucket=weighted.split_bucket[held],
            label=weighted.label[held],
            weight=weighted.weight[held],
        ),
        frame.matrix[held],
        frame.encoder,
    )
    of_smaller = training_part(smaller.observations, HORIZON)
    assert len(of_smaller.refit) == most
    assert versions(frame, part, most) == versions(smaller, of_smaller, len(frame.matrix))
    assert versions(frame, part, most) != versions(frame, part, len(frame.matrix))


def test_models_of_no_more_rows_than_may_be_learned_from_are_the_same_bytes_whatever_the_limit(frame):
    part = training_part(frame.observations, HORIZON)
    assert versions(frame, part, len(part.refit)) == versions(frame, part, 10 * len(frame.matrix))
