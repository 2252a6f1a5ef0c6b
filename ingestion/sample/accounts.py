"""Accounts of sample companies as they are delivered: what each kind of accounts shows of the books."""

from dataclasses import dataclass

import numpy as np

from ingestion.sample.books import Panel
from ingestion.sample.chance import (
    DAY,
    NEVER,
    Days,
    Flags,
    Numbers,
    Positions,
    Texts,
    by_habit,
    draw,
    happens,
    uniform_days,
)

PROFIT_AND_LOSS = (
    "turnover", "cost_of_sales", "gross_profit", "wages", "depreciation", "operating_profit", "interest_payable",
    "profit_before_tax", "taxation", "profit_after_tax", "dividends",
)  # fmt: skip
MICRO_FILES = (
    "current_assets", "total_assets", "current_liabilities", "long_term_liabilities", "shareholders_funds", "employees",
)  # fmt: skip
MONEY = (
    *PROFIT_AND_LOSS, "export_turnover", "tangible_assets", "intangible_assets", "stock", "trade_debtors",
    "other_debtors", "cash", "current_assets", "total_assets", "trade_creditors", "bank_overdraft", "short_term_loans",
    "current_liabilities", "long_term_liabilities", "issued_capital", "retained_earnings", "shareholders_funds",
)  # fmt: skip
FULL_TYPES = ("MED", "FUL", "GRP")
DORMANT = "DOR"
# Turnover in pounds above which a company chooses between these, the thresholds of the Companies Act 2006.
TYPES_BY_TURNOVER = {
    0: {"MIC": 0.48, "TEF": 0.42, "UAB": 0.06, "TES": 0.04},
    632e3: {"TEF": 0.62, "UAB": 0.1, "SML": 0.18, "FUL": 0.08, "AES": 0.02},
    10.2e6: {"SML": 0.06, "MED": 0.12, "GRP": 0.12, "FUL": 0.7},
    36e6: {"GRP": 0.28, "FUL": 0.72},
}
PLC_TYPES = TYPES_BY_TURNOVER[36e6]
NOTES, MICRO_NOTES = 0.85, 0.15  # chance that small and micro accounts break an item down
RESTATED_SHARE = 0.006
RESTATED_AFTER = 31 * DAY  # so that the correction is in another month than the accounts


@dataclass(frozen=True)
class Accounts:
    """Accounts as they are delivered, one element a company and period end.

    Attributes:
        company: Position of the company.
        end, filed: As delivered.
        visible: Day from which the delivered row is known.
        restated: Day from which the restated numbers are known; no date where they never change.
        accounts_type, currency, consolidated: As delivered.
        weeks: Length of the period.
        values: Whole pounds or heads by column name; not a number where the accounts are silent.
        restated_values: The same after restatement.
    """

    company: Positions
    end: Days
    filed: Days
    visible: Days
    restated: Days
    accounts_type: Texts
    currency: Texts
    consolidated: Texts
    weeks: Numbers
    values: dict[str, Numbers]
    restated_values: dict[str, Numbers]

    def __len__(self) -> int:
        """Count the accounts."""
        return len(self.company)


def _accounts_types(rng: np.random.Generator, turnover: Numbers, company: Positions, company_type: Texts) -> Texts:
    """Choose what a company files by its size; the habit is the company's own. No small-company regime is for PLCs."""
    habit = rng.random(len(company_type))[company]
    kind = np.full(len(company), DORMANT, dtype=object)
    for more_than, shares in TYPES_BY_TURNOVER.items():
        kind = np.where(turnover > more_than, by_habit(habit, shares), kind)
    return np.where(company_type[company] == "PLC", by_habit(habit, PLC_TYPES), kind)


def _hide(
    rng: np.random.Generator, values: dict[str, Numbers], kind: Texts, company: Positions, companies: int
) -> None:
    """Blank what accounts of a type do not show, in place."""
    full = np.isin(kind, FULL_TYPES)
    shows_profit = rng.random(companies)[company] < np.select(
        [full, kind == "SML", kind == DORMANT], [1.0, 0.35, 0.0], 0.08
    )
    micro = np.isin(kind, ["MIC", DORMANT])
    notes = rng.random((companies, len(MONEY)))[company]
    for position, name in enumerate(MONEY):
        if name in PROFIT_AND_LOSS or name == "export_turnover":
            hidden = ~shows_profit
        elif name in MICRO_FILES:
            hidden = np.zeros(len(kind), dtype=bool)
        else:
            hidden = np.where(micro, notes[:, position] > MICRO_NOTES, ~full & (notes[:, position] > NOTES))
        if name in {"export_turnover", "bank_overdraft", "intangible_assets", "dividends"}:
            hidden |= values[name] == 0
        values[name] = np.where(hidden, np.nan, values[name])
    values["employees"] = np.where(happens(rng, 0.25, len(kind)), np.nan, values["employees"])


def _restate(rng: np.random.Generator, values: dict[str, Numbers], restated: Flags) -> dict[str, Numbers]:
    """Correct a debt of others: the assets and the owners' funds move alike, so the balance sheet still balances."""
    correction = np.rint(np.nan_to_num(values["total_assets"]) * rng.uniform(0.02, 0.2, len(restated)) + 1) * restated
    moved = ("other_debtors", "current_assets", "total_assets", "retained_earnings", "shareholders_funds")
    return {name: value + correction if name in moved else value for name, value in values.items()}


def deliverable_accounts(
    rng: np.random.Generator, company_type: Texts, panel: Panel, stock_until: np.datetime64, until: np.datetime64
) -> Accounts:
    """Turn the books into accounts as filed.

    Args:
        rng: Source of chance.
        company_type: Of each company, shape (companies,).
        panel: The books.
        stock_until: First day after the stock; restatements come later than that, so that a later month shows them.
        until: First day on which nothing is public any more.
    """
    companies = panel.end.shape[0]
    company, period = np.nonzero(panel.exists)
    values = {name: value[company, period] for name, value in panel.values.items()}
    kind = _accounts_types(rng, values["turnover"], company, company_type)
    _hide(rng, values, kind, company, companies)
    visible = panel.visible[company, period]
    restated = uniform_days(rng, stock_until, until, len(company))
    is_restated = happens(rng, RESTATED_SHARE, len(company)) & (restated > visible + RESTATED_AFTER)
    return Accounts(
        company=company,
        end=panel.end[company, period],
        filed=panel.filed[company, period],
        visible=visible,
        restated=np.where(is_restated, restated, NEVER),
        accounts_type=np.where(happens(rng, 0.01, len(company)), "", kind),
        currency=draw(rng, {"GBP": 0.99, "EUR": 0.01}, companies)[company],
        consolidated=np.where(kind == "GRP", "Y", "N").astype(object),
        weeks=np.where(happens(rng, 0.9, len(company)), panel.weeks[company, period], np.nan),
        values=values,
        restated_values=_restate(rng, values, is_restated),
    )
