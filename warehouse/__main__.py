"""Run dbt on the warehouse, draw what it built and say what that costs, from the root of the checkout.

`python -m warehouse dbt ARGUMENTS` runs dbt, `python -m warehouse diagrams` draws the manifest that it wrote,
`python -m warehouse publish` brings dbt's documentation and these pictures into the lake, `python -m warehouse cost`
estimates a month on Athena. With `--quiet` they print only what was asked for and what is wrong.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from warehouse import terminal
from warehouse.cost.report import cost
from warehouse.dbt_queries import run_dbt
from warehouse.diagrams.entities import draw_entities
from warehouse.diagrams.lineage import draw_lineage
from warehouse.engines import open_engine
from warehouse.errors import UserError, run_command
from warehouse.lake import Lake
from warehouse.query_log import QueryLog
from warehouse.settings import read_settings
from warehouse.storage import exclusive, whole_file, write_text

PROJECT_FOLDER = "dbt_project"
QUIET = "--quiet"
PROJECT = ("--project-dir", PROJECT_FOLDER, "--profiles-dir", "profiles")
DOCUMENTATION = "static_index.html"
DRAWN = {"lineage.svg": draw_lineage, "marts.svg": draw_entities}


def _dbt(arguments: list[str]) -> None:
    """Run dbt quietly on the warehouse of the environment, log its queries, and end as it ends.

    An engine that cannot be had is found out before, since dbt shows that as tracebacks.

    Args:
        arguments: As for dbt.

    Raises:
        SystemExit: With dbt's status.
        UserError: When the warehouse is in use or cannot be opened, or its server does not answer.
        KeyboardInterrupt: When dbt was interrupted.
    """
    settings = read_settings()
    os.environ |= {
        "DBT_TARGET": settings.target,
        "WAREHOUSE": str(settings.warehouse),
        "DBT_USE_COLORS": str(terminal.has_colours(sys.stdout)),
        "DO_NOT_TRACK": "1",
    }
    lock = settings.warehouse.with_name(f"{settings.warehouse.name}.lock")
    with exclusive(lock, "run of dbt"):
        engine = open_engine(settings)
        engine.check()
        with QueryLog(Lake(settings.lake), settings.target, engine.measure) as log:
            status = run_dbt([QUIET, *arguments, *PROJECT], log.add)
    raise SystemExit(status)


def _target() -> Path:
    """Name the folder that dbt writes to; a relative path starts at the project, for dbt too."""
    return Path(PROJECT_FOLDER, os.environ.get("DBT_TARGET_PATH", "") or "target")


def _diagrams() -> None:
    """Draw the lineage and the marts beside the manifest that dbt wrote last.

    Raises:
        UserError: When dbt has written no manifest.
    """
    target = _target()
    try:
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{target} holds no manifest of dbt; run `make docs`") from None
    for name, draw in DRAWN.items():
        write_text(target / name, draw(manifest))
        terminal.say(f"wrote {target / name}")


def _publish() -> None:
    """Copy dbt's page and the pictures to the reports in the lake, each in one step.

    Raises:
        UserError: When one of them is not there.
    """
    folder, target = Lake(read_settings().lake).docs(), _target()
    for name in (DOCUMENTATION, *DRAWN):
        if not (target / name).is_file():
            raise UserError(f"{target} holds no {name}; run `make docs`")
    for name in (DOCUMENTATION, *DRAWN):
        with whole_file(folder / name) as unfinished:
            shutil.copyfile(target / name, unfinished)
        terminal.say(f"wrote {folder / name}")


def _main() -> None:
    if QUIET in sys.argv:
        terminal.be_quiet()
    match [argument for argument in sys.argv[1:] if argument != QUIET]:
        case ["dbt", *arguments]:
            _dbt(arguments)
        case ["diagrams"]:
            _diagrams()
        case ["publish"]:
            _publish()
        case ["cost"]:
            print(cost(read_settings(), PROJECT_FOLDER, PROJECT))
        case _:
            raise SystemExit(
                "usage: python -m warehouse [--quiet] dbt ARGUMENTS, or diagrams, publish or cost in the place of dbt"
            )


if __name__ == "__main__":
    run_command(_main)
