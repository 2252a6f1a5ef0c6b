"""Rules of the evaluation: which years are tested, by whom, and what stands beside the headline."""

import dataclasses
import datetime

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml.evaluate import SLICE_METRICS, evaluate, headline_folds, learner, try_learners
from ml.metrics import paired_difference, roc_auc
from ml.settings import MODEL_NAMES, SliceSettings, read_settings
from ml.slices import slice_values
from ml.split import naive_fold
from tests.unit.ml.synthetic import HORIZON, Planted, read_frame
from warehouse.errors import UserError

SLICES = SliceSettings(
    columns=("section", "age_years", "town"), bands={"age_years": (10, 20, 38)}, minimum_positives=10
)
SETTINGS = read_settings().model_copy(
    update={"nthread": 1, "bootstrap_samples": 20, "company_folds": 2, "slices": SLICES}
)


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    return read_frame(tmp_path_factory.mktemp("frame"), Planted(companies=600))


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def findings(frame, said):
    return evaluate(frame, HORIZON, SETTINGS, said.append)


def test_years_are_tested_one_after_another_and_the_last_is_the_headline(frame, findings):
    windows = [*findings.earlier_windows, findings.headline]
    assert [window.fold for window in windows] == ["2022-10-01", "2023-10-01", "2024-10-01"]
    days = frame.observations.observed_on
    for window in windows:
        after, until = window.test_window.after, window.test_window.until
        assert (until.year - after.year, until.month, until.day) == (1, after.month, after.day)
        assert window.training_window.until == datetime.date(after.year - 1, after.month, after.day)
        inside = (days > np.datetime64(after)) & (days <= np.datetime64(until))
        labels = frame.observations.label[inside]
        assert len(labels) == window.test.rows + window.test.missed_positives + _unscored(frame, inside, after)
        assert labels.sum() == window.test.positives + window.test.missed_positives
        assert len(window.guards) == 2
        assert all(guard.first_test_observation > after for guard in window.guards)
        assert all(guard.last_training_label_until <= after for guard in window.guards)
        assert all(model.metrics["roc_auc"].value > 0.7 for model in window.models.values())


def _unscored(frame, inside, after) -> int:
    rows = frame.observations
    return int((inside & (rows.similar_since >= np.datetime64(after)) & ~rows.label).sum())


def test_the_headline_is_the_same_however_many_years_are_tested(frame, findings):
    alone = evaluate(frame, HORIZON, SETTINGS.model_copy(update={"test_windows": 1}), lambda _: None)
    assert alone.earlier_windows == []
    assert alone.headline == findings.headline


def test_a_year_whose_history_is_too_short_is_left_out_and_named(frame, findings):
    said = []
    many = evaluate(frame, HORIZON, SETTINGS.model_copy(update={"test_windows": 6}), said.append)
    assert [window.fold for window in many.earlier_windows][-2:] == ["2022-10-01", "2023-10-01"]
    assert len(many.earlier_windows) + len(many.windows_left_out) == 5
    assert many.windows_left_out[0].startswith("after 2019-10-01 and until 2020-10-01: of the observations")
    assert "training needs 5 and 1" in many.windows_left_out[0]
    assert sum("it is left out" in line for line in said) == len(many.windows_left_out)


def test_a_split_at_random_claims_what_the_test_denies(frame):
    # some companies are born to be users, and the features know the company, not its nature: there is nothing to learn
    rows = frame.observations
    rng = np.random.default_rng(2)
    companies = len(rows.company_numbers)
    prone, fingerprint = rng.random(companies) < 0.15, rng.normal(size=(companies, frame.matrix.shape[1]))
    label = rng.random(len(rows.label)) < np.where(prone[rows.company], 0.5, 0.02)
    fooled = dataclasses.replace(
        frame,
        observations=dataclasses.replace(rows, label=label),
        matrix=np.where(np.array([f.kind == "numeric" for f in frame.encoder.features]),
                        fingerprint[rows.company], frame.matrix).astype(np.float32),
    )  # fmt: skip
    found = evaluate(fooled, HORIZON, SETTINGS.model_copy(update={"test_windows": 1}), lambda _: None)
    for name in ("precision", "recall"):
        honest, naive = found.headline.models[name].metrics["roc_auc"], found.naive.metrics[name]["roc_auc"]
        assert honest.value < 0.6
        assert naive.value > 0.7
        assert naive.low > honest.high


def test_a_split_at_random_that_tests_no_user_is_left_out(frame):
    rows = frame.observations
    label = rows.label.copy()
    label[naive_fold(rows, HORIZON, SETTINGS.seed).test] = False
    said = []
    bare = dataclasses.replace(frame, observations=dataclasses.replace(rows, label=label))
    found = evaluate(bare, HORIZON, SETTINGS.model_copy(update={"test_windows": 1}), said.append)
    assert found.naive is None
    assert "no split at random for comparison: too few users in one of its parts" in said


