"""Dates and numbers: how they are written in a delivered text, and how they are reckoned with."""

import hashlib

import numpy as np
import pandas as pd


def add_months(days: pd.Series, months: int) -> pd.Series:
    """The same day of another month, or that month's last day."""
    known = days.dropna().to_numpy().astype("datetime64[D]")
    month = known.astype("datetime64[M]")
    target = month + months
    last_day = (target + 1).astype("datetime64[D]") - 1
    moved = np.minimum(target.astype("datetime64[D]") + (known - month.astype("datetime64[D]")), last_day)
    return pd.Series(moved.astype("datetime64[s]"), days.dropna().index).reindex(days.index)


def days_between(start: pd.Series, end: pd.Series) -> pd.Series:
    return (end - start).dt.days.astype("Int64")


def ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part.astype("Float64") / whole.astype("Float64").where(whole != 0)


def growth(now: pd.Series, previous: pd.Series) -> pd.Series:
    now, previous = now.astype("Float64"), previous.astype("Float64")
    return ratio(now - previous, previous.abs())


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def split_bucket(company_number: str) -> int:
    return int(md5(company_number)[:8], 16) % 100


def is_like(texts: pd.Series, pattern: str) -> pd.Series:
    return texts.str.fullmatch(pattern).eq(True)


def read_dates(texts: pd.Series) -> pd.Series:
    written = texts.where(is_like(texts, "[0-9]{2}/[0-9]{2}/[0-9]{4}"))
    return pd.to_datetime(written, format="%d/%m/%Y", errors="coerce").astype("datetime64[s]")


def read_whole_numbers(texts: pd.Series, bits: int = 64) -> pd.Series:
    def value(text: str) -> int | None:
        number = int(text)
        return number if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) else None

    written = texts[is_like(texts, "-?[0-9]+")]
    return pd.Series(map(value, written), written.index, dtype="Int64").reindex(texts.index)


def read_decimal_numbers(texts: pd.Series) -> pd.Series:
    return texts.where(is_like(texts, r"-?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)")).astype("Float64")


def read_booleans(texts: pd.Series) -> pd.Series:
    return texts.map({"Y": True, "N": False}).astype("boolean")


def read_company_numbers(texts: pd.Series) -> pd.Series:
    return texts.where(is_like(texts, "[A-Z0-9]{8}"))
