"""Leak guards: what must hold of a fold before its figures may be believed, checked on the rows themselves."""

import calendar
import datetime
from dataclasses import dataclass

import numpy as np

from ml.split import LABEL_MONTHS, Fold, Observations
from warehouse.errors import UserError


@dataclass(frozen=True)
class GuardResult:
    """What was found in a fold.

    Attributes:
        training_companies, test_companies: How many were compared; none is in both.
        last_similar_since: Latest day on which a group of the training or test rows was first known to be similar.
        last_training_label_until: Day on which the latest twelve months of a training label end.
        first_test_observation: Earliest day observed in the test part.
    """

    training_companies: int
    test_companies: int
    last_similar_since: datetime.date
    last_training_label_until: datetime.date
    first_test_observation: datetime.date


def _label_until(observed_on: datetime.date) -> datetime.date:
    # on purpose not `split.add_months`: a guard that shares the arithmetic would share its mistakes
    year, month = divmod(observed_on.year * 12 + observed_on.month - 1 + LABEL_MONTHS, 12)
    return datetime.date(year, month + 1, min(observed_on.day, calendar.monthrange(year, month + 1)[1]))


def check_fold(observations: Observations, fold: Fold) -> GuardResult:
    """Check that a fold's test part is unseen: other companies, later than every training label, in groups known then.

    Args:
        observations: All rows.
        fold: Indices of training and test rows, neither empty.

    Raises:
        UserError: When a company is in both parts, a training label's months reach into the test part, a group was not
            known to be similar before the cut, or a training row is older than its group.
    """
    part = fold.part
    trained = np.unique(np.concatenate([part.fit, part.slice, part.refit]))
    training_companies, test_companies = (np.unique(observations.company[rows]) for rows in (trained, fold.test))
    shared = np.intersect1d(training_companies, test_companies)
    if len(shared):
        raise UserError(
            f"company {observations.company_numbers[shared[0]]} is in the training and in the test part, with "
            f"{len(shared) - 1} others; split_bucket must be the same in all rows of a company: correct marts.to_train"
        )
    last_label = _label_until(observations.observed_on[trained].max().item())
    first_test: datetime.date = observations.observed_on[fold.test].min().item()
    if last_label >= first_test:
        raise UserError(
            f"a training label runs until {last_label}, but the test part begins on {first_test}; "
            "its figures would be too good: correct ml.split"
        )
    last_similar: datetime.date = observations.similar_since[np.concatenate([trained, fold.test])].max().item()
    if last_similar >= part.cut:
        raise UserError(
            f"a group first known to be similar on {last_similar} is in a fold that knows nothing after {part.cut}; "
            "its figures would be too good: correct ml.split"
        )
    if (observations.similar_since[trained] > observations.observed_on[trained]).any():
        raise UserError(
            "training rows are older than the first user of their group, which they are only there for; "
            "the fold's figures would be misleading: correct ml.split"
        )
    return GuardResult(len(training_companies), len(test_companies), last_similar, last_label, first_test)
