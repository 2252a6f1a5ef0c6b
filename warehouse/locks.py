"""Keeping a second run out of a lake."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import Location, S3Path, leased
from warehouse.storage import exclusive


@contextlib.contextmanager
def alone(lake: Lake[Location], name: str, work: str) -> Iterator[None]:
    """Be the only run that does this work on a lake for the time of a `with` block.

    A lock file keeps out other runs of this machine, and for a lake on S3 an object those of other machines.

    Args:
        lake: The lake.
        name: Of the lock.
        work: What is going on, for the message of the run that comes second.

    Raises:
        UserError: When another run does it, or the lake is a file.
    """
    if isinstance(lake.root, Path) and lake.root.exists() and not lake.root.is_dir():
        raise UserError(f"LAKE={lake.root} is a file; name a folder")
    with contextlib.ExitStack() as locks:
        locks.enter_context(exclusive(lake.work() / f"{name}.lock", work))
        lease = lake.lease(name)
        if isinstance(lease, S3Path):
            locks.enter_context(leased(lease, work))
        yield
