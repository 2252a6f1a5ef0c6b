"""When the accounts of sample companies end and when they become public."""

import numpy as np

from ingestion.sample.chance import DAY, NEVER, Days, Flags, Positions, days, happens, next_working_day
from ingestion.sample.companies import Companies

YEARS = 8
PERIODS = YEARS + 1
SHORTEST_MONTHS, LONGEST_MONTHS = 6, 18
SHORTEST_PERIOD = np.timedelta64(150, "D")
DEADLINE_DAYS = 276  # nine months
CHANGED_YEAR_END_SHARE = 0.025
LATE_SHARE = 0.09
AFTER_THE_NEXT_SHARE = 0.006
UNDATED_SHARE = 0.015
LOST_SHARE = 0.015
NEVER_FILES_SHARE = 0.05


def month_end(months: Days, day: Positions) -> Days:
    """Return a day of months: `day` (1 to 28), or the last one where it is 0."""
    last = (months + np.timedelta64(1, "M")).astype("datetime64[D]") - DAY
    return np.where(day > 0, months.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]"), last)


def add_months(dates: Days, months: int) -> Days:
    """Add months to days; the day of the month is kept, or becomes the month's last."""
    month = dates.astype("datetime64[M]")
    day = (dates - month.astype("datetime64[D]")).astype(np.int64)
    target = month + np.timedelta64(months, "M")
    length = ((target + np.timedelta64(1, "M")).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(
        np.int64
    )
    return np.asarray(target.astype("datetime64[D]") + np.minimum(day, length - 1).astype("timedelta64[D]"))


def period_ends(rng: np.random.Generator, companies: Companies, until: np.datetime64) -> tuple[Days, Days]:
    """Draw the last day of each period and the day before its first, shape (companies, PERIODS).

    Args:
        rng: Source of chance.
        companies: Whose periods.
        until: First day after the last delivery's history; the first period ends about eight years before it.
    """
    size = len(companies)
    month = until.astype("datetime64[M]")
    first = month - np.timedelta64(12 * YEARS + 3, "M")
    offset = (companies.reference_month - 1 - first.astype(np.int64)) % 12
    established = first + offset.astype("timedelta64[M]")
    own = companies.incorporation.astype("datetime64[M]")
    wait = (companies.reference_month - 1 - own.astype(np.int64)) % 12
    young = own + np.where(wait < SHORTEST_MONTHS, wait + 12, wait).astype("timedelta64[M]")
    start = np.where(young > established, young, established)
    gaps = np.where(
        happens(rng, CHANGED_YEAR_END_SHARE, (size, PERIODS)),
        rng.integers(SHORTEST_MONTHS, LONGEST_MONTHS + 1, (size, PERIODS)),
        12,
    )
    gaps[:, 0] = 0
    months = start[:, None] + np.cumsum(gaps, axis=1).astype("timedelta64[M]")
    end = month_end(months, companies.reference_day[:, None])
    begin = np.empty_like(end)
    begin[:, 1:] = end[:, :-1]
    year_before = month_end(start - np.timedelta64(12, "M"), companies.reference_day)
    begin[:, 0] = np.where(companies.incorporation > year_before, companies.incorporation - DAY, year_before)
    return end, begin


def filing(
    rng: np.random.Generator, companies: Companies, end: Days, begin: Days, until: np.datetime64
) -> tuple[Days, Days, Flags]:
    """Draw the day from which accounts are public, their filing day as delivered, and whether they are ever delivered.

    Most are filed shortly before the deadline of nine months, some late, a few after the next ones; a few lack the day.
    The registrar files nothing on a weekend.

    Args:
        rng: Source of chance.
        companies: Who files.
        end: Last days of the periods, shape (companies, PERIODS).
        begin: Days before the first ones, same shape.
        until: First day on which nothing is public any more.
    """
    shape = end.shape
    habit = rng.gamma(1.6, 28, (shape[0], 1))
    lag = DEADLINE_DAYS - np.minimum(habit + rng.gamma(1.2, 18, shape), DEADLINE_DAYS - 20)
    lag = np.where(happens(rng, LATE_SHARE, shape), DEADLINE_DAYS + rng.exponential(60, shape), lag)
    lag = np.where(happens(rng, AFTER_THE_NEXT_SHARE, shape), rng.uniform(380, 700, shape), lag)
    filed = next_working_day(end + days(lag))
    undated = happens(rng, UNDATED_SHARE, shape)
    visible = np.where(undated, np.maximum(filed, add_months(end, 9)), filed)
    dissolution = np.where(np.isnat(companies.dissolution), np.datetime64("2999-12-31"), companies.dissolution)[:, None]
    exists = (
        companies.files_with_registrar()[:, None]
        & (end - begin >= SHORTEST_PERIOD)
        & (end > companies.incorporation[:, None])
        & (visible < until)
        & (visible < dissolution)
        & ~happens(rng, LOST_SHARE, shape)
        & ~happens(rng, NEVER_FILES_SHARE, (shape[0], 1))
    )
    return visible, np.where(undated, NEVER, filed), exists
