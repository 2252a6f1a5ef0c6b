"""A command in a process of its own, and what it used: time, processor, memory, bytes. Needs Linux (`/proc`)."""

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import CommandFailedError, measure

WATCHED_EVERY_SECONDS = 2.0


@dataclass(frozen=True)
class Used:
    """What a command used, with all processes that it started.

    Attributes:
        seconds: From start to end.
        processor_seconds: Of all of its processes, user and system.
        peak_megabytes: Most resident memory of all of its processes together.
        read_megabytes: Asked for by reading, from disks, caches, pipes and sockets alike.
        written_megabytes: Written to files, pipes and sockets.
        peak_disk_megabytes: Most that lay in the folders that were watched, temporary files among it.
    """

    seconds: float
    processor_seconds: float
    peak_megabytes: float
    read_megabytes: float
    written_megabytes: float
    peak_disk_megabytes: float


def size_of(folders: Sequence[Path]) -> int:
    """Give the bytes that lie in folders; hard links to one file count once."""
    seen: dict[tuple[int, int], int] = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                try:
                    found = os.lstat(os.path.join(place, name))  # noqa: PTH118
                except FileNotFoundError:  # gone since it was listed
                    continue
                seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values())


def _read_and_written() -> tuple[int, int]:
    """Bytes that this process and all ended ones that it waited for have read and written."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"]), int(fields["wchar"])


def measured(command: Sequence[str], environment: Mapping[str, str], log: Path, watched: Sequence[Path] = ()) -> Used:
    """Run a command to its end.

    Args:
        command: The command.
        environment: All variables that it sees.
        log: Takes what the command says.
        watched: Folders whose size is looked at every other second.

    Raises:
        SystemExit: When it fails, with the last of what it said.
    """
    peak_disk = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak_disk
        while not ended.wait(WATCHED_EVERY_SECONDS):
            peak_disk = max(peak_disk, size_of(watched))

    before = _read_and_written()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        figures = measure(command, environment, Path.cwd(), log)
    except CommandFailedError as error:
        raise SystemExit(f"{' '.join(command)} failed:\n{error}") from None
    finally:
        ended.set()
        watcher.join()
    after = _read_and_written()
    return Used(
        seconds=figures.seconds,
        processor_seconds=figures.processor_seconds,
        peak_megabytes=figures.peak_megabytes,
        read_megabytes=(after[0] - before[0]) / 1e6,
        written_megabytes=(after[1] - before[1]) / 1e6,
        peak_disk_megabytes=max(peak_disk, size_of(watched)) / 1e6,
    )
