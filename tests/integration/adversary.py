"""Deliveries of a small country whose every value sits on an edge of the definitions, drawn from a seed."""

import datetime as dt
import random
from pathlib import Path

import numpy as np

from ingestion.contract import read_contract
from ingestion.sample.rar_writer import write_rar

MONTH = "2024-03"
HORIZON = dt.date(2024, 3, 1)
DELIVERIES = ("UKLTD_S_20240201", "UKLTD_M_20240201", "UKLTD_M_20240301", "UKLTD_M_20240401")
COMPANIES = 800
CONTRACT = read_contract()

PERIOD_ENDS = tuple(
    dt.date.fromisoformat(day)
    for day in (
        "2018-11-30", "2019-02-28", "2019-05-31", "2019-08-31", "2020-02-29", "2020-03-01", "2020-05-30",
        "2020-05-31", "2020-08-31", "2021-02-28", "2021-02-27", "2021-11-30", "2021-12-31", "2022-05-29",
    )
)  # fmt: skip
MONTHS_APART = (6, 8, 9, 9, 12, 12, 12, 15, 15, 16, 24)
DAYS_OFF = (-1, 0, 0, 0, 1)
WHOLE_NUMBERS = (
    "0", "-0", "007", "1", "-1", "99999", "100000", "999999", "1000000", "9999999", "10000000", "49999999",
    "50000000", "-100000", "250000", "300000", "700000", "2000000", "6000000", "000000000000000000000000000012",
    "2147483647", "2147483648", "-2147483648", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "+5", "1.0", "1e3", "1_000", "1,000", "12 3", "²", "--1", "-", "nil", "", "", "", "",
)  # fmt: skip
USUAL_NUMBERS = ("0", "-250000", "99999", "100000", "450000", "999999", "1000000", "3000000", "", "")
DECIMAL_NUMBERS = (
    "1.5", "-.5", ".5", "1.", "-1.", ".", "-", "1e5", "123456789012345", "1234567890123456", "12345678.90123456",
    "1234567.12345678", "NaN", "Infinity", "0x1F", "1_0.5", "+1.5", "12.34.5", "0", "-0.0", "00012.50", "1,5", "",
)  # fmt: skip
UNREADABLE_DATES = ("31/02/2020", "29/02/2021", "00/01/2020", "1/2/2020", "2020-02-01", "01/13/2020", "0102/2020", "x")
BLANKS = (" ", "  ", "\t", "\v", "\f", "\r", "\x1c", "\x1d", "\x1e", "\x1f", " \t ")

COMPANY_TYPES = ("01", "01", "01", "01", "02", "03", "04", "CIO", "SCIO", "cio", "99", "")
LEGAL_STATUSES = ("", "", "", "A", "B", "C", "D", "E", "F", "Z")
SIC07_CODES = ("62010", "62010", "62020", "46900", "01110", "1110", "99000", "99999", "00000", "A2010", "6", "62", "")
POSTCODES = ("SW1A 1AA", "sw1a 1aa", "B1 1AA", "1AA", "ZZ1 1ZZ", "EC1A1BB", "GIR 0AA", "M", "B-1 1AA", "E1", "")
LOOKUPS = {
    "LUCT01": (("01", "Private LIMITED Company"), ("02", "LLP"), ("03", ""), ("04", "Unlimited"), ("CIO", "Other")),
    "LULQ01": (
        ("A", "Active"), ("B", "ACTIVE - in arrangement"), ("C", "Inactive"), ("D", ""), ("E", "Liquidation"),
        ("F", "activity unknown"),
    ),
    "LUAT01": (("1", "Full ACCOUNTS"), ("2", "Small"), ("3", "")),
}  # fmt: skip
RESTATED_LOOKUPS = {
    "LUCT01": (("02", "Limited Liability Partnership"),),
    "LULQ01": (("E", "Active again"), ("A", "Active"), ("A", "aCTIVE")),
    "LUAT01": (("2", "Small"), ("2", "Total Exemption Small")),
}

CERTAIN = ("Bibby Financial Services Limited", "ABN AMRO Commercial Finance PLC", "Close Invoice Finance Limited")
HOLDERS = (
    *CERTAIN,
    *(name.upper() for name in CERTAIN),
    "bibby financial services ltd.",
    "Bibby  Financial-Services LTD as security trustee for itself and others",
    "Bibby Financial Services Ltd as agent",
    "Bibby Financial Services Limited as trustee for a fund",
    "As Trustee Bibby Financial Services Limited",
    "\"ABN AMRO Commercial Finance\"",
    "ABN\xa0AMRO Commercial Finance plc",
    "BIBBY FINANCIAL SERVICES LTDX",
    "Société Générale",
    "A Bank of Nowhere & Sons",
    "&",
    "",
)  # fmt: skip


