"""The rules of the product told a second time, in plain Python over the delivered text.

Written from the definitions, not from the SQL, and slow on purpose: rows are dictionaries, months are added by hand.
The integration tests hold every mart against it, row for row.
"""

import calendar
import csv
import datetime as dt
import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Row = dict[str, str]
Date = dt.date

UNDECODABLE = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
SECTIONS = [
    ("A", 1, 3), ("B", 5, 9), ("C", 10, 33), ("D", 35, 35), ("E", 36, 39), ("F", 41, 43), ("G", 45, 47),
    ("H", 49, 53), ("I", 55, 56), ("J", 58, 63), ("K", 64, 66), ("L", 68, 68), ("M", 69, 75), ("N", 77, 82),
    ("O", 84, 84), ("P", 85, 85), ("Q", 86, 88), ("R", 90, 93), ("S", 94, 96), ("T", 97, 98), ("U", 99, 99),
]  # fmt: skip


def add_months(day: Date, months: int) -> Date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return Date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def as_date(text: str) -> Date | None:
    if not re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", text):
        return None
    try:
        return Date(int(text[6:]), int(text[3:5]), int(text[:2]))
    except ValueError:
        return None


def as_whole_number(text: str, bits: int = 64) -> int | None:
    if not re.fullmatch(r"-?[0-9]+", text):
        return None
    return int(text) if -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1) else None


def normalised(name: str) -> str:
    name = name.upper().replace("&", " AND ")
    name = " ".join(
        "".join(character if character.isalpha() or character.isdecimal() else " " for character in name).split()
    )
    cuts = [name.find(mark) for mark in (" AS SECURITY TRUSTEE", " AS TRUSTEE", " AS AGENT") if mark in name]
    name = name[: min(cuts)] if cuts else name
    return " ".join("LIMITED" if word == "LTD" else word for word in name.split(" "))


def size_band(amount: int | None) -> str:
    if amount is None or amount < 0:
        return "unknown"
    for band, limit in (("<100k", 10**5), ("<1m", 10**6), ("<10m", 10**7), ("<50m", 5 * 10**7)):
        if amount < limit:
            return band
    return "50m+"


def section(code: str) -> str:
    if not re.fullmatch(r"[0-9]{2}", code[:2]):
        return "unknown"
    division = int(code[:2])
    return next((name for name, first, last in SECTIONS if first <= division <= last), "unknown")


def delivered_rows(folder: Path, file: str) -> Iterator[tuple[str, bool, int, Row]]:
    """Yield month, whether monthly, line number and values of each line that fits its header."""
    for path in folder.glob(f"UKLTD_*/{file}_*.txt"):
        kind, day = path.stem.split("_")[1:]
        header: list[str] = []
        for number, ended_line in enumerate(path.read_bytes().split(b"\n"), start=1):
            line = ended_line.removesuffix(b"\r")
            if number == 1:
                header = line.decode("cp1252").split("|")
            elif line.strip() and line.count(b"|") == len(header) - 1 and not UNDECODABLE & set(line):
                values = (value.strip(" \t\r\n\v\f") for value in line.decode("cp1252").split("|"))
                yield f"{day[:4]}-{day[4:6]}", kind == "M", number, dict(zip(header, values, strict=True))


def current(folder: Path, file: str, *key: str) -> dict[tuple[object, ...], Row]:
    """Give the current row of each key that parses: of the latest delivery, and there of the last line."""
    found: dict[tuple[object, ...], tuple[tuple[str, bool, int], Row]] = {}
    for month, monthly, number, row in delivered_rows(folder, file):
        parts: list[object] = []
        for name in key:
            if name == "company_number":
                parts.append(row[name] if re.fullmatch(r"[A-Z0-9]{8}", row[name]) else None)
            elif name == "accounts_date":
                parts.append(as_date(row[name]))
            elif name == "code":
                parts.append(row[name] or None)
            else:
                parts.append(as_whole_number(row[name], bits=32))
        place = (month, monthly, number)
        if None not in parts and (tuple(parts) not in found or found[tuple(parts)][0] < place):
            found[tuple(parts)] = (place, row)
    return {parts: row for parts, (_, row) in found.items()}


@dataclass
class Observation:
    company_number: str
    accounts_date: Date
    observed_on: Date
    row: Row
    status: str = ""
    group: tuple[str, str, str] = ("", "", "")
    previous: "Observation | None" = None

    @property
    def key(self) -> tuple[str, Date]:
        return self.company_number, self.accounts_date

    def amount(self, name: str) -> int | None:
        return as_whole_number(self.row[name], bits=32 if name == "employees" else 64)


@dataclass
class User:
    first_charge_date: Date
    provider: str
    is_current_user: bool
    charges: int


