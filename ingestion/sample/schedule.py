"""The deliveries of a sample: one stock, then one a month."""

from dataclasses import dataclass

import numpy as np

from ingestion.contract import Contract


@dataclass(frozen=True)
class Delivery:
    """One delivery and the days that it covers.

    Attributes:
        kind: `S` for a stock, `M` for a month.
        month: Month of the delivery, `YYYY-MM`.
        since: First day covered; None for a stock, which covers all history.
        until: First day no longer covered, the first of the month.
    """

    kind: str
    month: str
    since: np.datetime64 | None
    until: np.datetime64

    def folder(self, contract: Contract) -> str:
        """Name of its folder on the server."""
        pattern = contract.stock_folder if self.kind == "S" else contract.monthly_folder
        return pattern.format(YYYYMM=self.month.replace("-", ""))

    def member(self, contract: Contract, file: str) -> str:
        """Name of the text in the archive of a file."""
        return contract.member.format(FILE=file, KIND=self.kind, YYYYMM=self.month.replace("-", ""))

    def archive(self, contract: Contract, file: str) -> str:
        """Name of the archive of a file."""
        return contract.archive.format(FILE=file, KIND=self.kind, YYYYMM=self.month.replace("-", ""))


def schedule(stock_month: str, monthly_deliveries: int) -> tuple[Delivery, ...]:
    """List the deliveries of a sample, the stock first.

    Args:
        stock_month: Month of the stock, `YYYY-MM`; everything public before its first day is in it.
        monthly_deliveries: Number of months delivered after it.
    """
    stock = np.datetime64(stock_month, "M")
    deliveries = [Delivery("S", stock_month, None, stock.astype("datetime64[D]"))]
    for ahead in range(1, monthly_deliveries + 1):
        month = stock + np.timedelta64(ahead, "M")
        since = (month - np.timedelta64(1, "M")).astype("datetime64[D]")
        deliveries.append(Delivery("M", str(month), since, month.astype("datetime64[D]")))
    return tuple(deliveries)
