"""Rules of one model: what it learns, how it is applied, and what it does not accept."""

import dataclasses
import datetime

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from ml.artefacts import version_of
from ml.evaluate import evaluate, headline_folds, learner, try_learners
from ml.frames import TrainingFrame
from ml.metrics import estimate
from ml.model import calibration_parts, fit_model, fit_models, require_history
from ml.settings import MODEL_NAMES, read_settings
from ml.split import training_part
from tests.unit.ml.synthetic import HORIZON, Planted, World, make_world, read_frame
from warehouse.errors import UserError

# one thread: threads that wait for each other are slow where tests run side by side
SETTINGS = read_settings().model_copy(update={"nthread": 1, "bootstrap_samples": 20, "company_folds": 2})


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    return read_frame(tmp_path_factory.mktemp("frame"), Planted())


@pytest.fixture(scope="module")
def model(frame):
    return fit_model("precision", frame, training_part(frame.observations, HORIZON), SETTINGS)


def test_a_model_is_the_same_bytes_whichever_others_are_trained_beside_it(frame, model):
    both = fit_models(["recall", "precision"], frame, training_part(frame.observations, HORIZON), SETTINGS)
    assert version_of(both["precision"]) == version_of(model)
    assert version_of(both["recall"]) != version_of(model)


def test_trees_and_calibration_are_the_same_bytes_on_one_thread_and_on_two(frame, model):
    settings = SETTINGS.model_copy(update={"nthread": 2})
    two = fit_model("precision", frame, training_part(frame.observations, HORIZON), settings)
    assert two.booster.save_raw("ubj") == model.booster.save_raw("ubj")
    parameters = model.card.parameters | {"nthread": 2}
    assert two.card == model.card.model_copy(update={"parameters": parameters})


def test_contributions_add_up_to_the_log_odds(frame, model):
    rows = frame.matrix[:200]
    rest = model.log_odds(rows) - model.contributions(rows).sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=1e-4)


def test_a_code_that_the_training_rows_did_not_hold_is_missing_to_the_model(frame):
    column = [feature.name for feature in frame.encoder.features].index("section")
    code = frame.encoder.vocabularies["section"].index("F")  # between others, so it is in the range that trees know
    part = training_part(frame.observations, HORIZON, frame.matrix[:, column] != code)
    model = fit_model("precision", frame, part, SETTINGS)
    strange, missing = frame.matrix[:100].copy(), frame.matrix[:100].copy()
    strange[:, column], missing[:, column] = code, np.nan
    np.testing.assert_array_equal(model.log_odds(strange), model.log_odds(missing))
    assert (strange[:, column] == code).all(), "the caller's matrix must stay as it was"
    assert (model.log_odds(strange) != model.log_odds(frame.matrix[:100])).any()


def test_probability_follows_the_score(frame, model):
    log_odds = np.sort(model.log_odds(frame.matrix))
    assert (np.diff(model.score(log_odds)) >= 0).all()
    assert (np.diff(model.probability(log_odds)) >= 0).all()


def test_balanced_positives_weigh_like_the_negatives(frame):
    card = fit_model("recall", frame, training_part(frame.observations, HORIZON), SETTINGS).card
    assert card.scale_pos_weight == pytest.approx((card.rows - card.positives) / card.positives)
    assert card.log_odds_offset == pytest.approx(np.log(card.scale_pos_weight))
    for name in ("min_child_weight", "reg_lambda"):
        per_positive = getattr(SETTINGS.models.recall, name)
        assert card.parameters[name] == pytest.approx(per_positive * card.scale_pos_weight)


def test_growing_goes_on_to_the_minimum_and_ends_at_the_maximum(frame):
    part = training_part(frame.observations, HORIZON)
    for minimum, maximum in ((170, 600), (30, 31)):
        rounds = {"minimum_rounds": minimum, "maximum_rounds": maximum}
        booster = SETTINGS.models.precision.model_copy(update=rounds)
        models = SETTINGS.models.model_copy(update={"precision": booster})
        model = fit_model("precision", frame, part, SETTINGS.model_copy(update={"models": models}))
        assert minimum <= model.card.rounds <= maximum
        assert model.booster.num_boosted_rounds() == model.card.rounds


def test_few_positives_in_the_slice_calibrate_only_the_level(frame):
    settings = SETTINGS.model_copy(update={"calibration_positives": 10_000})
    card = fit_model("precision", frame, training_part(frame.observations, HORIZON), settings).card
    assert (card.calibration.method, card.calibration.slope) == ("level", 1.0)


def test_no_further_part_calibrates_after_those_that_have_positives_enough(frame):
    rows, part = frame.observations, training_part(frame.observations, HORIZON)
    every = list(calibration_parts(part, rows, len(part.slice)))
    positives = np.cumsum([rows.label[part.slice[scored]].sum() for _, scored in every])
    assert len(every) == 4
    assert sum(scored.astype(int) for _, scored in every).tolist() == [1] * len(part.slice)
    for enough, parts in ((1, 1), (positives[0], 1), (positives[0] + 1, 2), (positives[2], 3), (positives[3] + 1, 4)):
        some = list(calibration_parts(part, rows, int(enough)))
        assert [scored.tolist() for _, scored in some] == [scored.tolist() for _, scored in every[:parts]]
    for others, scored in every:
        assert not set(rows.company[others]) & set(rows.company[part.slice[scored]])