@dataclass
class Meaning:
    """Everything that the definitions say of a folder of delivered text files.

    Args:
        texts: Folder with one folder a delivery, the unpacked text files in them.
        seeds: The hand-kept CSV files.
        horizon: First day of the latest delivery's month.
    """

    texts: Path
    seeds: Path
    horizon: Date
    sample_seed: str = "bookdebts"
    predict_accounts_months: int = 36
    companies: dict[str, Row] = field(init=False)
    users: dict[str, User] = field(init=False)
    possible_users: set[str] = field(init=False)
    observations: dict[tuple[str, Date], Observation] = field(init=False)
    similar_since: dict[tuple[str, str, str], Date] = field(init=False)

    def __post_init__(self) -> None:
        self.companies = {str(key[0]): row for key, row in current(self.texts, "CI01", "company_number").items()}
        self._find_users()
        self._find_observations()
        self._find_similar_groups()

    def _seed(self, name: str) -> Iterable[Row]:
        with (self.seeds / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)

    def _find_users(self) -> None:
        order = {"certain": 0, "possible": 1, "no": 2}
        reviewed: dict[str, tuple[str, str]] = {}
        for row in self._seed("person_entitled_adjusted"):
            name = normalised(row["person_entitled"])
            if name not in reviewed or order[row["certainty"]] < order[reviewed[name][0]]:
                reviewed[name] = (row["certainty"], row["provider"])
        holders: dict[tuple[object, ...], list[tuple[int, str, str]]] = defaultdict(list)
        for key, row in current(self.texts, "MR02", "company_number", "charge_number", "person_number").items():
            match = reviewed.get(normalised(row["person_entitled"]))
            if match:
                holders[key[:2]].append((int(str(key[2])), *match))
        found: dict[str, list[tuple[Date, int, str, bool]]] = defaultdict(list)
        self.possible_users = set()
        for key, row in current(self.texts, "MR01", "company_number", "charge_number").items():
            number, charge = str(key[0]), int(str(key[1]))
            created, public = as_date(row["created_date"]), as_date(row["registered_date"])
            if public is None and created is not None:
                public = created + dt.timedelta(days=21)
            if number not in self.companies or public is None or public >= self.horizon:
                continue
            certain = [holder for holder in sorted(holders[key]) if holder[1] == "certain"]
            satisfied = as_date(row["satisfied_date"])
            if certain:
                outstanding = satisfied is None or satisfied >= self.horizon
                found[number].append((public, charge, certain[0][2], outstanding))
            elif any(holder[1] == "possible" for holder in holders[key]):
                self.possible_users.add(number)
        self.possible_users -= set(found)
        self.users = {
            number: User(min(charges)[0], min(charges)[2], any(charge[3] for charge in charges), len(charges))
            for number, charges in found.items()
        }

    def status(self, number: str, observed_on: Date) -> str:
        user = self.users.get(number)
        year_later = add_months(observed_on, 12)
        if user and user.first_charge_date <= observed_on:
            return "user"
        if user and user.first_charge_date <= year_later:
            return "becomes_user"
        return "unknown" if number in self.possible_users or year_later > self.horizon else "not_user"

    def _find_observations(self) -> None:
        company_types = {str(key[0]): row["description"] for key, row in current(self.texts, "LUCT01", "code").items()}
        other_types = {row["company_type"]: row["company_group"] for row in self._seed("other_company_types")}
        self.observations = {}
        by_company: dict[str, list[Observation]] = defaultdict(list)
        for key, row in current(self.texts, "AC01", "company_number", "accounts_date").items():
            number, accounts_date = str(key[0]), key[1]
            assert isinstance(accounts_date, Date)
            observed_on = as_date(row["filed_date"]) or add_months(accounts_date, 9)
            if number not in self.companies or observed_on >= self.horizon or accounts_date >= self.horizon:
                continue
            company = self.companies[number]
            group = other_types.get(company["company_type"]) or company_types.get(company["company_type"], "").lower()
            seen = Observation(number, accounts_date, observed_on, row, self.status(number, observed_on))
            turnover = seen.amount("turnover")
            size = size_band(turnover if turnover is not None else seen.amount("total_assets"))
            seen.group = (group or "unknown", section(company["sic07_code"]), size)
            self.observations[seen.key] = seen
            by_company[number].append(seen)
        for rows in by_company.values():
            rows.sort(key=lambda seen: seen.accounts_date)
            for before, now in itertools.pairwise(rows):
                earliest, latest = add_months(now.accounts_date, -15), add_months(now.accounts_date, -9)
                if before.observed_on <= now.observed_on and earliest <= before.accounts_date <= latest:
                    now.previous = before

    def _find_similar_groups(self) -> None:
        self.similar_since = {}
        for seen in self.observations.values():
            if seen.status == "becomes_user":
                first = self.users[seen.company_number].first_charge_date
                self.similar_since[seen.group] = min(first, self.similar_since.get(seen.group, first))

    def to_train(self, non_user_rows: int = 1_000_000) -> dict[tuple[str, Date], tuple[int, float]]:
        """Give label and weight of each training row."""
        fit = [seen for seen in self.observations.values() if seen.group in self.similar_since]
        negatives = sorted(
            (seen for seen in fit if seen.status == "not_user"),
            key=lambda seen: hashlib.md5(
                f"{self.sample_seed}|{seen.company_number}|{seen.accounts_date.isoformat()}".encode()
            ).hexdigest(),
        )
        sample = negatives[:non_user_rows]
        rows = {seen.key: (1, 1.0) for seen in fit if seen.status == "becomes_user"}
        return rows | {seen.key: (0, len(negatives) / len(sample)) for seen in sample}

    def to_predict(self) -> dict[str, tuple[Date, bool]]:
        """Give accounts_date and eligibility of each company that is predicted."""
        statuses = {str(key[0]): row["description"] for key, row in current(self.texts, "LULQ01", "code").items()}
        latest: dict[str, Observation] = {}
        for seen in self.observations.values():
            if seen.company_number not in latest or latest[seen.company_number].accounts_date < seen.accounts_date:
                latest[seen.company_number] = seen
        found = {}
        for number, seen in latest.items():
            company = self.companies[number]
            described = statuses.get(company["legal_status"])
            live = as_date(company["dissolution_date"]) is None and (
                not company["legal_status"] or described is None or described.lower().startswith("active")
            )
            recent = seen.accounts_date >= add_months(self.horizon, -self.predict_accounts_months)
            if live and recent and number not in self.users:
                found[number] = (seen.accounts_date, seen.group in self.similar_since)
        return found


def split_bucket(company_number: str) -> int:
    return int(hashlib.md5(company_number.encode()).hexdigest()[:8], 16) % 100
