"""What the report `monthly` asks of the marts and of earlier predictions: what a delivery brought, and its leads.

A lead is one of the companies that the precision model ranks first, `LISTED` of them; a new one was not among those of
the score month before. Every query reads the columns that it is about once.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import duckdb

from ml import marts
from ml.marts import Horizon
from reports.figures import Table
from reports.origin import Delivery, read_deliveries
from warehouse.errors import UserError
from warehouse.settings import schema_name

READS = {
    "horizon": (),
    "to_train": ("label",),
    "to_predict": ("company_number", "postcode_area"),
    "leads": (
        "lead_rank", "company_number", "company_name", "sector", "region", "accounts_date", "precision_probability",
        "recall_probability", "reason_1", "reason_2", "reason_3", "score_month",
    ),
    "delivery_volumes": (),
    "unparseable_values": (),
    "provider_figures": (),
    "feature_drift": (),
    "ml_outcome": (),
}  # fmt: skip
TABLES = ("predictions",)
LISTED = 1000
MONTHS = 25  # before the horizon, so that each of a year has one a year before
LOOKUPS = "lookups"
ALL, SECTOR, REGION, AREA = "all", "sector", "region", "postcode area"
UNKNOWN = "unknown"
SCORES = "make predict"


@dataclass(frozen=True)
class Delivered:
    """A delivered file of the latest month, or the lookups of a delivery together.

    Attributes:
        delivery: Name of its folder.
        file: As delivered.
        files: How many they are.
        rows: That landed.
        rows_before: Of the delivery before; None where there is none to compare with.
        expected_rows: That a sample of this size has; None of a real delivery.
        rejected_lines: Lines that could not be landed.
        is_sample: Whether it is known to be of the sample.
    """

    delivery: str
    file: str
    files: int
    rows: int
    rows_before: int | None
    expected_rows: int | None
    rejected_lines: int
    is_sample: bool


@dataclass(frozen=True)
class Landed:
    """What could not be used of a month's deliveries."""

    snapshot_month: str
    rows: int
    rejected_lines: int
    unparseable_values: int


@dataclass(frozen=True)
class Month:
    """Invoice finance in a month, as `provider_figures` adds up; `current_users` are those at its end."""

    month: datetime.date
    new_users: int
    new_charges: int
    satisfied_charges: int
    switches: int
    current_users: int


@dataclass(frozen=True)
class Provider:
    """A provider in the month before the horizon, with its share a month and a year before; None without any users."""

    provider: str
    new_users: int
    satisfied_charges: int
    switches_in: int
    switches_out: int
    current_users: int
    market_share: float | None
    share_month_before: float | None
    share_year_before: float | None


@dataclass(frozen=True)
class Drifted:
    """A row of `feature_drift` for the score month; `before` is the index of the score month before."""

    model_name: str
    feature: str
    in_words: str
    stability_index: float
    before: float | None
    drift_level: str


@dataclass(frozen=True)
class Outcome:
    """A row of `ml_outcome`."""

    score_month: str
    model_name: str
    model_version: str
    list_name: str
    companies: int
    already_users: int
    new_users: int
    new_user_share: float | None
    lift: float | None
    months_elapsed: int
    is_complete: bool
    expected_users: float
    expected_users_by_now: float


@dataclass(frozen=True)
class Part:
    """The companies scored of a sector, a region, a postcode area, or all of them.

    Attributes:
        by: What tells the parts apart.
        part: Which one.
        scored: Companies.
        leads: Those of them on the list.
        new_leads: Those of them that were not on the list before.
        leads_in_thousand: Of the companies scored.
    """

    by: str
    part: str
    scored: int
    leads: int
    new_leads: int
    leads_in_thousand: float


@dataclass(frozen=True)
class Lead:
    """A lead that was not on the list before; reasons are None where there are fewer."""

    lead_rank: int
    company_number: str
    company_name: str | None
    sector: str
    region: str
    postcode_area: str
    accounts_date: datetime.date
    precision_probability: float
    recall_probability: float
    reason_1: str | None
    reason_2: str | None
    reason_3: str | None


