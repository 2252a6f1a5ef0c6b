"""Blocks of companies: each drawn by chance of its own and written as lines, whatever becomes of the others."""

import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ingestion.contract import Contract, Table
from ingestion.sample.accounts import deliverable_accounts
from ingestion.sample.books import draw_panel
from ingestion.sample.borrowing import draw_borrowing
from ingestion.sample.charges import draw_charges
from ingestion.sample.companies import draw_companies
from ingestion.sample.dirt import add_rows, soil_values
from ingestion.sample.lines import Lines, write_lines
from ingestion.sample.lookups import lookups
from ingestion.sample.ratios import draw_particulars
from ingestion.sample.rows import BLOCK_FILES, Block, Rows, lookup_rows
from ingestion.sample.schedule import Delivery, schedule
from ingestion.sample.settings import SampleSettings
from ingestion.sample.take_up import draw_take_up
from ingestion.sample.truth import Truth

SHUFFLED_HEADERS = {("AC01", 1), ("CI01", 2)}  # file and place of the delivery in the schedule
ONLY_BARE_NEWLINES = {("LUDF01", 0), ("LULQ01", 2)}
NUMBERED_BLOCKS = 100  # by two digits; those after them by a letter and a digit or letter

FileKey = tuple[int, str]  # place of the delivery in the schedule, name of the file


@dataclass(frozen=True)
class Layout:
    """How one file of one delivery is written.

    Attributes:
        delivery: Whose file it is.
        table: Contract of the file.
        order: Column names as in the file's header.
        only_bare: Whether all lines end with a bare newline.
    """

    delivery: Delivery
    table: Table
    order: tuple[str, ...]
    only_bare: bool


@dataclass(frozen=True)
class Plan:
    """All that decides on the deliveries.

    Attributes:
        settings: How large the sample is and which months it covers.
        contract: Shape of the deliveries.
        block_companies: Companies a block; they bound memory, and another number makes another country.
    """

    settings: SampleSettings
    contract: Contract
    block_companies: int

    @property
    def blocks(self) -> int:
        """Number of blocks; the last one may be smaller."""
        return -(-self.settings.companies // self.block_companies)

    @cached_property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The stock and the months after it."""
        return schedule(self.settings.stock_month, self.settings.monthly_deliveries)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Place of each file in the contract, by name."""
        return {name: position for position, name in enumerate(self.contract.tables)}

    @cached_property
    def layouts(self) -> dict[FileKey, Layout]:
        """How each file is written, delivery by delivery in the order of the contract."""
        layouts = {}
        for place, delivery in enumerate(self.deliveries):
            for name, table in self.contract.tables.items():
                order = [column.name for column in table.columns]
                if (name, place) in SHUFFLED_HEADERS:
                    rng = np.random.default_rng([self.settings.seed, place, self.positions[name]])
                    order = [order[column] for column in rng.permutation(len(order)).tolist()]
                only_bare = (name, place) in ONLY_BARE_NEWLINES
                layouts[place, name] = Layout(delivery, table, tuple(order), only_bare)
        return layouts


@dataclass(frozen=True)
class Written:
    """A block as it is delivered: its lines by file, and the truth about it."""

    lines: dict[FileKey, Lines]
    truth: Truth


def serial(block: int, place: int) -> str:
    """Return four characters that no other block and delivery have, for the numbers of companies never delivered.

    Args:
        block: Number of the block, below 1,036.
        place: Place of the delivery in the schedule, below 100.
    """
    if block < NUMBERED_BLOCKS:
        return f"{block:02d}{place % 100:02d}"
    letter, other = divmod(block - NUMBERED_BLOCKS, len(string.digits + string.ascii_uppercase))
    return f"{string.ascii_uppercase[letter]}{(string.digits + string.ascii_uppercase)[other]}{place % 100:02d}"


def draw_block(plan: Plan, number: int) -> Block:
    """Draw all that happens to the companies of a block.

    Args:
        plan: What to make.
        number: Which block.
    """
    settings = plan.settings
    rng = np.random.default_rng([settings.seed, number])
    size = min(plan.block_companies, settings.companies - number * plan.block_companies)
    stock_until, until = plan.deliveries[0].until, plan.deliveries[-1].until
    companies = draw_companies(rng, size, until, number, plan.blocks, established=settings.established)
    panel = draw_panel(rng, companies, until)
    take_up = draw_take_up(rng, companies, panel, until)
    accounts = deliverable_accounts(rng, companies.company_type, panel, stock_until, until)
    log_turnover = np.log(np.maximum(np.median(panel.values["turnover"], axis=1), 1))
    borrowing = draw_borrowing(rng, companies, take_up, log_turnover, stock_until=stock_until, until=until)
    charges = draw_charges(rng, companies, borrowing)
    return Block(companies, accounts, draw_particulars(rng, accounts), charges)


def _lines(rng: np.random.Generator, plan: Plan, layout: Layout, rows: Rows) -> Lines:
    known = {name: rows.columns[name] for name in layout.order if name in rows.columns}
    lines = write_lines(rng, plan.contract, layout.table, layout.order, known, only_bare=layout.only_bare)
    lines.counts.update(rows.planted)
    return lines


def write_block(plan: Plan, number: int) -> Written:
    """Draw a block and write its lines for every file of every delivery.

    Args:
        plan: What to make.
        number: Which block.
    """
    block, truth, lines = draw_block(plan, number), Truth(), {}
    truth.add(block, plan.deliveries[-1])
    for (place, name), layout in plan.layouts.items():
        if name in BLOCK_FILES:
            rng = np.random.default_rng([plan.settings.seed, number, place, plan.positions[name]])
            rows = BLOCK_FILES[name](block, layout.delivery)
            delivered = {column: rows.columns[column] for column in layout.order if column in rows.columns}
            rows = soil_values(rng, layout.table, Rows(delivered, rows.dirty, rows.planted))
            rows = add_rows(rng, layout.table, rows, serial(number, place))
            lines[place, name] = _lines(rng, plan, layout, rows)
    return Written(lines, truth)


def write_lookups(plan: Plan) -> Iterator[tuple[FileKey, Lines]]:
    """Write the lines of the lookups, which every delivery has whole."""
    for (place, name), layout in plan.layouts.items():
        if name in lookups():
            rng = np.random.default_rng([plan.settings.seed, plan.blocks, place, plan.positions[name]])
            yield (place, name), _lines(rng, plan, layout, lookup_rows(name))
