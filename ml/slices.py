"""Which slice of the population a row belongs to: its sector, region, size, age."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ml.frames import Encoder, Matrix
from ml.settings import SliceSettings
from warehouse.errors import UserError

MISSING = "missing"


def band_names(bounds: Sequence[float]) -> list[str]:
    """Name the bands between ascending bounds, such as `below 2`, `2 to 5`, `5 and over`."""
    between = [f"{low:g} to {high:g}" for low, high in pairwise(bounds)]
    return [f"below {bounds[0]:g}", *between, f"{bounds[-1]:g} and over"]


def sliced_columns(encoder: Encoder, settings: SliceSettings) -> tuple[list[str], list[str]]:
    """Part the columns of the settings into those that are features and those that are not.

    Raises:
        UserError: When a numeric feature has no bands.
    """
    kinds = {feature.name: feature.kind for feature in encoder.features}
    known = [name for name in settings.columns if name in kinds]
    bare = [name for name in known if kinds[name] == "numeric" and name not in settings.bands]
    if bare:
        raise UserError(f"slices.columns names {', '.join(bare)}, a numeric feature; give it bounds in slices.bands")
    return known, [name for name in settings.columns if name not in kinds]


def slice_values(matrix: Matrix, encoder: Encoder, column: str, bands: Sequence[float]) -> NDArray[np.str_]:
    """Name the slice of each row.

    Args:
        matrix: Encoded features, shape (n, features).
        encoder: What encoded them.
        column: The feature.
        bands: Ascending lower bounds of a numeric feature; a row on a bound is in the band above.

    Returns:
        Shape (n,): a value of the feature, the name of a band, or `missing`.
    """
    position = [feature.name for feature in encoder.features].index(column)
    values = matrix[:, position]
    if encoder.features[position].kind == "categorical":
        names = [*encoder.vocabularies[column], MISSING]
        codes = np.where(np.isnan(values), len(names) - 1, values).astype(np.int64)
    else:
        names = [*band_names(bands), MISSING]
        codes = np.where(np.isnan(values), len(names) - 1, np.searchsorted(bands, values, side="right"))
    return np.array(names)[codes]
