"""When a sample company first sells its invoices: a hazard driven by the accounts that are public at the time."""

from dataclasses import dataclass

import numpy as np

from ingestion.sample.books import Panel
from ingestion.sample.chance import NEVER, YEAR_DAYS, Days, Numbers, next_working_day
from ingestion.sample.companies import Companies
from ingestion.sample.periods import PERIODS, YEARS

# Appetite of a sector whose customers are businesses, on the scale of the logarithm of the hazard; by SIC 2007 division
# where the section hides it.
SECTION_APPETITE = {
    "A": -1.0, "B": 0.3, "C": 1.1, "D": -0.8, "E": 0.6, "F": -0.3, "G": -0.4, "H": 1.2, "I": -2.5, "J": 0.2, "K": -1.5,
    "L": -2.5, "M": 0.0, "N": 0.5, "O": -1.5, "P": -1.5, "Q": -1.0, "R": -1.5, "S": -1.5, "T": -4.0, "U": -2.0,
    "": -0.5,
}  # fmt: skip
DIVISION_APPETITE = {"46": 1.1, "78": 2.2, "80": 1.0, "81": 0.8, "49": 1.3, "18": 1.2, "25": 1.3}
YEARLY_LEVEL = -3.51  # sets the share of companies that start in a year
FRAILTY = 0.9  # standard deviation of what no accounts tell
BEST_TURNOVER, TURNOVER_SPREAD = 3e6, 1.6
MOST_A_YEAR = 0.4
BEFORE_ACCOUNTS = -6.75
USER_YEARS_BEFORE = 5


@dataclass(frozen=True)
class TakeUp:
    """What the take-up of invoice finance looks like, one element a company.

    Attributes:
        first_public: Day on which its first invoice-finance charge becomes public; no date where it never starts.
        level: Its highest yearly hazard, a measure of how much it looks like a user; 0 where it never can be one.
    """

    first_public: Days
    level: Numbers


def appetite(companies: Companies) -> Numbers:
    """Return the appetite of each company's sector, shape (companies,)."""
    return np.array(
        [
            DIVISION_APPETITE.get(code[:2], SECTION_APPETITE[section])
            for code, section in zip(companies.sic07, companies.section, strict=True)
        ]
    )


def log_hazard(companies: Companies, panel: Panel) -> Numbers:
    """Return the logarithm of the yearly hazard that accounts speak for, shape (companies, periods).

    It rises with debtor days, the weight of trade debtors in the assets, growth and the sector's appetite, falls with
    cash and age, and peaks at a turnover of some millions.
    """
    books = panel.values
    yearly = books["turnover"] * 52 / np.maximum(panel.weeks, 1)
    log_turnover = np.log(np.maximum(yearly, 1))
    debtor_days = books["trade_debtors"] / np.maximum(yearly, 1) * YEAR_DAYS
    debtors_share = books["trade_debtors"] / np.maximum(books["total_assets"], 1)
    growth = np.zeros_like(log_turnover)
    growth[:, 1:] = np.clip(log_turnover[:, 1:] - log_turnover[:, :-1], -0.7, 0.9)
    cash = np.log((books["cash"] + 1) / np.maximum(yearly, 1))
    age = (panel.end - companies.incorporation[:, None]).astype(np.int64) / YEAR_DAYS
    size = -((log_turnover - np.log(BEST_TURNOVER)) ** 2) / (2 * TURNOVER_SPREAD**2)
    return np.asarray(
        YEARLY_LEVEL
        + appetite(companies)[:, None]
        + size
        + 1.1 * np.clip(np.log(np.maximum(debtor_days, 1) / 40), -2, 1.5)
        + 1.6 * (debtors_share - 0.35)
        + 1.6 * growth
        - 0.35 * np.clip(cash + 2.6, -3, 3)
        - 0.3 * np.log1p(np.clip(age, 0, 40) / 5)
    )


def draw_take_up(rng: np.random.Generator, companies: Companies, panel: Panel, until: np.datetime64) -> TakeUp:
    """Draw the day on which each company starts, if ever.

    The hazard is constant between two filings and follows the latest accounts public; before the first ones only the
    sector counts. Companies older than the history may have started up to five years before it. Those that do not deal
    with the registrar never start.

    Args:
        rng: Source of chance.
        companies: Who might start.
        panel: Their books.
        until: First day after the last delivery's history.
    """
    size = len(companies)
    frailty = rng.normal(0, FRAILTY, (size, 1))
    hazard = np.minimum(np.exp(log_hazard(companies, panel) + frailty), MOST_A_YEAR)
    before = np.exp(BEFORE_ACCOUNTS + 0.8 * appetite(companies)[:, None] + frailty)
    latest = np.maximum.accumulate(np.where(panel.exists, np.arange(PERIODS), -1), axis=1)
    by_period = np.where(latest < 0, before, np.take_along_axis(hazard, np.maximum(latest, 0), axis=1))

    history = until - np.timedelta64(round((YEARS + USER_YEARS_BEFORE) * YEAR_DAYS), "D")
    born = np.maximum(companies.incorporation, history).astype(np.int64)
    last = np.where(np.isnat(companies.dissolution), until, companies.dissolution).astype(np.int64)
    public = np.where(panel.exists, panel.visible.astype(np.int64), 0)
    starts = np.maximum.accumulate(np.maximum(public, born[:, None]), axis=1)
    edges = np.concatenate([born[:, None], starts, last[:, None]], axis=1)
    edges = np.minimum(edges, last[:, None])
    old = companies.incorporation < until - np.timedelta64(round((YEARS + 2) * YEAR_DAYS), "D")
    rates = np.concatenate([np.where(old[:, None], hazard[:, :1], before), by_period], axis=1)

    risk = np.cumsum(np.diff(edges, axis=1) / YEAR_DAYS * rates, axis=1)
    threshold = rng.exponential(1, (size, 1))
    passed = risk >= threshold
    segment = np.argmax(passed, axis=1)
    rows = np.arange(size)
    earlier = np.where(segment > 0, risk[rows, segment - 1], 0)
    day = edges[rows, segment] + (threshold[:, 0] - earlier) / rates[rows, segment] * YEAR_DAYS
    can = companies.files_with_registrar()
    chosen = passed.any(axis=1) & can
    first = next_working_day(np.where(chosen, day, 0).astype(np.int64).astype("datetime64[D]"))
    starts_ever = chosen & (first < last.astype("datetime64[D]"))
    return TakeUp(np.where(starts_ever, first, NEVER), hazard.max(axis=1) * can)
