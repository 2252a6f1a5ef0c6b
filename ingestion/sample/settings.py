"""How large a sample is and which months it covers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleSettings:
    """What to make.

    Attributes:
        companies: Number of companies over all deliveries.
        seed: Same seed, same bytes.
        stock_month: Month of the stock delivery, `YYYY-MM`.
        monthly_deliveries: Number of months delivered after it.
    """

    companies: int = 20_000
    seed: int = 20_260_801
    stock_month: str = "2026-08"
    monthly_deliveries: int = 3
