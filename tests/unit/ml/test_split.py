"""Rules of the split by time and by company."""

import dataclasses
import datetime

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.guards import check_fold
from ml.split import (
    Fold,
    Observations,
    Part,
    add_months,
    enough_folds,
    evaluation_cut,
    evaluation_folds,
    naive_fold,
    shift_date,
    training_part,
    walk_forward,
)
from warehouse.errors import UserError

DAYS = st.dates(datetime.date(2016, 1, 1), datetime.date(2026, 12, 31))


@st.composite
def observations(draw):
    companies = draw(st.integers(1, 30))
    rows = draw(st.integers(1, 80))
    company = np.array(draw(st.lists(st.integers(0, companies - 1), min_size=rows, max_size=rows)))
    buckets = np.array(draw(st.lists(st.integers(0, 99), min_size=companies, max_size=companies)))

    def days():
        return np.array(draw(st.lists(DAYS, min_size=rows, max_size=rows)), dtype="datetime64[D]")

    return Observations(
        company=company,
        company_numbers=np.array([f"{number:08}" for number in range(companies)]),
        observed_on=days(),
        similar_since=days(),
        split_bucket=buckets[company],
        label=np.array(draw(st.lists(st.booleans(), min_size=rows, max_size=rows))),
        weight=np.ones(rows),
    )


@given(st.lists(st.tuples(DAYS, st.integers(-48, 48)), min_size=1, max_size=20))
@settings(max_examples=30)
def test_months_are_added_as_the_engine_adds_them(cases):
    with duckdb.connect() as connection:
        expected = [
            connection.execute("select cast(?::date + to_months(?) as date)", case).fetchone()[0] for case in cases
        ]
    assert [shift_date(day, months) for day, months in cases] == expected


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2024-08-31", 6, "2025-02-28"), ("2023-08-31", 6, "2024-02-29"), ("2024-02-29", 12, "2025-02-28"),
     ("2024-12-31", -10, "2024-02-29"), ("2024-01-15", 12, "2025-01-15")],
)  # fmt: skip
def test_a_month_that_is_too_short_ends_on_its_last_day(day, months, expected):
    assert add_months(np.array([day], dtype="datetime64[D]"), months)[0] == np.datetime64(expected)


@given(observations(), DAYS)
@settings(max_examples=80)
def test_nothing_is_learned_from_rows_older_than_the_first_user_of_their_group(rows, cut):
    part = training_part(rows, cut)
    for learned in (part.fit, part.refit):
        assert (rows.similar_since[learned] <= rows.observed_on[learned]).all()
        assert (rows.similar_since[learned] < np.datetime64(cut)).all()


@given(observations(), DAYS, st.integers(1, 7))
@settings(max_examples=80)
def test_a_test_part_is_unseen_in_company_and_in_time(rows, horizon, company_folds):
    cut = evaluation_cut(horizon)
    for fold in evaluation_folds(rows, horizon, company_folds):
        trained = np.concatenate([fold.part.fit, fold.part.slice, fold.part.refit])
        assert not set(rows.company[trained]) & set(rows.company[fold.test])
        assert (add_months(rows.observed_on[trained], 12) <= np.datetime64(cut)).all()
        assert (rows.observed_on[fold.test] > np.datetime64(cut)).all()
        assert (add_months(rows.observed_on[fold.test], 12) <= np.datetime64(horizon)).all()
        assert (rows.similar_since[np.concatenate([trained, fold.test])] < np.datetime64(cut)).all()
        if len(trained) and len(fold.test):
            compared = check_fold(rows, fold)
            assert compared.training_companies == len(set(rows.company[trained]))
            assert compared.test_companies == len(set(rows.company[fold.test]))


@given(observations(), DAYS, st.integers(2, 7))
@settings(max_examples=50)
def test_every_positive_of_the_window_is_tested_or_missed_once(rows, horizon, company_folds):
    folds = evaluation_folds(rows, horizon, company_folds)
    counted = np.concatenate([np.concatenate([fold.test[rows.label[fold.test]], fold.missed]) for fold in folds])
    known = add_months(rows.observed_on, 12) <= np.datetime64(horizon)
    in_window = known & (rows.observed_on > np.datetime64(evaluation_cut(horizon)))
    assert sorted(counted) == np.flatnonzero(in_window & rows.label).tolist()


@given(observations(), DAYS, st.integers(1, 7), st.integers(1, 5))
@settings(max_examples=50)
def test_no_part_is_tested_after_those_that_have_positives_enough(rows, horizon, company_folds, enough):
    folds = evaluation_folds(rows, horizon, company_folds)
    kept = enough_folds(folds, rows.label, enough)
    positives = [int(rows.label[fold.test].sum()) for fold in folds]
    assert [fold.test.tolist() for fold in kept] == [fold.test.tolist() for fold in folds[: len(kept)]]
    assert len(kept) == len(folds) or sum(positives[: len(kept)]) >= enough
    assert sum(positives[: len(kept) - 1]) < enough
    assert sum(fold.stands_for for fold in kept) == pytest.approx(len(folds))


