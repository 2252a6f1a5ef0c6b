"""Model artefacts and evaluation files: what is written is what is read, by hash, and nothing is unpickled."""

import datetime
import hashlib
import json
from collections.abc import Mapping

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from ml.calibration import Method, UnlabelledUsers
from ml.curves import CurveName, CurvePoint
from ml.guards import GuardResult
from ml.importance import Importance
from ml.metrics import Estimate
from ml.model import Model, ModelCard
from ml.operating import OperatingPoint
from ml.settings import ModelName, Settings
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location
from warehouse.storage import whole_file, write_text

TREES = "model.ubj"
CARD = "model.json"
VERSION_DIGITS = 12
PROBE_ROWS = 512
MEND = "`python -m ml retrain --from-run RUN` makes it again, `python -m ml rollback MODEL` serves the one before"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Period(_Frozen):
    """Days after one day (None: from the beginning) and until another, both dates of observations."""

    after: datetime.date | None
    until: datetime.date

    def written(self) -> str:
        """Write the period as `after DAY and until DAY`."""
        return f"until {self.until}" if self.after is None else f"after {self.after} and until {self.until}"


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


class TestedModel(_Frozen):
    """What a test found of one model's kind.

    Attributes:
        metrics: Estimates by name, of the folds' pooled tests.
        folds: One a fold.
    """

    metrics: dict[str, Estimate]
    folds: list[FitSummary]


class WindowTest(_Frozen):
    """The test of one year.

    Attributes:
        fold: Its name: the day that the year begins after.
        training_window: Observations that the tested models learned from, the inner slice included.
        test_window: Observations that were tested.
        test: What was tested.
        guards: Leak guards, one a fold; a broken one ends the training instead.
        models: By model name.
    """

    fold: str
    training_window: Period
    test_window: Period
    test: TestedRows
    guards: list[GuardResult]
    models: dict[ModelName, TestedModel]


class NaiveTest(_Frozen):
    """What a split at random claims of the same models; shown beside the test, used for nothing.

    Attributes:
        test: What was tested.
        metrics: Estimates by name, by model name.
    """

    test: TestedRows
    metrics: dict[ModelName, dict[str, Estimate]]


class SliceTest(_Frozen):
    """The headline's test on the rows of one slice.

    Attributes:
        slice: The feature that tells the slices apart.
        slice_value: Its value, the name of a band, or `missing`.
        rows, positives: What was tested.
        metrics: Estimates by name; None where the positives are too few.
    """

    slice: str
    slice_value: str
    rows: int
    positives: int
    metrics: dict[str, Estimate | None]


class ModelEvaluation(_Frozen):
    """A served model and what the evaluation found of its kind.

    Attributes:
        model_version: First digits of the hash of its artefacts.
        artefacts: SHA-256 of each file in the model's folder.
        rounds: Trees of the served model.
        operating_point: Where the served model's list ends.
        metrics: Estimates by name, of the headline's pooled folds.
        folds: One a fold of the headline.
        slices: The headline by slices.
        curves: The headline's points by curve.
        importance: Features of the served model, the most important first.
    """

    model_version: str
    artefacts: dict[str, str]
    rounds: int
    operating_point: OperatingPoint
    metrics: dict[str, Estimate]
    folds: list[FitSummary]
    slices: list[SliceTest]
    curves: dict[CurveName, list[CurvePoint]]
    importance: list[Importance]


