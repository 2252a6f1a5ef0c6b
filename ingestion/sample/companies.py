"""Companies of a sample: who they are, what they do, how old they are, how they end."""

import csv
from dataclasses import dataclass
from functools import cache

import numpy as np

from ingestion.sample.chance import (
    DAY,
    NEVER,
    YEAR_DAYS,
    Days,
    Flags,
    Numbers,
    Positions,
    Texts,
    days,
    draw,
    happens,
    join,
    pick,
)
from ingestion.sample.lookups import DATA, SIC07_MISSING, UNKNOWN_COMPANY_TYPE, sic07
from ingestion.sample.names import company_names, name_parts

# Shares: Companies House Free Company Data Product, 2020-05 sample; Open Government Licence.
COMPANY_TYPE_SHARES = {
    "PRI": 0.9255,
    "PLG": 0.0238,
    "LP": 0.0123,
    "PLX": 0.0101,
    "LLP": 0.0095,
    "CIC": 0.0044,
    "OTH": 0.004,
    "CIO": 0.0035,
    "RS": 0.0035,
    "PLC": 0.0013,
    "PUN": 0.0011,
    "SCIO": 0.0007,
    "ICV": 0.0002,
    UNKNOWN_COMPANY_TYPE: 0.0005,
}
SECTION_SHARES = {
    "M": 0.1589,
    "G": 0.1023,
    "F": 0.0961,
    "N": 0.095,
    "J": 0.0888,
    "L": 0.073,
    "S": 0.0483,
    "I": 0.0458,
    "": 0.0384,
    "C": 0.0381,
    "Q": 0.0359,
    "H": 0.0346,
    "K": 0.0337,
    "U": 0.0295,
    "R": 0.0238,
    "T": 0.0201,
    "P": 0.0156,
    "A": 0.0079,
    "D": 0.0055,
    "E": 0.0046,
    "B": 0.0022,
    "O": 0.0018,
}
AGE_YEARS = ((0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1), (0, 0.4, 0.7, 1.8, 5.0, 11.5, 19.8, 28.8, 57.3, 120))
ESTABLISHED_YEARS = 10  # so that nine periods of accounts fit in
# The law that made a form of company came into force on this day.
FORM_EXISTS_SINCE = {
    "LLP": np.datetime64("2001-04-06"),
    "CIC": np.datetime64("2005-07-01"),
    "SCIO": np.datetime64("2011-04-01"),
    "CIO": np.datetime64("2013-01-02"),
}
# Limited partnerships file no accounts and register no charges; charities do both elsewhere.
DO_NOT_FILE = ("LP", "CIO", "SCIO")
STATUS_SHARES = {"": 0.36, "A": 0.5732, "AP": 0.043, "L": 0.022, "IA": 0.0009, "RM": 0.0004, "AO": 0.0002, "VA": 0.0003}
UNIT_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
# First division of each SIC 2007 section.
SECTION_DIVISIONS = {
    "A": 1, "B": 5, "C": 10, "D": 35, "E": 36, "F": 41, "G": 45, "H": 49, "I": 55, "J": 58, "K": 64, "L": 68, "M": 69,
    "N": 77, "O": 84, "P": 85, "Q": 86, "R": 90, "S": 94, "T": 97, "U": 99,
}  # fmt: skip
# The rest is ours, for want of a published figure. Relative to 0.25 of every other code of the section.
COMMON_SIC07 = {
    "62020": 14, "62012": 8, "62090": 8, "70229": 14, "74909": 8, "71129": 6, "69201": 3, "68209": 12, "68100": 6,
    "41100": 8, "41202": 8, "43210": 8, "43999": 6, "43390": 6, "47910": 14, "46900": 12, "46190": 6, "45200": 6,
    "56101": 8, "56302": 6, "96090": 8, "96020": 6, "82990": 12, "78109": 10, "78200": 9, "78300": 3, "81210": 6,
    "80100": 4, "49410": 14, "53202": 8, "52290": 4, "86900": 8, "88990": 4, "85590": 6, "64209": 10, "66190": 5,
    "25620": 9, "25990": 6, "18129": 6, "22290": 4, "10890": 4, "28990": 4, "32990": 4, "33120": 3, "99999": 40,
    "98000": 60, "90030": 6, "59111": 4, "73110": 6,
}  # fmt: skip
SIC03_OF_SECTION = {
    "A": "0111", "B": "1411", "C": "2852", "D": "4011", "E": "3720", "F": "4521", "G": "5248", "H": "6024", "I": "5530",
    "J": "7222", "K": "6523", "L": "7020", "M": "7414", "N": "7487", "O": "7511", "P": "8042", "Q": "8514", "R": "9261",
    "S": "9305", "T": "9800", "U": "9999",
}  # fmt: skip
SIC03_ENDS = np.datetime64("2010-01-01")
DISSOLVED_SHARE = 0.16
DISSOLVED_SINCE = np.datetime64("2018-08-01")
# Company numbers ever given by year, in round figures: the number tells the age.
NUMBERS_GIVEN = (
    (1844, 1900, 1950, 1970, 1980, 1990, 2000, 2005, 2010, 2014, 2018, 2020, 2022, 2024, 2028),
    (1, 65e3, 480e3, 970e3, 1.5e6, 2.5e6, 3.9e6, 5.3e6, 7.1e6, 8.8e6, 11.1e6, 12.4e6, 13.8e6, 15.4e6, 18.4e6),
)
PREFIX_NUMBERS = {"": 18_400_000, "SC": 920_000, "NI": 740_000, "OC": 460_000, "SO": 9_000, "NC": 3_000, "LP": 26_000,
                  "SL": 37_000, "NL": 800, "CE": 44_000, "CS": 9_000, "RS": 9_900, "SP": 3_000, "NP": 900,
                  "IC": 2_600}  # fmt: skip


