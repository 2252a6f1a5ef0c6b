"""One model: XGBoost trees, the correction of its log-odds, and what must be known to apply it."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ml.calibration import Calibration, fit_calibration, log_odds_offset, sigmoid
from ml.draw import drawn
from ml.drift import Baseline, baseline, feature_bins
from ml.features import Kind
from ml.frames import Matrix, TrainingFrame
from ml.operating import OperatingPoint, choose_operating_point
from ml.settings import BoosterSettings, ModelName, Settings
from ml.split import LABEL_MONTHS, Observations, Part, shift_date
from warehouse.errors import UserError

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

CALIBRATION_PARTS = 4  # of the companies: more cost a training each, fewer make weaker models than the final one


class ModelCard(BaseModel):
    """Everything about a model that is not its trees; written beside them as JSON.

    Attributes:
        model_name: `precision` or `recall`.
        features: Names and kinds in the order of the matrix's columns.
        vocabularies: Values of the categorical features; a value's code is its place.
        seen: Codes of each categorical feature that the training rows held; others are missing to the model.
        cut: Nothing that became known later was used.
        rows, positives: Of the final training.
        slice_rows, slice_positives: Of the slice that stopped the growing and calibrated.
        rounds: Trees.
        scale_pos_weight: Weight of a positive in the final training.
        log_odds_offset: What sampling and `scale_pos_weight` added to the model's log-odds.
        calibration: From the log-odds without that offset to the probability.
        operating_point: Where the model's list ends.
        baseline: How features and scores were spread in training, which drift is measured against.
        data_sha256: Hash of the training data, empty for a fold's model.
        parameters: What XGBoost was told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_name: ModelName
    features: tuple[tuple[str, Kind], ...]
    vocabularies: dict[str, list[str]]
    seen: dict[str, list[int]]
    cut: datetime.date
    rows: int
    positives: int
    slice_rows: int
    slice_positives: int
    rounds: int
    scale_pos_weight: float
    log_odds_offset: float
    calibration: Calibration
    operating_point: OperatingPoint
    baseline: Baseline
    data_sha256: str
    parameters: dict[str, str | float | int]


@dataclass(frozen=True)
class Model:
    """A model that can be applied."""

    booster: xgb.Booster
    card: ModelCard

    def log_odds(self, matrix: Matrix) -> Floats:
        """Apply the trees: log-odds of each row under the training sample, shape (rows,)."""
        known = _seen_only(matrix, self.card.features, self.card.seen)
        margin: Floats = self.booster.inplace_predict(known, predict_type="margin").astype(np.float64)
        return margin

    def contributions(self, matrix: Matrix) -> Floats:
        """Split the log-odds of each row over the features (exact TreeSHAP values), shape (rows, features)."""
        known = _seen_only(matrix, self.card.features, self.card.seen)
        data = _data(known, self.card.features, int(self.card.parameters["nthread"]))
        contributions: Floats = self.booster.predict(data, pred_contribs=True)[:, :-1].astype(np.float64)
        return contributions

    def single_threaded(self) -> "Model":
        """Give the same model on one thread, for callers that bring threads of their own; its results are the same."""
        booster = self.booster.copy()
        booster.set_param({"nthread": 1})
        return Model(booster, self.card.model_copy(update={"parameters": self.card.parameters | {"nthread": 1}}))

    def score(self, log_odds: Floats) -> Floats:
        """Turn log-odds into the model's output under the training sample."""
        return sigmoid(log_odds)

    def probability(self, log_odds: Floats) -> Floats:
        """Turn log-odds into the calibrated probability in the population."""
        return self.card.calibration.probability(log_odds - self.card.log_odds_offset)

    @property
    def threshold(self) -> float:
        """Probability from which on a row is on the model's list."""
        return self.card.operating_point.threshold

    def written(self) -> str:
        """Say in a few words how the model came out."""
        level = ", only the level calibrated" if self.card.calibration.method == "level" else ""
        return f"{self.card.rounds} trees{level}"

    def predict(self, matrix: Matrix) -> Floats:
        """Apply the model: calibrated probability of each row in the population, shape (rows,)."""
        return self.probability(self.log_odds(matrix))


Features = tuple[tuple[str, Kind], ...]


