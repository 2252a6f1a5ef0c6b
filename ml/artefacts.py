"""Model artefacts and evaluation files: what is written is what is read, by hash, and nothing is unpickled."""

import datetime
import hashlib
import json

import xgboost as xgb
from pydantic import BaseModel, ConfigDict, ValidationError

from ml.calibration import Method
from ml.guards import GuardResult
from ml.metrics import Estimate
from ml.model import Model, ModelCard
from ml.settings import ModelName, Settings
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.storage import whole_file, write_text

TREES = "model.ubj"
CARD = "model.json"
VERSION_DIGITS = 12


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Period(_Frozen):
    """Days after one day (None: from the beginning) and until another, both dates of observations."""

    after: datetime.date | None
    until: datetime.date


class TestedRows(_Frozen):
    """What the evaluation tested; `missed_positives` were not scored, but count in the metrics' denominators."""

    rows: int
    companies: int
    positives: int
    missed_positives: int


class TrainedRows(_Frozen):
    """What the served models learned from."""

    rows: int
    companies: int
    positives: int
    sha256: str


class FitSummary(_Frozen):
    """How one model came out."""

    rounds: int
    calibration: Method
    slope: float

    @classmethod
    def of(cls, card: ModelCard) -> "FitSummary":
        """Summarise a model."""
        return cls(rounds=card.rounds, calibration=card.calibration.method, slope=card.calibration.slope)

    def written(self) -> str:
        """Say in a few words how the model came out."""
        return f"{self.rounds} trees" + (", only the level calibrated" if self.calibration == "level" else "")


class ModelEvaluation(_Frozen):
    """A served model and what the evaluation found of its kind.

    Attributes:
        model_version: First digits of the hash of its artefacts.
        artefacts: SHA-256 of each file in the model's folder.
        rounds: Trees of the served model.
        metrics: Estimates by name, of the folds' pooled tests.
        folds: One a fold.
    """

    model_version: str
    artefacts: dict[str, str]
    rounds: int
    metrics: dict[str, Estimate]
    folds: list[FitSummary]


class Evaluation(_Frozen):
    """The file that ends a training.

    Attributes:
        run_id: Hash of horizon, data, settings and libraries.
        score_month: Month of the deliveries behind the marts.
        horizon_date: Nothing dated on or after it counts.
        training: What the served models learned from.
        training_window: Observations that the tested models learned from, the inner slice included.
        test_window: Observations that were tested.
        test: What was tested.
        guards: Leak guards, one a fold; a broken one ends the training instead.
        models: By model name.
        settings: All settings.
        libraries: Versions that the bytes of a model depend on.
    """

    run_id: str
    score_month: str
    horizon_date: datetime.date
    training: TrainedRows
    training_window: Period
    test_window: Period
    test: TestedRows
    guards: list[GuardResult]
    models: dict[ModelName, ModelEvaluation]
    settings: Settings
    libraries: dict[str, str]


def canonical_json(value: BaseModel) -> str:
    """Write a value as JSON whose bytes depend on nothing but its content."""
    return json.dumps(value.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _version(hashes: dict[str, str]) -> str:
    return hashlib.sha256("".join(hashes[name] for name in sorted(hashes)).encode()).hexdigest()[:VERSION_DIGITS]


def save_model(folder: Location, model: Model) -> tuple[str, dict[str, str]]:
    """Write a model's artefacts, each in one step.

    Args:
        folder: The model's folder in the lake.
        model: The model.

    Returns:
        The model's version, and the SHA-256 of each artefact by file name.
    """
    contents = {TREES: bytes(model.booster.save_raw("ubj")), CARD: canonical_json(model.card).encode()}
    for name, content in contents.items():
        with whole_file(folder / name) as unfinished:
            unfinished.write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return _version(hashes), hashes


def load_model(folder: Location, evaluation: ModelEvaluation) -> Model:
    """Load a model and check that it is the one that was evaluated.

    Args:
        folder: The model's folder in the lake.
        evaluation: Its entry in the evaluation file.

    Raises:
        UserError: When an artefact is absent or its hash is another.
    """
    contents = {}
    for name, expected in evaluation.artefacts.items():
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError:
            raise UserError(f"the model artefact {folder / name} is absent; run `make train`") from None
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise UserError(f"{folder / name} is not the artefact that was evaluated; run `make train` again")
    if set(contents) != {TREES, CARD}:
        raise UserError(f"the evaluation file does not name the artefacts {TREES} and {CARD}; run `make train` again")
    card = ModelCard.model_validate_json(contents[CARD])
    booster = xgb.Booster(params={"nthread": card.parameters["nthread"]})
    booster.load_model(bytearray(contents[TREES]))
    return Model(booster, card)


def save_evaluation(lake: Lake[Location], day: str, evaluation: Evaluation) -> Location:
    """Write the evaluation file in one step and return its path; from then on its models are the served ones."""
    path = lake.evaluation(day)
    write_text(path, canonical_json(evaluation))
    return path


def load_evaluation(lake: Lake[Location], day: str) -> Evaluation:
    """Read the evaluation file of a day.

    Raises:
        UserError: When there is none, or it is not one that this version wrote.
    """
    path = lake.evaluation(day)
    try:
        return Evaluation.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"there is no {path.name} in {path.parent}: nothing was trained on these marts; run `make train`"
        ) from None
    except ValidationError:
        raise UserError(f"{path} is not an evaluation file of this version; run `make train` again") from None