@dataclass(frozen=True)
class Companies:
    """Some companies, one element a company, as they will have been at the end of the schedule.

    Attributes:
        number, name, company_type, register, postcode, sic03, sic07, parent: As delivered; blank where unknown.
        section: SIC 2007 section, blank where unknown.
        incorporation, dissolution: Days; no date while the company exists.
        status, status_since: Last status and its first day; no date where it never changed.
        earlier_status: The one before it.
        reference_month: Month (1 to 12) in which its accounts end.
        reference_day: Day of that month; 0 for its last day.
        directors: Count; not a number where unknown.
        website: `Y`, `N` or blank.
    """

    number: Texts
    name: Texts
    company_type: Texts
    register: Texts
    postcode: Texts
    sic03: Texts
    sic07: Texts
    parent: Texts
    section: Texts
    incorporation: Days
    dissolution: Days
    status: Texts
    status_since: Days
    earlier_status: Texts
    reference_month: Positions
    reference_day: Positions
    directors: Numbers
    website: Texts

    def __len__(self) -> int:
        """Count the companies."""
        return len(self.number)

    def files_with_registrar(self) -> Flags:
        """Tell which companies file accounts and register charges with the registrar of companies."""
        return ~np.isin(self.company_type, DO_NOT_FILE)


@cache
def section_of(code: str) -> str:
    """Return the SIC 2007 section of a five-digit code, blank for a blank."""
    if not code:
        return ""
    return max(name for name, first in SECTION_DIVISIONS.items() if first <= int(code[:2]))


def _draw_sic07(rng: np.random.Generator, section: Texts) -> Texts:
    by_section: dict[str, dict[str, float]] = {"": {"": 1.0}}
    for code in (*sic07(), *SIC07_MISSING):
        by_section.setdefault(section_of(code), {})[code] = COMMON_SIC07.get(code, 0.25)
    codes = np.empty(len(section), dtype=object)
    for name in sorted(by_section):
        chosen = section == name
        codes[chosen] = draw(rng, by_section[name], int(chosen.sum()))
    return codes


