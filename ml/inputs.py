"""Reads what a training needs from the marts, checked against the feature definitions.

Nothing here knows what the marts are about. Any four relations with these columns will do, in a schema `marts`:

- `feature_definitions`: position, feature, kind (`numeric` or `categorical`), unit (of `ml.features.Unit`), reason (a
  noun phrase);
- `to_train`: company_number (whatever must not be in training and test at once), accounts_date (with company_number the
  key), observed_on (the day the row could be known), label (1 when it happened within twelve months, else 0),
  sample_weight (rows of the population that it stands for, 1 where nothing was sampled), split_bucket (0 to 99, one for
  all rows of a company), similar_since (a day before all others where rows are not in the table because of their
  group), and a column for each feature;
- `to_predict`: company_number, accounts_date, observed_on, is_eligible, split_bucket, and the same features;
- `horizon`: one row of horizon_date, snapshot_month (`YYYY-MM`), to_train_rows, to_train_positives, to_predict_rows.
"""

from ml import marts
from ml.features import check_mart, read_features
from ml.frames import PREDICTION_COLUMNS, TRAINING_COLUMNS, TrainingFrame, read_training
from ml.settings import Settings
from warehouse.engines import open_engine
from warehouse.progress import bar
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
    with bar("reading the marts"), open_engine(environment).reading(READS) as connection:
        horizon = marts.read_horizon(connection, environment.month)
        features = read_features(connection)
        check_mart(connection, "to_train", features, TRAINING_COLUMNS)
        check_mart(connection, "to_predict", features, PREDICTION_COLUMNS)
        return horizon, read_training(connection, features, settings.batch_rows)
