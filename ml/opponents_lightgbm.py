"""LightGBM by the settings of a model of ours, as far as it knows them."""

from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml.frames import Encoder, Matrix, TrainingFrame
from ml.opponents import Fit, LogOdds, Recipe
from ml.settings import Settings
from ml.split import Part

Rows = NDArray[np.intp]


def _parameters(settings: Settings) -> dict[str, Any]:
    booster = settings.models.precision
    return {
        "objective": "binary",
        "metric": "average_precision",
        "learning_rate": booster.eta,
        "max_depth": booster.max_depth,
        "num_leaves": 2**booster.max_depth,
        "min_sum_hessian_in_leaf": booster.min_child_weight,
        "min_data_in_leaf": 1,  # XGBoost has no such limit
        "bagging_fraction": booster.subsample,
        "bagging_freq": 1,
        "feature_fraction": booster.colsample_bytree,
        "lambda_l2": booster.reg_lambda,
        "max_delta_step": booster.max_delta_step,
        "seed": settings.seed,
        "num_threads": settings.nthread,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _data(frame: TrainingFrame, rows: Rows, **columns: Any) -> lgb.Dataset:
    return lgb.Dataset(
        frame.matrix[rows],
        label=frame.observations.label[rows].astype(np.float32),
        categorical_feature=_codes(frame.encoder),
        **columns,
    )


def _codes(encoder: Encoder) -> list[int]:
    return [place for place, feature in enumerate(encoder.features) if feature.kind == "categorical"]


def lightgbm(settings: Settings) -> Recipe:
    """Make the recipe of LightGBM; the number of its trees is found as that of ours, on the latest year."""
    booster, parameters = settings.models.precision, _parameters(settings)

    def fit_rounds(rounds: int) -> Fit:
        def fit(frame: TrainingFrame, trained: Rows) -> LogOdds:
            trees = lgb.train(parameters, _data(frame, trained), rounds)

            def log_odds(matrix: Matrix) -> NDArray[np.float64]:
                return np.asarray(trees.predict(matrix, raw_score=True), dtype=np.float64)

            return log_odds

        return fit

    def choose(frame: TrainingFrame, part: Part) -> tuple[str, Fit]:
        learned = _data(frame, part.fit)
        watched = _data(frame, part.slice, weight=frame.observations.weight[part.slice], reference=learned)
        trees = lgb.train(
            parameters,
            learned,
            booster.maximum_rounds,
            valid_sets=[watched],
            callbacks=[lgb.early_stopping(booster.minimum_rounds, verbose=False)],
        )
        rounds = max(trees.best_iteration, booster.minimum_rounds)
        return f"{rounds} trees", fit_rounds(rounds)

    return choose
