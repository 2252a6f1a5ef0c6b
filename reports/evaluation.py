"""The report `evaluation`: how good the models of a run are, and what that does not say, as training wrote it."""

from collections.abc import Mapping
from typing import Any

from ml.tables import show_tables
from reports import evaluation_queries as queries
from reports.evaluation_curves import gain_section, reliability_section
from reports.evaluation_estimates import chief_section, naive_section, slices_section, years_section
from reports.evaluation_models import importance_section, lists_section
from reports.evaluation_queries import Evaluation, Run, read_evaluation
from reports.evaluation_told import Told
from reports.origin import notice
from reports.page import Page, Section
from reports.writing import Report
from warehouse.engines import open_engine
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment

FEW_POSITIVES = 200


def evaluation_report(environment: Environment, run: str) -> tuple[Report, Run]:
    """Make the report of a run.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.
        run: The run, or how its name begins, or `latest`.

    Raises:
        UserError: When there is no such run, or the tables hold nothing of it.
    """
    lake = Lake(environment.lake)
    with open_engine(environment).reading(queries.MARTS) as connection:
        show_tables(connection, lake, queries.TABLES)
        found = read_evaluation(connection, run, environment.month)
    return compose(found), found.run


def compose(found: Evaluation) -> Report:
    """Draw what the tables say."""
    told, run = Told(found), found.run
    page = Page(
        title="Evaluation: how good the models are",
        about=f"Run {run.run_id}, {run.score_month}: learned from {run.rows:,} observations of {run.companies:,} "
        f"companies, {run.positives:,} of them positive, public before {run.horizon_date}. All intervals are of 95 %.",
        headline=headline(told),
        sections=[
            chief_section(told),
            gain_section(told),
            reliability_section(told),
            years_section(told),
            naive_section(told),
            lists_section(told),
            slices_section(told),
            importance_section(found, told.models),
            Section("What these numbers do not say", limits(told), figures=["deliveries"]),
        ],
        folder=f"evaluation_{run.run_id}",
        notice=notice(found.deliveries),
    )
    return Report(page, found.tables())


def headline(told: Told) -> str:
    """Say in one sentence how good the model is that ranks the few best, or the first there is."""
    model = "precision" if "precision" in told.models else told.models[0]
    lift, test = told.metric(model, "lift_at_1_percent"), told.test
    if lift is None or lift.value is None or lift.low is None or lift.high is None:
        return f"Tested on {test.rows:,} observations, of which {test.positives:,} became users."
    return (
        f"Among the 1 % that the {model} model ranked first, {lift.value:.1f} times as many became users as among as "
        f"many picked by chance (95 % interval {lift.low:.1f} to {lift.high:.1f})."
    )


def limits(told: Told) -> list[str]:
    """Say what must not be read from the numbers, by what the tables know of the run."""
    run, test = told.found.run, told.test
    found = [
        "A probability is for the twelve months from the day the company's accounts became public, and the test scored "
        "accounts as they appeared; of a company whose accounts have been public for a while, part of them is over.",
        "A user is a company with a registered charge in a financier's name. Who uses invoice finance without one is "
        "counted as not a user, in training and in the test." + _confidential(run.settings),
    ]
    if test.positives < FEW_POSITIVES:
        found.append(
            f"The headline rests on {test.positives:,} users: what lies within the intervals is no difference."
        )
    found += [
        "The intervals say what other companies of the same year might have brought, not what another year will: for "
        "that, read the years beside each other.",
        "Tested were models made in the same way from earlier observations; the models that serve learned from the "
        "tested year as well, and nobody can test them yet.",
        "A lift is against companies picked by chance, not against what a sales team would have picked.",
    ]
    return found


def _confidential(settings: Mapping[str, Any]) -> str:
    share = settings.get("confidential_share")
    if not share:
        return ""
    low, high = share["low"], share["high"]
    return (
        f" If {100 * low:g} % to {100 * high:g} % of users leave none, which is an assumption, a first use is "
        f"{1 / (1 - low):.2f} to {1 / (1 - high):.2f} times as likely as a first charge."
    )
