"""Features of to_train and to_predict, from the descriptions of their columns."""

import pandas as pd

from tests.integration.recomputation.deliveries import ACCOUNTS, MONEY
from tests.integration.recomputation.values import days_between, ratio

AMOUNT_FEATURES = [
    "turnover",
    "gross_profit",
    "operating_profit",
    "profit_before_tax",
    "wages",
    "interest_payable",
    "dividends",
    "tangible_assets",
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
    "retained_earnings",
    "shareholders_funds",
    "employees",
]
RATIO_FEATURES = {
    "gross_margin": ("gross_profit", "turnover"),
    "operating_margin": ("operating_profit", "turnover"),
    "wages_to_turnover": ("wages", "turnover"),
    "exports_to_turnover": ("export_turnover", "turnover"),
    "turnover_per_employee": ("turnover", "employees"),
    "interest_cover": ("operating_profit", "interest_payable"),
    "cash_to_total_assets": ("cash", "total_assets"),
    "debtors_to_total_assets": ("trade_debtors", "total_assets"),
    "debtors_to_current_assets": ("trade_debtors", "current_assets"),
    "stock_to_total_assets": ("stock", "total_assets"),
    "tangible_to_total_assets": ("tangible_assets", "total_assets"),
    "equity_to_total_assets": ("shareholders_funds", "total_assets"),
    "current_liabilities_to_total_assets": ("current_liabilities", "total_assets"),
    "cash_to_current_liabilities": ("cash", "current_liabilities"),
    "debtors_to_creditors": ("trade_debtors", "trade_creditors"),
}
GROWTH_FEATURES = [
    "turnover",
    "operating_profit",
    "trade_debtors",
    "cash",
    "total_assets",
    "trade_creditors",
    "current_liabilities",
    "shareholders_funds",
    "employees",
]


def other_charges(observed: pd.DataFrame, matched: pd.DataFrame) -> pd.DataFrame:
    """Counts and age of the charges public by observed_on that are not, and cannot be, invoice finance."""
    others = matched[~matched["certainty"].isin(["certain", "possible"])]
    pairs = observed[[*ACCOUNTS, "observed_on"]].merge(
        others[["company_number", "public_date", "satisfied_date"]], on="company_number"
    )
    pairs = pairs[pairs["public_date"] <= pairs["observed_on"]]
    pairs = pairs.assign(is_outstanding=~(pairs["satisfied_date"] <= pairs["observed_on"]))
    counts = pairs.groupby(ACCOUNTS, as_index=False).agg(
        other_charges=("public_date", "size"),
        other_charges_outstanding=("is_outstanding", "sum"),
        latest=("public_date", "max"),
    )
    found = observed[[*ACCOUNTS, "observed_on"]].merge(counts, on=ACCOUNTS, how="left")
    found["days_since_other_charge"] = days_between(found["latest"], found["observed_on"])
    for name in ("other_charges", "other_charges_outstanding"):
        found[name] = found[name].fillna(0).astype("Int64")
    return found[["other_charges", "other_charges_outstanding", "days_since_other_charge"]]


def features(seen: pd.DataFrame, matched: pd.DataFrame, accounts_types: pd.Series) -> pd.DataFrame:
    """One column a feature, in the order of the marts; `seen` has observations, attributes, ratios and lags."""
    own_debtor_days = 365 * ratio(seen["trade_debtors"], seen["turnover"])
    previous_debtor_days = 365 * ratio(seen["trade_debtors_previous"], seen["turnover_previous"])
    own_creditor_days = 365 * ratio(seen["trade_creditors"], seen["cost_of_sales"])
    own_current_ratio = ratio(seen["current_assets"], seen["current_liabilities"])
    columns = {
        "company_group": seen["company_group"],
        "sector": seen["sector"],
        "line_of_business": seen["line_of_business"],
        "size_band": seen["size_band"],
        "region": seen["region"],
        "postcode_area": seen["postcode_area"],
        "company_age_years": days_between(seen["incorporation_date"], seen["observed_on"]).astype("Float64") / 365.25,
        "accounts_type": seen["accounts_type"].map(accounts_types.str.lower()).fillna(seen["accounts_type"]),
        "consolidated": seen["consolidated"].astype("Int64"),
        "weeks": seen["weeks"],
        "filing_delay_days": days_between(seen["accounts_date"], seen["filed_date"]),
        "months_since_previous": seen["months_since_previous"],
        "missing_amounts": seen[MONEY].isna().sum(axis=1).astype("Int64"),
        **{name: seen[name] for name in AMOUNT_FEATURES},
        "net_cash_from_operations": seen["net_cash_from_operations"],
        "net_cash_from_financing": seen["net_cash_from_financing"],
        "working_capital": seen["working_capital"],
        "contingent_liability": seen["contingent_liability"].astype("Int64"),
        "debtor_days": own_debtor_days.fillna(seen["debtor_days"]),
        "creditor_days": own_creditor_days.fillna(seen["creditor_days"]),
        "current_ratio": own_current_ratio.fillna(seen["current_ratio"]),
        "gearing_percent": seen["gearing_percent"],
        **{name: ratio(seen[part], seen[whole]) for name, (part, whole) in RATIO_FEATURES.items()},
        **{f"{name}_growth": seen[f"{name}_growth"] for name in GROWTH_FEATURES},
        "debtor_days_change": own_debtor_days - previous_debtor_days,
    }
    return pd.DataFrame(columns).join(other_charges(seen, matched))
