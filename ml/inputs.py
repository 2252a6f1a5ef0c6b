"""Reads what a training needs from the marts, checked against the feature definitions."""

from ml import marts
from ml.features import check_mart, read_features
from ml.frames import PREDICTION_COLUMNS, TRAINING_COLUMNS, TrainingFrame, read_training
from ml.settings import Settings
from warehouse.engines import open_engine
from warehouse.settings import Settings as Environment

READS = {"horizon": (), "feature_definitions": (), "to_train": (), "to_predict": ()}


def read_inputs(environment: Environment, settings: Settings) -> tuple[marts.Horizon, TrainingFrame]:
    """Read the horizon and the whole of `marts.to_train`.

    Args:
        environment: Where the warehouse is, and the month that is asked for.
        settings: How many rows are read at a time.

    Raises:
        UserError: When the marts are absent, of another month, or not as their feature definitions say.
    """
    with open_engine(environment).reading(READS) as connection:
        horizon = marts.read_horizon(connection, environment.month)
        features = read_features(connection)
        check_mart(connection, "to_train", features, TRAINING_COLUMNS)
        check_mart(connection, "to_predict", features, PREDICTION_COLUMNS)
        return horizon, read_training(connection, features, settings.batch_rows)
