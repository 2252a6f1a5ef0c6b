"""What the books of sample companies say, year after year, whether or not it is ever published."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ingestion.sample.chance import Days, Flags, Numbers, Positions, happens
from ingestion.sample.companies import Companies
from ingestion.sample.periods import filing, period_ends

# Per SIC 2007 section: operating margin, gross margin, wages, debtor days, stock days, tangible assets (of turnover).
SECTION_ECONOMICS = {
    "A": (0.06, 0.35, 0.18, 30, 60, 1.2), "B": (0.08, 0.35, 0.2, 45, 30, 0.8), "C": (0.07, 0.33, 0.25, 55, 45, 0.25),
    "D": (0.09, 0.3, 0.1, 40, 5, 1.0), "E": (0.08, 0.35, 0.22, 48, 10, 0.35), "F": (0.06, 0.25, 0.2, 38, 20, 0.1),
    "G": (0.04, 0.28, 0.12, 32, 45, 0.1), "H": (0.05, 0.25, 0.3, 50, 3, 0.3), "I": (0.05, 0.6, 0.32, 6, 10, 0.5),
    "J": (0.12, 0.6, 0.35, 45, 3, 0.05), "K": (0.2, 0.7, 0.2, 40, 0, 0.1), "L": (0.3, 0.7, 0.08, 20, 40, 3.0),
    "M": (0.15, 0.55, 0.35, 45, 2, 0.06), "N": (0.07, 0.35, 0.4, 45, 3, 0.12), "O": (0.05, 0.5, 0.4, 30, 1, 0.2),
    "P": (0.06, 0.5, 0.45, 20, 1, 0.3), "Q": (0.09, 0.5, 0.42, 20, 2, 0.3), "R": (0.05, 0.5, 0.3, 15, 5, 0.4),
    "S": (0.06, 0.55, 0.32, 12, 6, 0.2), "T": (0.01, 0.4, 0.1, 15, 0, 0.2), "U": (0.06, 0.4, 0.2, 25, 5, 0.2),
    "": (0.08, 0.4, 0.25, 32, 10, 0.2),
}  # fmt: skip
DORMANT_SIC07 = "99999"
YOUNG_YEARS = 4


@dataclass(frozen=True)
class Panel:
    """Every period of every company, filed or not, arrays of shape (companies, PERIODS).

    Attributes:
        end: Last day of the period.
        weeks: Its length.
        visible: Day from which the accounts are public.
        filed: Day of filing as delivered; no date where the delivery will not say.
        exists: Whether the accounts are ever delivered.
        values: What the books say in whole pounds (`employees` in heads), by column name, nothing hidden.
    """

    end: Days
    weeks: Positions
    visible: Days
    filed: Days
    exists: Flags
    values: dict[str, Numbers]


def _persistent(
    rng: np.random.Generator, shape: tuple[int, int], between: float, within: float, memory: float
) -> Numbers:
    """Draw a company's level plus a first-order autoregression around it, with these standard deviations."""
    noise = rng.normal(0, within, shape)
    for year in range(1, shape[1]):
        noise[:, year] = memory * noise[:, year - 1] + np.sqrt(1 - memory**2) * noise[:, year]
    return np.asarray(rng.normal(0, between, (shape[0], 1)) + noise)


def _log_turnover(rng: np.random.Generator, age: Numbers, shape: tuple[int, int]) -> Numbers:
    """Draw logarithms of yearly turnover: wide between companies, growth with some memory and fat tails."""
    start = np.log(90_000) + 1.9 * rng.normal(0, 1, shape[0]) + 0.05 * np.clip(age[:, 0], 0, 20)
    spread = np.where(age < YOUNG_YEARS, 0.26, 0.15)
    shocks = rng.standard_t(4, shape) * spread
    growth = np.empty(shape)
    growth[:, 0] = 0.03 + shocks[:, 0]
    for year in range(1, shape[1]):
        growth[:, year] = 0.03 + 0.3 * (growth[:, year - 1] - 0.03) + shocks[:, year]
    growth[:, 0] = 0
    return np.asarray(np.clip(start[:, None] + np.cumsum(np.clip(growth, -1.5, 1.5), axis=1), 0, 24))


