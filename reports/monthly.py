"""The report `monthly`: a letter about the latest delivery, and the leads that it brought."""

import datetime
from collections.abc import Callable, Sequence

from ml.tables import show_tables
from reports import monthly_queries as queries
from reports import numbers
from reports.monthly_leads import leads_sections
from reports.monthly_queries import Delivered, Drifted, Letter, Month, Outcome, read_letter
from reports.origin import notice
from reports.page import Card, Page, Section, Shown
from reports.plots import Bar, Column, bars, columns
from reports.writing import Report
from warehouse.engines import open_engine
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment

NAME = "monthly"
FILES = {
    "CI01": "companies",
    "AC01": "accounts",
    "AC06": "accounts, ratios",
    "MR01": "charges",
    "MR02": "persons entitled to charges",
}
SHOWN_PROVIDERS = 10
SHOWN_FEATURES = 6
SHOWN_LISTS = 14
LIST = f"best {queries.LISTED:,}"  # as ml_outcome names it
YEAR_BEFORE = -13  # among the months, which end with the latest


def monthly_report(environment: Environment) -> tuple[Report, datetime.date]:
    """Make the letter of the month that the marts are built for; also gives the horizon.

    Args:
        environment: Where lake and warehouse are, and the month that is asked for.

    Raises:
        UserError: As `read_letter` does.
    """
    with open_engine(environment).reading(queries.READS) as connection:
        show_tables(connection, Lake(environment.lake), queries.TABLES)
        found = read_letter(connection, environment.month)
    return compose(found), found.horizon.date


def compose(found: Letter) -> Report:
    """Write the letter about what was found."""
    page = Page(
        title=f"Monthly letter, {month_name(found.horizon.date)}",
        about=f"Of delivery month {found.horizon.month}: what was public before {found.horizon.date}.",
        headline=headline(found),
        sections=[
            _landed_section(found),
            _changed_section(found),
            _drift_section(found.drift),
            _past_section(found),
            *leads_sections(found),
        ],
        folder=NAME,
        notice=notice(found.deliveries),
    )
    return Report(page, found.tables())


def month_name(day: datetime.date) -> str:
    """Write a day's month as `October 2026`."""
    return day.strftime("%B %Y")


def headline(found: Letter) -> str:
    """Say in a sentence or two what is new: leads, and users of invoice finance."""
    everything, (before, latest) = found.everything, found.months[-2:]
    of = f"{_counted(everything.leads, 'lead')} among {_counted(everything.scored, 'company scored')}"
    new = of if found.compared_month is None else f"{everything.new_leads:,} new of {of}"
    change = latest.new_users - before.new_users
    more = f"{abs(change):,} {'more' if change > 0 else 'fewer'} than" if change else "as many as"
    began = f"{_counted(latest.new_users, 'company')} began to use invoice finance in {month_name(latest.month)}"
    return f"{new}. {began}, {more} in {before.month:%B}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _counted(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun.replace('company', 'companies') if 'company' in noun else noun + 's'}"


def _change(now: float, before: float | None) -> str:
    if not before:
        return ""
    return f"{100 * (now - before) / before:+.1f} %" if now != before else "0 %"


def _named(of: Delivered) -> str:
    if of.file == queries.LOOKUPS:
        return f"lookups ({of.files} files)"
    return f"{FILES[of.file]} ({of.file})" if of.file in FILES else of.file


