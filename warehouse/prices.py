"""What AWS asks for, by its published prices, in US dollars before tax."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.errors import UserError

MEGABYTE = 1 << 20
GIGABYTE = 1 << 30
TERABYTE = 1 << 40
# Athena bills a query that scans less as if it scanned so much.
LEAST_BILLED_BYTES = 10 * MEGABYTE
# On-demand queries and S3 Standard, region eu-west-2 (London).
LOOKED_UP = "2026-11-20"
ATHENA_USD_PER_TB = 5.0
S3_USD_PER_GB_MONTH = 0.024


@dataclass(frozen=True)
class Prices:
    """Prices in US dollars.

    Attributes:
        athena_tb: Of a terabyte (2^40 bytes) that Athena scans.
        s3_gb_month: Of a gigabyte (2^30 bytes) that S3 keeps for a month.
    """

    athena_tb: float = ATHENA_USD_PER_TB
    s3_gb_month: float = S3_USD_PER_GB_MONTH

    def query(self, scanned_bytes: int) -> float:
        """Price a query on Athena: what it scanned, rounded up to the megabyte, and at least 10 MB."""
        megabytes = -(-max(scanned_bytes, LEAST_BILLED_BYTES) // MEGABYTE)
        return megabytes * MEGABYTE / TERABYTE * self.athena_tb

    def storage(self, stored_bytes: float) -> float:
        """Price a month of keeping so many bytes in S3."""
        return stored_bytes / GIGABYTE * self.s3_gb_month


def read_prices(environment: Mapping[str, str] = os.environ) -> Prices:
    """Read `ATHENA_USD_PER_TB` and `S3_USD_PER_GB_MONTH`, for other regions and later price lists.

    Args:
        environment: Variables to read; a blank one counts as unset.

    Raises:
        UserError: When one is no price.
    """

    def price(variable: str, default: float) -> float:
        text = environment.get(variable, "")
        try:
            value = float(text) if text else default
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise UserError(f"{variable}={text} is not a price in US dollars; write it as 5 or 0.024")
        return value

    return Prices(price("ATHENA_USD_PER_TB", ATHENA_USD_PER_TB), price("S3_USD_PER_GB_MONTH", S3_USD_PER_GB_MONTH))
