"""The same build on Trino, with the work done by one worker and by two, each a process of its own on this machine.

    python -m benchmarks.distributed --folder FOLDER [--workers 1 2] [--memory 4G] [--result FILE]

FOLDER is one that benchmarks/country.py has filled: what landed there is registered in a Trino of its own and built
there without tests. Each worker has one processor of this machine, as if it were a machine with one; the coordinator,
dbt and the metastore share them all. Prints, for each number of workers, how long that took and what each worker did of
it: tasks, splits, processor seconds, rows and bytes read. Needs Java 17 and Maven.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measured import measured
from tests.engines.trino_server import TrinoServer, check, running

# tasks are asked for at the end, however long ago they ended
OPTIONS = "task.info.max-age=6h\n"
DONE = """
    select
        node_id,
        count(*) as tasks,
        sum(completed_splits) as splits,
        sum(split_cpu_time_ms) / 1000.0 as processor_seconds,
        sum(physical_input_bytes) / 1e6 as read_megabytes,
        sum(raw_input_rows) as input_rows
    from system.runtime.tasks
    group by node_id
    order by node_id
"""
COLUMNS = ("node", "tasks", "splits", "processor_seconds", "read_megabytes", "input_rows")
BUILD = 'for command in "ingestion register" "ml register" "warehouse dbt build {arguments}"; do "$0" -m $command; done'
ARGUMENTS = "--selector features --exclude-resource-type test unit_test"


def _build(server: TrinoServer, lake: Path, folder: Path, python: str) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SFTP_", "TRINO_"))}
    environment |= server.environment | {
        "LAKE": str(lake),
        "DBT_TARGET_PATH": str(folder / "target"),
        "WAREHOUSE": str(folder / "unused.duckdb"),
        "MONTH": "",
    }
    used = measured(["sh", "-ec", BUILD.format(arguments=ARGUMENTS), python], environment, folder / "log.txt")
    nodes = [dict(zip(COLUMNS, row, strict=True)) for row in server.query(DONE)]
    nodes = [{name: value if name == "node" else float(value or 0) for name, value in node.items()} for node in nodes]
    rows = {
        table: server.query(f"select count(*) from marts.{table}")[0][0]
        for table in ("users", "users_not_users", "to_train", "to_predict")
    }
    return {"seconds": used.seconds, "nodes": nodes, "rows": rows}


def main() -> None:
    """Measure and print, a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--memory", default="4G", help="heap of each process")
    parser.add_argument("--result", type=Path, help="takes the JSON object")
    arguments = parser.parse_args()
    check()
    found: dict[str, Any] = {}
    for workers in arguments.workers:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            folder = Path(name)
            # the build writes into the lake: what was landed is shared by hard links
            shutil.copytree(arguments.folder / "lake", folder / "lake", copy_function=os.link)
            start = time.monotonic()
            with running(folder / "trino", workers=workers, memory=arguments.memory, options=OPTIONS) as server:
                print(f"{workers} workers: started in {time.monotonic() - start:.0f} s", flush=True)
                found[str(workers)] = _build(server, folder / "lake", folder, python=sys.executable)
        print(f"{workers} workers: built in {found[str(workers)]['seconds']:.0f} s, rows {found[str(workers)]['rows']}")
        for node in found[str(workers)]["nodes"]:
            print(
                "  " + ", ".join(f"{key} {value if key == 'node' else f'{value:,.0f}'}" for key, value in node.items())
            )
    if arguments.result is not None:
        arguments.result.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
