"""The report `card`: the model card of the versions that serve, as it is told by what training and promotion wrote.

Its parts are those of Mitchell et al. (2019), "Model cards for model reporting", in their order; promotion and how to
make the models again come last.
"""

import datetime

from reports.evaluation import limits as evaluation_limits
from reports.evaluation_curves import gain_section, reliability_section
from reports.evaluation_estimates import chief_section, years_section
from reports.model_card_judged import (
    drift_section,
    factors_section,
    lists_section,
    of_all,
    tested_section,
    words_of_all,
    worst_slices_section,
)
from reports.model_card_learning import data_section, features_section, training_section
from reports.model_card_queries import READS, Served, read_served
from reports.model_card_versions import again_section, details_section, promotion_section, standing
from reports.model_card_words import CARE, NOT_FOR, PURPOSE, joined, limits, recommendations
from reports.origin import notice
from reports.page import Page, Section
from reports.writing import Report
from warehouse.engines import open_engine
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment

NAME = "card"


def model_card_report(environment: Environment) -> tuple[Report, datetime.date]:
    """Make the card of the versions that serve the month that the marts are built for; also gives the horizon.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.

    Raises:
        UserError: As `read_served` does.
    """
    with open_engine(environment).reading(READS) as connection:
        served = read_served(connection, Lake(environment.lake), environment.month)
    return compose(served), served.horizon.date


def compose(served: Served) -> Report:
    """Draw what was found."""
    versions = joined([f"{of.name} {of.choice.version.model_version} ({standing(of)})" for of in served.models])
    caveats = [*limits(served), *words_of_all(served, evaluation_limits), *recommendations(served)]
    page = Page(
        title="Model card: who will start to use invoice finance",
        about=f"Of the versions that serve {served.horizon.month}, as training and promotion wrote it; nothing was "
        "computed again. All intervals are of 95 %.",
        headline="Two models rank UK companies by how likely they are to register their first charge for invoice "
        f"finance within twelve months: {versions}.",
        sections=[
            details_section(served),
            Section("What they are for, and what not", [*PURPOSE, *NOT_FOR]),
            factors_section(served),
            lists_section(served),
            tested_section(served),
            data_section(served),
            features_section(served),
            training_section(served),
            of_all(served, chief_section),
            of_all(served, gain_section),
            of_all(served, years_section),
            of_all(served, reliability_section),
            worst_slices_section(served),
            drift_section(served),
            Section("What to be careful about", CARE),
            Section("What these models cannot know, and what to do", caveats),
            promotion_section(served),
            again_section(served),
        ],
        folder=NAME,
        notice=notice(served.deliveries),
    )
    return Report(page, served.tables())
