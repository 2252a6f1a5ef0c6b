"""Families of features: those that are measured in the same way, by the unit in their definition."""

from ml.features import Unit
from warehouse.catalog import literal

FAMILIES: dict[Unit, str] = {
    "gbp": "amounts in pounds",
    "ratio": "ratios",
    "percent": "ratios",
    "growth": "growth since the previous accounts",
    "days": "times and delays",
    "weeks": "times and delays",
    "months": "times and delays",
    "years": "times and delays",
    "count": "counts",
    "flag": "yes or no",
    "code": "what kind of company it is",
}
UNDEFINED = "no longer a feature"


def family_of(unit: str) -> str:
    """Write the SQL that names the family of a feature.

    Args:
        unit: SQL of its unit; null where no definition has the feature any more.
    """
    cases = " ".join(f"when {literal(name)} then {literal(family)}" for name, family in FAMILIES.items())
    return f"case {unit} {cases} else {literal(UNDEFINED)} end"
