"""The part of the monthly letter that is about leads: how many are new, where they are, and the first of them."""

from collections.abc import Sequence

from reports import numbers
from reports.monthly_queries import AREA, LISTED, REGION, SECTOR, UNKNOWN, Lead, Letter, Part
from reports.page import Card, Section, Shown
from reports.plots import Bar, bars
from reports.tilemap import Legend, Shaded, read_tiles, tile_map

FEWEST_SCORED = 20  # companies of an area whose share is worth a shade
SHOWN_PARTS = 14
SHOWN_DENSEST = 3
SHOWN_LEADS = 10
WHOLE_RATE = 100  # from which on a rate is written without decimals


def leads_sections(found: Letter) -> list[Section]:
    """Tell of the leads: new ones by sector and region, all by postcode area, and the first new ones one by one."""
    return [_new_section(found), _map_section(found), _leads_section(found)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _of(found: Letter, by: str) -> list[Part]:
    return [part for part in found.parts if part.by == by]


def _new_section(found: Letter) -> Section:
    everything = found.everything
    list_ = f"the {LISTED:,} companies that the precision model ranks first"
    if everything.scored <= LISTED:
        list_ = f"all {everything.scored:,} companies scored, since they are no more than {LISTED:,}"
    if found.compared_month is None:
        words = [f"Leads are {list_}. There is no earlier list to compare with, so all of them count as new."]
    else:
        words = [
            f"Leads are {list_}. {everything.new_leads:,} of the {everything.leads:,} were not among as many of "
            f"{found.compared_month}, the last month scored before this one, and count as new."
        ]
    cards = [_parts_card(f"By {by}", _of(found, by), everything) for by in (SECTOR, REGION)]
    return Section("New leads", words, cards, ["leads_by_part"])


def _parts_card(title: str, parts: Sequence[Part], everything: Part) -> Card:
    given = [
        Bar(_capital(part.part), part.new_leads, _figure(part, everything))
        for part in parts[:SHOWN_PARTS]
        if part.leads
    ]
    table = Shown(
        (title.removeprefix("By "), "new leads", "leads", "scored", "leads in 1,000"),
        [(part.part, f"{part.new_leads:,}", f"{part.leads:,}", f"{part.scored:,}", _rate(part)) for part in parts],
    )
    return Card(title, bars(given, f"New leads {title.lower()}"), table=table)


def _figure(part: Part, everything: Part) -> str:
    share = part.new_leads / everything.new_leads if everything.new_leads else None
    return f"{part.new_leads:,}, {numbers.share(share)}"


def _map_section(found: Letter) -> Section:
    tiles = read_tiles()
    areas = sorted(_of(found, AREA), key=lambda part: (-part.leads, -part.new_leads, part.part))
    placed = [part for part in areas if part.part in tiles]
    placeless = [part for part in areas if part.part not in tiles]

    def named(part: Part) -> str:
        return f"{part.part} {tiles[part.part].name}" if part.part in tiles else _capital(part.part)

    words = [
        "Each tile is a postcode area, all of one size, roughly where it lies. The darker it is, the more of its "
        f"companies scored are leads; one with fewer than {FEWEST_SCORED} of them has no shade.",
    ]
    densest = sorted(
        (part for part in placed if part.scored >= FEWEST_SCORED), key=lambda part: (-part.leads_in_thousand, part.part)
    )
    if densest:
        most = ", ".join(f"{named(part)} ({_rate(part)})" for part in densest[:SHOWN_DENSEST])
        words.append(f"Most leads in 1,000 companies scored: {most}; in the whole country {_rate(found.everything)}.")
    odd = [part.part for part in placeless if part.part != UNKNOWN]
    if odd:
        words.append(f"Without a tile, and counted with the unknown: {', '.join(sorted(odd))}.")
    unknown = [
        "Area unknown:",
        f"{sum(part.leads for part in placeless):,} leads of",
        f"{sum(part.scored for part in placeless):,} scored",
    ]
    legend = Legend(("Leads in 1,000", "companies scored"), "too few", ("Number: leads", "", *unknown))
    svg = tile_map(
        {part.part: _shaded(part) for part in areas}, "Leads in 1,000 companies scored by postcode area", legend,
        lambda limit: f"{limit:g}",
    )  # fmt: skip
    drawn = [
        Bar(named(part), part.leads, f"{part.leads:,}" + (f", {part.new_leads:,} new" if found.compared_month else ""))
        for part in placed[:SHOWN_PARTS]
        if part.leads
    ]
    table = Shown(
        ("postcode area", "leads in 1,000", "leads", "new leads", "scored"),
        [
            (named(part), _rate(part), f"{part.leads:,}", f"{part.new_leads:,}", f"{part.scored:,}")
            for part in areas
        ],
    )  # fmt: skip
    cards = [Card(svg=svg), Card("Most leads", bars(drawn, "Leads by postcode area"), table=table)]
    return Section("Where the leads are", words, cards, ["leads_by_part"])


def _rate(part: Part) -> str:
    rate = part.leads_in_thousand
    return numbers.count(rate) if rate >= WHOLE_RATE else numbers.short(rate)


def _shaded(part: Part) -> Shaded:
    hint = f"leads {part.leads:,} of {part.scored:,} scored, {_rate(part)} in 1,000; new {part.new_leads:,}"
    value = part.leads_in_thousand if part.scored >= FEWEST_SCORED else None
    return Shaded(value, numbers.short(part.leads), hint)


def _leads_section(found: Letter) -> Section:
    shown = found.leads[:SHOWN_LEADS]
    if not shown:
        return Section("First of the new leads", ["No lead is new."], (), ["new_leads"])
    words = [
        "With the probability of a first use within twelve months from the day the accounts became public, by the "
        "precision and the recall model, and what raises it most."
    ]
    title = f"The first {len(shown)} new leads" if len(shown) > 1 else "The new lead"
    return Section(title, words, [_lead_card(lead) for lead in shown], ["new_leads"])


def _lead_card(lead: Lead) -> Card:
    note = (
        f"{lead.company_number}, {lead.sector}, {lead.region}, postcode area {lead.postcode_area}. Probability "
        f"{numbers.share(lead.precision_probability)} and {numbers.share(lead.recall_probability)}, from accounts to "
        f"{lead.accounts_date}."
    )
    reasons = [reason for reason in (lead.reason_1, lead.reason_2, lead.reason_3) if reason]
    return Card(f"{lead.lead_rank:,}. {lead.company_name or lead.company_number}", note=note, points=reasons)
