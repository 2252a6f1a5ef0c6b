"""Names of companies, people and chargeholders, and the many ways in which clerks spell them."""

import csv
import string
from functools import cache
from typing import NamedTuple

import numpy as np

from ingestion.sample.chance import Texts, draw, happens, join, pick
from ingestion.sample.lookups import DATA

SUFFIXES = {"LLP": "LLP", "LP": "LP", "PLC": "PLC", "CIC": "CIC", "CIO": "CIO", "SCIO": "SCIO", "RS": "SOCIETY LIMITED"}


ORIGINS = {"brand": 0.592, "surname": 0.4, "distinctive": 0.006, "quoted": 0.002}
OBSCURE_KINDS = (
    "Properties Limited",
    "Holdings Limited",
    "Pension Trustees Limited",
    "Investments LLP",
    "(Trustees) Limited",
)
TRUSTS = (
    " AS SECURITY TRUSTEE",
    " AS SECURITY TRUSTEE FOR THE BENEFICIARIES",
    " as security trustee for itself and each group member",
    " (as Security Trustee)",
    " AS TRUSTEE FOR THE SECURED PARTIES",
    " as agent and trustee for the lenders",
)
DOUBLE_BLANK = "  "
LIMITEDS = {" Limited": 0.7, " Ltd": 0.15, " Ltd.": 0.1, ", Limited": 0.05}
AMPERSANDS = {"": 0.7, " and ": 0.2, " & ": 0.1}
CASES = {"upper": 0.55, "": 0.4, "words": 0.05}
ENDS = {"": 0.84, DOUBLE_BLANK: 0.05, " ": 0.03, "   ": 0.02, ".": 0.02} | dict.fromkeys(TRUSTS, 0.04 / len(TRUSTS))


class Chargeholder(NamedTuple):
    """A lender as the register knows it.

    Attributes:
        name: Registered name, before any clerk's spelling.
        provider: The house it belongs to.
        kind: Such as `bank` or `invoice_financier`.
        weight: How often it takes charges, relative to others of its kind.
        certainty: Whether a charge in its name means invoice finance: certain, possible or no.
    """

    name: str
    provider: str
    kind: str
    weight: float
    certainty: str


@cache
def chargeholders() -> tuple[Chargeholder, ...]:
    """Lenders who appear by name, the one list of them."""
    with (DATA / "chargeholders.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Chargeholder(row["name"], row["provider"], row["kind"], float(row["weight"]), row["certainty"])
            for row in csv.DictReader(file)
        )


@cache
def name_parts() -> dict[str, tuple[str, ...]]:
    """Read what names are made of, by kind of part."""
    parts: dict[str, tuple[str, ...]] = {}
    with (DATA / "name_parts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            parts[row["kind"]] = (*parts.get(row["kind"], ()), row["text"])
    return parts


def company_names(rng: np.random.Generator, trades: Texts, company_types: Texts) -> Texts:
    """Draw names of companies in capital letters, as the register keeps them.

    Args:
        rng: Source of chance.
        trades: SIC 2007 sections, or divisions that have a trade of their own, shape (n,).
        company_types: Codes, shape (n,).
    """
    parts, size = name_parts(), len(trades)
    origin = draw(rng, ORIGINS, size)
    first = np.where(origin == "brand", pick(rng, parts["brand"], size), pick(rng, parts["surname"], size))
    first = np.where(origin == "distinctive", pick(rng, parts["distinctive"], size), first)
    first = np.where(origin == "quoted", pick(rng, parts["quoted"], size), first)
    form = draw(rng, {"partners": 0.25, "place": 0.2, "": 0.55}, size)
    second = np.where(form == "partners", join(" & ", pick(rng, parts["surname"], size)), "")
    second = np.where(form == "place", join(" ", pick(rng, parts["brand"], size)), second)
    trade = np.empty(size, dtype=object)
    for key in sorted(set(trades)):
        chosen = trades == key
        trade[chosen] = pick(rng, parts[f"trade {key}"], int(chosen.sum()))
    suffix = np.array([SUFFIXES.get(code, "") for code in company_types], dtype=object)
    suffix = np.where(suffix == "", draw(rng, {"LIMITED": 0.7, "LTD": 0.3}, size), suffix)
    return np.array([name.upper() for name in join(first, second, " ", trade, " ", suffix)], dtype=object)


def persons(rng: np.random.Generator, size: int) -> Texts:
    """Draw names of natural persons."""
    parts = name_parts()
    middle = np.where(happens(rng, 0.5, size), join(" ", pick(rng, parts["first name"], size)), "")
    return join(pick(rng, parts["first name"], size), middle, " ", pick(rng, parts["surname"], size))


def obscure_companies(rng: np.random.Generator, size: int) -> Texts:
    """Draw names of chargeholders that no list knows: landlords, trusts, group companies."""
    parts = name_parts()
    return join(
        pick(rng, parts["brand"], size), " ", pick(rng, parts["surname"], size), " ", pick(rng, OBSCURE_KINDS, size)
    )


def _spell(name: str, limited: str, ampersand: str, case: str, end: str) -> str:
    name = name.replace(" Limited", limited)
    if ampersand:
        name = name.replace(" & ", ampersand).replace(" and ", ampersand)
    if end == DOUBLE_BLANK:
        name = name.replace(" ", end, 1)
    else:
        name += end
    return {"upper": name.upper(), "words": string.capwords(name, " "), "": name}[case]


def spellings(rng: np.random.Generator, names: Texts) -> Texts:
    """Spell names as clerks do: case, LTD, ampersand, punctuation, trustee clauses, blanks.

    None of it changes the name after normalisation: upper case, `&` to AND, everything but letters and digits to a
    blank, the trustee clause cut off, LTD to LIMITED.

    Args:
        rng: Source of chance.
        names: Registered names, shape (n,).
    """
    styles = [draw(rng, shares, len(names)) for shares in (LIMITEDS, AMPERSANDS, CASES, ENDS)]
    return np.array([_spell(*row) for row in zip(names, *styles, strict=True)], dtype=object)