def add_months(day: dt.date, months: int) -> dt.date:
    month = np.datetime64(day, "M") + months
    last = (month + 1).astype("datetime64[D]") - 1
    return min(month.astype("datetime64[D]") + (day.day - 1), last).item()


def written(day: dt.date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""


class Adversary:
    """Makes the rows; all its choices come from one seed."""

    def __init__(self, seed: int, reviewed: list[tuple[str, str]]) -> None:
        self.random = random.Random(seed)
        self.holders = [*HOLDERS, *(name for name, certainty in reviewed if certainty != "certain")]
        self.rows: dict[str, dict[str, list[dict[str, str]]]] = {
            delivery: {file: [] for file in CONTRACT.tables} for delivery in DELIVERIES
        }

    def choose(self, *values):
        return self.random.choice(values)

    def near(self, day: dt.date) -> dt.date:
        return day + dt.timedelta(self.choose(*DAYS_OFF))

    def send(self, file: str, row: dict[str, str], again: dict[str, str]) -> None:
        """A row, and sometimes another version of it: in the same file, its month's other file, or a later month."""
        versions = self.random.choices([1, 2, 3], [7, 2, 1])[0]
        places = sorted(self.random.choices(range(len(DELIVERIES)), [6, 2, 2, 1], k=versions))
        for version, place in enumerate(places):
            change = {name: text for name, text in again.items() if version and self.random.random() < 0.3}
            self.rows[DELIVERIES[place]][file].append(row | change)

    def company(self, number: str) -> None:
        def row() -> dict[str, str]:
            dissolved = self.choose(None, None, None, None, None, None, dt.date(2023, 1, 1), dt.date(2024, 6, 1))
            return {
                "company_number": number,
                "company_name": self.choose('THE "BEST" CO LTD', "É & Söhne", ""),
                "company_type": self.choose(*COMPANY_TYPES),
                "legal_status": self.choose(*LEGAL_STATUSES),
                "incorporation_date": self.choose("29/02/2016", "01/03/2016", "31/12/2030", *UNREADABLE_DATES[:2], ""),
                "dissolution_date": written(dissolved) or self.choose("", "", "", *UNREADABLE_DATES[:1]),
                "sic07_code": self.choose(*SIC07_CODES),
                "postcode": self.choose(*POSTCODES),
            }

        if self.random.random() < 0.97:
            self.send("CI01", row(), row())
        known = self.all_accounts(number)
        for charge in range(self.choose(0, 0, 1, 1, 2, 3)):
            self.charge(number, charge + 1, self.choose(*known) if known else HORIZON)

    def all_accounts(self, number: str) -> list[dt.date]:
        """Accounts of some years; the days on which they become public."""
        end, public = self.choose(*PERIOD_ENDS), []
        for _ in range(self.choose(0, 1, 2, 3, 4, 5)):
            following = add_months(end, self.choose(*MONTHS_APART)) + dt.timedelta(self.choose(*DAYS_OFF))
            filed = self.choose(
                None, add_months(end, 9), self.near(add_months(following, 9)), add_months(following, 9),
                self.near(HORIZON), self.near(add_months(HORIZON, -12)), dt.date(2020, 2, 29), end,
                end + dt.timedelta(90), add_months(end, 6),
            )  # fmt: skip
            self.accounts(number, end, filed)
            public.append(filed or add_months(end, 9))
            end = following
        if self.random.random() < 0.1:
            self.accounts(number, self.near(HORIZON), None)
            self.accounts(number, self.near(add_months(HORIZON, -36)), None)
        return public

    def accounts(self, number: str, end: dt.date, filed: dt.date | None) -> None:
        def amounts(file: str) -> dict[str, str]:
            wide = self.random.random() < 0.2
            values = {
                "bigint": WHOLE_NUMBERS if wide else USUAL_NUMBERS,
                "integer": WHOLE_NUMBERS if wide else ("0", "1", "12", "52", ""),
                "double": DECIMAL_NUMBERS,
                "boolean": ("Y", "N", "y", "Yes", "true", "1", ""),
            }
            columns = CONTRACT.tables[file].columns
            return {column.name: self.choose(*values[column.type]) for column in columns if column.type in values}

        key = {"company_number": number, "accounts_date": written(end)}
        restated_filing = self.choose(written(filed), "", written(self.near(HORIZON)), self.choose(*UNREADABLE_DATES))
        row = (
            key | amounts("AC01") | {"filed_date": written(filed), "accounts_type": self.choose("1", "2", "3", "X", "")}
        )
        self.send("AC01", row, amounts("AC01") | {"filed_date": restated_filing})
        if self.random.random() < 0.6:
            self.send("AC06", key | amounts("AC06"), amounts("AC06"))

    def charge(self, number: str, charge_number: int, observed_on: dt.date) -> None:
        year_later = add_months(observed_on, 12)
        public = self.near(self.choose(observed_on, observed_on, year_later, year_later, HORIZON, dt.date(2020, 2, 28)))
        created = public - dt.timedelta(21)
        registered_date, created_date = self.choose(
            (public, None), (public, created), (public, self.near(public)), (None, created), (None, None)
        )
        row = {
            "company_number": number,
            "charge_number": self.choose(str(charge_number), str(charge_number), f"00{charge_number}"),
            "registered_date": written(registered_date) or self.choose("", *UNREADABLE_DATES[:2]),
            "created_date": written(created_date),
            "satisfied_date": written(self.choose(None, None, self.near(HORIZON), self.near(observed_on))),
        }
        self.send("MR01", row, {"satisfied_date": self.choose("", written(self.near(HORIZON)), "31/02/2020")})
        for person in range(self.choose(0, 1, 1, 2, 3)):
            holder = {
                "company_number": number,
                "charge_number": str(charge_number),
                "person_number": str(person + 1),
                "person_entitled": self.choose(*self.holders),
            }
            self.send("MR02", holder, {"person_entitled": self.choose(*self.holders)})

    def unreadable_keys(self) -> None:
        for number in ("1234567", "sc123456", "123456789", "", "SC 23456", "SC12345É", "company_number"):
            self.accounts(number, dt.date(2022, 5, 31), None)
            self.rows[DELIVERIES[1]]["CI01"].append({"company_number": number, "company_name": "UNKNOWN"})
        for text in (*UNREADABLE_DATES, ""):
            row = {"company_number": "00000001", "accounts_date": text, "turnover": "1"}
            self.rows[DELIVERIES[1]]["AC01"].append(row)
        for text in ("1.0", "2147483648", "", "one"):
            row = {"company_number": "00000001", "charge_number": text, "registered_date": "01/01/2019"}
            self.rows[DELIVERIES[1]]["MR01"].append(row)

    def lookups(self) -> None:
        for place, tables in ((0, LOOKUPS), (2, RESTATED_LOOKUPS)):
            for file, rows in tables.items():
                self.rows[DELIVERIES[place]][file] += [
                    {"code": code, "description": description} for code, description in rows
                ]

    def text(self, delivery: str, file: str) -> bytes:
        """A delivered text: its columns in any order, blanks around values, and lines that are none."""
        names = [column.name for column in CONTRACT.tables[file].columns]
        self.random.shuffle(names)

        def surrounded(value: str) -> str:
            if self.random.random() < 0.9:
                return value
            return self.choose("", *BLANKS) + value + self.choose("", *BLANKS)

        rows = self.rows[delivery][file]
        encoded = ["|".join(names).encode()]
        for row in rows:
            line = "|".join(surrounded(row.get(name, "")) for name in names).encode("windows-1252")
            encoded += [line] * self.random.choices([1, 2], [19, 1])[0]
            if self.random.random() < 0.05:
                encoded.append(self.choose(b"", b"  ", line + b"|", line.rpartition(b"|")[0], line[:-1] + b"\x81"))
        newline = self.choose(b"\r\n", b"\n")
        return newline.join(encoded) + self.choose(newline, b"")


def make_country(folder: Path, texts: Path, seed: int, reviewed: list[tuple[str, str]]) -> None:
    """Write the deliveries, as archives for a server to show and as texts to compute from."""
    adversary = Adversary(seed, reviewed)
    adversary.lookups()
    for number in range(COMPANIES):
        adversary.company(f"{adversary.choose('00', 'SC', 'NI')}{number:06}")
    adversary.unreadable_keys()
    for delivery in DELIVERIES:
        _, kind, stamp = delivery.split("_")
        for file in CONTRACT.tables:
            content = adversary.text(delivery, file)
            name = f"{file}_{kind}_{stamp}"
            for path in (folder / delivery, texts / delivery):
                path.mkdir(parents=True, exist_ok=True)
            (texts / delivery / f"{name}.txt").write_bytes(content)
            write_rar(folder / delivery / f"{name}.rar", [(f"{name}.txt", content)])
