"""Where the figures of a report come from: the deliveries behind them, and whether these are the sample's."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import duckdb

from ml import marts
from reports.figures import Table

READS = {
    "delivery_volumes": (
        "delivery", "delivery_kind", "snapshot_month", "landed_rows", "rejected_lines", "is_sample",
    )
}  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """A delivery.

    Attributes:
        delivery: Name of its folder.
        delivery_kind: `stock` or `monthly`.
        snapshot_month: `YYYY-MM`.
        files: How many it has.
        landed_rows, rejected_lines: Of all its files.
        is_sample: Whether it is known to be one of the sample.
    """

    delivery: str
    delivery_kind: str
    snapshot_month: str
    files: int
    landed_rows: int
    rejected_lines: int
    is_sample: bool


def read_deliveries(connection: duckdb.DuckDBPyConnection, month: str) -> list[Delivery]:
    """Read the deliveries up to a month, the earliest first.

    Args:
        connection: The warehouse.
        month: `YYYY-MM`.

    Raises:
        UserError: When the mart does not exist.
    """
    query = (
        "select delivery, delivery_kind, snapshot_month, count(*), cast(sum(landed_rows) as bigint), "
        f"cast(sum(rejected_lines) as bigint), bool_or(is_sample) from {marts.mart('delivery_volumes')} "
        "where snapshot_month <= $1 group by delivery, delivery_kind, snapshot_month "
        "order by snapshot_month, delivery_kind desc, delivery"
    )
    return [Delivery(*row) for row in marts.execute(connection, query, [month]).fetchall()]


def notice(deliveries: Sequence[Delivery]) -> str:
    """Say that the data are the sample, wholly or in part, or that nobody can tell; nothing where none is."""
    if not deliveries:
        return "No delivery behind these figures is known, so they may be of sample data."
    samples = sum(of.is_sample for of in deliveries)
    if not samples:
        return ""
    which = "All" if samples == len(deliveries) else f"{samples:,} of the"
    return (
        f"Sample data. {which} {len(deliveries):,} deliveries behind these figures are of invented companies: what is "
        "shown here proves that the machinery works, and says nothing about the real country."
    )


def delivery_table(deliveries: Sequence[Delivery]) -> Table:
    """Give the deliveries as figures of a report."""
    return Table(
        "deliveries", tuple(of.name for of in fields(Delivery)), [tuple(vars(of).values()) for of in deliveries]
    )
