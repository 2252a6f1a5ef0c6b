"""From statements and sizes to bytes and dollars; nothing here reads or writes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from warehouse.cost.scans import Read, Relation
from warehouse.cost.sizes import WHOLE, Size
from warehouse.prices import Prices

STEPS = ("seeds", "staging", "intermediate", "marts", "tests", "hooks", "unload")


@dataclass(frozen=True)
class Statement:
    """A statement that Athena bills.

    Attributes:
        node: Node of dbt that it is run for, by its unique id, or words.
        step: One of `STEPS`.
        reads: Its scans.
        partition: The one partition that it reads of each relation that has partitions; None for all.
        other_bytes: What it reads besides tables, at any number of companies.
    """

    node: str
    step: str
    reads: tuple[Read, ...] = ()
    partition: str | None = None
    other_bytes: int = 0


@dataclass(frozen=True)
class Sum:
    """What statements cost together.

    Attributes:
        queries: How many.
        scanned_bytes: What they scan.
        usd: What they cost, each rounded up as Athena does.
    """

    queries: int
    scanned_bytes: float
    usd: float


def scanned(statement: Statement, sizes: Mapping[Relation, Size], factor: float) -> float:
    """Estimate the bytes that a statement scans.

    Args:
        statement: The statement.
        sizes: Measured sizes of the relations.
        factor: How many times as many companies as were measured.
    """
    total = float(statement.other_bytes)
    for read in statement.reads:
        size = sizes[read.relation]
        partition = None if WHOLE in size.bytes else statement.partition
        total += size.of(read.columns, partition) * (factor if size.is_of_companies else 1)
    return total


def add_up(
    statements: Iterable[Statement], sizes: Mapping[Relation, Size], factor: float, prices: Prices
) -> dict[str, Sum]:
    """Add up statements by step, in the order of `STEPS`, and in all under `total`."""
    found: dict[str, list[float]] = {step: [] for step in STEPS}
    for statement in statements:
        found[statement.step].append(scanned(statement, sizes, factor))
    sums = {step: _sum(each, prices) for step, each in found.items()}
    return sums | {"total": _sum([bytes_ for each in found.values() for bytes_ in each], prices)}


def by_node(statements: Iterable[Statement], sizes: Mapping[Relation, Size], factor: float) -> dict[str, float]:
    """Add up the bytes of the statements of each node."""
    found: dict[str, float] = {}
    for statement in statements:
        found[statement.node] = found.get(statement.node, 0.0) + scanned(statement, sizes, factor)
    return found


def _sum(scans: Sequence[float], prices: Prices) -> Sum:
    return Sum(len(scans), sum(scans), sum(prices.query(round(bytes_)) for bytes_ in scans))
