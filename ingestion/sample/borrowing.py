"""Who among the sample companies borrows from whom, and when: users of invoice finance and everybody else."""

from dataclasses import dataclass, fields, replace

import numpy as np

from ingestion.sample.chance import (
    DAY,
    NEVER,
    Days,
    Flags,
    Numbers,
    Positions,
    Texts,
    draw,
    happens,
    next_working_day,
    uniform_days,
)
from ingestion.sample.companies import Companies
from ingestion.sample.names import chargeholders
from ingestion.sample.take_up import TakeUp

INVOICE_FINANCIER = "invoice_financier"
SWITCHES_A_YEAR = 0.078  # makes 18.4 % of new invoice-finance charges changes of provider, as on the register
INVOICE_FINANCE_YEARS = 5.0
TWO_CHARGES_SHARE = 0.15
POSSIBLE_A_LEVEL = 1.1
OTHER_KINDS = {"bank": 0.55, "property_lender": 0.14, "asset_lender": 0.09, "public_body": 0.015, "landlord": 0.015,
               "pension_trustee": 0.01, "obscure": 0.12, "person": 0.06}  # fmt: skip
TYPICAL_LOG_TURNOVER = np.log(300_000)
TRAPS_A_COMPANY = 0.0008


@dataclass(frozen=True)
class Draft:
    """Charges before they are written up, one element a charge.

    Attributes:
        company: Position of the company.
        public: Day on which it becomes public.
        satisfied: Day on which it is satisfied; no date where it never is.
        kind: Kind of the holder, or `certain` or `possible` for an invoice financier.
        holder: Position in the list of chargeholders; -1 where any of the kind will do.
        trap: `mistyped century` or `undated` for a charge that must not make a user; else blank.
    """

    company: Positions
    public: Days
    satisfied: Days
    kind: Texts
    holder: Positions
    trap: Texts


def _any_holder(company: Positions, public: Days, satisfied: Days, kind: Texts | str, trap: str = "") -> Draft:
    """Draft charges whose holder is still open."""
    size = len(company)
    kinds = np.full(size, kind, dtype=object) if isinstance(kind, str) else kind
    return Draft(company, public, satisfied, kinds, np.full(size, -1), np.full(size, trap, dtype=object))


def _later(rng: np.random.Generator, dates: Days, mean_years: float) -> Days:
    wait = np.ceil(rng.exponential(mean_years * 365.25, len(dates))).astype(np.int64)
    return next_working_day(dates + wait * DAY)


def pick_holders(rng: np.random.Generator, kind: str, size: int) -> Positions:
    """Draw positions in the list of chargeholders.

    Args:
        rng: Source of chance.
        kind: Kind of the holders, or `certain` or `possible` for invoice financiers.
        size: How many.
    """
    listed = chargeholders()
    chosen = [
        place
        for place, holder in enumerate(listed)
        if kind == (holder.certainty if holder.kind == INVOICE_FINANCIER else holder.kind)
    ]
    weights = np.array([listed[place].weight for place in chosen])
    return np.array(chosen)[rng.choice(len(chosen), size=size, p=weights / weights.sum())]


def _invoice_finance(
    rng: np.random.Generator, companies: Companies, take_up: TakeUp, until: np.datetime64
) -> list[Draft]:
    """Draw the invoice-finance charges of users: the first, its twin, the ones after changes of provider."""
    providers = np.array([holder.provider for holder in chargeholders()], dtype=object)
    company = np.flatnonzero(~np.isnat(take_up.first_public))
    public = take_up.first_public[company]
    holder = pick_holders(rng, "certain", len(company))
    drafts = []
    while len(company):
        last = np.where(np.isnat(companies.dissolution[company]), until, companies.dissolution[company])
        ends, switches = _later(rng, public, INVOICE_FINANCE_YEARS), _later(rng, public, 1 / SWITCHES_A_YEAR)
        switched = (switches < ends) & (switches < last)
        overlap = rng.integers(5, 120, len(company)) * DAY
        released = np.where(switched, next_working_day(switches + overlap), ends)
        never_released = happens(rng, np.where(switched, 0.15, 0.1), len(company))
        satisfied = np.where(never_released | (released >= last), NEVER, released)
        draft = replace(_any_holder(company, public, satisfied, "certain"), holder=holder)
        drafts += [draft, select(draft, happens(rng, TWO_CHARGES_SHARE, len(company)))]
        company, public, holder = company[switched], switches[switched], holder[switched]
        following = pick_holders(rng, "certain", len(company))
        other = providers[following] != providers[holder]
        company, public, holder = company[other], public[other], following[other]
    return drafts