class Evaluation(_Frozen):
    """The file that ends a training.

    Attributes:
        run_id: Hash of horizon, data, settings and libraries.
        score_month: Month of the deliveries behind the marts.
        horizon_date: Nothing dated on or after it counts.
        training: What the served models learned from.
        training_window: Observations that the models of the headline learned from, the inner slice included.
        test_window: Observations that the headline tested.
        test: What the headline tested.
        guards: Leak guards of the headline, one a fold; a broken one ends the training instead.
        models: By model name.
        earlier_windows: Tests of the years before the headline's, the earliest first.
        windows_left_out: Years that were to be tested and what each lacks.
        naive: What a split at random would have claimed; None where one of its parts has no users.
        unlabelled_users: What a probability says where some users leave no charge.
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
    earlier_windows: list[WindowTest]
    windows_left_out: list[str]
    naive: NaiveTest | None
    unlabelled_users: UnlabelledUsers
    settings: Settings
    libraries: dict[str, str]


def canonical_json(value: BaseModel) -> str:
    """Write a value as JSON whose bytes depend on nothing but its content."""
    return json.dumps(value.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _version(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(hashes[name] for name in sorted(hashes)).encode()).hexdigest()[:VERSION_DIGITS]


def _contents(model: Model) -> dict[str, bytes]:
    return {TREES: bytes(model.booster.save_raw("ubj")), CARD: canonical_json(model.card).encode()}


def _hashes(contents: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def version_of(model: Model) -> str:
    """Name a model by the hash of its artefacts."""
    return _version(_hashes(_contents(model)))


def save_model(lake: Lake[Location], day: str, model: Model) -> tuple[str, dict[str, str]]:
    """Write a model's artefacts, each in one step, to the folder of its version.

    Args:
        lake: Where to.
        day: Horizon date of the training, `YYYYMMDD`.
        model: The model.

    Returns:
        The model's version, and the SHA-256 of each artefact by file name.
    """
    contents = _contents(model)
    hashes = _hashes(contents)
    version = _version(hashes)
    folder = lake.model(day, model.card.model_name, version)
    for name, content in contents.items():
        with whole_file(folder / name) as unfinished:
            unfinished.write_bytes(content)
    return version, hashes


def read_artefacts(folder: Location, artefacts: Mapping[str, str]) -> dict[str, bytes]:
    """Read a model's artefacts and check that they are those that were registered.

    Args:
        folder: The folder of its version in the lake.
        artefacts: SHA-256 of each artefact by file name, as registered.

    Raises:
        UserError: When an artefact is absent or its hash is another.
    """
    contents = {}
    for name, expected in artefacts.items():
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError:
            raise UserError(f"the model artefact {folder / name} is absent; {MEND}") from None
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise UserError(f"{folder / name} is not the artefact that was registered; {MEND}")
    return contents


def _parts(folder: Location, artefacts: Mapping[str, str]) -> tuple[bytes, ModelCard]:
    contents = read_artefacts(folder, artefacts)
    if set(contents) != {TREES, CARD}:
        raise UserError(f"the registry does not name the artefacts {TREES} and {CARD} of {folder}; run `make train`")
    return contents[TREES], ModelCard.model_validate_json(contents[CARD])


def load_card(folder: Location, artefacts: Mapping[str, str]) -> ModelCard:
    """Load what is known of a model besides its trees, and check all of its artefacts.

    Args:
        folder: The folder of its version in the lake.
        artefacts: SHA-256 of each artefact by file name, as registered.

    Raises:
        UserError: When an artefact is absent or its hash is another.
    """
    _, card = _parts(folder, artefacts)
    return card


def load_model(folder: Location, artefacts: Mapping[str, str]) -> Model:
    """Load a model and check that it is the one that was registered.

    Args:
        folder: The folder of its version in the lake.
        artefacts: SHA-256 of each artefact by file name, as registered.

    Raises:
        UserError: When an artefact is absent or its hash is another.
    """
    trees, card = _parts(folder, artefacts)
    booster = xgb.Booster(params={"nthread": card.parameters["nthread"]})
    booster.load_model(bytearray(trees))
    return Model(booster, card)


def _probe(card: ModelCard) -> NDArray[np.float32]:
    """Make rows that reach all over a model's features, from nothing but their names, kinds and codes.

    Magnitudes from a thousandth to a thousand million of either sign, and one cell in eight missing. Every number is
    exact in integer and power-of-two arithmetic: a random generator or a power may change with its library.
    """
    row, column = np.arange(PROBE_ROWS, dtype=np.uint64)[:, None], np.arange(len(card.features), dtype=np.uint64)
    mixed = (row * np.uint64(2654435761) + column * np.uint64(2246822519)) % np.uint64(2**32)
    mixed = (mixed * np.uint64(3266489917)) % np.uint64(2**32)
    share = mixed.astype(np.float64) / 2**32
    mantissa = 1.0 + (mixed % np.uint64(1024)).astype(np.float64) / 1024
    sign = np.where(mixed & np.uint64(1), -1.0, 1.0)
    probe = np.ldexp(sign * mantissa, np.floor(40 * share).astype(np.int32) - 10).astype(np.float32)
    for position, (name, kind) in enumerate(card.features):
        if kind == "categorical":
            probe[:, position] = np.floor(share[:, position] * len(card.vocabularies[name]))
    probe[(mixed >> np.uint64(8)) % np.uint64(8) == 0] = np.nan
    return probe


def fingerprint(model: Model) -> str:
    """Hash the log-odds that a model gives a fixed batch: two models have one fingerprint if they score it alike."""
    return hashlib.sha256(model.log_odds(_probe(model.card)).tobytes()).hexdigest()


def save_evaluation(lake: Lake[Location], day: str, evaluation: Evaluation) -> Location:
    """Write the evaluation file of a training, in one step each under the name of its run and of its day.

    Args:
        lake: Where to.
        day: Horizon date, `YYYYMMDD`.
        evaluation: What was found.

    Returns:
        The file of the day.
    """
    content = canonical_json(evaluation)
    write_text(lake.run(evaluation.run_id), content)
    path = lake.evaluation(day)
    write_text(path, content)
    return path


def load_run(lake: Lake[Location], run_id: str) -> Evaluation:
    """Read the evaluation file of a run.

    Raises:
        UserError: When there is none, or it is not one that this version wrote.
    """
    path = lake.run(run_id)
    try:
        return Evaluation.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"there is no run {run_id} in {path.parent}; `python -m ml list` names the runs") from None
    except ValidationError:
        raise UserError(f"{path} is not an evaluation file of this version; run `make train` again") from None


def run_ids(lake: Lake[Location]) -> list[str]:
    """Name the runs that the lake has an evaluation of, sorted."""
    folder = lake.run("").parent
    return sorted(path.stem for path in folder.glob("*.json"))
