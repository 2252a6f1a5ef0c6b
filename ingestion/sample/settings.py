"""How large a sample is and which months it covers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.errors import UserError


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


def read_sample_settings(environment: Mapping[str, str] = os.environ) -> SampleSettings:
    """Read `SAMPLE_COMPANIES`, the number of companies; the rest is as it is by default.

    Args:
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When it is not a number above 0.
    """
    companies = environment.get("SAMPLE_COMPANIES", "")
    if not companies:
        return SampleSettings()
    if not (companies.isdecimal() and companies.isascii() and int(companies) > 0):
        raise UserError(f"SAMPLE_COMPANIES={companies} is not a number of companies; write one such as 20000")
    return SampleSettings(companies=int(companies))