@given(observations(), DAYS)
@settings(max_examples=50)
def test_labels_that_stop_and_calibrate_were_not_known_to_the_model_they_judge(rows, cut):
    part = training_part(rows, cut)
    known = add_months(rows.observed_on[part.fit], 12)
    assert (known <= np.datetime64(part.inner_cut)).all()
    assert (rows.observed_on[part.slice] > np.datetime64(part.inner_cut)).all()
    assert set(part.fit) | set(part.slice) <= set(part.refit)


def test_one_company_fold_tests_a_fifth_of_the_buckets():
    rows = Observations(
        company=np.arange(100),
        company_numbers=np.array([f"{number:08}" for number in range(100)]),
        observed_on=np.full(100, "2025-01-15", dtype="datetime64[D]"),
        similar_since=np.full(100, "2017-01-01", dtype="datetime64[D]"),
        split_bucket=np.arange(100),
        label=np.arange(100) % 2 == 0,
        weight=np.ones(100),
    )
    (fold,) = evaluation_folds(rows, datetime.date(2026, 10, 1), 1)
    assert fold.test.tolist() == list(range(20))


def _two_rows(first: str, second: str, companies: tuple[int, int]) -> tuple[Observations, Fold]:
    rows = Observations(
        company=np.array(companies),
        company_numbers=np.array(["00000001", "00000002"]),
        observed_on=np.array([first, second], dtype="datetime64[D]"),
        similar_since=np.full(2, "2017-01-01", dtype="datetime64[D]"),
        split_bucket=np.array([1, 60]),
        label=np.array([True, False]),
        weight=np.ones(2),
    )
    one, none = np.array([0]), np.array([], dtype=np.intp)
    day = datetime.date(2024, 10, 1)
    return rows, Fold(Part(day, day, none, none, one), np.array([1]), none)


def test_the_guard_names_a_company_that_is_in_both_parts():
    with pytest.raises(UserError, match="company 00000002 is in the training and in the test part"):
        check_fold(*_two_rows("2020-01-31", "2025-01-31", (1, 1)))


@pytest.mark.parametrize(("first", "second"), [("2024-02-29", "2025-02-28"), ("2023-12-10", "2024-10-02")])
def test_the_guard_finds_a_training_label_that_reaches_into_the_test_part(first, second):
    with pytest.raises(UserError, match="a training label runs until"):
        check_fold(*_two_rows(first, second, (0, 1)))


@pytest.mark.parametrize(
    ("similar_since", "complaint"),
    [
        (("2024-10-01", "2017-01-01"), "a group first known to be similar on 2024-10-01"),
        (("2017-01-01", "2024-10-01"), "a group first known to be similar on 2024-10-01"),
        (("2020-02-01", "2017-01-01"), "training rows are older than the first user of their group"),
    ],
)
def test_the_guard_finds_rows_whose_group_was_not_yet_known_to_be_similar(similar_since, complaint):
    rows, fold = _two_rows("2020-01-31", "2025-01-31", (0, 1))
    early = dataclasses.replace(rows, similar_since=np.array(similar_since, dtype="datetime64[D]"))
    with pytest.raises(UserError, match=complaint):
        check_fold(early, fold)


def test_the_guard_accepts_a_label_that_ends_the_day_before_the_test_part():
    assert check_fold(*_two_rows("2024-02-29", "2025-03-01", (0, 1))).last_training_label_until == datetime.date(
        2025, 2, 28
    )


@given(observations(), DAYS, st.integers(1, 4), st.integers(1, 6))
@settings(max_examples=50)
def test_walking_forward_tests_a_row_in_one_year_at_most_and_knows_nothing_later(rows, horizon, windows, parts):
    horizons = walk_forward(horizon, windows)
    assert horizons[-1] == horizon
    tested = []
    for known_by in horizons:
        folds = evaluation_folds(rows, known_by, parts)
        tested += [row for fold in folds for row in np.concatenate([fold.test, fold.missed]).tolist()]
        used = np.concatenate([np.concatenate([fold.test, fold.missed, fold.part.refit]) for fold in folds])
        assert (add_months(rows.observed_on[used], 12) <= np.datetime64(known_by)).all()
    assert len(tested) == len(set(tested))


@given(observations(), DAYS, st.integers(0, 5))
@settings(max_examples=50)
def test_a_careless_split_uses_every_row_once_whatever_its_day(rows, horizon, seed):
    fold = naive_fold(rows, horizon, seed)
    assert sorted([*fold.test, *fold.part.refit]) == list(range(len(rows.label)))
    assert sorted([*fold.part.fit, *fold.part.slice]) == fold.part.refit.tolist()
    assert len(fold.test) == round(0.2 * len(rows.label))


def test_the_guard_refuses_a_careless_split():
    rows = Observations(
        company=np.repeat(np.arange(50), 4),
        company_numbers=np.array([f"{number:08}" for number in range(50)]),
        observed_on=np.tile(np.array(["2021-01-15", "2022-01-15", "2023-01-15", "2024-01-15"], "datetime64[D]"), 50),
        similar_since=np.full(200, "2017-01-01", dtype="datetime64[D]"),
        split_bucket=np.repeat(np.arange(50), 4),
        label=np.arange(200) % 5 == 0,
        weight=np.ones(200),
    )
    with pytest.raises(UserError, match="is in the training and in the test part"):
        check_fold(rows, naive_fold(rows, datetime.date(2026, 10, 1), 1))
