"""The settings of training and prediction, read from one YAML file into a frozen object."""

from pathlib import Path
from typing import Literal, Self

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


class Settings(BaseModel):
    """Everything that training and prediction can be told; `settings.yml` says what each one means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(ge=0, lt=2**31)
    nthread: PositiveInt
    batch_rows: PositiveInt
    company_folds: int = Field(ge=1, le=20)
    bootstrap_samples: int = Field(ge=20)
    top_rows: tuple[PositiveInt, ...]
    minimum_positives: PositiveInt
    calibration_positives: PositiveInt
    part_rows: PositiveInt
    scoring_memory: str = Field(pattern=r"^[0-9]+(MB|GB)$")
    drift_warning: PositiveFloat
    drift_alarm: PositiveFloat
    reasons_rows: int = Field(ge=0)
    peer_rows: PositiveInt
    models: ModelsSettings

    @model_validator(mode="after")
    def _drift_levels_in_order(self) -> Self:
        if self.drift_warning > self.drift_alarm:
            raise ValueError(f"drift_warning {self.drift_warning:g} is above drift_alarm {self.drift_alarm:g}")
        return self


def read_settings(file: Path = SETTINGS_FILE) -> Settings:
    """Read and validate a settings file.

    Args:
        file: YAML file with every field of `Settings` and no other.

    Raises:
        UserError: When the file cannot be read or a value is missing, unknown or out of range.
    """
    try:
        return Settings.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the settings file {file} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg'].lower()}" for e in error.errors())
        raise UserError(f"{file} does not hold valid settings: {wrong}") from None
