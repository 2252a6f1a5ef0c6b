"""The dirt of real deliveries: bad values, doubled and orphaned rows, broken lines; every piece of it counted."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.contract import Table
from ingestion.sample.lookups import lookups
from ingestion.sample.rows import Columns, Rows

UNPARSEABLE = {
    "date": ("31/02/2020", "00/00/0000", "2021-04-07", "30/02/21"),
    "integer": ("1,234", "16.5", "n/a"),
    "bigint": ("1,234", "16.5", "n/a"),
    "double": ("1,234.5", "n/a", "12..5"),
    "varchar": ("", "N/A"),
}
# Dates of charges decide who is a user; their dirt is drawn with the charges and stays the same in every delivery.
DATES_LEFT_ALONE = ("created_date", "registered_date")
CARRIAGE_RETURN_COLUMNS = {"CI01": "company_name", "MR01": "particulars", "MR02": "person_entitled"}
OVERSEAS = "FC"  # overseas companies have charges and accounts, but are not in the extract
UNKNOWN_CHARGE = 900
UNKNOWN_CODE = "?9"
CERTAIN_NAME = "Bibby Factors Limited"
CERTAINLY_NOT = "Barclays Bank PLC"

CELL_RATES = {
    "unparseable_date": 0.0012,
    "unparseable_number": 0.0012,
    "blank_code": 0.002,
    "surrounding_blanks": 0.002,
    "unknown_code": 0.0008,
    "stray_carriage_return": 0.0006,
}
ROW_RATES = {
    "duplicate_key": 0.0015,
    "unknown_company": 0.0008,
    "unparseable_key": 0.0006,
    "unknown_charge": 0.001,
    "future_date": 0.0003,
}
SMALLEST = 20  # rows from which on every kind of dirt occurs


def amount(rng: np.random.Generator, rate: float, rows: int) -> int:
    """Draw how many of some rows are befallen, at least one of `SMALLEST` rows or more."""
    return max(int(rng.binomial(rows, rate)), 1 if rows >= SMALLEST else 0)


def _replace(column: pa.Array, places: npt.NDArray[np.int64], values: list[str]) -> pa.Array:
    order = np.argsort(places, kind="stable")
    mask = np.zeros(len(column), dtype=bool)
    mask[places] = True
    return pc.replace_with_mask(column, pa.array(mask), pa.array([values[place] for place in order], pa.string()))


def _get(column: pa.Array, places: npt.NDArray[np.int64]) -> list[str]:
    return list(column.take(pa.array(places)).to_pylist())


def _soiled(rng: np.random.Generator, kind: str, table: Table, column: str, values: list[str]) -> list[str]:
    """Return dirty ones for clean values of a column."""
    if kind in {"unparseable_date", "unparseable_number"}:
        bad = UNPARSEABLE[next(known.type for known in table.columns if known.name == column)]
        return [bad[place] for place in rng.integers(len(bad), size=len(values)).tolist()]
    if kind == "surrounding_blanks":
        return [f" {value}  " for value in values]
    if kind == "stray_carriage_return":
        return [value.replace(" ", "\r", 1) for value in values]
    return [UNKNOWN_CODE if kind == "unknown_code" else ""] * len(values)


def _cell_columns(kind: str, table: Table) -> list[str]:
    """List the columns of a table that a kind of dirt can befall."""
    values = [column for column in table.columns if column.name not in table.key]
    numbers = {"integer", "bigint", "double"}
    return {
        "unparseable_date": [c.name for c in values if c.type == "date" and c.name not in DATES_LEFT_ALONE],
        "unparseable_number": [c.name for c in values if c.type in numbers],
        "blank_code": [c.name for c in values if c.lookup],
        "surrounding_blanks": [c.name for c in table.columns],
        "unknown_code": [c.name for c in values if c.lookup],
        "stray_carriage_return": [name for file, name in CARRIAGE_RETURN_COLUMNS.items() if file == table.file],
    }[kind]


def soil_values(rng: np.random.Generator, table: Table, rows: Rows) -> Rows:
    """Make some values dirty, at most one a row; only values that say something, in columns that are delivered."""
    columns, dirty, planted = dict(rows.columns), rows.dirty.copy(), Counter(rows.planted)
    for kind, rate in CELL_RATES.items():
        possible = [name for name in _cell_columns(kind, table) if name in columns]
        if not possible:
            continue
        pieces = amount(rng, rate, len(dirty))
        for name, share in zip(possible, rng.multinomial(pieces, [1 / len(possible)] * len(possible)), strict=True):
            fitting = (
                pc.match_substring(columns[name], " ")
                if kind == "stray_carriage_return"
                else pc.not_equal(columns[name], "")
            )
            free = np.flatnonzero(np.asarray(fitting) & ~dirty)
            places = rng.choice(free, size=min(int(share), len(free)), replace=False)
            if len(places):
                columns[name] = _replace(
                    columns[name], places, _soiled(rng, kind, table, name, _get(columns[name], places))
                )
                dirty[places] = True
                if kind not in {"surrounding_blanks", "unknown_code", "stray_carriage_return"}:
                    planted[kind] += len(places)
    return Rows(columns, dirty, dict(planted))


def _year_earlier(text: str) -> str:
    return f"01/{text[3:6]}{int(text[6:]) - 1}" if text else text


def _century_later(text: str) -> str:
    return f"28/{text[3:6]}{int(text[6:]) + 100}" if text else text


def _altered(rng: np.random.Generator, kind: str, table: Table, row: dict[str, str], serial: str) -> dict[str, str]:
    """Return what a copied row becomes."""
    if kind == "duplicate_key":
        stale = {
            "CI01": {"legal_status": "L", "postcode": ""},
            "AC01": {"turnover": "", "cash": "", "trade_debtors": "1", "accounts_type": ""},
            "AC06": {"current_ratio": "9.99", "banker_name": ""},
            "MR01": {"registered_date": _year_earlier(row.get("registered_date", "")), "discharge_code": "P"},
            "MR02": {"person_entitled": (CERTAIN_NAME, CERTAINLY_NOT)[int(rng.integers(2))]},
        }[table.file]
    elif kind == "unknown_company":
        stale = {"company_number": serial}
        if table.file in {"MR01", "MR02"}:
            stale |= {"charge_number": "1", "person_number": "1", "person_entitled": CERTAIN_NAME}
    elif kind == "unknown_charge":
        stale = {"charge_number": str(UNKNOWN_CHARGE + int(serial[-2:])), "person_entitled": CERTAIN_NAME}
    elif kind == "future_date":
        stale = {name: _century_later(row.get(name, "")) for name in ("accounts_date", "filed_date")}
    else:
        name = table.key[int(rng.integers(len(table.key)))]
        column_type = "varchar" if name == "company_number" else "date" if name.endswith("_date") else "integer"
        bad = ("", *UNPARSEABLE[column_type])
        stale = {name: bad[int(rng.integers(len(bad)))]}
    return row | {name: value for name, value in stale.items() if name in row}


def _row_kinds(file: str) -> list[str]:
    kinds = ["duplicate_key", "unparseable_key"]
    if file != "CI01":
        kinds.append("unknown_company")
    if file == "MR02":
        kinds.append("unknown_charge")
    if file == "AC01":
        kinds.append("future_date")
    return kinds


def add_rows(rng: np.random.Generator, table: Table, rows: Rows, serial: str) -> Rows:
    """Add rows that land but must not count: stale copies before the row itself, orphans, rows without a usable key.

    Args:
        rng: Source of chance.
        table: Contract of the file.
        rows: The rows so far.
        serial: Digits that no other delivery or block of companies has; they make orphans' company numbers.
    """
    size = len(rows.dirty)
    planted = Counter(rows.planted)
    names = list(rows.columns)
    free = np.flatnonzero(~rows.dirty)
    before: list[int] = []
    extra: list[dict[str, str]] = []
    for kind in _row_kinds(table.file):
        sources = rng.choice(free, size=min(amount(rng, ROW_RATES[kind], size), len(free)), replace=False)
        free = np.setdiff1d(free, sources)
        copied = {name: _get(rows.columns[name], sources) for name in names}
        for place, source in enumerate(sources.tolist()):
            row = {name: copied[name][place] for name in names}
            orphan = f"{OVERSEAS}{serial}{place:02d}"
            extra.append(_altered(rng, kind, table, row, orphan))
            before.append(int(rng.integers(source + 1)))
        planted[kind] += len(sources)
    order = np.argsort(np.concatenate([np.arange(size) + 0.5, np.array(before, dtype=float)]), kind="stable")
    columns = {
        name: pa.concat_arrays([rows.columns[name], pa.array([row[name] for row in extra], pa.string())]).take(
            pa.array(order)
        )
        for name in names
    }
    dirty = np.concatenate([rows.dirty, np.ones(len(extra), dtype=bool)])[order]
    return Rows(columns, dirty, dict(planted))


def inspect(table: Table, columns: Columns, joined: pa.Array) -> Counter[str]:
    """Count the dirt that the rows themselves show, whether planted or natural."""
    counts: Counter[str] = Counter()
    counts["windows_1252_rows"] = len(joined) - (pc.sum(pc.string_is_ascii(joined)).as_py() or 0)
    counts["quoted_rows"] = pc.sum(pc.match_substring(joined, '"')).as_py() or 0
    counts["stray_carriage_return"] = pc.sum(pc.match_substring(joined, "\r")).as_py() or 0
    known_codes = lookups()
    for column in table.columns:
        if column.name in columns:
            trimmed = pc.utf8_trim(columns[column.name], " ")
            counts["surrounding_blanks"] += pc.sum(pc.not_equal(trimmed, columns[column.name])).as_py() or 0
            if column.lookup in known_codes:
                known = pc.is_in(trimmed, pa.array(["", *known_codes[column.lookup]]))
                counts["code_not_in_lookup"] += len(known) - (pc.sum(known).as_py() or 0)
    return counts
