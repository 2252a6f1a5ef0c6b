"""What a model looks at: how much each feature gained its trees, and how far it moves the companies' log-odds."""

from dataclasses import dataclass

import numpy as np

from ml.frames import Matrix
from ml.model import Model

CONTRIBUTION_ROWS = 10_000  # evenly spread; a mean over more would be no other, and each costs as much as a reason


@dataclass(frozen=True)
class Importance:
    """What one feature is worth to a model.

    Attributes:
        feature: Its name.
        importance_rank: 1 for the greatest mean contribution.
        gain: Share of what all splits of the trees gained in the training loss, 0 to 1.
        mean_contribution: Mean absolute contribution to the log-odds (exact TreeSHAP values).
    """

    feature: str
    importance_rank: int
    gain: float
    mean_contribution: float


def importance(model: Model, matrix: Matrix) -> list[Importance]:
    """Rank all features of a model, also those that no tree uses.

    Args:
        model: What was trained.
        matrix: Rows that it is applied to, shape (rows, features).
    """
    rows = matrix[:: -(-len(matrix) // CONTRIBUTION_ROWS)]
    contribution = np.abs(model.contributions(rows)).mean(axis=0)
    names = [name for name, _ in model.card.features]
    gains = model.booster.get_score(importance_type="total_gain")
    gain = np.array([gains.get(name, 0.0) for name in names])
    # a model of no split has no gain to share
    gain = gain / (gain.sum() or 1.0)
    order = np.lexsort((-gain, -contribution))
    return [
        Importance(names[place], rank, float(gain[place]), float(contribution[place]))
        for rank, place in enumerate(order.tolist(), start=1)
    ]
