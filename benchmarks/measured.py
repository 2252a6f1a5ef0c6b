"""A command in a process of its own, and what it used: time, processor, memory, bytes. Needs Linux (`/proc`)."""

import os
import resource
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLED_EVERY_SECONDS = 0.2
PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Used:
    """What a command used, with all processes that it started.

    Attributes:
        seconds: From start to end.
        processor_seconds: Of all of its processes, user and system.
        peak_megabytes: Most resident memory of all of its processes together, looked at five times a second.
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


def _tree(root: int) -> set[int]:
    """Give a process and all that come from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # ended since it was listed
                continue
            parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    tree = {root}
    while more := {process for process, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def _read_and_written() -> tuple[int, int]:
    """Bytes that this process and all ended ones that it waited for have read and written."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"]), int(fields["wchar"])


def measured(command: Sequence[str], environment: Mapping[str, str], log: Path, watched: Sequence[Path] = ()) -> Used:
    """Run a command to its end.

    Args:
        command: The command.
        environment: Replaces this process's own.
        log: Takes what the command says.
        watched: Folders whose size is looked at every second or so.

    Raises:
        SystemExit: When it fails, with the last of what it said.
    """
    peak = peak_disk = 0
    ended = threading.Event()

    def look(process: int) -> None:
        nonlocal peak, peak_disk
        rounds = 0
        while not ended.wait(SAMPLED_EVERY_SECONDS):
            peak = max(peak, sum(map(_resident, _tree(process))))
            if rounds % 10 == 0:
                peak_disk = max(peak_disk, size_of(watched))
            rounds += 1

    before, read_before = resource.getrusage(resource.RUSAGE_CHILDREN), _read_and_written()
    start = os.times().elapsed
    with log.open("ab") as said:
        process = subprocess.Popen(command, env=dict(environment), stdout=said, stderr=subprocess.STDOUT)
        watcher = threading.Thread(target=look, args=(process.pid,))
        watcher.start()
        status = process.wait()
        seconds = os.times().elapsed - start
        ended.set()
        watcher.join()
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}:\n{log.read_text(errors='replace')[-3000:]}")
    after, read_after = resource.getrusage(resource.RUSAGE_CHILDREN), _read_and_written()
    return Used(
        seconds=seconds,
        processor_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_megabytes=peak / 1e6,
        read_megabytes=(read_after[0] - read_before[0]) / 1e6,
        written_megabytes=(read_after[1] - read_before[1]) / 1e6,
        peak_disk_megabytes=max(peak_disk, size_of(watched)) / 1e6,
    )