def _incorporations(rng: np.random.Generator, company_type: Texts, until: np.datetime64, established: float) -> Days:
    """Draw days of incorporation: the ages of the register, of a young form those that it can have."""
    shares, years = AGE_YEARS
    born_after = np.array([FORM_EXISTS_SINCE.get(kind, np.datetime64("1840-01-01")) for kind in company_type])
    oldest = (until - born_after).astype(np.int64) / YEAR_DAYS
    rank = rng.random(len(company_type))
    if established:
        least = np.interp(ESTABLISHED_YEARS, years, shares)
        rank = np.where(happens(rng, established, len(rank)), least + rank * (1 - least), rank)
    age = np.interp(rank * np.interp(oldest, years, shares), shares, years)
    return np.asarray(np.maximum(until - DAY - np.floor(age * YEAR_DAYS).astype(np.int64) * DAY, born_after))


def _registers(rng: np.random.Generator, company_type: Texts) -> Texts:
    register = draw(rng, {"EW": 0.93, "SC": 0.05, "NI": 0.02}, len(company_type))
    register[company_type == "CIO"] = "EW"
    register[company_type == "SCIO"] = "SC"
    return register


def _prefixes(company_type: Texts, register: Texts) -> list[str]:
    special = {
        ("LLP", "EW"): "OC", ("LLP", "SC"): "SO", ("LLP", "NI"): "NC", ("LP", "EW"): "LP", ("LP", "SC"): "SL",
        ("LP", "NI"): "NL", ("CIO", "EW"): "CE", ("SCIO", "SC"): "CS", ("RS", "EW"): "RS", ("RS", "SC"): "SP",
        ("RS", "NI"): "NP", ("ICV", "EW"): "IC",
    }  # fmt: skip
    general = {"EW": "", "SC": "SC", "NI": "NI"}
    pairs = zip(company_type, register, strict=True)
    return [special.get((kind, place), general[place]) for kind, place in pairs]


def _numbers(prefixes: list[str], incorporation: Days, block: int, blocks: int) -> Texts:
    """Give numbers in the order of incorporation; blocks never share one, since each has its own remainder."""
    numbers = np.empty(len(prefixes), dtype=object)
    prefix = np.array(prefixes, dtype=object)
    year = 1970 + incorporation.astype("datetime64[D]").astype(np.int64) / YEAR_DAYS
    share = np.interp(year, *NUMBERS_GIVEN) / NUMBERS_GIVEN[1][-1]
    for name in sorted(set(prefixes)):
        chosen = np.flatnonzero(prefix == name)
        chosen = chosen[np.argsort(incorporation[chosen], kind="stable")]
        wanted = (share[chosen] * PREFIX_NUMBERS[name] / blocks).astype(np.int64)
        rank = np.arange(len(chosen))
        last = (10 ** (8 - len(name)) - 1 - block) // blocks  # no number is longer than the register's
        turn = np.minimum(np.maximum.accumulate(wanted - rank) + rank + 1, last - len(chosen) + 1 + rank)
        given = turn * blocks + block
        numbers[chosen] = [f"{name}{number:0{8 - len(name)}d}" for number in given.tolist()]
    return numbers