def _books(rng: np.random.Generator, companies: Companies, end: Days, weeks: Positions) -> dict[str, Numbers]:
    shape = end.shape
    age = (end - companies.incorporation[:, None]).astype(np.int64) / 365.25
    economics = np.array([SECTION_ECONOMICS[section] for section in companies.section], dtype=float)
    margin, gross_margin, wage_share, debtor_days, stock_days, tangible = (economics[:, [item]] for item in range(6))

    def ratio(level: Numbers | float, between: float, within: float) -> Numbers:
        return np.asarray(level * np.exp(_persistent(rng, shape, between, within, 0.6)))

    def sometimes(share: float) -> Numbers:
        return np.asarray((_persistent(rng, shape, 0.8, 0.6, 0.7) > NormalDist().inv_cdf(1 - share)).astype(float))

    dormant = (companies.sic07 == DORMANT_SIC07) | happens(rng, 0.1, shape[0])
    yearly = np.where(dormant[:, None], 0, np.exp(_log_turnover(rng, age, shape)))
    profit_rate = np.clip(margin + _persistent(rng, shape, 0.07, 0.07, 0.5), -0.9, 0.7)
    books: dict[str, Numbers] = {"turnover": yearly * weeks / 52}
    turnover = books["turnover"]
    books["trade_debtors"] = yearly * ratio(debtor_days, 0.5, 0.3) / 365
    books["stock"] = yearly * ratio(stock_days, 0.6, 0.25) / 365 * happens(rng, 0.7, (shape[0], 1))
    books["other_debtors"] = yearly * ratio(0.03, 0.8, 0.5)
    books["cash"] = yearly * ratio(0.09, 1.0, 0.6) * np.exp(1.5 * profit_rate) + dormant[:, None] * ratio(50, 2.0, 0.1)
    books["tangible_assets"] = yearly * ratio(tangible * 0.6, 1.2, 0.2)
    books["intangible_assets"] = yearly * ratio(0.1, 1.2, 0.2) * happens(rng, 0.1, (shape[0], 1))
    books["trade_creditors"] = yearly * (1 - gross_margin) * ratio(50, 0.5, 0.25) / 365
    books["bank_overdraft"] = yearly * ratio(0.02, 0.8, 0.5) * sometimes(0.12)
    books["short_term_loans"] = yearly * ratio(0.03, 0.9, 0.4) * sometimes(0.25)
    other_liabilities = yearly * ratio(0.08, 0.6, 0.3)
    books = {name: np.rint(value) for name, value in books.items()}
    books["current_assets"] = books["stock"] + books["trade_debtors"] + books["other_debtors"] + books["cash"]
    books["total_assets"] = books["current_assets"] + books["tangible_assets"] + books["intangible_assets"]
    books["long_term_liabilities"] = np.rint(books["total_assets"] * ratio(0.25, 0.8, 0.2) * sometimes(0.4))
    books["current_liabilities"] = (
        books["trade_creditors"] + books["bank_overdraft"] + books["short_term_loans"] + np.rint(other_liabilities)
    )
    books["shareholders_funds"] = books["total_assets"] - books["current_liabilities"] - books["long_term_liabilities"]
    capital = np.array([1, 2, 100, 100, 1000, 10_000, 50_000])[rng.integers(0, 7, shape[0])]
    books["issued_capital"] = np.broadcast_to(capital[:, None], shape).astype(float)
    books["retained_earnings"] = books["shareholders_funds"] - books["issued_capital"]
    books["cost_of_sales"] = np.rint(
        turnover * np.clip(1 - gross_margin - _persistent(rng, shape, 0.06, 0.03, 0.5), 0.02, 1.2)
    )
    books["gross_profit"] = books["turnover"] - books["cost_of_sales"]
    books["wages"] = np.rint(turnover * np.clip(wage_share * ratio(1.0, 0.4, 0.1), 0, 0.8))
    books["depreciation"] = np.rint(books["tangible_assets"] * ratio(0.15, 0.3, 0.1))
    books["operating_profit"] = np.rint(turnover * profit_rate)
    debt = books["bank_overdraft"] + books["short_term_loans"] + books["long_term_liabilities"]
    books["interest_payable"] = np.rint(debt * ratio(0.055, 0.3, 0.1))
    books["profit_before_tax"] = books["operating_profit"] - books["interest_payable"]
    books["taxation"] = np.rint(
        np.maximum(books["profit_before_tax"], 0) * np.where(end < np.datetime64("2023-04-01"), 0.19, 0.24)
    )
    books["profit_after_tax"] = books["profit_before_tax"] - books["taxation"]
    books["dividends"] = np.rint(
        np.maximum(books["profit_after_tax"], 0) * rng.beta(1, 2, shape) * happens(rng, 0.6, shape)
    )
    books["export_turnover"] = np.rint(turnover * rng.beta(1, 4, (shape[0], 1)) * happens(rng, 0.3, (shape[0], 1)))
    books["employees"] = np.rint(yearly * wage_share / 34_000 * ratio(1.0, 0.3, 0.08) + (1 - dormant[:, None]))
    return books


def draw_panel(rng: np.random.Generator, companies: Companies, until: np.datetime64) -> Panel:
    """Draw eight years of accounts, autocorrelated from year to year, whose balance sheets balance.

    Args:
        rng: Source of chance.
        companies: Whose accounts.
        until: First day on which nothing is public any more.
    """
    end, begin = period_ends(rng, companies, until)
    weeks = np.rint((end - begin).astype(np.int64) / 7).astype(np.int64)
    visible, filed, exists = filing(rng, companies, end, begin, until)
    return Panel(end, weeks, visible, filed, exists, _books(rng, companies, end, np.maximum(weeks, 1)))