@dataclass(frozen=True)
class Letter:
    """Everything that the letter tells.

    Attributes:
        horizon: Of the marts.
        compared_month: Score month whose list new leads were not on; None where the lake has none.
        deliveries: All that are behind the figures.
        delivered: What came in the month.
        months: The latest last.
        providers: Those with the most current users first.
        parts: Those with the most new leads first.
    """

    horizon: Horizon
    compared_month: str | None
    deliveries: Sequence[Delivery]
    delivered: Sequence[Delivered]
    landed: Sequence[Landed]
    months: Sequence[Month]
    providers: Sequence[Provider]
    drift: Sequence[Drifted]
    outcomes: Sequence[Outcome]
    parts: Sequence[Part]
    leads: Sequence[Lead]

    @property
    def everything(self) -> Part:
        """All companies scored."""
        return next(of for of in self.parts if of.by == ALL)

    def tables(self) -> list[Table]:
        """Everything as it is written beside the page."""
        given: list[tuple[str, type[Any], Sequence[Any]]] = [
            ("deliveries", Delivered, self.delivered),
            ("landed", Landed, self.landed),
            ("months", Month, self.months),
            ("providers", Provider, self.providers),
            ("drift", Drifted, self.drift),
            ("past_lists", Outcome, self.outcomes),
            ("leads_by_part", Part, self.parts),
            ("new_leads", Lead, self.leads),
        ]
        return [
            Table(name, tuple(of.name for of in fields(kind)), [tuple(vars(row).values()) for row in rows])
            for name, kind, rows in given
        ]


DELIVERED = """
select delivery, case when file like 'LU%' then '{lookups}' else file end as named, count(*),
       cast(sum(landed_rows) as bigint),
       case when count(previous_landed_rows) = count(*) then cast(sum(previous_landed_rows) as bigint) end,
       case when count(expected_rows) = count(*) then cast(sum(expected_rows) as bigint) end,
       cast(sum(rejected_lines) as bigint), bool_or(is_sample)
from {marts}.delivery_volumes where snapshot_month = $1
group by delivery, named order by delivery, named = '{lookups}', named
"""
LANDED = """
with unparseable as (
    select snapshot_month, sum(unparseable_values) as found from {marts}.unparseable_values group by snapshot_month
)
select snapshot_month, cast(sum(landed_rows) as bigint), cast(sum(rejected_lines) as bigint),
       cast(coalesce(max(found), 0) as bigint)
from {marts}.delivery_volumes left join unparseable using (snapshot_month)
group by snapshot_month order by snapshot_month
"""
MONTHS_BEFORE = """
with months as (
    select cast(range as date) as month
    from range(cast($1 as timestamp) - interval {months} month, cast($1 as timestamp), interval 1 month)
)
select month, cast(coalesce(sum(new_users), 0) as bigint), cast(coalesce(sum(new_charges), 0) as bigint),
       cast(coalesce(sum(satisfied_charges), 0) as bigint), cast(coalesce(sum(switches_in), 0) as bigint),
       cast(coalesce(sum(current_users), 0) as bigint)
from months left join {marts}.provider_figures using (month) group by month order by month
"""
# a row in which everything is 0 is not in the mart
PROVIDERS = """
with figures as (
    select figures.*, date_diff('month', month, cast($1 as date)) as ago
    from {marts}.provider_figures as figures
    where date_diff('month', month, cast($1 as date)) in (1, 2, 13)
), known as (
    select ago, case when sum(current_users) > 0 then 0.0 end as no_share from figures group by ago
)
select provider, sum(new_users) filter (ago = 1), sum(satisfied_charges) filter (ago = 1),
       sum(switches_in) filter (ago = 1), sum(switches_out) filter (ago = 1),
       sum(current_users) filter (ago = 1) as users,
       max(market_share) filter (ago = 1),
       coalesce(max(market_share) filter (ago = 2), (select no_share from known where ago = 2)),
       coalesce(max(market_share) filter (ago = 13), (select no_share from known where ago = 13))
from figures group by provider having count(*) filter (ago = 1) > 0 order by users desc, provider
"""
DRIFT = """
select model_name, feature, coalesce(feature_in_words, feature), stability_index, previous_stability_index, drift_level
from {marts}.feature_drift where score_month = $1 order by stability_index desc, feature, model_name
"""
OUTCOMES = """
select score_month, model_name, model_version, list_name, companies, already_users, new_users, new_user_share, lift,
       months_elapsed, is_complete, expected_users, expected_users_by_now
from {marts}.ml_outcome order by score_month desc, model_name, companies, list_name
"""
LISTED_BEFORE = """
with before as (
    select company_number from predictions where score_month = $1 and model_name = 'precision' and rank <= {listed}
), scored as (
    select leads.*, coalesce(postcode_area, '{unknown}') as area, coalesce(lead_rank <= {listed}, false) as is_lead,
           lead_rank <= {listed} and before.company_number is null as is_new
    from {marts}.leads as leads
    join {marts}.to_predict using (company_number)
    left join before using (company_number)
)
"""
PARTS = (
    LISTED_BEFORE
    + """
, named as (
    select coalesce(sector, '{unknown}') as sector, coalesce(region, '{unknown}') as region, area, is_lead, is_new
    from scored
)
select case grouping(sector, region, area) when 7 then '{all}' when 3 then '{sector}' when 5 then '{region}'
            else '{area}' end as kind,
       coalesce(sector, region, area, '{all}') as part, count(*) as scored, count(*) filter (is_lead) as leads,
       count(*) filter (is_new) as new_leads, 1000.0 * leads / scored
from named group by grouping sets ((), (sector), (region), (area))
order by kind, new_leads desc, leads desc, scored desc, part
"""
)
NEW_LEADS = (
    LISTED_BEFORE
    + """
select lead_rank, company_number, company_name, coalesce(sector, '{unknown}'), coalesce(region, '{unknown}'), area,
       accounts_date, precision_probability, recall_probability, reason_1, reason_2, reason_3
from scored where is_new order by lead_rank
"""
)
COMPARED = "select max(score_month) from predictions where score_month < $1 and model_name = 'precision'"
SCORED = "select distinct score_month from {marts}.leads"