def test_calibrated_on_one_part_or_on_all_a_model_has_the_same_trees_and_nearly_the_same_level(frame, model):
    settings = SETTINGS.model_copy(update={"enough_positives": 1})
    one = fit_model("precision", frame, training_part(frame.observations, HORIZON), settings)
    assert one.booster.save_raw("ubj") == model.booster.save_raw("ubj")
    assert one.card.calibration != model.card.calibration
    some = frame.matrix[:2000]
    assert one.predict(some).mean() == pytest.approx(model.predict(some).mean(), rel=0.5)


def prediction_matrix(world: World, frame: TrainingFrame) -> np.ndarray:
    batch = pa.RecordBatch.from_pydict({f.name: world.to_predict[f.name] for f in frame.encoder.features})
    return frame.encoder.matrix(batch)


@pytest.mark.parametrize("name", ["precision", "recall"])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_probabilities_are_the_populations_however_the_negatives_were_sampled(tmp_path, share, name):
    promised, true = [], []
    for seed in range(4):
        planted = Planted(companies=2000, base_log_odds=-4.0, negative_share=share, seed=seed)
        frame, world = read_frame(tmp_path, planted), make_world(planted)
        model = fit_model(name, frame, training_part(frame.observations, HORIZON), SETTINGS)
        probability = model.probability(model.log_odds(prediction_matrix(world, frame)))
        truth = 1 / (1 + np.exp(-world.true_log_odds))
        top = probability >= np.quantile(probability, 0.9)
        promised.append((probability.mean(), probability[top].mean()))
        true.append((truth.mean(), truth[top].mean()))
    assert np.mean(promised, axis=0) == pytest.approx(np.mean(true, axis=0), rel=0.12)


def expected_auc(log_odds: np.ndarray, true_log_odds: np.ndarray) -> float:
    """AUC over all outcomes that the true probabilities make possible: each row as a positive and as a negative."""
    truth = 1 / (1 + np.exp(-true_log_odds))
    label = np.repeat([True, False], len(truth))
    return roc_auc_score(label, np.tile(log_odds, 2), sample_weight=np.concatenate([truth, 1 - truth]))


@pytest.mark.parametrize("name", ["precision", "recall"])
def test_a_sample_of_the_negatives_ranks_nearly_as_well_as_all_of_them(tmp_path, name):
    auc = []
    for share in (1.0, 0.15):
        planted = Planted(companies=800, base_log_odds=-4.0, negative_share=share)
        frame, world = read_frame(tmp_path, planted), make_world(planted)
        model = fit_model(name, frame, training_part(frame.observations, HORIZON), SETTINGS)
        auc.append(expected_auc(model.log_odds(prediction_matrix(world, frame)), world.true_log_odds))
    assert auc[1] == pytest.approx(auc[0], abs=0.02)
    assert auc[0] > 0.8


def test_shuffled_labels_cannot_be_predicted_and_planted_ones_can(tmp_path):
    frame = read_frame(tmp_path, Planted(companies=800, base_log_odds=-3.0))
    rows = frame.observations
    shuffled = dataclasses.replace(rows, label=np.random.default_rng(1).permutation(rows.label))

    def tested(of: TrainingFrame):
        trial = try_learners(of, headline_folds(of, HORIZON, SETTINGS), [learner(MODEL_NAMES, SETTINGS)])
        return {name: estimate(rows, [], 20, 1) for name, rows in trial.tested.items()}

    silent, planted = tested(dataclasses.replace(frame, observations=shuffled)), tested(frame)
    for name in ("precision", "recall"):
        assert silent[name]["roc_auc"].value == pytest.approx(0.5, abs=0.08)
        assert planted[name]["roc_auc"].value > 0.75
        assert planted[name]["lift_at_1_percent"].value > 2


def test_a_short_history_is_refused_with_the_period_it_lacks(frame):
    part = training_part(frame.observations, datetime.date(2020, 10, 1))
    with pytest.raises(UserError, match="the history is too short: of the observations until 2017-10-01, 0 became"):
        require_history(part, frame.observations, 10)


def test_companies_that_all_lie_in_one_part_cannot_be_calibrated_and_are_refused(frame):
    rows = dataclasses.replace(frame.observations, split_bucket=frame.observations.split_bucket // 4 * 4)
    with pytest.raises(UserError, match=r"outside part 2 until .* without one quarter of the split buckets, 0 became"):
        require_history(training_part(rows, HORIZON), rows, 10, "of the companies outside part 2 ")


def test_the_slice_that_stops_the_growing_counts_as_the_population(tmp_path):
    frame = read_frame(tmp_path, Planted(companies=800, negative_share=0.1))
    changes = {"eval_metric": "logloss", "minimum_rounds": 20}
    models = SETTINGS.models.model_copy(update={"precision": SETTINGS.models.precision.model_copy(update=changes)})
    settings = SETTINGS.model_copy(update={"models": models})
    unweighted = dataclasses.replace(frame.observations, weight=np.ones(len(frame.matrix)))
    # training rows are unweighted, so only what watches the growing can tell these two apart
    rounds = [
        fit_model("precision", each, training_part(each.observations, HORIZON), settings).card.rounds
        for each in (frame, dataclasses.replace(frame, observations=unweighted))
    ]
    assert rounds[0] != rounds[1]


def test_a_test_window_without_users_is_refused(frame):
    late = dataclasses.replace(
        frame.observations,
        label=frame.observations.label & (frame.observations.observed_on < np.datetime64("2024-10-01")),
    )
    with pytest.raises(UserError, match="after 2024-10-01 and until 2025-10-01, 0 became users"):
        evaluate(dataclasses.replace(frame, observations=late), HORIZON, SETTINGS, lambda _: None)
