"""What was delivered: rows of the texts, typed, and of each key the current one."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from tests.integration.recomputation.values import (
    read_booleans,
    read_company_numbers,
    read_dates,
    read_decimal_numbers,
    read_whole_numbers,
)

SURROUNDING = " \t\n\v\f\r\x1c\x1d\x1e\x1f"
MONEY = [
    "turnover",
    "export_turnover",
    "cost_of_sales",
    "gross_profit",
    "wages",
    "depreciation",
    "operating_profit",
    "interest_payable",
    "profit_before_tax",
    "taxation",
    "profit_after_tax",
    "dividends",
    "tangible_assets",
    "intangible_assets",
    "stock",
    "trade_debtors",
    "other_debtors",
    "cash",
    "current_assets",
    "total_assets",
    "trade_creditors",
    "bank_overdraft",
    "short_term_loans",
    "current_liabilities",
    "long_term_liabilities",
    "issued_capital",
    "retained_earnings",
    "shareholders_funds",
]
AMOUNTS = [*MONEY, "employees"]
COMPANY = ["company_number"]
ACCOUNTS = ["company_number", "accounts_date"]
CHARGE = ["company_number", "charge_number"]


def lines(path: Path) -> Iterator[list[str | None]]:
    """Header and rows of one delivered text; what is ragged or not of its encoding is left out."""
    width = 0
    for line in path.read_bytes().split(b"\n"):
        try:
            values = [value.strip(SURROUNDING) or None for value in line.decode("windows-1252").split("|")]
        except UnicodeDecodeError:
            continue
        width = width or len(values)
        if len(values) == width:
            yield values


def delivered(texts: Path, file: str, horizon: dt.date) -> pd.DataFrame:
    """Rows of a file in the order in which they came: delivery after delivery, a stock before its month's changes."""

    def place(path: Path) -> tuple[str, bool]:
        _, kind, stamp = path.parent.name.split("_")
        return stamp, kind == "M"

    frames = []
    for path in sorted(texts.glob(f"UKLTD_?_*/{file}_?_*.txt"), key=place):
        if place(path)[0] <= f"{horizon:%Y%m%d}":
            header, *rows = lines(path)
            frames.append(pd.DataFrame(rows, columns=header, dtype="str"))
    return pd.concat(frames, ignore_index=True)


def current_rows(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return rows.dropna(subset=key).drop_duplicates(key, keep="last").reset_index(drop=True)


@dataclass(frozen=True)
class Deliveries:
    """Current rows of the files, typed, of all that was delivered until the horizon's month."""

    texts: Path
    horizon: dt.date

    def rows(self, file: str) -> pd.DataFrame:
        found = delivered(self.texts, file, self.horizon)
        if "company_number" in found:
            found["company_number"] = read_company_numbers(found["company_number"])
        return found

    @cached_property
    def companies(self) -> pd.DataFrame:
        found = self.rows("CI01")
        for name in ("incorporation_date", "dissolution_date"):
            found[name] = read_dates(found[name])
        return current_rows(found, COMPANY)

    def of_delivered_companies(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["company_number"].isin(self.companies["company_number"])].reset_index(drop=True)

    @cached_property
    def accounts(self) -> pd.DataFrame:
        found = self.rows("AC01")
        for name in ("accounts_date", "filed_date"):
            found[name] = read_dates(found[name])
        for name in MONEY:
            found[name] = read_whole_numbers(found[name])
        for name in ("weeks", "employees"):
            found[name] = read_whole_numbers(found[name], bits=32)
        found["consolidated"] = read_booleans(found["consolidated"])
        return self.of_delivered_companies(current_rows(found, ACCOUNTS))

    @cached_property
    def accounts_ratios(self) -> pd.DataFrame:
        found = self.rows("AC06")
        found["accounts_date"] = read_dates(found["accounts_date"])
        for name in ("net_cash_from_operations", "net_cash_from_financing", "working_capital"):
            found[name] = read_whole_numbers(found[name])
        for name in ("current_ratio", "gearing_percent", "debtor_days", "creditor_days"):
            found[name] = read_decimal_numbers(found[name])
        found["contingent_liability"] = read_booleans(found["contingent_liability"])
        return current_rows(found, ACCOUNTS)

    @cached_property
    def charges(self) -> pd.DataFrame:
        found = self.rows("MR01")
        found["charge_number"] = read_whole_numbers(found["charge_number"], bits=32)
        for name in ("created_date", "registered_date", "satisfied_date"):
            found[name] = read_dates(found[name])
        return self.of_delivered_companies(current_rows(found, CHARGE))

    @cached_property
    def chargeholders(self) -> pd.DataFrame:
        found = self.rows("MR02")
        for name in ("charge_number", "person_number"):
            found[name] = read_whole_numbers(found[name], bits=32)
        return current_rows(found, [*CHARGE, "person_number"])

    def lookup(self, file: str) -> pd.Series:
        return current_rows(self.rows(file), ["code"]).set_index("code")["description"]


def seed(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
