"""Small reads of the marts: the horizon, and rows of a query."""

import datetime
from dataclasses import dataclass
from typing import Any

import duckdb

from warehouse.errors import UserError
from warehouse.settings import schema_name


@dataclass(frozen=True)
class Horizon:
    """What the marts were built for.

    Attributes:
        date: First day of the latest delivery's month; nothing dated on or after it counts.
        month: That month as `YYYY-MM`, the score month.
    """

    date: datetime.date
    month: str

    @property
    def day(self) -> str:
        """The horizon date as `YYYYMMDD`, which names the files of a month's training and prediction."""
        return self.date.strftime("%Y%m%d")


def mart(name: str) -> str:
    """Name a mart for a query."""
    return f"{schema_name('marts')}.{name}"


def execute(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | None = None, step: str = "make build"
) -> duckdb.DuckDBPyConnection:
    """Run a query over the marts.

    Args:
        connection: The warehouse.
        query: What to run.
        parameters: Values of its placeholders.
        step: What makes the relations, for the message.

    Raises:
        UserError: When a relation or column that it reads does not exist.
    """
    try:
        return connection.execute(query, parameters)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the warehouse lacks what ml reads ({reason}); run `{step}` first") from None


def rows(connection: duckdb.DuckDBPyConnection, query: str, step: str = "make build") -> list[tuple[Any, ...]]:
    """All rows of a small query over the marts.

    Args:
        connection: The warehouse.
        query: What to read.
        step: What makes the relations.

    Raises:
        UserError: When a relation or column that it reads does not exist.
    """
    return execute(connection, query, step=step).fetchall()


def read_horizon(connection: duckdb.DuckDBPyConnection, month: str | None = None) -> Horizon:
    """Read what the marts were built for.

    Args:
        connection: The warehouse.
        month: The month that is asked for, `YYYY-MM`, or None for whatever month the marts are of.

    Raises:
        UserError: When there is no horizon, when the marts are of different builds, or were built for another month.
    """
    found = rows(
        connection,
        "select horizon_date, snapshot_month, to_train_rows, to_train_positives, to_predict_rows "
        f"from {mart('horizon')}",
    )
    if len(found) != 1 or None in found[0]:
        raise UserError("marts.horizon does not hold one complete row; land a delivery and run `make build` first")
    horizon = Horizon(date=found[0][0], month=found[0][1])
    held = rows(
        connection,
        f"select (select count(*) from {mart('to_train')}), (select count(*) from {mart('to_train')} where label = 1), "
        f"(select count(*) from {mart('to_predict')})",
    )
    if held[0] != found[0][2:]:
        raise UserError(
            "marts.to_train and marts.to_predict are not those that marts.horizon counted: the last build ended between"
            " them; run `make build` again"
        )
    if month is not None and month != horizon.month:
        raise UserError(
            f"MONTH={month}, but the marts are built for {horizon.month}; run `make build MONTH={month}` first"
        )
    return horizon
