"""What the pipeline should find in the sample deliveries."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ingestion.sample.rows import Block
from ingestion.sample.schedule import Delivery


@dataclass
class Truth:
    """What was planted, over all blocks of companies.

    Attributes:
        companies: Companies ever delivered.
        accounts: Accounts ever delivered, not counting what is dirt.
        charges: Charges ever delivered, not counting what is dirt.
        invoice_finance_charges: Those in the name of a certain invoice financier, dated or not.
        users: Day on which the first invoice-finance charge became public before the horizon, by company number.
        possible_only: Numbers of companies with charges of possible invoice financiers and none of a certain one.
        users_by_year: New users by calendar year.
        charges_by_provider: Invoice-finance charges by provider.
    """

    companies: int = 0
    accounts: int = 0
    charges: int = 0
    invoice_finance_charges: int = 0
    users: dict[str, str] = field(default_factory=dict)
    possible_only: list[str] = field(default_factory=list)
    users_by_year: Counter[str] = field(default_factory=Counter)
    charges_by_provider: Counter[str] = field(default_factory=Counter)

    def add(self, block: Block, last: Delivery) -> None:
        """Add what the deliveries up to the last one tell about a block of companies."""
        charges, number = block.charges, block.companies.number
        delivered = charges.visible < last.until
        certain = delivered & (charges.certainty == "certain")
        possible = delivered & (charges.certainty == "possible")
        self.companies += int((block.companies.incorporation < last.until).sum())
        self.accounts += int((block.accounts.visible < last.until).sum())
        self.charges += int(delivered.sum())
        self.invoice_finance_charges += int(certain.sum())
        self.charges_by_provider.update(charges.provider[certain].tolist())
        public = charges.public()
        counted = certain & (public < last.until)
        first = np.full(len(number), np.datetime64("2999-12-31"))
        np.minimum.at(first, charges.company[counted], public[counted])
        for place in np.unique(charges.company[counted]).tolist():
            self.users[number[place]] = str(first[place])
            self.users_by_year[str(first[place])[:4]] += 1
        only = np.setdiff1d(charges.company[possible], charges.company[certain])
        self.possible_only += number[only].tolist()

    def merge(self, other: "Truth") -> None:
        """Add what was planted in other blocks of companies."""
        self.companies += other.companies
        self.accounts += other.accounts
        self.charges += other.charges
        self.invoice_finance_charges += other.invoice_finance_charges
        self.users |= other.users
        self.possible_only += other.possible_only
        self.users_by_year.update(other.users_by_year)
        self.charges_by_provider.update(other.charges_by_provider)

    def as_json(self) -> dict[str, Any]:
        """Return everything in a fixed order."""
        return {
            "companies": self.companies,
            "accounts": self.accounts,
            "charges": self.charges,
            "invoice_finance_charges": self.invoice_finance_charges,
            "users": dict(sorted(self.users.items())),
            "possible_only": sorted(self.possible_only),
            "users_by_year": dict(sorted(self.users_by_year.items())),
            "charges_by_provider": dict(sorted(self.charges_by_provider.items())),
        }