def _landed_section(found: Letter) -> Section:
    deliveries = list(dict.fromkeys(of.delivery for of in found.delivered))
    several = len(deliveries) > 1
    files = sum(of.files for of in found.delivered)
    words = [
        f"{'Deliveries' if several else 'Delivery'} {', '.join(deliveries)}: {_counted(found.landed[-1].rows, 'row')} "
        f"landed from {_counted(files, 'file')}. {_unusable(found)}"
    ]
    compared = [of for of in found.delivered if of.rows_before and of.file != queries.LOOKUPS]
    if compared:
        furthest = max(compared, key=lambda of: abs(of.rows - (of.rows_before or 0)) / (of.rows_before or 1))
        words.append(
            f"Furthest from the delivery before it: {_named(furthest)}, {_change(furthest.rows, furthest.rows_before)}."
        )
    else:
        words.append("There is no delivery of the same kind just before it to compare with.")
    expected = any(of.expected_rows is not None for of in found.delivered)
    names = ("file", "rows", "change", *(["off what is expected"] if expected else []), "rejected lines")
    shown = []
    for of in sorted(found.delivered, key=_place):
        name = f"{of.delivery}: {_named(of)}" if several else _capital(_named(of))
        off = [_change(of.rows, of.expected_rows)] if expected else []
        shown.append((name, f"{of.rows:,}", _change(of.rows, of.rows_before), *off, f"{of.rejected_lines:,}"))
    card = Card(table=Shown(names, shown), folded=False, wide=True)
    return Section("What landed", words, [card], ["deliveries", "landed"])


def _place(of: Delivered) -> tuple[str, int]:
    named = list(FILES)
    return of.delivery, named.index(of.file) if of.file in named else len(named) + (of.file == queries.LOOKUPS)


def _unusable(found: Letter) -> str:
    """Say how many lines were rejected and how many values could not be read, beside the month before."""
    now, before = found.landed[-1], found.landed[-2:-1]
    lines = f" ({before[0].rejected_lines:,} in {before[0].snapshot_month})" if before else ""
    values = f" ({before[0].unparseable_values:,})" if before else ""
    return (
        f"{now.rejected_lines:,} of {_counted(now.rows + now.rejected_lines, 'line')} could not be landed{lines}, and "
        f"{_counted(now.unparseable_values, 'value')} that landed could not be read{values}."
    )


def _changed_section(found: Letter) -> Section:
    latest, before, year = found.months[-1], found.months[-2], found.months[YEAR_BEFORE]
    rows: list[tuple[str, Callable[[Month], int]]] = [
        ("new users", lambda of: of.new_users),
        ("new charges", lambda of: of.new_charges),
        ("satisfied charges", lambda of: of.satisfied_charges),
        ("switches of provider", lambda of: of.switches),
        ("current users at the end", lambda of: of.current_users),
    ]
    names = [month_name(of.month) for of in (latest, before, year)]
    table = Shown(
        ("", *names), [(name, *(f"{figure(of):,}" for of in (latest, before, year))) for name, figure in rows]
    )

    def drawn(title: str, figure: Callable[[Month], int]) -> str:
        given = [
            Column(month_name(of.month), str(of.month.year) if of.month.month == 1 else "", figure(of))
            for of in found.months
        ]
        return columns(given, title, numbers.short)

    words = [
        f"Invoice finance as the register of charges shows it, up to the end of {names[0]}. A new user is a company "
        "whose first charge for it became public in the month; one that switched has its next charge with another "
        "provider."
    ]
    cards = [
        Card(table=table, folded=False),
        _shares_card(found),
        Card(
            svg=drawn("New users by month", lambda of: of.new_users)
            + drawn("Satisfied charges by month", lambda of: of.satisfied_charges)
            + drawn("Current users at the end of the month", lambda of: of.current_users)
        ),
    ]
    return Section("What changed", words, cards, ["months", "providers"])


def _shares_card(found: Letter) -> Card:
    held = [of for of in found.providers if of.market_share is not None]
    if not held:
        return Card("Market shares", note="Nobody uses invoice finance.")
    given = [
        Bar(of.provider, of.market_share or 0.0, numbers.share(of.market_share), of.share_year_before)
        for of in held[:SHOWN_PROVIDERS]
    ]
    table = Shown(
        ("provider", "users", "share", "month before", "year before", "new", "switched in", "switched out"),
        [
            (of.provider, f"{of.current_users:,}", numbers.share(of.market_share),
             numbers.share(of.share_month_before), numbers.share(of.share_year_before), f"{of.new_users:,}",
             f"{of.switches_in:,}", f"{of.switches_out:,}")
            for of in held
        ],
    )  # fmt: skip
    note = f"Of the current users; the stroke is the share a year before. The first {len(given)} of {len(held)}."
    return Card("Market shares", bars(given, "Market share by provider"), note, table)


