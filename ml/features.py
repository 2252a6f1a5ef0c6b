"""The feature contract: names, order, kinds and wording, read from `marts.feature_definitions`, their only list."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import duckdb

from ml import marts
from warehouse.errors import UserError

Kind = Literal["numeric", "categorical"]
Unit = Literal["gbp", "ratio", "growth", "percent", "days", "weeks", "months", "years", "count", "flag", "code"]

NUMERIC_TYPES = frozenset(
    {
        *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL"),
    }
)


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes:
        name: Column of `marts.to_train` and `marts.to_predict`.
        kind: `numeric`, or `categorical` for a code.
        unit: How a value is written in a reason.
        reason: Noun phrase that names it in a reason.
    """

    name: str
    kind: Kind
    unit: Unit
    reason: str


def read_features(connection: duckdb.DuckDBPyConnection) -> tuple[Feature, ...]:
    """Read the features in the order of their position.

    Raises:
        UserError: When the list is empty, names a feature or a position twice, or holds an unknown kind or unit.
    """
    definitions = marts.rows(
        connection,
        f"select position, feature, kind, unit, reason from {marts.mart('feature_definitions')} order by 1, 2",
    )
    wrong = [f"{name} is there {count} times" for name, count in Counter(row[1] for row in definitions).items()
             if count > 1]  # fmt: skip
    wrong += [f"position {position} is there {count} times"
              for position, count in Counter(row[0] for row in definitions).items() if count > 1]  # fmt: skip
    wrong += [f"{row[1]} is of unknown kind {row[2]}" for row in definitions if row[2] not in get_args(Kind)]
    wrong += [f"{row[1]} is of unknown unit {row[3]}" for row in definitions if row[3] not in get_args(Unit)]
    wrong += [f"{row[1]} has no reason" for row in definitions if not row[4]]
    if not definitions:
        wrong = ["it is empty"]
    if wrong:
        raise UserError(f"marts.feature_definitions is not a list of features: {'; '.join(wrong)}; correct it there")
    return tuple(Feature(name=row[1], kind=row[2], unit=row[3], reason=row[4]) for row in definitions)


def check_mart(
    connection: duckdb.DuckDBPyConnection, mart: str, features: Sequence[Feature], other_columns: Sequence[str]
) -> None:
    """Refuse a mart that is not what the feature definitions say.

    Args:
        connection: The warehouse.
        mart: Name in the schema `marts`.
        features: What the definitions say.
        other_columns: Columns that the mart must have beside the features.

    Raises:
        UserError: With every column that is absent or of a type that does not suit the feature's kind.
    """
    types = {row[0]: str(row[1]).split("(")[0] for row in marts.rows(connection, f"describe {marts.mart(mart)}")}
    absent = [name for name in [*other_columns, *(feature.name for feature in features)] if name not in types]
    wrong = [f"lacks {', '.join(absent)}"] if absent else []
    for feature in features:
        type_ = types.get(feature.name)
        suits = type_ in NUMERIC_TYPES if feature.kind == "numeric" else type_ == "VARCHAR"
        if type_ is not None and not suits:
            wrong.append(f"has {feature.name} as {type_.lower()}, which is not {feature.kind}")
    if wrong:
        raise UserError(f"marts.{mart} differs from marts.feature_definitions: it {'; '.join(wrong)}; run `make build`")


def difference(trained: Sequence[tuple[str, str]], current: Sequence[tuple[str, str]]) -> str | None:
    """Say in words what separates two feature contracts.

    Args:
        trained: Names and kinds that a model was trained on, in order.
        current: Names and kinds of the marts, in order.

    Returns:
        A sentence fragment, or None when they are the same.
    """
    before, now = dict(trained), dict(current)
    parts = [
        ("added", [name for name in now if name not in before]),
        ("removed", [name for name in before if name not in now]),
        ("of another kind", [name for name in now if name in before and now[name] != before[name]]),
    ]
    found = [f"{what} {', '.join(names)}" for what, names in parts if names]
    if not found and list(trained) != list(current):
        found = ["in another order"]
    return "; ".join(found) or None


def require_same(
    model: str, trained: Sequence[tuple[str, str]], features: Sequence[Feature], next_step: str = "run `make train`"
) -> None:
    """Refuse to work with a model on other features than those that it was trained on.

    Args:
        model: What the message calls it.
        trained: Names and kinds that it was trained on, in order.
        features: Those of the marts.
        next_step: What the message asks for.

    Raises:
        UserError: With what separates the two.
    """
    found = difference(trained, [(feature.name, feature.kind) for feature in features])
    if found:
        raise UserError(f"the features are not those {model} was trained on: {found}; {next_step}")
