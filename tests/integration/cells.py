"""Tables held against each other cell by cell."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

RELATIVE = 1e-9
SHOWN = 5


def read_mart(warehouse: Path, mart: str) -> pd.DataFrame:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        table = connection.execute(f"select * from marts.{mart}").to_arrow_table()
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def comparable(values: pd.Series, like: pd.Series) -> pd.Series:
    """The values in the type of the other column, which every value must fit."""
    if pd.api.types.is_float_dtype(like):
        return values.astype("Float64")
    if pd.api.types.is_integer_dtype(like):
        return values.astype("Int64")
    if pd.api.types.is_datetime64_dtype(like):
        return values.astype("datetime64[s]")
    return values.astype(object).where(values.notna(), None)


def is_same(found: pd.Series, expected: pd.Series) -> np.ndarray:
    both_null = (found.isna() & expected.isna()).to_numpy(bool)
    if pd.api.types.is_float_dtype(expected):
        left = found.to_numpy("float64", na_value=np.nan)
        right = expected.to_numpy("float64", na_value=np.nan)
        return both_null | np.isclose(left, right, rtol=RELATIVE, atol=0)
    return both_null | (found == expected).fillna(False).to_numpy(bool)


def differences(mart: str, found: pd.DataFrame, expected: pd.DataFrame, key: list[str]) -> list[str]:
    """Every column whose cells differ, as one sentence with its first differing rows; rows that only one table has."""
    if sorted(found.columns) != sorted(expected.columns):
        return [f"{mart}: columns {sorted(set(found.columns) ^ set(expected.columns))} are in one of the two only"]
    for name in key:
        found = found.assign(**{name: comparable(found[name], expected[name])})
    places = found[key].merge(expected[key], on=key, how="outer", indicator=True)
    alone = places[places["_merge"] != "both"]
    sentences = [
        f"{mart} {tuple(row)[:-1]}: only in the {'warehouse' if row[-1] == 'left_only' else 'recomputation'}"
        for row in alone.head(SHOWN).itertuples(index=False)
    ]
    if len(alone) or found.duplicated(key).any():
        return [f"{mart}: {len(alone)} rows in one of the two only, {found.duplicated(key).sum()} twice", *sentences]
    found = found.sort_values(key, ignore_index=True)
    expected = expected.sort_values(key, ignore_index=True)
    for column in expected.columns:
        right = comparable(expected[column], expected[column])
        left = comparable(found[column], expected[column])
        differing = np.flatnonzero(~is_same(left, right))
        if len(differing):
            sentences.append(f"{mart}.{column}: {len(differing)} cells differ")
        sentences += [
            f"{mart}.{column} of {tuple(expected.loc[place, key])}: "
            f"{left[place]!r} in the warehouse, {right[place]!r} recomputed"
            for place in differing[:SHOWN]
        ]
    return sentences
