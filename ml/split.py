"""Who is trained on and who is tested: split by time with a purge of the label's months, and by company.

The rule in one place: a part with a *cut* knows what was known on that day. A label is known twelve months after its
observation, so a part trains on observations whose twelve months end by the cut, in groups that were known to be
similar before it. The test window is the last year of observations whose labels are known by the horizon; its cut is
the day the window begins after, so no training label reaches into it. Walking forward, the same is done as at earlier
horizons, a year apart.
"""

import datetime
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LABEL_MONTHS = 12
WINDOW_MONTHS = 12
BUCKETS = 100
SINGLE_TEST_BUCKETS = 20
NAIVE_SHARE = 0.2  # of the rows that a careless split tests, and of the others that it calibrates on

Days = NDArray[np.datetime64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Observations:
    """The rows of `marts.to_train` without their features, all of length n.

    Attributes:
        company: Index of the company in `company_numbers`.
        company_numbers: Distinct company numbers, sorted.
        observed_on: Day the accounts were public.
        similar_since: Day the row's group was first known to be similar.
        split_bucket: Bucket of the company, 0 to 99.
        label: Whether the company became a user within twelve months.
        weight: How many observations of the population the row stands for.
    """

    company: NDArray[np.int64]
    company_numbers: NDArray[np.str_]
    observed_on: Days
    similar_since: Days
    split_bucket: NDArray[np.int64]
    label: Mask
    weight: NDArray[np.float64]

    @cached_property
    def known_on(self) -> Days:
        """Day on which the twelve months of each row's label end; kept, since every part of a split asks for it."""
        return add_months(self.observed_on, LABEL_MONTHS)


@dataclass(frozen=True)
class Part:
    """Rows (as sorted indices) that one model may learn from.

    Attributes:
        cut: Day at whose end of knowledge the model stands.
        inner_cut: The cut of the model that finds the number of rounds: two years earlier.
        fit: Rows that model trains on.
        slice: The latest year of the part: early stopping and calibration.
        refit: All rows of the part, for the final model.
    """

    cut: datetime.date
    inner_cut: datetime.date
    fit: NDArray[np.intp]
    slice: NDArray[np.intp]
    refit: NDArray[np.intp]


@dataclass(frozen=True)
class Fold:
    """One test of models on later months of companies they never saw.

    Attributes:
        part: What the models learn from.
        test: Rows that are scored.
        missed: Positives of the test companies and window whose group was not known to be similar at the cut.
        stands_for: Each of its rows counts so many times its weight, where it stands for folds that are not tested.
    """

    part: Part
    test: NDArray[np.intp]
    missed: NDArray[np.intp]
    stands_for: float = 1.0


def add_months(days: Days, months: int) -> Days:
    """Add calendar months to days, keeping the day of the month or the month's last day where it is shorter.

    Args:
        days: Any shape, unit day.
        months: May be negative.
    """
    month = days.astype("datetime64[M]")
    day_of_month = (days - month.astype("datetime64[D]")).astype(np.int64)
    target = month + months
    length = ((target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(np.int64)
    shifted: Days = target.astype("datetime64[D]") + np.minimum(day_of_month, length - 1)
    return shifted


def shift_date(day: datetime.date, months: int) -> datetime.date:
    """Add calendar months to one day, as `add_months` does."""
    return datetime.date.fromisoformat(str(add_months(np.array(day, dtype="datetime64[D]"), months)))


def _window(observations: Observations, after: datetime.date, until: datetime.date) -> Mask:
    """Rows observed after one day whose labels are known by another."""
    known = observations.known_on <= np.datetime64(until)
    window: Mask = known & (observations.observed_on > np.datetime64(after))
    return window


def _known(observations: Observations, cut: datetime.date) -> Mask:
    """Rows whose labels are known by the cut, observed when their group was known to be similar.

    Older rows of a group are in the table because of what came after them, its first user: learning from them makes
    every rare group look like a good one.
    """
    known = observations.known_on <= np.datetime64(cut)
    mask: Mask = known & (observations.similar_since <= observations.observed_on)
    return mask


def training_part(observations: Observations, cut: datetime.date, companies: Mask | None = None) -> Part:
    """Rows that a model standing at a cut may learn from.

    The inner model that finds the number of rounds and calibrates is itself a fold in time: it stands two years
    earlier and is watched on the year of observations whose labels became known last.

    Args:
        observations: All rows.
        cut: Nothing that became known later is used.
        companies: Rows of the companies that may be used, shape (n,); None for all.
    """
    allowed = np.ones(len(observations.label), dtype=bool) if companies is None else companies
    inner_cut = shift_date(cut, -LABEL_MONTHS - WINDOW_MONTHS)
    similar = observations.similar_since < np.datetime64(inner_cut)
    return Part(
        cut=cut,
        inner_cut=inner_cut,
        fit=np.flatnonzero(allowed & _known(observations, inner_cut)),
        slice=np.flatnonzero(allowed & similar & _window(observations, inner_cut, cut)),
        refit=np.flatnonzero(allowed & _known(observations, cut)),
    )


def evaluation_cut(horizon_date: datetime.date) -> datetime.date:
    """Find the day that the test window begins after: two years before the horizon."""
    return shift_date(horizon_date, -LABEL_MONTHS - WINDOW_MONTHS)


def walk_forward(horizon_date: datetime.date, windows: int) -> list[datetime.date]:
    """List the horizons to test at, a year apart: the test windows follow one another, the last ends at the horizon."""
    return [shift_date(horizon_date, -WINDOW_MONTHS * back) for back in reversed(range(windows))]


def evaluation_folds(observations: Observations, horizon_date: datetime.date, company_folds: int) -> list[Fold]:
    """Split for the evaluation: every fold tests its companies in the test window and trains on the others' past.

    Args:
        observations: All rows.
        horizon_date: Labels known by this day are used: the marts' horizon, or one of `walk_forward` before it.
        company_folds: Parts of the companies by `split_bucket`, each tested once; with 1, a fifth is tested.
    """
    cut = evaluation_cut(horizon_date)
    window = _window(observations, cut, horizon_date)
    similar = observations.similar_since < np.datetime64(cut)
    folds = []
    for number in range(company_folds):
        if company_folds == 1:
            tested = observations.split_bucket < SINGLE_TEST_BUCKETS
        else:
            tested = observations.split_bucket * company_folds // BUCKETS == number
        folds.append(
            Fold(
                part=training_part(observations, cut, ~tested),
                test=np.flatnonzero(tested & window & similar),
                missed=np.flatnonzero(tested & window & ~similar & observations.label),
            )
        )
    return folds


def enough_folds(folds: list[Fold], label: Mask, positives: int) -> list[Fold]:
    """Leave out the folds after those that have so many positives in their test: they cost more than they tell.

    Args:
        folds: Of one window; their companies fall to them by a hash, so any of them is like the others.
        label: Of all rows.
        positives: So many are enough.

    Returns:
        The first folds, whose rows stand for those left out too.
    """
    tested = np.cumsum([label[fold.test].sum() for fold in folds])
    kept = folds[: int(np.searchsorted(tested, positives)) + 1]
    return [replace(fold, stands_for=len(folds) / len(kept)) for fold in kept]


def naive_fold(observations: Observations, horizon_date: datetime.date, seed: int) -> Fold:
    """Split as a careless notebook does, to show what that claims: rows at random, whatever their day or company.

    The rules that the other folds keep are broken one and all: training labels reach into the test part, companies are
    in both, rows are used whose group is only there because of what came later, and positives of the year that is not
    over. Its models must never be served.

    Args:
        observations: All rows.
        horizon_date: Stands for the cut, which nothing here keeps to.
        seed: Of the order.
    """
    order = np.random.default_rng(seed).permutation(len(observations.label))
    tested = round(NAIVE_SHARE * len(order))
    calibrated = tested + round(NAIVE_SHARE * (len(order) - tested))
    part = Part(
        cut=horizon_date,
        inner_cut=horizon_date,
        fit=np.sort(order[calibrated:]),
        slice=np.sort(order[tested:calibrated]),
        refit=np.sort(order[tested:]),
    )
    return Fold(part=part, test=np.sort(order[:tested]), missed=np.array([], dtype=np.intp))
