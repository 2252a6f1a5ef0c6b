"""The main job at the size of a country, step by step: a stock delivery, then a month of changes after it.

    python -m benchmarks.country --companies 500000 --folder FOLDER [--established 0.85] [--months 1] [--result FILE]

Makes sample deliveries of so many companies below FOLDER, unless they are there, then runs what `make run` runs on
deliveries from an SFTP server, each step in a process of its own, on a lake and a warehouse below FOLDER that it makes
anew. The server belongs to this process, so that no step is charged with its work, though it shares the processors.
Prints a table and writes the figures as JSON; benchmarks/country_growth.py draws several such files against their
sizes.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import Used, measured, size_of
from ingestion.delivery_log import DeliveryLog, read_logs
from ingestion.sample.deliveries import DELIVERIES
from ingestion.sample.server import serve
from warehouse.lake import Lake

ROOT = Path(__file__).resolve().parents[1]
INGEST, REGISTER = ("ingestion", "ingest", "--month"), (("ingestion", "register"), ("ml", "register"))
FEATURES, SCORES = (("warehouse", "dbt", "build", "--selector", selector) for selector in ("features", "scores"))


@dataclass(frozen=True)
class Step:
    """A step of the main job as it was measured.

    Attributes:
        part: `sample`, `stock` or a month after it, `YYYY-MM`.
        name: What was done.
        used: What that used.
    """

    part: str
    name: str
    used: Used


class Country:
    """A lake and a warehouse of their own, and the steps that are run on them."""

    def __init__(self, folder: Path) -> None:
        """Name the places; nothing is made yet.

        Args:
            folder: Takes the deliveries, the lake, the warehouse and a log.
        """
        self.lake, self.log, self.steps = folder / "lake", folder / "log.txt", list[Step]()
        self.sample = folder / "sample"
        self._warehouse = folder / "warehouse"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SFTP_", "SAMPLE_"))
        } | {
            "SAMPLE_DELIVERIES": str(self.sample),
            "LAKE": str(self.lake),
            "WAREHOUSE": str(self._warehouse / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_TARGET": "duckdb",
            "MONTH": "",
        }

    def begin_anew(self) -> None:
        """Delete what an earlier run left, except the sample."""
        for folder in (self.lake, self._warehouse):
            shutil.rmtree(folder, ignore_errors=True)
        self._warehouse.mkdir(parents=True)

    def run(self, part: str, name: str, *modules: tuple[str, ...]) -> None:
        """Run Python modules one after the other as one step."""
        command = ["sh", "-ec", 'for module; do "$0" -m $module; done', sys.executable, *map(" ".join, modules)]
        used = measured(command, self.environment, self.log, (self.lake, self._warehouse))
        self.steps.append(Step(part, name, used))
        print(line_of(self.steps[-1]), flush=True)

    def job(self, part: str, month: str, *, trains: bool) -> None:
        """Run the main job for one delivery month."""
        self.run(part, "land", (*INGEST, month))
        self.run(part, "build", *REGISTER, FEATURES)
        if trains:
            self.run(part, "train", ("ml", "train"))
        self.run(part, "predict", ("ml", "predict"))
        self.run(part, "build leads", SCORES)

    @contextlib.contextmanager
    def vendor(self) -> Iterator[None]:
        """Serve the sample as a vendor does, for the time of a `with` block.

        A sample that is not of the default shape is not known by its expected volumes; a vendor's delivery needs none.
        """
        with serve(self.sample / DELIVERIES) as address:
            self.environment |= {
                "SFTP_HOST": address.host,
                "SFTP_PORT": str(address.port),
                "SFTP_USER": address.user,
                "SFTP_PASSWORD": address.password,
                "SFTP_HOST_KEY": address.host_key,
            }
            yield

    def disk(self) -> int:
        """Give the bytes of lake and warehouse as they are now."""
        return size_of((self.lake, self._warehouse))


def line_of(step: Step) -> str:
    """Write a step as a row of the table."""
    used = step.used
    figures = (used.seconds, used.processor_seconds, used.peak_megabytes, used.read_megabytes, used.written_megabytes)
    return f"{step.part:<9}{step.name:<13}" + "".join(f"{figure:>13,.0f}" for figure in figures)


def _texts(logs: list[DeliveryLog]) -> dict[str, int]:
    return {log.delivery: sum(record.bytes for record in log.files) for log in logs}


def _total(steps: list[Step], part: str) -> dict[str, float]:
    used = [step.used for step in steps if step.part == part]
    return {
        "seconds": sum(each.seconds for each in used),
        "processor_seconds": sum(each.processor_seconds for each in used),
        "peak_megabytes": max(each.peak_megabytes for each in used),
        "peak_disk_megabytes": max(each.peak_disk_megabytes for each in used),
    }


def _found(country: Country, companies: int, established: float) -> dict[str, Any]:
    return {
        "companies": companies,
        "established": established,
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "python": platform.python_version()},
        "text_bytes": _texts(read_logs(Lake(country.lake))),
        "disk_bytes": country.disk(),
        "steps": [asdict(step) for step in country.steps],
        "totals": {part: _total(country.steps, part) for part in dict.fromkeys(step.part for step in country.steps)},
    }


def main() -> None:
    """Measure and print, and write a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="takes some four times the text")
    parser.add_argument(
        "--established", type=float, default=0.85, help="share of the companies that have all eight years of history"
    )
    parser.add_argument("--months", type=int, default=1, choices=range(4), help="months after the stock delivery")
    parser.add_argument("--result", type=Path, help="takes the JSON object")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    country = Country(folder)
    country.begin_anew()
    print(
        f"{'':<22}" + "".join(f"{name:>13}" for name in ("seconds", "processor s", "peak MB", "read MB", "written MB"))
    )
    country.run(
        "sample",
        "make",
        ("ingestion", "sample", "--companies", str(arguments.companies), "--established", str(arguments.established)),
    )
    months = sorted(json.loads((country.sample / "manifest.json").read_text())["deliveries"], key=_month_of)
    with country.vendor():
        for place, delivery in enumerate(months[: 1 + arguments.months]):
            month = _month_of(delivery)
            country.job(month if place else "stock", month, trains=not place)
            found = _found(country, arguments.companies, arguments.established)
            # what was measured is kept when a later month is interrupted
            if arguments.result is not None:
                arguments.result.write_text(json.dumps(found, indent=1) + "\n")
    for part, total in found["totals"].items():
        print(f"{part}: " + ", ".join(f"{name} {value:,.0f}" for name, value in total.items()))
    text, disk = sum(found["text_bytes"].values()) / 1e6, found["disk_bytes"] / 1e6
    print(f"text {text:,.0f} MB, lake and warehouse {disk:,.0f} MB")


def _month_of(delivery: str) -> str:
    date = delivery.rsplit("_", 1)[1]
    return f"{date[:4]}-{date[4:6]}"


if __name__ == "__main__":
    main()
