"""What every peer is asked to do: from a landed lake and the seeds to the five tables."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# the tables, each with its key
TABLES: Mapping[str, tuple[str, ...]] = {
    "users": ("company_number",),
    "users_not_users": ("company_number", "accounts_date"),
    "lagged_financials": ("company_number", "accounts_date"),
    "to_train": ("company_number", "accounts_date"),
    "to_predict": ("company_number",),
}
SEEDS = Path(__file__).resolve().parents[2] / "seeds"


@dataclass(frozen=True)
class Job:
    """What a peer reads, and where it writes.

    Attributes:
        lake: Root of the lake, a local folder.
        month: Month of the latest delivery that counts, `YYYY-MM`.
        output: Folder for the tables; there, and empty.
        seeds: Folder of the CSVs kept by hand.
        non_user_rows: Rows with label 0 in to_train.
        sample_seed: Begins the text whose hash decides which rows with label 0 are kept.
        predict_accounts_months: Age of the latest accounts, up to which a company is predicted.
    """

    lake: Path
    month: str
    output: Path
    seeds: Path = SEEDS
    non_user_rows: int = 1_000_000
    sample_seed: str = "bookdebts"
    predict_accounts_months: int = 36


def read_job() -> Job:
    """Read the job from the command line: LAKE MONTH OUTPUT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=Path)
    parser.add_argument("month")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    return Job(arguments.lake, arguments.month, arguments.output)
