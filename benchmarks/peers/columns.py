"""Names of columns that the peers in Python share."""

MONEY = [
    "turnover", "export_turnover", "cost_of_sales", "gross_profit", "wages", "depreciation", "operating_profit",
    "interest_payable", "profit_before_tax", "taxation", "profit_after_tax", "dividends", "tangible_assets",
    "intangible_assets", "stock", "trade_debtors", "other_debtors", "cash", "current_assets", "total_assets",
    "trade_creditors", "bank_overdraft", "short_term_loans", "current_liabilities", "long_term_liabilities",
    "issued_capital", "retained_earnings", "shareholders_funds",
]  # fmt: skip
LEVELS = [
    "turnover", "gross_profit", "operating_profit", "profit_before_tax", "wages", "interest_payable", "dividends",
    "tangible_assets", "stock", "trade_debtors", "other_debtors", "cash", "current_assets", "total_assets",
    "trade_creditors", "bank_overdraft", "short_term_loans", "current_liabilities", "long_term_liabilities",
    "retained_earnings", "shareholders_funds", "employees", "net_cash_from_operations", "net_cash_from_financing",
    "working_capital", "contingent_liability",
]  # fmt: skip
RATIOS = {
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
GROWTH = [
    "turnover", "operating_profit", "trade_debtors", "cash", "total_assets", "trade_creditors", "current_liabilities",
    "shareholders_funds", "employees",
]  # fmt: skip
