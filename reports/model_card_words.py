"""What the report `card` says that no table holds: purpose, care and limits, by the definitions of the project."""

from collections.abc import Callable, Sequence

from reports import numbers
from reports.model_card_queries import Served, Serving
from reports.page import Shown

PURPOSE = (
    "To decide whom to call first: of the companies that do not use invoice finance yet, which are likely to begin "
    "within twelve months. `precision` is for short lists, such as a week's calls; `recall` is for long ones, such as "
    "a campaign, and misses fewer users further down.",
    "For analysts and sales teams of invoice financiers, brokers and lenders, who know what an interval is and check a "
    "company's accounts before they call.",
)
NOT_FOR = (
    "Not for credit decisions, prices or limits: the models know nothing of who pays back, and a company that is far "
    "down the list is not a bad one.",
    "Not for judging a person: each row is a company's accounts. Where a company is one person, the law on personal "
    "data and on direct marketing applies to whoever calls.",
    "Not for companies outside the groups in which somebody became a user, for other countries, or for months long "
    "after the last training.",
)
LABEL = (
    "Each row is one company's accounts on the day they became public. It counts as positive if the company's first "
    "charge in favour of an invoice financier became public within the twelve months after that day, and as negative "
    "if those months are over without one. Companies that were users already, or whose chargeholder is only possibly "
    "a financier, are left out, and so are rows whose twelve months reach beyond the horizon, and rows older than the "
    "first known user of their group.",
)
PROCEDURE = (
    "A first model learns from the earlier rows and is watched on the latest year, which gives the number of trees. "
    "The model that serves has as many trees on all rows. The latest year, scored by models that never saw the "
    "companies that they score, then brings its output to a probability in the population, and says where its list "
    "ends.",
)
METRICS = (
    "Lift is how many times as many users a list has as one picked by chance: it is what a sales team gains. Average "
    "precision judges the whole ranking with the weight on its top, the area under ROC with equal weight everywhere; "
    "the calibration error is how far the probabilities lie from what became of the companies.",
    "Intervals are of 95 %, over companies drawn again with replacement, each with all of its rows.",
)
CARE = (
    "The data are public registers in a licensed extract. The models are not told names, numbers, dates as such, the "
    "lender, or anything about charges that were not public on the day.",
    "Sector, region and age of a company are features: whole sectors or regions may hear less of invoice finance than "
    "others because fewer companies there used it before. The slices show where the ranking is weak.",
    "Who is called may become a user because of the call. The more the lists are used, the more later trainings learn "
    "from their own success; a share of calls outside the lists keeps that visible.",
)


def limits(served: Served) -> list[str]:
    """Say what the models cannot know, besides what an evaluation says of its own numbers."""
    stock = min((of.snapshot_month for of in served.deliveries if of.delivery_kind == "stock"), default="")
    found = [
        "Financiers are told by a hand-kept list of names (`seeds/person_entitled_adjusted.csv`): a charge in a name "
        "that nobody has reviewed is not seen.",
    ]
    if stock:
        found.append(
            f"The past is known through what the delivery of {stock} held. A company that had left the register by "
            "then may be in none of the rows, so earlier years are seen through the companies that lasted."
        )
    found.append(
        "Only companies in a similar group (legal form, section and size) in which somebody has become a user are "
        "learned from and scored. Users from other groups are missed for certain; the test counts them as not found."
    )
    return found


def recommendations(served: Served) -> list[str]:
    """Say what to do before and while the lists are used."""
    return [
        "Read a probability together with its interval and with the years beside each other; compare lists by what "
        "became of them (`marts.ml_outcome`) once their months are over.",
        f"Train again when a drift is at alarm or a list brings clearly less than here; until then, what was learned "
        f"for {_months(served)} serves.",
    ]


def _months(served: Served) -> str:
    return " and ".join(dict.fromkeys(model.choice.version.score_month for model in served.models))


def joined(parts: Sequence[str]) -> str:
    """Write `a`, `a and b` or `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def stands_for(weight: float) -> str:
    """Say how many observations of the population a row that did not become positive stands for."""
    if round(weight, 2) == 1:
        return "All rows are there: none was left out by sampling."
    return (
        f"All positive rows are kept; of the others a sample, of which each stands for {weight:,.2f} of the population "
        f"({numbers.share(1 / weight)} were kept). Metrics and probabilities are brought back to the population."
    )


def by_model(served: Served, rows: Sequence[tuple[str, Callable[[Serving], str]]], first: str = "") -> Shown:
    """Set the models beside each other, a column each."""
    return Shown(
        (first, *(model.label for model in served.models)),
        [(name, *(write(model) for model in served.models)) for name, write in rows],
        prose=True,
    )
