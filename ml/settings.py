"""The settings of training and prediction, read from one YAML file into a frozen object."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from warehouse.errors import UserError

SETTINGS_FILE = Path(__file__).resolve().with_name("settings.yml")

ModelName = Literal["precision", "recall"]
MODEL_NAMES: tuple[ModelName, ...] = ("precision", "recall")


class BoosterSettings(BaseModel):
    """Hyper-parameters of one model, under XGBoost's own names.

    Attributes:
        eval_metric: What early stopping watches on the later slice.
        scale_pos_weight: Weight of a positive in training; `balanced` makes both classes weigh the same.
        min_child_weight, reg_lambda: Times `scale_pos_weight`, what XGBoost is told under these names.
        minimum_rounds: Trees kept at least, and rounds without improvement after which growing stops: with few
            positives the watched metric is noise in the first rounds.
        maximum_rounds: Trees grown at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    eval_metric: Literal["aucpr", "auc", "logloss"]
    scale_pos_weight: PositiveFloat | Literal["balanced"]
    max_delta_step: float = Field(ge=0)
    eta: float = Field(gt=0, le=1)
    max_depth: int = Field(ge=1, le=16)
    min_child_weight: float = Field(ge=0)
    subsample: float = Field(gt=0, le=1)
    colsample_bytree: float = Field(gt=0, le=1)
    reg_lambda: float = Field(ge=0)
    minimum_rounds: PositiveInt
    maximum_rounds: PositiveInt

    @model_validator(mode="after")
    def _rounds_in_order(self) -> Self:
        if self.minimum_rounds > self.maximum_rounds:
            raise ValueError(f"minimum_rounds {self.minimum_rounds} is above maximum_rounds {self.maximum_rounds}")
        return self


class ModelsSettings(BaseModel):
    """Hyper-parameters of the two models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: BoosterSettings
    recall: BoosterSettings

    def of(self, name: ModelName) -> BoosterSettings:
        """Hyper-parameters of the model with this name."""
        return self.precision if name == "precision" else self.recall


class PromotionSettings(BaseModel):
    """Limits of the gates before a promotion.

    Attributes:
        calibration_error: Largest expected calibration error, as a share of the base rate.
        slice_positives: Positives from which on a slice must be ranked better than by chance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    calibration_error: PositiveFloat
    slice_positives: PositiveInt


Share = Annotated[float, Field(gt=0, lt=1)]


class LargestList(BaseModel):
    """The aim of a list that wastes few calls: as long as its precision allows, or else a share of all companies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: Share
    otherwise_top_share: Share


class SmallestList(BaseModel):
    """The aim of a list that misses few users: as short as its recall allows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recall: Share


OperatingSettings = LargestList | SmallestList


class OperatingPointsSettings(BaseModel):
    """What the list of each model is to be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: OperatingSettings
    recall: OperatingSettings

    def of(self, name: ModelName) -> OperatingSettings:
        """Aim of the model with this name."""
        return self.precision if name == "precision" else self.recall


class SliceSettings(BaseModel):
    """How the test is told apart.

    Attributes:
        columns: Features; one that the marts do not have is left out.
        bands: Ascending lower bounds for each numeric one.
        minimum_positives: A slice with fewer is only counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...]
    bands: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]]
    minimum_positives: PositiveInt

    @model_validator(mode="after")
    def _bounds_ascend(self) -> Self:
        for name, bounds in self.bands.items():
            if list(bounds) != sorted(set(bounds)):
                raise ValueError(f"the bounds of {name} do not ascend")
        return self


class ConfidentialShare(BaseModel):
    """What share of the users leaves no charge, at least and at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float = Field(ge=0, lt=1)
    high: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self


class CanarySettings(BaseModel):
    """How the leak canaries train: trees a model, and how often labels are shuffled, rows of each part at most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: PositiveInt
    shuffles: PositiveInt
    rows: int = Field(ge=1000)


