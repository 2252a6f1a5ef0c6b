"""Rules of the slices."""

import numpy as np
import pytest

from ml.features import Feature
from ml.frames import Encoder
from ml.settings import SliceSettings
from ml.slices import band_names, slice_values, sliced_columns
from warehouse.errors import UserError

ENCODER = Encoder(
    (Feature("sector", "categorical", "code", "sector"), Feature("age", "numeric", "years", "age")),
    {"sector": ["Construction", "Manufacturing"]},
)
MATRIX = np.array([[1, 0.5], [0, 2], [np.nan, 4.9], [1, 5], [0, np.nan]], dtype=np.float32)


def test_a_code_is_sliced_by_its_value_and_an_unknown_one_is_missing():
    assert slice_values(MATRIX, ENCODER, "sector", ()).tolist() == [
        "Manufacturing", "Construction", "missing", "Manufacturing", "Construction",
    ]  # fmt: skip


def test_a_number_is_sliced_by_bands_with_their_lower_bound():
    assert slice_values(MATRIX, ENCODER, "age", (2, 5)).tolist() == [
        "below 2", "2 to 5", "2 to 5", "5 and over", "missing",
    ]  # fmt: skip


def test_one_bound_makes_two_bands():
    assert band_names((2.5,)) == ["below 2.5", "2.5 and over"]


def test_a_column_that_is_no_feature_is_left_out():
    settings = SliceSettings(columns=("age", "region"), bands={"age": (2, 5)}, minimum_positives=1)
    assert sliced_columns(ENCODER, settings) == (["age"], ["region"])


def test_a_number_without_bands_is_refused():
    with pytest.raises(UserError, match=r"slices.columns names age, a numeric feature; give it bounds in slices.bands"):
        sliced_columns(ENCODER, SliceSettings(columns=("age",), bands={}, minimum_positives=1))
