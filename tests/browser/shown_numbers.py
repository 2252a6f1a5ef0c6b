"""Numbers as a page shows them, read back with how far they may be from what they stand for."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

NUMBER = re.compile(r"([+-]?)£?(\d[\d,]*)(\.\d+)?(k|m|bn|tn)?( %)?")
FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "bn": 1e9, "tn": 1e12}


@dataclass(frozen=True)
class Shown:
    """A number, and half of the last digit that is shown of it."""

    value: float
    half: float

    def stands_for(self, exact: float | None) -> bool:
        return exact is not None and abs(self.value - exact) <= 1.001 * self.half


def read(text: str) -> list[Shown]:
    """Read all numbers of a text; a percentage is a share from 0 to 1."""
    found = []
    for sign, whole, decimals, letter, percent in NUMBER.findall(text):
        unit = FACTORS[letter] / (100 if percent else 1)
        value = float(f"{sign}{whole.replace(',', '')}{decimals}") * unit
        found.append(Shown(value, 0.5 * 10.0 ** -max(len(decimals) - 1, 0) * unit))
    return found


def read_one(text: str) -> Shown:
    (found,) = read(text)
    return found


def unlike(shown: str, exact: list[float | None]) -> bool:
    """Tell whether the numbers of a text do not stand for these."""
    found = read(shown)
    return len(found) != len(exact) or not all(one.stands_for(of) for one, of in zip(found, exact, strict=True))


def stands_for(shown: str, exact: float) -> bool:
    """Tell whether a text such as `1.3 %` or `< 0.1 %` says this."""
    if shown.startswith("< "):
        return 0 < exact < read_one(shown).value
    if shown.startswith("> "):
        return read_one(shown).value < exact < 1
    return not unlike(shown, [exact])


def figures(page: Path, name: str) -> list[dict[str, str]]:
    """Rows of a CSV file beside a page."""
    with (page.with_suffix("") / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(warehouse: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()
