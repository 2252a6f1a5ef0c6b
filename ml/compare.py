"""The command `compare`: our two models and other ways to rank companies, on the same rows of the same folds.

All learners fit and are tested under the headline's folds; differences are of the same resamples of companies, so they
are far surer than the intervals of each learner suggest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from ml import marts
from ml.evaluate import Fitted, Learner, headline_folds, trainings, try_learners
from ml.evaluate import learner as learner_of_ours
from ml.extras import optional_module, required_module
from ml.frames import TrainingFrame
from ml.inputs import read_inputs
from ml.metrics import Estimate, Tested, estimate, paired_differences
from ml.model import Model
from ml.opponents import Ranking, fewer_negatives, learner, rate_of_cells
from ml.settings import MODEL_NAMES, ModelName, Settings
from ml.slices import sliced_columns
from ml.split import Part
from ml.tables import append, register_tables
from ml.text import aligned
from ml.train import describe, name_run
from warehouse.engines import open_engine
from warehouse.lake import Lake
from warehouse.locks import alone
from warehouse.progress import bar
from warehouse.settings import Settings as Environment

TABLE = "ml_comparison"
OURS = "xgboost"
ALL_NEGATIVES = "xgboost_all_negatives"
FEWER_NEGATIVES = "xgboost_fewer_negatives"
ALL_ROWS = "xgboost_all_rows"
SHOWN = ("average_precision", 3), ("roc_auc", 3), ("lift_at_1_percent", 1), ("lift_at_10_percent", 2)

SCHEMA = pa.schema(
    [
        ("run_id", pa.string()), ("model_name", pa.string()), ("learner", pa.string()), ("metric", pa.string()),
        ("value", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
        ("difference", pa.float64()), ("difference_low", pa.float64()), ("difference_high", pa.float64()),
        ("note", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """One learner beside one of our models.

    Attributes:
        model_name: Our model.
        learner: The other; `xgboost` is our model itself.
        metrics: What it reaches, empty where it was not tried.
        differences: The same less what our model reaches; empty for our model itself.
        note: What must be known to read the row.
    """

    model_name: ModelName
    learner: str
    metrics: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    note: str | None = None


def opponents(frame: TrainingFrame, settings: Settings) -> tuple[dict[str, Learner[Ranking]], dict[str, str]]:
    """Make the learners that are the same beside both of our models.

    Args:
        frame: All rows, for their features.
        settings: All settings.

    Returns:
        The learners by name; by name, why one cannot be tried.

    Raises:
        UserError: When scikit-learn is absent, or the rule names a number without bands.
    """
    of_sklearn = required_module("ml.opponents_sklearn", "sklearn", "compare")
    of_lightgbm = optional_module("ml.opponents_lightgbm", "lightgbm")
    recipes, absent = {}, {}
    columns, _ = sliced_columns(
        frame.encoder, settings.slices.model_copy(update={"columns": settings.comparison.rule_columns})
    )
    if columns:
        recipes["rule"] = rate_of_cells(columns, settings)
    else:
        absent["rule"] = f"the marts have no feature {' or '.join(settings.comparison.rule_columns)}"
    recipes["logistic_regression"] = of_sklearn.logistic_regression(settings)
    recipes["random_forest"] = of_sklearn.random_forest(settings)
    if of_lightgbm:
        recipes["lightgbm"] = of_lightgbm.lightgbm(settings)
    else:
        absent["lightgbm"] = "lightgbm cannot be imported; `make compare` installs it"
    return {name: learner(name, recipe, settings) for name, recipe in recipes.items()}, absent


def _shown_all_rows(rows: int, settings: Settings) -> Learner[Model]:
    """Make the learner of our models that learns from every row it knows, however many there are."""
    learn = learner_of_ours(MODEL_NAMES, settings.model_copy(update={"learned_rows": rows}))

    def learn_all(frame: TrainingFrame, part: Part) -> Mapping[str, Model]:
        return {f"{ALL_ROWS} {name}": model for name, model in learn(frame, part).items()}

    return learn_all


def _of_all_negatives(
    frame: TrainingFrame, name: ModelName, ours: Mapping[str, Estimate], *, are_drawn: bool
) -> Compared:
    """Set a model that is shown all negatives beside ours, which is that model where to_train holds all of them."""
    weight = frame.observations.weight[~frame.observations.label]
    if (weight == 1).all():
        if are_drawn:
            return Compared(name, ALL_NEGATIVES, {}, {}, f"to_train holds all negatives, and {ALL_ROWS} is shown them")
        no_difference = dict.fromkeys(ours, Estimate(0.0, 0.0, 0.0))
        return Compared(name, ALL_NEGATIVES, ours, no_difference, "to_train holds all negatives: the same model")
    note = f"to_train holds one in {weight.mean():.3g} negatives; build it with a larger non_user_rows to compare"
    return Compared(name, ALL_NEGATIVES, {}, {}, note)


def compare(
    frame: TrainingFrame, horizon: marts.Horizon, settings: Settings, say: Callable[[str], None]
) -> list[Compared]:
    """Test our models and the others under the headline's folds.

    Args:
        frame: All rows of `marts.to_train`.
        horizon: Of the marts.
        settings: All settings.
        say: Takes a line a fold.

    Raises:
        UserError: When the history is too short, scikit-learn is absent, or a leak guard is broken.
    """
    others, absent = opponents(frame, settings)
    folds = headline_folds(frame, horizon.date, settings)
    ours = learner_of_ours(MODEL_NAMES, settings)
    less = fewer_negatives(FEWER_NEGATIVES, ours, settings.comparison.negatives_share, settings.seed)
    tried: list[Learner[Fitted]] = [ours, *others.values(), less]
    beside = [FEWER_NEGATIVES]
    are_drawn = any(len(fold.part.refit) > settings.learned_rows for fold in folds)
    if are_drawn:
        tried.append(_shown_all_rows(len(frame.matrix), settings))
        beside.append(ALL_ROWS)
    with bar("testing all learners", trainings(folds, len(tried))) as shown:
        trial = try_learners(frame, folds, tried, say=say, done=shown.advance)
    tested = {name: replace(rows, listed=None) for name, rows in trial.tested.items()}
    with bar("estimating how sure that is", len(tested)) as shown:
        estimates = {
            name: estimate(rows, settings.top_rows, settings.bootstrap_samples, settings.seed)
            for name, rows in shown.follow(tested.items())
        }
    compared: list[Compared] = []
    for name in MODEL_NAMES:
        of_ours = (f"{called} {name}" for called in beside)
        with bar(f"comparing with {name}"):
            compared += _beside(name, tested, estimates, [*others, *of_ours], settings)
        compared.append(_of_all_negatives(frame, name, estimates[name], are_drawn=are_drawn))
        compared += [Compared(name, other, {}, {}, why) for other, why in absent.items()]
    return compared


def _beside(
    name: ModelName,
    tested: Mapping[str, Tested],
    estimates: Mapping[str, Mapping[str, Estimate]],
    others: Sequence[str],
    settings: Settings,
) -> Iterator[Compared]:
    yield Compared(name, OURS, estimates[name], {})
    for other in others:
        differences = paired_differences(
            tested[other], tested[name], settings.top_rows, settings.bootstrap_samples, settings.seed
        )
        called, _, _ = other.partition(" ")
        note = None
        if called == FEWER_NEGATIVES:
            note = f"with {100 * settings.comparison.negatives_share:g} % of the negatives of to_train"
        if called == ALL_ROWS:
            note = f"with all rows, where ours learn from {settings.learned_rows:,}"
        yield Compared(name, called, estimates[other], differences, note)


def comparison_table(run_id: str, compared: Sequence[Compared]) -> pa.Table:
    """Write a comparison as rows of the table ml_comparison, without the partition column.

    Args:
        run_id: Training run that stands on the same data and settings.
        compared: All learners; one that was not tried has a row for each metric of our model, without estimates.
    """
    rows: list[dict[str, Any]] = []
    ours = {of.model_name: of for of in compared if of.learner == OURS}
    for of in compared:
        key = {"run_id": run_id, "model_name": of.model_name, "learner": of.learner, "note": of.note}
        for metric in ours[of.model_name].metrics:
            found, difference = of.metrics.get(metric), of.differences.get(metric)
            values = {} if found is None else {"value": found.value, "low": found.low, "high": found.high}
            if difference is not None:
                values |= {
                    "difference": difference.value,
                    "difference_low": difference.low,
                    "difference_high": difference.high,
                }
            rows.append(key | {"metric": metric} | values)
    return pa.Table.from_pylist(rows, SCHEMA)


def comparison_lines(compared: Sequence[Compared]) -> list[str]:
    """Write a comparison as a table for people: for each of our models each learner, and what it has more or less."""
    lines = []
    for name in MODEL_NAMES:
        cells = [("learner", *(metric.replace("_", " ") for metric, _ in SHOWN), "")]
        for of in compared:
            if of.model_name == name:
                estimates = [
                    of.metrics[metric].written(digits) if metric in of.metrics else "" for metric, digits in SHOWN
                ]
                cells.append((of.learner, *estimates, of.note or ""))
                if of.differences:
                    differences = [
                        f"{of.differences[metric].value:+.{digits}f} "
                        f"({of.differences[metric].low:+.{digits}f} to {of.differences[metric].high:+.{digits}f})"
                        for metric, digits in SHOWN
                    ]
                    cells.append(("  less ours", *differences, ""))
        lines += [f"Beside the model {name}, with 95 % intervals; differences are over the same resamples of companies"]
        lines += [*aligned(cells), ""]
    return lines[:-1]


def compare_marts(environment: Environment, settings: Settings, say: Callable[[str], None]) -> list[Compared]:
    """Compare on the marts of the month and write the table ml_comparison.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        settings: All settings.
        say: Takes progress lines.

    Raises:
        UserError: When the marts do not suit, as `compare` does, or while a training runs.
    """
    lake = Lake(environment.lake)
    with alone(lake, "ml", "training or prediction"):
        horizon, frame = read_inputs(environment, settings)
        say(describe(horizon, frame))
        compared = compare(frame, horizon, settings, say)
        run_id = name_run(horizon, frame.sha256(), settings)
        path = append(lake, TABLE, horizon.month, run_id, comparison_table(run_id, compared))
        say(f"run {run_id}, comparison in {path}")
        register_tables(open_engine(environment), lake)
    return compared
