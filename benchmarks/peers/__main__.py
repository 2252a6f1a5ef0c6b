"""From a landed lake to users, statuses, lags, to_train and to_predict: ours against what people would otherwise do.

    python -m benchmarks.peers --lake FOLDER [--month YYYY-MM] [--turns 1] [--only NAME ...] [--warehouse FILE]

Each contestant runs in processes of its own, on the same lake, in turns, after its files were read once:

    bookdebts-tables   `make build` without tests, of the five tables and what they need only
    bookdebts          `make build` without tests
    bookdebts-tested   `make build`
    duckdb             duckdb_script.sql: one script by hand, with whatever DuckDB's dialect has
    pandas             pandas_notebook.py: everything in memory, as a notebook does it
    pyspark            pyspark_local.py: Spark SQL on local[2]

Ours starts without a warehouse, so that it reads all deliveries, and with the project parsed by dbt, as on any machine
that has built before. The tables of each of the others are held against ours, cell by cell: against those of the
warehouse given, which was built of this lake up to this month, or else of the one that a contestant of ours made.
Parameters are the defaults of the project.
Ours takes DUCKDB_THREADS (2) and DUCKDB_MEMORY_LIMIT (3GB) and writes the format of DuckDB 1.4, the script by hand
whatever DuckDB takes and writes by default (all cores, most of the memory, the format of DuckDB 1.0), PySpark a heap of
8 GB.
"""

import argparse
import dataclasses
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.contest import CONTESTANTS, WAREHOUSE, Round, run
from benchmarks.peers.equal import compare
from benchmarks.processes import CommandFailedError, Figures
from warehouse.errors import UserError, run_command
from warehouse.lake import Lake


def _landed_files(lake: Path) -> list[Path]:
    found = sorted(Lake(lake).landed().glob("*/snapshot_month=*/*.parquet"))
    if not found:
        raise UserError(f"nothing has landed in {lake}; name the lake of `make ingest` with --lake")
    return found


def _latest_month(files: Sequence[Path]) -> str:
    return max(path.parent.name.partition("=")[2] for path in files)


def _read(files: Sequence[Path]) -> int:
    """Read all files once, so that none of the contestants is the one that fetches them from the disk."""
    return sum(len(path.read_bytes()) for path in files)


def _median(runs: Sequence[Figures]) -> Figures:
    seconds, processor_seconds, peaks = zip(*map(dataclasses.astuple, runs), strict=True)
    return Figures(statistics.median(seconds), statistics.median(processor_seconds), statistics.median(peaks))


class _Contest:
    """The rounds, and what came of them."""

    def __init__(self, lake: Path, month: str, work: Path, reference: Path | None) -> None:
        self._lake, self._month, self._work, self._reference = lake, month, work, reference
        self.runs: dict[str, list[Figures]] = {}
        self.problems: dict[str, list[str]] = {}
        self.rows: dict[str, int] = {}
        self._waiting: list[tuple[str, Path]] = []

    def play(self, name: str) -> None:
        """Run one contestant, and hold its tables against ours as soon as there are any."""
        folder = self._work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            taken = run(CONTESTANTS[name], Round(self._lake, self._month, folder))
        except CommandFailedError as error:
            self.problems.setdefault(name, []).append(f"failed: {error}")
            return
        self.runs.setdefault(name, []).append(taken)
        if CONTESTANTS[name].is_ours:
            self._reference = self._reference or folder / WAREHOUSE
        else:
            self._waiting.append((name, folder))
        self._compare()

    def _compare(self) -> None:
        while self._reference and self._waiting:
            name, folder = self._waiting.pop()
            found = compare(self._reference, folder)
            self.rows |= {each.table: each.rows for each in found}
            self.problems.setdefault(name, []).extend(sentence for each in found for sentence in each.differences)

    def verdict(self, name: str) -> str:
        """Say whether the tables of a contestant are ours."""
        if CONTESTANTS[name].is_ours:
            return "failed" if self.problems.get(name) else "-"
        if name not in self.problems:
            return "held against nothing"
        return "no" if self.problems[name] else "yes"


def _print(contest: _Contest, names: Sequence[str]) -> dict[str, dict[str, float | str]]:
    medians = {name: _median(contest.runs[name]) for name in names if name in contest.runs}
    by_hand = medians.get("duckdb")
    print(f"{'':<18}{'seconds':>9}{'of duckdb':>11}{'processor':>11}{'peak MB':>9}  equal")
    found: dict[str, dict[str, float | str]] = {}
    for name in names:
        verdict = contest.verdict(name)
        if name in medians:
            each = medians[name]
            share = f"{each.seconds / by_hand.seconds:.2f}" if by_hand else ""
            figures = f"{each.seconds:>9.1f}{share:>11}{each.processor_seconds:>11.1f}{each.peak_megabytes:>9,.0f}"
            print(f"{name:<18}{figures}  {verdict}")
            found[name] = {key: round(value, 2) for key, value in dataclasses.asdict(each).items()} | {"equal": verdict}
        for problem in contest.problems.get(name, []):
            print(f"  {name}: {problem}")
    return found


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", type=Path, default=Path("lake"))
    parser.add_argument("--month", default="", help="month of the latest delivery that counts; the latest landed")
    parser.add_argument("--turns", type=int, default=1, help="of which the medians are told")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--warehouse", type=Path, help="whose marts the others are held against; it is not written to")
    parser.add_argument("--folder", type=Path, help="where all contestants write, for a while")
    arguments = parser.parse_args()
    lake = arguments.lake.resolve()
    if arguments.warehouse and not arguments.warehouse.is_file():
        raise UserError(f"there is no warehouse at {arguments.warehouse}; leave --warehouse away to have one made")
    files = _landed_files(lake)
    month = arguments.month or _latest_month(files)
    megabytes = _read(files) / 1e6
    missing = {name: CONTESTANTS[name].missing() for name in arguments.only}
    names = [name for name in arguments.only if not missing[name]]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as work:
        contest = _Contest(lake, month, Path(work), arguments.warehouse)
        for _ in range(arguments.turns):
            for name in names:
                contest.play(name)
        print(f"{lake}: {megabytes:,.1f} MB of landed Parquet, built for {month}, medians of {arguments.turns} turns")
        found = _print(contest, names)
    for name in arguments.only:
        if missing[name]:
            print(f"{name}: {missing[name]}")
    print(", ".join(f"{table} {rows:,} rows" for table, rows in contest.rows.items()))
    print(json.dumps({"landed_megabytes": round(megabytes, 1), "month": month, "turns": arguments.turns} | found))
    if any(contest.problems.values()):
        sys.exit(1)


if __name__ == "__main__":
    run_command(_main)
