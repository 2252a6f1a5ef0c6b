"""What each file of a delivery says, as columns of text: the state of the country before the delivery's first day."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sample.accounts import Accounts
from ingestion.sample.chance import NEVER, Days, Flags, Numbers, Positions, Texts
from ingestion.sample.charges import Charges
from ingestion.sample.companies import Companies
from ingestion.sample.lookups import lookups
from ingestion.sample.ratios import Particulars, ratios
from ingestion.sample.schedule import Delivery

Columns = dict[str, pa.Array]
FIRST_DAY = np.datetime64("1840-01-01")


@dataclass(frozen=True)
class Block:
    """All that happens to some companies."""

    companies: Companies
    accounts: Accounts
    particulars: Particulars
    charges: Charges


@dataclass(frozen=True)
class Rows:
    """Rows of one file of one delivery.

    Attributes:
        columns: Delivered text by column name.
        dirty: Rows that are dirty already.
        planted: Number of values or rows of each kind of dirt among them.
    """

    columns: Columns
    dirty: Flags
    planted: dict[str, int]


def texts(values: Texts | npt.NDArray[np.str_]) -> pa.Array:
    """Write texts as they are."""
    return pa.array(values.astype(object), pa.string())


def wholes(values: Numbers) -> pa.Array:
    """Write whole numbers; blank where not a number."""
    known = np.isfinite(values)
    rounded = np.rint(np.where(known, values, 0)).astype(np.int64)
    return pc.fill_null(pc.cast(pa.array(rounded, mask=~known), pa.string()), "")


def decimals(values: Numbers) -> pa.Array:
    """Write numbers with a decimal point; blank where not a number."""
    known = np.isfinite(values)
    return pc.fill_null(pc.cast(pa.array(np.where(known, values, 0), mask=~known), pa.string()), "")


def dates(days: Days) -> pa.Array:
    """Write days as DD/MM/YYYY; blank where there is none."""
    known = ~np.isnat(days)
    array = pa.array(np.where(known, days, FIRST_DAY).astype("datetime64[D]"), pa.date32(), mask=~known)
    encoded = array.dictionary_encode()  # a block has many dates, but few days
    return pc.fill_null(pc.strftime(encoded.dictionary, "%d/%m/%Y").take(encoded.indices), "")


def company_numbers(block: Block, company: Positions) -> pa.Array:
    """Write the registration numbers of companies, given by their positions."""
    return texts(block.companies.number).take(pa.array(company))


def in_window(days: Days, delivery: Delivery) -> Flags:
    """Tell which days a delivery covers."""
    before = days < delivery.until
    return np.asarray(before if delivery.since is None else before & (days >= delivery.since))


def _clean(columns: Columns, size: int) -> Rows:
    return Rows(columns, np.zeros(size, dtype=bool), {})


def company_rows(block: Block, delivery: Delivery) -> Rows:
    """Write the companies that are new or changed."""
    companies, accounts = block.companies, block.accounts
    known = accounts.visible < delivery.until
    latest_end = np.full(len(companies), FIRST_DAY)
    np.maximum.at(latest_end, accounts.company[known], accounts.end[known])
    changed = companies.incorporation.copy()
    np.maximum.at(changed, accounts.company[known], accounts.visible[known])
    has_status = companies.status_since < delivery.until
    changed = np.where(has_status, np.fmax(changed, companies.status_since), changed)
    status = np.where(has_status | np.isnat(companies.status_since), companies.status, companies.earlier_status)
    place = np.flatnonzero(in_window(changed, delivery))
    chosen = {field.name: getattr(companies, field.name)[place] for field in fields(companies)}
    ended = chosen["dissolution"] < delivery.until
    month, day = chosen["reference_month"], chosen["reference_day"]
    last_day = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[month - 1]
    reference = [
        f"{d:02d}{m:02d}" for d, m in zip(np.where(day > 0, day, last_day).tolist(), month.tolist(), strict=True)
    ]
    return _clean(
        {
            "company_number": texts(chosen["number"]),
            "company_name": texts(chosen["name"]),
            "company_type": texts(chosen["company_type"]),
            "legal_status": texts(status[place]),
            "register_code": texts(chosen["register"]),
            "incorporation_date": dates(chosen["incorporation"]),
            "dissolution_date": dates(np.where(ended, chosen["dissolution"], NEVER)),
            "sic03_code": texts(chosen["sic03"]),
            "sic07_code": texts(chosen["sic07"]),
            "postcode": texts(chosen["postcode"]),
            "accounts_reference_date": texts(np.array(reference, dtype=object)),
            "latest_accounts_date": dates(np.where(latest_end > FIRST_DAY, latest_end, NEVER)[place]),
            "parent_company_number": texts(chosen["parent"]),
            "directors_count": wholes(chosen["directors"]),
            "website_flag": texts(chosen["website"]),
            "record_changed_date": dates(changed[place]),
        },
        len(place),
    )


def _filed(block: Block, delivery: Delivery) -> tuple[Positions, dict[str, Numbers], int]:
    """Select accounts: their positions, their numbers as now known, how many come again as restated."""
    accounts = block.accounts
    restated = in_window(accounts.restated, delivery)
    is_new = in_window(accounts.visible, delivery)
    place = np.flatnonzero(is_new | restated)
    corrected = accounts.restated[place] < delivery.until
    values = {
        name: np.where(corrected, accounts.restated_values[name][place], accounts.values[name][place])
        for name in accounts.values
    }
    return place, values, int((restated & ~is_new).sum())


def accounts_rows(block: Block, delivery: Delivery) -> Rows:
    """Write the accounts that are newly filed or restated."""
    accounts = block.accounts
    place, values, restated = _filed(block, delivery)
    columns = {
        "company_number": company_numbers(block, accounts.company[place]),
        "accounts_date": dates(accounts.end[place]),
        "filed_date": dates(accounts.filed[place]),
        "weeks": wholes(accounts.weeks[place]),
        "currency": texts(accounts.currency[place]),
        "consolidated": texts(accounts.consolidated[place]),
        "accounts_type": texts(accounts.accounts_type[place]),
    }
    columns |= {name: wholes(value) for name, value in values.items()}
    return Rows(columns, np.zeros(len(place), dtype=bool), {"restated_accounts": restated})


def ratio_rows(block: Block, delivery: Delivery) -> Rows:
    """Write cash flow, ratios and people of the accounts that are newly filed or restated."""
    accounts = block.accounts
    place, values, _ = _filed(block, delivery)
    kept = block.particulars.delivered[place]
    place, values = place[kept], {name: value[kept] for name, value in values.items()}
    particulars = Particulars(
        **{field.name: getattr(block.particulars, field.name)[place] for field in fields(Particulars)}
    )
    computed = ratios(values, particulars)
    two_decimals = {"current_ratio", "gearing_percent", "debtor_days", "creditor_days"}
    columns = {
        "company_number": company_numbers(block, accounts.company[place]),
        "accounts_date": dates(accounts.end[place]),
        "contingent_liability": texts(particulars.contingent_liability),
        "auditor_name": texts(particulars.auditor),
        "auditor_qualification": texts(particulars.qualification),
        "banker_name": texts(particulars.banker),
    }
    columns |= {name: (decimals if name in two_decimals else wholes)(value) for name, value in computed.items()}
    return _clean(columns, len(place))


def charge_rows(block: Block, delivery: Delivery) -> Rows:
    """Write the charges that are new or newly satisfied."""
    charges = block.charges
    place = np.flatnonzero(in_window(charges.visible, delivery) | in_window(charges.satisfied, delivery))
    satisfied = np.where(charges.satisfied < delivery.until, charges.satisfied, NEVER)[place]
    created_text, registered_text = charges.created_text[place], charges.registered_text[place]
    created = pc.if_else(pa.array(created_text == ""), dates(charges.created[place]), texts(created_text))
    registered = pc.if_else(pa.array(registered_text == ""), dates(charges.registered[place]), texts(registered_text))
    columns = {
        "company_number": company_numbers(block, charges.company[place]),
        "charge_number": wholes(charges.number[place].astype(float)),
        "form_type": texts(charges.form[place]),
        "created_date": created,
        "registered_date": registered,
        "satisfied_date": dates(satisfied),
        "discharge_code": texts(np.where(np.isnat(satisfied), "O", "F")),
        "amount_secured": texts(charges.secured[place]),
        "particulars": texts(charges.particulars[place]),
    }
    unparseable = int((created_text != "").sum() + (registered_text != "").sum())
    future = int((charges.created[place] >= delivery.until).sum())
    dirty = (created_text != "") | (registered_text != "") | (charges.created[place] >= delivery.until)
    return Rows(columns, dirty, {"unparseable_date": unparseable, "future_date": future})


def person_rows(block: Block, delivery: Delivery) -> Rows:
    """Write the persons entitled to the charges that are new."""
    charges = block.charges
    first = np.flatnonzero(in_window(charges.visible, delivery))
    second = first[charges.second_holder[first] != ""]
    place = np.concatenate([first, second])
    person = np.concatenate([np.ones(len(first)), np.full(len(second), 2.0)])
    order = np.argsort(place, kind="stable")
    place, person = place[order], person[order]
    columns = {
        "company_number": company_numbers(block, charges.company[place]),
        "charge_number": wholes(charges.number[place].astype(float)),
        "person_number": wholes(person),
        "person_entitled": texts(np.where(person == 1, charges.holder[place], charges.second_holder[place])),
    }
    return _clean(columns, len(place))


def lookup_rows(file: str) -> Rows:
    """Write a lookup, whole."""
    entries = lookups()[file]
    columns = {
        "code": texts(np.array(list(entries), dtype=object)),
        "description": texts(np.array(list(entries.values()), dtype=object)),
    }
    return _clean(columns, len(entries))


BLOCK_FILES: dict[str, Callable[[Block, Delivery], Rows]] = {
    "CI01": company_rows,
    "AC01": accounts_rows,
    "AC06": ratio_rows,
    "MR01": charge_rows,
    "MR02": person_rows,
}
