"""Runs duckdb_script.sql on DuckDB as it is installed, into one database file."""

import dataclasses
from pathlib import Path

import duckdb

from benchmarks.peers.job import Job, read_job

SCRIPT = Path(__file__).with_suffix(".sql")
DATABASE = "tables.duckdb"


def run(job: Job) -> None:
    """Make the five tables as tables of `tables.duckdb` in the output folder.

    Args:
        job: What to read and where to write.
    """
    with duckdb.connect(str(job.output / DATABASE)) as connection:
        for field in dataclasses.fields(job):
            value = getattr(job, field.name)
            given = value if isinstance(value, int) else str(value)
            connection.execute(f"set variable {field.name} = $1", [given])
        connection.execute(SCRIPT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    run(read_job())