def test_parts_that_are_not_tested_are_stood_for_by_those_that_are(frame, findings, said):
    every = findings.tested["precision"]
    lines: list[str] = []
    first = evaluate(frame, HORIZON, SETTINGS.model_copy(update={"enough_positives": 1}), lines.append)
    tested = first.tested["precision"]
    rows = len(tested.label)
    assert 0 < rows < len(every.label)
    # the same trees, calibrated on fewer rows
    assert (np.argsort(tested.probability) == np.argsort(every.probability[:rows])).all()
    assert (tested.weight == 2 * every.weight[:rows]).all()
    assert len(first.headline.models["recall"].folds) == 1
    assert first.headline.test.rows == rows
    assert any("part 1 of 2 of the companies" in line for line in lines)
    assert not any("part 2 of 2" in line for line in lines)
    assert any("part 2 of 2" in line for line in said)


def test_any_learner_can_be_tried_on_the_same_folds(frame, findings):
    class Growth:
        """Ranks companies by one feature."""

        threshold = 0.5

        def predict(self, matrix):
            return 1 / (1 + np.exp(-np.nan_to_num(matrix[:, 1])))

        def written(self):
            return "a rule"

    parts = []

    def rule(of, part):
        parts.append((of, part))
        return {"rule": Growth()}

    folds = headline_folds(frame, HORIZON, SETTINGS)
    said = []
    trial = try_learners(frame, folds, [rule, learner(["recall"], SETTINGS)], say=said.append)
    assert [part for _, part in parts] == [fold.part for fold in folds]
    assert said[0].startswith("part 1 of 2 of the companies: ")
    assert "rule a rule; recall " in said[0]
    ours = findings.tested["recall"]
    np.testing.assert_array_equal(trial.tested["recall"].probability, ours.probability)
    np.testing.assert_array_equal(trial.tested["rule"].company, ours.company)
    assert 0.5 < roc_auc(trial.tested["rule"]) < roc_auc(ours)
    assert paired_difference(ours, trial.tested["rule"], "roc_auc", 50, 1).low > 0


def test_each_slice_is_estimated_on_its_own_rows_and_small_ones_are_only_counted(frame, findings, said):
    folds = headline_folds(frame, HORIZON, SETTINGS)
    test = np.concatenate([fold.test for fold in folds])
    for name, slices in findings.slices.items():
        assert {part.slice for part in slices} == {"section", "age_years"}
        for column in ("section", "age_years"):
            values = slice_values(frame.matrix[test], frame.encoder, column, SLICES.bands.get(column, ()))
            of_column = [part for part in slices if part.slice == column]
            assert sum(part.rows for part in of_column) == findings.headline.test.rows
            assert sum(part.positives for part in of_column) == findings.headline.test.positives
            for part in of_column:
                label = frame.observations.label[test][values == part.slice_value]
                assert (part.rows, part.positives) == (len(label), label.sum())
                assert set(part.metrics) == set(SLICE_METRICS)
                if part.positives < 10:
                    assert set(part.metrics.values()) == {None}
                else:
                    probability = findings.tested[name].probability[values == part.slice_value]
                    assert part.metrics["roc_auc"].value == pytest.approx(roc_auc_score(label, probability))
        counts = [part.positives for part in slices]
        assert min(counts) < 10 <= max(counts)
    assert "no slices by town: not among the features" in said


def test_a_list_ends_where_its_own_fold_says(frame, findings):
    trial = try_learners(frame, headline_folds(frame, HORIZON, SETTINGS), [learner(MODEL_NAMES, SETTINGS)])
    for name, models in trial.fitted.items():
        thresholds = np.concatenate(
            [np.full(len(fold.test), model.threshold)
             for fold, model in zip(headline_folds(frame, HORIZON, SETTINGS), models, strict=True)]
        )  # fmt: skip
        tested = trial.tested[name]
        np.testing.assert_array_equal(tested.listed, tested.probability >= thresholds)
        assert tested.listed.any()
        assert not tested.listed.all()


def test_the_slice_that_calibrates_chooses_the_threshold_and_the_test_has_no_say(frame):
    folds = headline_folds(frame, HORIZON, SETTINGS)
    label = frame.observations.label.copy()
    label[folds[0].test] = ~label[folds[0].test]
    turned = dataclasses.replace(frame, observations=dataclasses.replace(frame.observations, label=label))
    one, other = (learner(MODEL_NAMES, SETTINGS)(each, folds[0].part) for each in (frame, turned))
    for name in MODEL_NAMES:
        assert one[name].card.operating_point == other[name].card.operating_point


def test_a_headline_without_users_is_refused(frame):
    rows = frame.observations
    late = dataclasses.replace(rows, label=rows.label & (rows.observed_on < np.datetime64("2024-10-01")))
    with pytest.raises(UserError, match=r"the models cannot be tested: .* 0 became users"):
        headline_folds(dataclasses.replace(frame, observations=late), HORIZON, SETTINGS)