def _codes(column: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.nan_to_num(column, nan=-1).astype(np.intp)


def _seen(matrix: Matrix, of: Rows, features: Features) -> dict[str, list[int]]:
    """Codes of each categorical feature that these rows hold."""
    # counted from -1 on, a missing value
    return {
        name: np.flatnonzero(np.bincount(_codes(matrix[of, position]) + 1)[1:]).tolist()
        for position, (name, kind) in enumerate(features)
        if kind == "categorical"
    }


def _seen_only(matrix: Matrix, features: Features, seen: Mapping[str, list[int]]) -> Matrix:
    """Make codes that training never met missing; the matrix itself stays as it is."""
    known = matrix
    for position, (name, kind) in enumerate(features):
        if kind == "categorical":
            codes = _codes(matrix[:, position])
            # the last place is that of -1, a missing value
            is_strange = np.ones(max([-1, *seen[name], int(codes.max(initial=-1))]) + 2, dtype=np.bool_)
            is_strange[[*seen[name], -1]] = False
            strange = is_strange[codes]
            if strange.any():
                known = known.copy() if known is matrix else known
                known[strange, position] = np.nan
    return known


def _data(matrix: Matrix, features: Features, nthread: int, **columns: NDArray[Any]) -> xgb.DMatrix:
    return xgb.DMatrix(
        matrix,
        feature_names=[name for name, _ in features],
        feature_types=["c" if kind == "categorical" else "q" for _, kind in features],
        enable_categorical=True,
        nthread=nthread,
        **columns,
    )


def _parameters(booster: BoosterSettings, settings: Settings, scale_pos_weight: float) -> dict[str, str | float | int]:
    return {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "eval_metric": booster.eval_metric,
        "eta": booster.eta,
        "max_depth": booster.max_depth,
        # both are compared with sums over rows in which a positive counts scale_pos_weight times
        "min_child_weight": booster.min_child_weight * scale_pos_weight,
        "subsample": booster.subsample,
        "colsample_bytree": booster.colsample_bytree,
        "reg_lambda": booster.reg_lambda * scale_pos_weight,
        "max_delta_step": booster.max_delta_step,
        "scale_pos_weight": scale_pos_weight,
        "seed": settings.seed,
        "nthread": settings.nthread,
        "verbosity": 1,
    }


def _positive_weight(booster: BoosterSettings, label: NDArray[np.bool_]) -> float:
    if booster.scale_pos_weight == "balanced":
        return float((~label).sum() / label.sum())
    return booster.scale_pos_weight


def calibration_parts(
    part: Part, observations: Observations, enough_positives: int
) -> Iterator[tuple[Rows, NDArray[np.bool_]]]:
    """Part the companies: for each part the rows of the others to train on, and which rows of the slice it scores.

    There is no further part after those that have positives enough: any of them is like the others.
    """
    learned, watched = (observations.split_bucket[rows] % CALIBRATION_PARTS for rows in (part.refit, part.slice))
    positives = 0
    for number in range(CALIBRATION_PARTS):
        scored = watched == number
        if scored.any() and positives < enough_positives:
            positives += int(observations.label[part.slice[scored]].sum())
            yield part.refit[learned != number], scored


def lacking_history(part: Part, observations: Observations, minimum: int, companies: str = "") -> str | None:
    """Say what a part lacks for a model to be fitted and calibrated on it.

    Args:
        part: The rows to use.
        observations: All rows.
        minimum: Positives needed before and in the part's latest year; the models that calibrate need one.
        companies: Which companies the part holds, for the message, such as `of the companies outside part 2 `.

    Returns:
        The period and what it holds, or None when it is enough.
    """
    inner, cut = part.inner_cut, part.cut
    until = f"until {shift_date(cut, -LABEL_MONTHS)}"
    needed = [
        (part.fit, f"until {shift_date(inner, -LABEL_MONTHS)}", minimum),
        (part.slice, f"after {inner} and {until}", minimum),
    ]
    needed += [
        (others, f"{until} without one quarter of the split buckets", 1)
        for others, _ in calibration_parts(part, observations, len(part.slice))
    ]
    for rows, period, least in needed:
        positives = int(observations.label[rows].sum())
        if positives < least or positives == len(rows):
            return (
                f"of the observations {companies}{period}, {positives} became users and {len(rows) - positives} did "
                f"not, and training needs {least} and 1"
            )
    return None


def require_history(part: Part, observations: Observations, minimum: int, companies: str = "") -> None:
    """Refuse a part that a model cannot be fitted and calibrated on; the arguments are those of `lacking_history`.

    Raises:
        UserError: With the period and what it holds.
    """
    lacking = lacking_history(part, observations, minimum, companies)
    if lacking:
        raise UserError(
            f"the history is too short: {lacking}; "
            "land a stock delivery that reaches further back, then build and train again"
        )


def fit_model(name: ModelName, frame: TrainingFrame, part: Part, settings: Settings, data_sha256: str = "") -> Model:
    """Train and calibrate one model on one part; the arguments but the first are those of `fit_models`."""
    return fit_models([name], frame, part, settings, data_sha256)[name]


def fit_models(
    names: Sequence[ModelName], frame: TrainingFrame, part: Part, settings: Settings, data_sha256: str = ""
) -> dict[ModelName, Model]:
    """Train and calibrate models on one part.

    A first model learns from the part's earlier rows and is watched on its latest year: that gives the number of
    rounds. The final model has as many rounds on all rows of the part. Its calibration comes from the latest year too,
    scored by models that are made like the final one but never saw the companies that they score. (Calibrated by the
    first model, which knows two years less, the final one claims too much for its best rows.) The same scores say
    where its list ends.

    Of a part with more rows than `learned_rows` all of this sees those that are drawn, and no others, see `draw.drawn`.

    A part trains only on rows with similar_since <= observed_on. Older rows of a group are in the mart because of what
    came after them, the group's first user: with them every rare group would look like a good one.

    All models learn from the same rows, so these are put into bins once, and only those of one training are in memory.
    A model is the same whichever others are trained beside it.

    Args:
        names: Which of the two models.
        frame: All rows.
        part: The rows to use; `require_history` found enough in them.
        settings: All settings.
        data_sha256: Hash of the frame, for the card.

    Returns:
        By name.
    """
    encoder = frame.encoder
    part, rows = drawn(part, frame.observations, settings.learned_rows, settings.seed)
    features = tuple((feature.name, feature.kind) for feature in encoder.features)
    label, weight = rows.label[part.refit], rows.weight[part.refit]
    positive_weights = {name: _positive_weight(settings.models.of(name), label) for name in names}
    parameters = {name: _parameters(settings.models.of(name), settings, positive_weights[name]) for name in names}

    def training_data(of: Rows) -> xgb.DMatrix:
        # training rows are unweighted, so the score is one under the sample; this form is put into bins on all threads,
        # in half the time of a QuantileDMatrix, and the same ones
        return _data(frame.matrix[of], features, settings.nthread, label=rows.label[of])

    def scored_data(of: Rows, trained: Rows, **columns: NDArray[Any]) -> xgb.DMatrix:
        known = _seen_only(frame.matrix[of], features, _seen(frame.matrix, trained, features))
        return _data(known, features, settings.nthread, **columns)

    # the watched slice counts as the population
    watched = scored_data(part.slice, part.fit, label=rows.label[part.slice], weight=rows.weight[part.slice])
    learned = training_data(part.fit)
    rounds = {}
    for name in names:
        booster_settings = settings.models.of(name)
        inner = xgb.train(
            _parameters(booster_settings, settings, _positive_weight(booster_settings, rows.label[part.fit])),
            learned,
            booster_settings.maximum_rounds,
            evals=[(watched, "slice")],
            early_stopping_rounds=booster_settings.minimum_rounds,
            verbose_eval=False,
        )
        rounds[name] = max(inner.best_iteration + 1, booster_settings.minimum_rounds)

    log_odds = {name: np.zeros(len(part.slice)) for name in names}
    is_scored = np.zeros(len(part.slice), dtype=np.bool_)
    for others, scored in calibration_parts(part, rows, settings.enough_positives):
        is_scored |= scored
        learned, unseen = training_data(others), scored_data(part.slice[scored], others)
        for name in names:
            trees = xgb.train(parameters[name], learned, rounds[name])
            log_odds[name][scored] = trees.predict(unseen, output_margin=True)

    learned = training_data(part.refit)
    boosters = {name: xgb.train(parameters[name], learned, rounds[name]) for name in names}
    del learned
    seen = _seen(frame.matrix, part.refit, features)
    bins = feature_bins(features, frame.matrix[part.refit], weight)

    unseen_rows = part.slice[is_scored]
    unseen_label, unseen_weight = rows.label[unseen_rows], rows.weight[unseen_rows]

    models = {}
    for name in names:
        unseen_log_odds = log_odds[name][is_scored]
        offset = log_odds_offset(label, weight, positive_weights[name])
        calibration = fit_calibration(
            unseen_log_odds - offset, unseen_label, unseen_weight, settings.calibration_positives
        )
        operating_point = choose_operating_point(
            calibration.probability(unseen_log_odds - offset),
            unseen_label,
            unseen_weight,
            settings.operating_points.of(name),
            settings.minimum_positives,
        )
        card = ModelCard(
            model_name=name,
            features=features,
            vocabularies={key: list(values) for key, values in encoder.vocabularies.items()},
            seen=seen,
            cut=part.cut,
            rows=len(part.refit),
            positives=int(label.sum()),
            slice_rows=len(part.slice),
            slice_positives=int(rows.label[part.slice].sum()),
            rounds=rounds[name],
            scale_pos_weight=positive_weights[name],
            log_odds_offset=offset,
            calibration=calibration,
            operating_point=operating_point,
            # of the latest year, by models that had not seen its companies: a model's scores of its own rows are too
            # sure
            baseline=baseline(bins, len(part.refit), unseen_log_odds, unseen_weight),
            data_sha256=data_sha256,
            parameters=parameters[name],
        )
        models[name] = Model(boosters[name], card)
    return models
