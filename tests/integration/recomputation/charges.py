"""Invoice-finance charges and the companies that have them."""

import re

import pandas as pd

from tests.integration.recomputation.deliveries import CHARGE

CERTAINTIES = ("certain", "possible", "no")
CAPACITIES = r" AS SECURITY TRUSTEE| AS TRUSTEE| AS AGENT"


def normalised_name(name: str) -> str:
    name = name.upper().replace("&", " AND ")
    name = "".join(character if character.isalpha() or character.isdecimal() else " " for character in name)
    name = " ".join(name.split())
    name = re.split(CAPACITIES, name, maxsplit=1)[0]
    return re.sub(r"\bLTD\b", "LIMITED", name)


def normalised_names(names: pd.Series) -> pd.Series:
    known = names.dropna().unique()
    return names.map(dict(zip(known, map(normalised_name, known), strict=True)))


def reviewed_names(person_entitled_adjusted: pd.DataFrame) -> pd.DataFrame:
    """One row a normalised name; where its spellings differ, the most certain counts."""
    found = person_entitled_adjusted.assign(name=normalised_names(person_entitled_adjusted["person_entitled"]))
    found["certainty"] = pd.Categorical(found["certainty"], CERTAINTIES, ordered=True)
    found = found.sort_values(["name", "certainty", "provider"]).drop_duplicates("name")
    return found.astype({"certainty": "str"})[["name", "provider", "certainty"]]


def public_charges(charges: pd.DataFrame, horizon: pd.Timestamp) -> pd.DataFrame:
    """Charges with their public date, as far as it lies before the horizon."""
    public_date = charges["registered_date"].fillna(charges["created_date"] + pd.Timedelta(days=21))
    found = charges.assign(public_date=public_date)
    return found[found["public_date"] < horizon]


def matched_charges(charges: pd.DataFrame, chargeholders: pd.DataFrame, reviewed: pd.DataFrame) -> pd.DataFrame:
    """Public charges with the certainty and the provider of their most certain person entitled."""
    holders = chargeholders.assign(name=normalised_names(chargeholders["person_entitled"])).merge(reviewed, on="name")
    holders["order"] = holders["certainty"].map({name: place for place, name in enumerate(CERTAINTIES)})
    best = holders.sort_values([*CHARGE, "order", "person_number"]).drop_duplicates(CHARGE)
    return charges.merge(best[[*CHARGE, "certainty", "provider"]], on=CHARGE, how="left")


def invoice_finance_charges(matched: pd.DataFrame) -> pd.DataFrame:
    return matched[matched["certainty"].eq("certain")]


def users(matched: pd.DataFrame, horizon: pd.Timestamp) -> pd.DataFrame:
    charges = invoice_finance_charges(matched).sort_values(["company_number", "public_date", "charge_number"])
    charges = charges.assign(is_outstanding=~(charges["satisfied_date"] < horizon))
    return charges.groupby("company_number", as_index=False).agg(
        first_charge_date=("public_date", "first"),
        provider=("provider", "first"),
        is_current_user=("is_outstanding", "any"),
        charges=("charge_number", "size"),
    )


def possible_users(matched: pd.DataFrame, users: pd.DataFrame) -> pd.Series:
    numbers = matched.loc[matched["certainty"].eq("possible"), "company_number"]
    return numbers[~numbers.isin(users["company_number"])]
