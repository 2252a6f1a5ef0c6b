"""Charges of sample companies as the register has them, and the persons entitled."""

from dataclasses import dataclass

import numpy as np

from ingestion.sample import names
from ingestion.sample.borrowing import Draft, pick_holders
from ingestion.sample.chance import DAY, NEVER, Days, Positions, Texts, draw, happens, pick
from ingestion.sample.companies import Companies

# Companies House Free Company Data Product, 2020-05 sample, and the register's own statistics; Open Government Licence.
LAG_MEDIAN_DAYS, LAG_Q90_DAYS = 6, 16
NORMAL_Q90 = 1.2816
PUBLIC_AFTER_CREATION_DAYS = 21  # by law the latest registration; stands in for a missing one

# Ours.
UNREGISTERED_SHARE = 0.02
UNPARSEABLE_DATES = ("31/02/2020", "00/00/0000", "2021-04-07", "12/2019")
UNPARSEABLE_SHARE = 0.003
CENTURY_DAYS = 36_524
FORMS = ((np.datetime64("2009-10-01"), "395", "410"), (np.datetime64("2013-04-06"), "MG01", "MG01S"))
PARTICULARS = (
    "Fixed and floating charge over all assets. Contains negative pledge.",
    "Contains fixed charge. Contains negative pledge.",
    "Contains floating charge. Floating charge covers all the property or undertaking of the company.",
    "All book and other debts, present and future, and all purchased debts which fail to vest absolutely.",
    "The freehold property known as the land and buildings on the north side of the road. Contains fixed charge.",
    "A specific charge over the plant and machinery described in the schedule; see image for full details.",
)
SECURED = (
    "All monies due or to become due from the company to the chargee on any account whatsoever",
    "£250,000 and all other monies due or to become due",
    "All monies due or to become due under the terms of the agreement creating the charge",
)


@dataclass(frozen=True)
class Charges:
    """Charges as they are delivered, one element a charge.

    Attributes:
        company: Position of the company.
        number: Number of the charge within the company.
        created, registered, satisfied: As meant; no date where blank.
        created_text, registered_text: What is delivered instead where the date does not parse; else blank.
        visible: Day from which the charge is delivered.
        form, secured, particulars: As delivered.
        holder: Name as filed.
        second_holder: Name of a second person entitled; blank where there is none.
        certainty: Of the holder being an invoice financier: certain, possible or no.
        provider: House of the holder; blank where it is none of the named ones.
    """

    company: Positions
    number: Positions
    created: Days
    registered: Days
    satisfied: Days
    created_text: Texts
    registered_text: Texts
    visible: Days
    form: Texts
    secured: Texts
    particulars: Texts
    holder: Texts
    second_holder: Texts
    certainty: Texts
    provider: Texts

    def __len__(self) -> int:
        """Count the charges."""
        return len(self.company)

    def public(self) -> Days:
        """Return the day on which each charge is public by its delivered dates; no date where neither parses."""
        created = np.where(self.created_text == "", self.created, NEVER)
        registered = np.where(self.registered_text == "", self.registered, NEVER)
        return np.where(np.isnat(registered), created + PUBLIC_AFTER_CREATION_DAYS * DAY, registered)


def _holders(rng: np.random.Generator, draft: Draft) -> tuple[Texts, Texts, Texts]:
    """Name the holders: name as filed, certainty, provider."""
    listed, holder = names.chargeholders(), draft.holder.copy()
    for kind in sorted(set(draft.kind) - {"obscure", "person"}):
        open_places = np.flatnonzero((draft.kind == kind) & (holder < 0))
        holder[open_places] = pick_holders(rng, kind, len(open_places))
    name = np.array([listed[place].name if place >= 0 else "" for place in holder.tolist()], dtype=object)
    name = np.where(draft.kind == "obscure", names.obscure_companies(rng, len(name)), name)
    name = np.where(draft.kind == "person", names.persons(rng, len(name)), name)
    certainty = np.where(np.isin(draft.kind, ["certain", "possible"]), draft.kind, "no")
    provider = np.array([listed[place].provider if place >= 0 else "" for place in holder.tolist()], dtype=object)
    return names.spellings(rng, name), certainty, provider


def _numbers(company: Positions, public: Days) -> Positions:
    """Count each company's charges in the order in which they become public."""
    order = np.lexsort((np.arange(len(company)), public, company))
    starts = np.flatnonzero(np.diff(company[order], prepend=-1))
    first = np.repeat(starts, np.diff(np.append(starts, len(order))))
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.arange(len(order)) - first + 1
    return numbers


def _forms(companies: Companies, company: Positions, created: Days) -> Texts:
    scottish = companies.register[company] == "SC"
    form = np.where(companies.company_type[company] == "LLP", "LLMR01", "MR01").astype(object)
    for before, usual, in_scotland in reversed(FORMS):
        form = np.where(created < before, np.where(scottish, in_scotland, usual), form)
    return form


def _lags(rng: np.random.Generator, size: int) -> Positions:
    """Draw days from creation to registration: skewed, some far beyond the 21 days of the law."""
    spread = np.log(LAG_Q90_DAYS / LAG_MEDIAN_DAYS) / NORMAL_Q90
    usual = LAG_MEDIAN_DAYS * np.exp(spread * rng.normal(0, 1, size))
    return np.rint(np.where(happens(rng, 0.02, size), rng.uniform(25, 300, size), usual)).astype(np.int64)


def draw_charges(rng: np.random.Generator, companies: Companies, draft: Draft) -> Charges:
    """Write charges up as the register has them.

    Args:
        rng: Source of chance.
        companies: Who borrows.
        draft: From whom, and when.
    """
    size = len(draft.company)
    unregistered = happens(rng, UNREGISTERED_SHARE, size)
    lags = _lags(rng, size)
    born = companies.incorporation[draft.company]
    by_law = draft.public - PUBLIC_AFTER_CREATION_DAYS * DAY
    created = np.where(unregistered, by_law, np.maximum(draft.public - lags * DAY, born))
    registered = np.where(unregistered, NEVER, draft.public)
    undated = draft.trap == "undated"
    century = np.where(draft.trap == "mistyped century", CENTURY_DAYS, 0) * DAY
    odd = pick(rng, UNPARSEABLE_DATES, size)
    holder, certainty, provider = _holders(rng, draft)
    second = draw(rng, {"person": 0.03, "company": 0.02, "": 0.95}, size)
    second_holder = np.where(second == "person", names.persons(rng, size), "")
    second_holder = np.where(second == "company", names.obscure_companies(rng, size), second_holder)
    return Charges(
        company=draft.company,
        number=_numbers(draft.company, draft.public),
        created=np.where(undated, NEVER, created + century),
        registered=np.where(undated, NEVER, registered + century),
        satisfied=draft.satisfied,
        created_text=np.where(happens(rng, UNPARSEABLE_SHARE, size) & ~undated, odd, ""),
        registered_text=np.where(happens(rng, UNPARSEABLE_SHARE, size) & ~undated & ~unregistered, odd, ""),
        visible=draft.public,
        form=_forms(companies, draft.company, created),
        secured=np.where(happens(rng, 0.4, size), pick(rng, SECURED, size), ""),
        particulars=np.where(happens(rng, 0.85, size), pick(rng, PARTICULARS, size), ""),
        holder=holder,
        second_holder=second_holder,
        certainty=certainty,
        provider=provider,
    )
