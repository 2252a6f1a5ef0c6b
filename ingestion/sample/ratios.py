"""The second file of accounts: cash flow, ratios and people, in step with the first."""

from dataclasses import dataclass

import numpy as np

from ingestion.sample.accounts import FULL_TYPES, Accounts
from ingestion.sample.chance import Flags, Numbers, Texts, draw, happens, pick

DELIVERED_SHARE = 0.92
AUDITORS = ("Baker Hill LLP", "Harris & Cooper", "Kelly Marshall LLP", "Wood Turner Audit Limited", "Scott Bailey & Co")
BANKERS = (
    "Barclays Bank PLC",
    "Lloyds Bank PLC",
    "National Westminster Bank PLC",
    "HSBC UK Bank PLC",
    "Santander UK PLC",
)
QUALIFICATIONS = ("Unqualified", "Unqualified", "Unqualified", "Unqualified", "Going concern", "Qualified")
LARGEST_RATIO = 9_999.0


@dataclass(frozen=True)
class Particulars:
    """What the second file adds by chance, one element an account.

    Attributes:
        delivered: Whether the accounts are in the second file.
        cash_share: Net cash from operations over operating profit before depreciation.
        financing_share: Net cash from financing over total assets.
        contingent_liability, auditor, qualification, banker: As delivered; blank where unknown.
    """

    delivered: Flags
    cash_share: Numbers
    financing_share: Numbers
    contingent_liability: Texts
    auditor: Texts
    qualification: Texts
    banker: Texts


def draw_particulars(rng: np.random.Generator, accounts: Accounts) -> Particulars:
    """Draw what the second file adds to accounts; audited ones name the auditor."""
    size, companies = len(accounts), int(accounts.company.max(initial=-1)) + 1
    full = np.isin(accounts.accounts_type, FULL_TYPES)
    auditor = pick(rng, AUDITORS, max(companies, 1))[accounts.company]
    banker = pick(rng, (*BANKERS, "", "", "", "", ""), max(companies, 1))[accounts.company]
    return Particulars(
        delivered=happens(rng, DELIVERED_SHARE, size),
        cash_share=np.where(full, rng.normal(0.9, 0.3, size), np.nan),
        financing_share=np.where(full, rng.normal(0, 0.08, size), np.nan),
        contingent_liability=np.where(full, draw(rng, {"Y": 0.1, "N": 0.9}, size), ""),
        auditor=np.where(full, auditor, ""),
        qualification=np.where(full, pick(rng, QUALIFICATIONS, size), ""),
        banker=banker,
    )


def _quotient(over: Numbers, under: Numbers, scale: float) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.round(over / under * scale, 2)
    return np.where(np.isfinite(result) & (np.abs(result) <= LARGEST_RATIO), result, np.nan)


def ratios(values: dict[str, Numbers], particulars: Particulars) -> dict[str, Numbers]:
    """Compute the numbers of the second file from the first, by column name; a silent input makes a silent result.

    Args:
        values: Numbers of the first file, by column name, shape (n,).
        particulars: Of the same accounts.
    """
    debt = (
        np.nan_to_num(values["bank_overdraft"])
        + np.nan_to_num(values["short_term_loans"])
        + values["long_term_liabilities"]
    )
    funds = np.where(values["shareholders_funds"] > 0, values["shareholders_funds"], np.nan)
    return {
        "net_cash_from_operations": (values["operating_profit"] + values["depreciation"]) * particulars.cash_share,
        "net_cash_from_financing": values["total_assets"] * particulars.financing_share,
        "capital_employed": values["total_assets"] - values["current_liabilities"],
        "working_capital": values["current_assets"] - values["current_liabilities"],
        "net_worth": values["shareholders_funds"] - np.nan_to_num(values["intangible_assets"]),
        "current_ratio": _quotient(values["current_assets"], values["current_liabilities"], 1),
        "gearing_percent": _quotient(debt, funds, 100),
        "debtor_days": _quotient(values["trade_debtors"], values["turnover"], 365),
        "creditor_days": _quotient(values["trade_creditors"], values["turnover"], 365),
    }
