"""Logistic regression and random forest of scikit-learn, each with what it needs to be a fair opponent.

Logistic regression gets numbers by their rank as a normal quantile, since money has tails that no line follows; the
median for a missing number, and that it is missing as a column of its own. The forest splits numbers as they are and
sends missing ones either way. Both get a column for each code, rare ones together.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from ml.frames import Encoder, Matrix, TrainingFrame
from ml.opponents import Fit, LogOdds, Recipe, best_of, log_odds_of
from ml.settings import Settings

Rows = NDArray[np.intp]

RARE_CODE = 20  # rows; a code with fewer shares a column with the other rare ones
QUANTILES = 1000
STEPS, TOLERANCE = 1000, 1e-3
PENALTIES = (0.01, 0.3)  # inverse strengths, as scikit-learn writes them
LEAVES = (3, 20)  # rows of a leaf at least


def _places(encoder: Encoder, kind: str) -> list[int]:
    return [place for place, feature in enumerate(encoder.features) if feature.kind == kind]


def _codes() -> OneHotEncoder:
    return OneHotEncoder(min_frequency=RARE_CODE, handle_unknown="infrequent_if_exist", sparse_output=False)


def _logistic(strength: float, settings: Settings) -> Fit:
    def fit(frame: TrainingFrame, trained: Rows) -> LogOdds:
        numbers, codes = (_places(frame.encoder, kind) for kind in ("numeric", "categorical"))
        ranks = make_pipeline(
            QuantileTransformer(
                n_quantiles=min(QUANTILES, len(trained)), output_distribution="normal", random_state=settings.seed
            ),
            SimpleImputer(strategy="constant", fill_value=0.0),
        )
        columns = ColumnTransformer(
            [
                ("ranks", ranks, numbers),
                ("missing", MissingIndicator(features="all"), numbers),
                ("codes", _codes(), codes),
            ]
        )
        model = make_pipeline(columns, LogisticRegression(C=strength, max_iter=STEPS, tol=TOLERANCE))
        model.fit(frame.matrix[trained], frame.observations.label[trained])

        def log_odds(matrix: Matrix) -> NDArray[np.float64]:
            return np.asarray(model.decision_function(matrix), dtype=np.float64)

        return log_odds

    return fit


def logistic_regression(settings: Settings) -> Recipe:
    """Make the recipe of a logistic regression; the strength of its penalty is chosen on the latest year."""
    return best_of([(f"C={strength:g}", _logistic(strength, settings)) for strength in PENALTIES])


def _forest(leaf: int, settings: Settings) -> Fit:
    def fit(frame: TrainingFrame, trained: Rows) -> LogOdds:
        columns = ColumnTransformer(
            [("codes", _codes(), _places(frame.encoder, "categorical"))], remainder="passthrough"
        )
        trees = RandomForestClassifier(
            settings.comparison.forest_trees,
            min_samples_leaf=leaf,
            random_state=settings.seed,
            n_jobs=settings.nthread,
        )
        model = Pipeline([("columns", columns), ("trees", trees)])
        model.fit(frame.matrix[trained], frame.observations.label[trained])
        # threads add up the trees in the order they end, which changes the last digit and with it the ties
        trees.set_params(n_jobs=1)

        def log_odds(matrix: Matrix) -> NDArray[np.float64]:
            return log_odds_of(model.predict_proba(matrix)[:, 1])

        return log_odds

    return fit


def random_forest(settings: Settings) -> Recipe:
    """Make the recipe of a random forest; the size of its leaves is chosen on the latest year."""
    return best_of([(f"leaves of {leaf}", _forest(leaf, settings)) for leaf in LEAVES])