class ComparisonSettings(BaseModel):
    """What the models are compared with.

    Attributes:
        rule_columns: Features that make the cells of the rule; one that the marts do not have is left out.
        forest_trees: Trees of the random forest.
        negatives_share: Share of the negatives of a smaller sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule_columns: tuple[str, ...]
    forest_trees: PositiveInt
    negatives_share: Share


class RangeSettings(BaseModel):
    """Where a hyper-parameter is searched: both ends may be tried; `log` tries ratios alike, `whole` integers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float = Field(ge=0)
    high: float
    scale: Literal["linear", "log", "whole"]

    @model_validator(mode="after")
    def _ends_suit(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.scale == "log" and self.low == 0:
            raise ValueError("a logarithmic range cannot begin at 0")
        if self.scale == "whole" and (self.low % 1 or self.high % 1):
            raise ValueError("a range of integers begins and ends at integers")
        return self


class AimsSettings(BaseModel):
    """The metric that the search raises for each model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: str
    recall: str

    def of(self, name: ModelName) -> str:
        """Metric of the model with this name."""
        return self.precision if name == "precision" else self.recall


Searched = Literal[
    "eta", "max_depth", "min_child_weight", "max_delta_step", "subsample", "colsample_bytree", "reg_lambda"
]


class TuningSettings(BaseModel):
    """How hyper-parameters are searched.

    Attributes:
        trials: Settings that are tried, the present ones included.
        aims: What is raised.
        ranges: By hyper-parameter; one that is not named stays as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: PositiveInt
    aims: AimsSettings
    ranges: dict[Searched, RangeSettings]


class Settings(BaseModel):
    """Everything that training and prediction can be told; `settings.yml` says what each one means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(ge=0, lt=2**31)
    nthread: PositiveInt
    batch_rows: PositiveInt
    test_windows: PositiveInt
    company_folds: int = Field(ge=1, le=20)
    enough_positives: PositiveInt
    bootstrap_samples: int = Field(ge=20)
    top_rows: tuple[PositiveInt, ...]
    learned_rows: int = Field(ge=1000)
    minimum_positives: PositiveInt
    calibration_positives: PositiveInt
    operating_points: OperatingPointsSettings
    slices: SliceSettings
    confidential_share: ConfidentialShare
    canaries: CanarySettings
    part_rows: PositiveInt
    scoring_memory: str = Field(pattern=r"^[0-9]+(MB|GB)$")
    drift_warning: PositiveFloat
    drift_alarm: PositiveFloat
    reasons_rows: int = Field(ge=0)
    peer_rows: PositiveInt
    promotion: PromotionSettings
    comparison: ComparisonSettings
    tuning: TuningSettings
    models: ModelsSettings

    @model_validator(mode="after")
    def _drift_levels_in_order(self) -> Self:
        if self.drift_warning > self.drift_alarm:
            raise ValueError(f"drift_warning {self.drift_warning:g} is above drift_alarm {self.drift_alarm:g}")
        return self


def override(content: Any, overrides: Sequence[str]) -> Any:
    """Replace values of a settings file.

    Args:
        content: What the file holds.
        overrides: Each `key=value`, the key with a dot before the name of a setting within another, the value as the
            file would have it.

    Returns:
        The content with the values in their places.

    Raises:
        UserError: When one is not of that form, or names a group that is not there.
    """
    for text in overrides:
        key, sign, value = text.partition("=")
        *groups, name = key.strip().split(".")
        if not sign or not name:
            raise UserError(f"-o {text} is not key=value; write it as -o models.precision.eta=0.1")
        copy = dict(content) if isinstance(content, dict) else {}
        content, place = copy, copy
        for group in groups:
            if not isinstance(place.get(group), dict):
                raise UserError(f"-o {text} names a setting in {group}, which is no group of settings")
            place[group] = dict(place[group])
            place = place[group]
        try:
            place[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"-o {text} has a value that is no YAML; write it as the settings file would") from None
    return content


def read_settings(file: Path = SETTINGS_FILE, overrides: Sequence[str] = ()) -> Settings:
    """Read and validate a settings file.

    Args:
        file: YAML file with every field of `Settings` and no other.
        overrides: Values to use instead of the file's, see `override`.

    Raises:
        UserError: When the file cannot be read or a value is missing, unknown or out of range.
    """
    try:
        return Settings.model_validate(override(yaml.safe_load(file.read_text(encoding="utf-8")), overrides))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the settings file {file} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg'].lower()}" for e in error.errors())
        changed = f" with {' '.join(f'-o {text}' for text in overrides)}" if overrides else ""
        raise UserError(f"{file}{changed} does not hold valid settings: {wrong}") from None