@cache
def _postcode_areas() -> dict[str, dict[str, float]]:
    """Weights of the postcode areas by register."""
    areas: dict[str, dict[str, float]] = {}
    with (DATA / "postcode_areas.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            areas.setdefault(row["register"], {})[row["area"]] = float(row["weight"])
    return areas


def _postcodes(rng: np.random.Generator, register: Texts) -> Texts:
    size = len(register)
    area = np.empty(size, dtype=object)
    for place, weights in _postcode_areas().items():
        chosen = register == place
        area[chosen] = draw(rng, weights, int(chosen.sum()))
    district, sector = rng.integers(1, 29, size).astype(str), rng.integers(0, 10, size).astype(str)
    unit = join(pick(rng, UNIT_LETTERS, size), pick(rng, UNIT_LETTERS, size))
    postcode = join(area, district.astype(object), " ", sector.astype(object), unit)
    return np.where(happens(rng, 0.03, size), "", postcode)


def _endings(rng: np.random.Generator, incorporation: Days, until: np.datetime64) -> tuple[Texts, Days, Texts, Days]:
    """Draw statuses and dissolutions: status, its first day, the status before, dissolution."""
    size = len(incorporation)
    alive = draw(rng, {"": STATUS_SHARES[""], "A": STATUS_SHARES["A"]}, size)
    status = draw(rng, STATUS_SHARES, size)
    troubled = ~np.isin(status, ["", "A"])
    # a strike-off takes months, a liquidation years
    lasting = np.where(status == "AP", 150.0, 700.0)
    since = until - DAY - days(rng.random(size) * lasting)
    first_end = np.maximum(incorporation + np.timedelta64(400, "D"), DISSOLVED_SINCE)
    span = (until - first_end).astype(np.int64)
    dissolved = happens(rng, DISSOLVED_SHARE, size) & (span > 0)
    dissolution = first_end + np.floor(rng.random(size) * np.maximum(span, 1)).astype(np.int64) * DAY
    status = np.where(dissolved, "D", status)
    earlier = np.where(dissolved, draw(rng, {"AP": 0.8, "L": 0.2}, size), alive)
    since = np.where(dissolved, dissolution, since)
    changed = (dissolved | troubled) & (since > incorporation + np.timedelta64(60, "D"))
    return (
        np.where(changed, status, alive),
        np.where(changed, since, NEVER),
        earlier,
        np.where(dissolved & changed, dissolution, NEVER),
    )


def draw_companies(
    rng: np.random.Generator,
    size: int,
    until: np.datetime64,
    block: int = 0,
    blocks: int = 1,
    *,
    established: float = 0.0,
) -> Companies:
    """Draw companies that look like the UK register.

    Shares of types, sectors, statuses, postcode areas and the ages: Companies House Free Company Data Product, 2020-05
    sample; Open Government Licence.

    Args:
        rng: Source of chance.
        size: Number of companies.
        until: First day after the last delivery's history; nothing happens on or after it.
        block: Which block of companies this is; no two share a company number.
        blocks: How many blocks there are, up to 1,000 of 10,000 companies.
        established: Share of companies that are ten years old or older, as far as their form allows, on top of those
            that the register's ages make so.
    """
    company_type = draw(rng, COMPANY_TYPE_SHARES, size)
    incorporation = _incorporations(rng, company_type, until, established)
    register = _registers(rng, company_type)
    sic07_code = _draw_sic07(rng, draw(rng, SECTION_SHARES, size))
    section = np.array([section_of(code) for code in sic07_code], dtype=object)
    trade = np.array(
        [
            code[:2] if f"trade {code[:2]}" in name_parts() else part or "U"
            for code, part in zip(sic07_code, section, strict=True)
        ],
        dtype=object,
    )
    status, status_since, earlier_status, dissolution = _endings(rng, incorporation, until)
    number = _numbers(_prefixes(company_type, register), incorporation, block, blocks)
    sic03 = np.array([SIC03_OF_SECTION.get(part, "") for part in section], dtype=object)
    own_month = (incorporation.astype("datetime64[M]").astype(np.int64) % 12) + 1
    reference = draw(rng, {"march": 0.22, "december": 0.16, "own": 0.62}, size)
    return Companies(
        number=number,
        name=company_names(rng, trade, company_type),
        company_type=company_type,
        register=register,
        postcode=_postcodes(rng, register),
        sic03=np.where((incorporation < SIC03_ENDS) & happens(rng, 0.8, size), sic03, ""),
        sic07=sic07_code,
        parent=np.where(happens(rng, 0.07, size), rng.permutation(number), ""),
        section=section,
        incorporation=incorporation,
        dissolution=dissolution,
        status=status,
        status_since=status_since,
        earlier_status=earlier_status,
        reference_month=np.select([reference == "march", reference == "december"], [3, 12], own_month),
        reference_day=np.where(happens(rng, 0.06, size), rng.integers(1, 28, size), 0),
        directors=np.where(happens(rng, 0.95, size), 1 + rng.poisson(0.9, size), np.nan),
        website=draw(rng, {"Y": 0.3, "N": 0.5, "": 0.2}, size),
    )
