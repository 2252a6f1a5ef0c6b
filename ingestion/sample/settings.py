"""How large a sample is and which months it covers."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.errors import UserError

MOST_COMPANIES = 10_000_000


@dataclass(frozen=True)
class SampleSettings:
    """What to make.

    Attributes:
        companies: Number of companies over all deliveries.
        seed: Same seed, same bytes.
        stock_month: Month of the stock delivery, `YYYY-MM`.
        monthly_deliveries: Number of months delivered after it.
        established: Share of companies, 0 to 1, that are as old as the history or older; the others have the ages of
            the register, where half are younger than five years.
    """

    companies: int = 20_000
    seed: int = 20_260_801
    stock_month: str = "2026-08"
    monthly_deliveries: int = 3
    established: float = 0.0


def companies_of(text: str) -> int:
    """Read a number of companies.

    Args:
        text: From 1 to `MOST_COMPANIES`, in digits.

    Raises:
        ValueError: When it is none; the message says so of the text.
    """
    if not (text.isdecimal() and text.isascii() and 0 < int(text) <= MOST_COMPANIES):
        raise ValueError(f"{text} is not a number of companies from 1 to {MOST_COMPANIES:,}; write one such as 20000")
    return int(text)


def share_of(text: str) -> float:
    """Read a share.

    Args:
        text: A decimal number from 0 to 1.

    Raises:
        ValueError: When it is none; the message says so of the text.
    """
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text} is not a share from 0 to 1; write one such as 0.85")
    return share


def read_sample_settings(environment: Mapping[str, str] = os.environ) -> SampleSettings | None:
    """Read `SAMPLE_COMPANIES`, the number of companies; the rest is as it is by default. None where it is not set.

    Args:
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When it is no number of companies.
    """
    companies = environment.get("SAMPLE_COMPANIES", "")
    if not companies:
        return None
    try:
        return SampleSettings(companies=companies_of(companies))
    except ValueError as error:
        raise UserError(f"SAMPLE_COMPANIES={error}") from None
