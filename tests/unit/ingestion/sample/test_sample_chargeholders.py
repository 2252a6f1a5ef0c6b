import csv
import re
from pathlib import Path

import numpy as np
import pytest

from ingestion.sample.names import chargeholders, spellings

SEED = Path(__file__).parents[4] / "seeds" / "person_entitled_adjusted.csv"


def normalised(name: str) -> str:
    name = " ".join(re.sub(r"[^A-Z0-9]", " ", name.upper().replace("&", " AND ")).split())
    for clause in (" AS SECURITY TRUSTEE", " AS TRUSTEE", " AS AGENT"):
        name = name.split(clause)[0]
    return re.sub(r"\bLTD\b", "LIMITED", name)


@pytest.fixture(scope="module")
def seed() -> dict[str, str]:
    with SEED.open(encoding="utf-8", newline="") as file:
        return {normalised(row["person_entitled"]): row["certainty"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("holder", chargeholders(), ids=lambda holder: holder.name)
def test_every_spelling_of_a_chargeholder_has_the_same_normalised_name(holder):
    spelt = spellings(np.random.default_rng(7), np.full(300, holder.name, dtype=object))
    assert {normalised(name) for name in spelt} == {normalised(holder.name)}
    assert len(set(spelt)) > 5


@pytest.mark.parametrize("holder", chargeholders(), ids=lambda holder: holder.name)
def test_the_hand_kept_list_agrees_on_how_certainly_a_chargeholder_finances_invoices(holder, seed):
    assert seed.get(normalised(holder.name), "no") == holder.certainty


def test_names_mix_case_abbreviation_punctuation_trustees_and_blanks():
    names = np.full(2_000, "Marks & Sons Finance Limited", dtype=object)
    spelt = " | ".join(spellings(np.random.default_rng(1), names))
    for trace in ("MARKS & SONS", "Ltd.", ", LIMITED", " and Sons", "SECURITY TRUSTEE", "Limited  ", "MARKS  &"):
        assert trace in spelt, trace
