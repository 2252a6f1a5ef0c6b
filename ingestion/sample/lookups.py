"""Codes of the sample deliveries and what they mean."""

import csv
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

COMPANY_TYPES = {
    "PRI": "Private Limited Company",
    "PLG": "Private Limited by Guarantee, No Share Capital",
    "PLX": "Private Limited by Guarantee, Use of 'Limited' Exemption",
    "LP": "Limited Partnership",
    "LLP": "Limited Liability Partnership",
    "CIC": "Community Interest Company",
    "OTH": "Other Company Type",
    "RS": "Registered Society",
    "PLC": "Public Limited Company",
    "PUN": "Private Unlimited Company",
    "ICV": "Investment Company with Variable Capital",
}
UNKNOWN_COMPANY_TYPE = "XQ"

LEGAL_STATUSES = {
    "A": "Active",
    "AP": "Active - Proposal to Strike off",
    "L": "Liquidation",
    "IA": "In Administration",
    "AO": "Administration Order",
    "RM": "Live but Receiver Manager on at least one charge",
    "VA": "Voluntary Arrangement",
    "D": "Dissolved",
}

REGISTERS = {"EW": "England and Wales", "SC": "Scotland", "NI": "Northern Ireland"}

ACCOUNTS_TYPES = {
    "DOR": "Dormant",
    "MIC": "Micro-entity",
    "TEF": "Total Exemption Full",
    "TES": "Total Exemption Small",
    "UAB": "Unaudited Abridged",
    "SML": "Small",
    "AES": "Audit Exemption Subsidiary",
    "MED": "Medium",
    "FUL": "Full",
    "GRP": "Group",
}

CHARGE_FORMS = {
    "395": "Particulars of a mortgage or charge (before October 2009)",
    "410": "Particulars of a charge created by a company registered in Scotland (before October 2009)",
    "MG01": "Particulars of a mortgage or charge (October 2009 to April 2013)",
    "MG01S": "Particulars of a charge created by a company registered in Scotland (October 2009 to April 2013)",
    "MR01": "Registration of a charge",
    "LLMR01": "Registration of a charge by a limited liability partnership",
}

DISCHARGES = {"O": "Outstanding", "P": "Part satisfied", "F": "Fully satisfied"}

SIC03 = {
    "0111": "Growing of cereals and other crops not elsewhere specified",
    "1411": "Quarrying of stone for construction",
    "1581": "Manufacture of bread, fresh pastry goods and cakes",
    "2222": "Printing not elsewhere classified",
    "2524": "Manufacture of other plastic products",
    "2852": "General mechanical engineering",
    "3663": "Other manufacturing not elsewhere classified",
    "4011": "Production of electricity",
    "3720": "Recycling of non-metal waste and scrap",
    "4521": "General construction of buildings and civil engineering works",
    "4531": "Installation of electrical wiring and fittings",
    "5010": "Sale of motor vehicles",
    "5190": "Other wholesale",
    "5248": "Other retail sale in specialised stores",
    "6024": "Freight transport by road",
    "5530": "Restaurants",
    "7222": "Other software consultancy and supply",
    "6523": "Other financial intermediation",
    "7011": "Development and selling of real estate",
    "7020": "Letting of own property",
    "7414": "Business and management consultancy activities",
    "7420": "Architectural and engineering activities and related technical consultancy",
    "7450": "Labour recruitment and provision of personnel",
    "7487": "Other business activities",
    "7511": "General public service activities",
    "8042": "Adult and other education not elsewhere classified",
    "8514": "Other human health activities",
    "9261": "Operation of sports arenas and stadiums",
    "9305": "Other service activities not elsewhere classified",
    "9800": "Residents property management",
    "9999": "Dormant company",
}
SIC07_MISSING = ("47799", "74209", "96040")  # carried by companies, but left out of the delivered lookup


@cache
def sic07() -> dict[str, str]:
    """Read the Standard Industrial Classification 2007 (condensed list, Open Government Licence)."""
    with (DATA / "sic07.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["description"] for row in csv.DictReader(file)}


@cache
def lookups() -> dict[str, dict[str, str]]:
    """Codes and descriptions by name of the lookup file, as they are delivered."""
    return {
        "LUAT01": ACCOUNTS_TYPES,
        "LUCT01": COMPANY_TYPES,
        "LUDF01": DISCHARGES,
        "LUFA01": REGISTERS,
        "LUFT01": CHARGE_FORMS,
        "LULQ01": LEGAL_STATUSES,
        "LUSC01": SIC03,
        "LUSC02": {code: text for code, text in sic07().items() if code not in SIC07_MISSING},
    }
