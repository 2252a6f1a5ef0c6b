"""Numbers as a page shows them: short, by their unit. Whole digits are in the CSV files."""

import math

from ml.features import Unit

LETTERS = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
UNITS: dict[Unit, str] = {"percent": " %", "days": " d", "weeks": " w", "months": " mo", "years": " y"}


def count(value: float) -> str:
    """Write how many there are, with thousands apart."""
    return f"{round(value):,}"


def share(value: float | None, digits: int = 1) -> str:
    """Write a share from 0 to 1 as a percentage; nothing where there is none.

    What is not 0 or all of it is never written as if it were.
    """
    if value is None:
        return ""
    least = 10.0**-digits
    if value > 0 and 100 * value < least / 2:
        return f"< {least:.{digits}f} %"
    if value < 1 and 100 * (1 - value) < least / 2:
        return f"> {100 - least:.{digits}f} %"
    return f"{100 * value:.{digits}f} %"


def short(value: float, unit: Unit = "count") -> str:
    """Write a value of a feature with three digits, as `£1.25m`.

    Args:
        value: In the feature's own unit; a growth of 0.5 is written `+50 %`.
        unit: Of the feature.
    """
    if unit == "growth":
        return f"{_digits(100 * value, sign=True)} %"
    text = _digits(value)
    if unit == "gbp":
        return f"-£{text[1:]}" if text.startswith("-") else f"£{text}"
    return f"{text}{UNITS.get(unit, '')}"


def _digits(value: float, *, sign: bool = False) -> str:
    rounded = float(f"{value:.3g}")
    factor, letter = next(((f, named) for f, named in LETTERS if abs(rounded) >= f), (1.0, ""))
    scaled = rounded / factor
    digits = 0 if not scaled else max(0, 2 - math.floor(math.log10(abs(scaled))))
    # of the value itself: what is rounded twice can end one digit off
    text = f"{value / factor:.{min(digits, 4)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text in {"-0", ""}:
        text = "0"
    return f"+{text}{letter}" if sign and rounded > 0 else f"{text}{letter}"