def _other_charges(rng: np.random.Generator, companies: Companies, size_effect: Numbers, until: np.datetime64) -> Draft:
    """Draw charges of lenders who do not buy invoices, and those of houses that sometimes do."""
    property_company = np.isin(companies.section, ["L", "F", "I"])
    chance = 1 / (1 + np.exp(-(-2.75 + 0.55 * size_effect + 0.9 * property_company)))
    has_any = happens(rng, chance, len(companies)) & companies.files_with_registrar()
    counts = has_any * (1 + rng.negative_binomial(0.5, 0.16, len(companies)))
    company = np.repeat(np.arange(len(companies)), counts)
    last = np.where(np.isnat(companies.dissolution), until, companies.dissolution)[company]
    first = np.maximum(companies.incorporation[company] + 20 * DAY, until - np.timedelta64(25 * 365, "D"))
    public = next_working_day(uniform_days(rng, first, last, len(company)))
    satisfied = np.where(happens(rng, 0.7, len(company)), _later(rng, public, 9.0), NEVER)
    satisfied = np.where(satisfied < last, satisfied, NEVER)
    draft = _any_holder(company, public, satisfied, draw(rng, OTHER_KINDS, len(company)))
    return select(draft, public < last)


def _possible(rng: np.random.Generator, companies: Companies, take_up: TakeUp, until: np.datetime64) -> Draft:
    """Draw charges of houses that finance invoices among other things."""
    company = np.flatnonzero(happens(rng, POSSIBLE_A_LEVEL * take_up.level / (1 + take_up.level), len(companies)))
    first = np.maximum(companies.incorporation[company] + 60 * DAY, until - np.timedelta64(10 * 365, "D"))
    last = np.where(np.isnat(companies.dissolution[company]), until, companies.dissolution[company])
    public = next_working_day(uniform_days(rng, first, last, len(company)))
    satisfied = _later(rng, public, 8.0)
    draft = _any_holder(company, public, np.where(satisfied < last, satisfied, NEVER), "possible")
    return select(draft, public < last)


def _traps(rng: np.random.Generator, take_up: TakeUp, taken: Flags, stock_until: np.datetime64) -> list[Draft]:
    """Draw charges that must not make a user: dated a century late, or not dated at all."""
    free = np.flatnonzero(np.isnat(take_up.first_public) & ~taken)
    count = min(len(free), 2 * max(1, round(TRAPS_A_COMPANY * len(take_up.first_public))))
    company = rng.choice(free, size=count, replace=False)
    public = next_working_day(stock_until - rng.integers(40, 900, count) * DAY)
    never = np.full(count, NEVER)
    half = count // 2
    return [
        _any_holder(company[:half], public[:half], never[:half], "certain", trap="mistyped century"),
        _any_holder(company[half:], public[half:], never[half:], "certain", trap="undated"),
    ]


def select(draft: Draft, chosen: Flags) -> Draft:
    """Keep some of the charges."""
    return Draft(**{part.name: getattr(draft, part.name)[chosen] for part in fields(Draft)})


def draw_borrowing(
    rng: np.random.Generator,
    companies: Companies,
    take_up: TakeUp,
    log_turnover: Numbers,
    *,
    stock_until: np.datetime64,
    until: np.datetime64,
) -> Draft:
    """Draw who borrows from whom, and when.

    Args:
        rng: Source of chance.
        companies: Who borrows.
        take_up: When each company starts to use invoice finance.
        log_turnover: Logarithm of a typical yearly turnover in pounds, shape (companies,).
        stock_until: First day after the stock's history.
        until: First day after the last delivery's history.
    """
    possible = _possible(rng, companies, take_up, until)
    taken = ~np.isnat(companies.dissolution) | (companies.incorporation > stock_until - 1000 * DAY)
    taken |= ~companies.files_with_registrar()
    taken[possible.company] = True
    drafts = [
        *_invoice_finance(rng, companies, take_up, until),
        possible,
        _other_charges(rng, companies, log_turnover - TYPICAL_LOG_TURNOVER, until),
        *_traps(rng, take_up, taken, stock_until),
    ]
    return Draft(
        **{part.name: np.concatenate([getattr(draft, part.name) for draft in drafts]) for part in fields(Draft)}
    )
