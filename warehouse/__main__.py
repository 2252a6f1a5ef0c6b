"""Run dbt on the warehouse: `python -m warehouse dbt ARGUMENTS`, from the root of the checkout."""

import os
import subprocess
import sys
from pathlib import Path

from warehouse.engines.duckdb import connect
from warehouse.errors import run_command
from warehouse.settings import read_settings

PROJECT = ("--project-dir", "dbt_project", "--profiles-dir", "profiles")


def _dbt(arguments: list[str]) -> None:
    """Run dbt quietly on the warehouse of the environment, and end as it ends.

    A warehouse that another process holds is found out before, since dbt shows that as three tracebacks.

    Args:
        arguments: As for dbt.

    Raises:
        SystemExit: With dbt's status.
        UserError: When the warehouse is in use or cannot be opened.
    """
    settings = read_settings()
    with connect(settings.warehouse):
        pass
    environment = os.environ | {
        "WAREHOUSE": str(settings.warehouse),
        "DBT_USE_COLORS": str(sys.stdout.isatty()),
        "DO_NOT_TRACK": "1",
    }
    dbt = Path(sys.executable).with_name("dbt")
    raise SystemExit(subprocess.run([dbt, "--quiet", *arguments, *PROJECT], env=environment, check=False).returncode)


def _main() -> None:
    if sys.argv[1:2] != ["dbt"]:
        raise SystemExit("usage: python -m warehouse dbt ARGUMENTS")
    _dbt(sys.argv[2:])


if __name__ == "__main__":
    run_command(_main)