def _drift_section(drift: Sequence[Drifted]) -> Section:
    title, figures = "Do the models still fit?", ["drift"]
    if not drift:
        return Section(title, ["marts.feature_drift has nothing of this month, so nothing can be said."], (), figures)
    # a feature is the same for both models unless they were trained apart
    worst: dict[str, Drifted] = {}
    for of in drift:
        name = f"{of.in_words} of the {of.model_name} model" if of.feature == "score" else of.in_words
        worst.setdefault(name, of)
    levels = {level: sum(of.drift_level == level for of in worst.values()) for level in ("alarm", "warning")}
    if any(levels.values()):
        articles = {"alarm": "an alarm", "warning": "a warning"}
        moved = [
            f"{number} moved as far from training as {articles[level]}" for level, number in levels.items() if number
        ]
        words = [f"Less well: of {len(worst)} features and scores, {' and '.join(moved)}."]
    else:
        words = [f"Yes: none of {len(worst)} features and scores has moved from training by as much as a warning."]
    if all(of.before is None for of in worst.values()):
        words.append("There is no score month before this one to compare with.")
    given = [
        Bar(_capital(name), of.stability_index, f"{of.stability_index:.3f} {of.drift_level}", of.before)
        for name, of in list(worst.items())[:SHOWN_FEATURES]
    ]
    note = (
        "Population stability index of the companies scored against training; 0 is no change. The stroke is that of "
        "the score month before, where there is one."
    )
    card = Card(f"The {len(given)} that moved most", bars(given, "Stability index by feature"), note)
    return Section(title, words, [card], figures)


def _past_section(found: Letter) -> Section:
    title, figures = "How past lists did", ["past_lists"]
    lists = [of for of in found.outcomes if of.model_name == "precision" and of.months_elapsed > 0]
    # the list that leads are taken from, or the shortest where the project keeps another
    kept = {of.list_name for of in lists}
    shortest = min(lists, key=lambda of: (of.companies, of.list_name), default=None)
    name = LIST if LIST in kept or shortest is None else shortest.list_name
    past = [of for of in lists if of.list_name == name]
    complete = [of for of in past if of.is_complete]
    if complete:
        words = [_judged(complete[0])]
    else:
        oldest = min((of.score_month for of in found.outcomes), default=found.horizon.month)
        words = [
            f"No past list is old enough to judge: the oldest is of {_named_month(oldest)}, and a list has twelve "
            "months."
        ]
    if not past:
        return Section(title, words, (), figures)
    if len(complete) < len(past):
        words.append("Of lists whose twelve months are not over, the figures are of the months that are.")
    shown = [
        (_named_month(of.score_month), str(of.months_elapsed), f"{of.companies:,}", f"{of.new_users:,}",
         f"{of.expected_users_by_now:,.1f}", "" if of.lift is None else f"{of.lift:.1f}")
        for of in past[:SHOWN_LISTS]
    ]  # fmt: skip
    names = ("scored in", "months over", "companies", "became users", "expected", "lift")
    note = (
        f"Precision model, list {name}. Expected is the sum of the probabilities for the time that is over, an upper "
        "estimate; lift is how many times as many became users as among all scored."
    )
    return Section(title, words, [Card(note=note, table=Shown(names, shown), folded=False, wide=True)], figures)


def _named_month(month: str) -> str:
    return month_name(datetime.date.fromisoformat(f"{month}-01"))


def _judged(told: Outcome) -> str:
    lift = "" if told.lift is None else f", {told.lift:.1f} times the share among all that were scored"
    return (
        f"The latest list whose twelve months are over is of {_named_month(told.score_month)}: of its "
        f"{_counted(told.companies, 'company')}, {told.new_users:,} became users "
        f"({numbers.share(told.new_user_share)}){lift}. Its probabilities had promised "
        f"{numbers.short(told.expected_users)} at most."
    )
