"""The rows that one training learns from where it knows more than it needs: drawn by a hash, weighted for the rest."""

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml.split import Observations, Part

Rows = NDArray[np.intp]
Hashes = NDArray[np.uint64]


def _mixed(values: Hashes) -> Hashes:
    """Spread numbers over all 64 bits (the finaliser of splitmix64, Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed


def row_hashes(observations: Observations, rows: Rows, seed: int) -> Hashes:
    """Hash rows by company number and day observed, whatever their place and whatever other rows there are.

    Args:
        observations: All rows.
        rows: Which to hash.
        seed: Other seeds give other hashes.
    """
    companies, place = np.unique(observations.company[rows], return_inverse=True)
    numbers = observations.company_numbers[companies].tolist()
    of_company = np.fromiter(
        (int.from_bytes(hashlib.blake2b(f"{seed}|{number}".encode(), digest_size=8).digest()) for number in numbers),
        dtype=np.uint64,
        count=len(numbers),
    )
    days = observations.observed_on[rows].astype("datetime64[D]").astype(np.int64).astype(np.uint64)
    return _mixed(of_company[place] ^ _mixed(days))


def _smallest(rows: Rows, hashes: Hashes, number: int) -> Rows:
    return np.sort(rows[np.argsort(hashes, kind="stable")[:number]])


def drawn(part: Part, observations: Observations, most: int, seed: int) -> tuple[Part, Observations]:
    """Draw the rows that a training learns from, where its part has more than it may.

    The training goes on as if to_train had held no others. Of the positives, which are what there is least of, all are
    taken, or as many as make half of the rows; the rest are negatives. Each stands for those of its class that were
    not drawn, so the weights of either class have the same sum as before.

    Args:
        part: The rows that may be used; `fit` and `slice` are among `refit`.
        observations: All rows.
        most: Rows to learn from at most, all stages of the training together.
        seed: Of the draw.

    Returns:
        The part with the drawn rows only, and the observations with weights that hold for them; both as they were when
        there are no more rows than that.
    """
    if len(part.refit) <= most:
        return part, observations
    is_positive = observations.label[part.refit]
    positives, negatives = part.refit[is_positive], part.refit[~is_positive]
    wanted = min(len(positives), max(most // 2, most - len(negatives)))
    hashes = row_hashes(observations, part.refit, seed)
    weight = observations.weight.copy()
    is_drawn = np.zeros(len(weight), dtype=np.bool_)
    for rows, of_rows, number in (
        (positives, hashes[is_positive], wanted),
        (negatives, hashes[~is_positive], most - wanted),
    ):
        kept = _smallest(rows, of_rows, number)
        is_drawn[kept] = True
        if number < len(rows):
            weight[rows] *= observations.weight[rows].sum() / observations.weight[kept].sum()
    fewer = replace(
        part,
        fit=part.fit[is_drawn[part.fit]],
        slice=part.slice[is_drawn[part.slice]],
        refit=part.refit[is_drawn[part.refit]],
    )
    return fewer, replace(observations, weight=weight)