def read_letter(connection: duckdb.DuckDBPyConnection, month: str | None) -> Letter:
    """Read everything that the letter tells.

    Args:
        connection: Shows the marts and the predictions.
        month: The month that is asked for, `YYYY-MM`, or None for the one that the marts are of.

    Raises:
        UserError: As `ml.marts.read_horizon` does, when nothing landed in the month, or when it was not predicted.
    """
    horizon = marts.read_horizon(connection, month)

    def rows(query: str, value: Any = None, step: str = "make build") -> list[tuple[Any, ...]]:
        asked = query.format(
            marts=schema_name("marts"), listed=LISTED, months=MONTHS, lookups=LOOKUPS, unknown=UNKNOWN, all=ALL,
            sector=SECTOR, region=REGION, area=AREA,
        )  # fmt: skip
        return marts.execute(connection, asked, [value] if "$1" in asked else None, step).fetchall()

    delivered = [Delivered(*row) for row in rows(DELIVERED, horizon.month)]
    if not delivered:
        raise UserError(
            f"marts.delivery_volumes has nothing of {horizon.month}, so there is nothing to report; run `make build`"
        )
    if rows(SCORED, step=SCORES) != [(horizon.month,)]:
        raise UserError(f"marts.leads is not of {horizon.month}, the month that the marts are of; run `make predict`")
    ((compared_month,),) = rows(COMPARED, horizon.month, SCORES)
    return Letter(
        horizon=horizon,
        compared_month=compared_month,
        deliveries=read_deliveries(connection, horizon.month),
        delivered=delivered,
        landed=[Landed(*row) for row in rows(LANDED)],
        months=[Month(*row) for row in rows(MONTHS_BEFORE, horizon.date)],
        providers=[Provider(*row) for row in rows(PROVIDERS, horizon.date)],
        drift=[Drifted(*row) for row in rows(DRIFT, horizon.month, SCORES)],
        outcomes=[Outcome(*row) for row in rows(OUTCOMES, step=SCORES)],
        parts=[Part(*row) for row in rows(PARTS, compared_month, SCORES)],
        leads=[Lead(*row) for row in rows(NEW_LEADS, compared_month, SCORES)],
    )
