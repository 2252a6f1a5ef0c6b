"""What a command takes: wall seconds, processor seconds and memory, of all the processes that it starts."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.1  # seconds between two looks at the processes
PATIENCE = 10.0  # seconds for what a command leaves behind to end
PROCESSES = Path("/proc")
# fields of /proc/PID/stat after the name of the program, in parentheses
SESSION, USER_TICKS, SYSTEM_TICKS, START, PAGES = 3, 11, 12, 19, 21


@dataclass(frozen=True)
class Figures:
    """What one command took.

    Attributes:
        seconds: Of the clock, until it ended.
        processor_seconds: Of all its processes.
        peak_megabytes: Of memory held by all its processes at one moment, as seen ten times a second; where there is
            no `/proc`, of the largest of them.
    """

    seconds: float
    processor_seconds: float
    peak_megabytes: float

    def then(self, other: "Figures") -> "Figures":
        """Add what another command took after this one."""
        return Figures(
            self.seconds + other.seconds,
            self.processor_seconds + other.processor_seconds,
            max(self.peak_megabytes, other.peak_megabytes),
        )


class CommandFailedError(Exception):
    """A command ended with another status than 0; the message is the end of what it said."""


def measure(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Figures:
    """Run a command to its end.

    Where there is no `/proc`, processor seconds and memory are what the system says of the command and its children.

    Args:
        command: Program and arguments.
        environment: All variables that it sees.
        folder: Where it runs.
        log: File that takes what it says.

    Raises:
        CommandFailedError: When it fails.
    """
    seen = _Seen()
    with log.open("wb") as output:
        start = time.monotonic()
        # a session of its own, by which also those of its processes are known whose parent has ended
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        ended = 0
        while not ended:
            seen.look(process.pid)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if not ended:
                time.sleep(INTERVAL)
        seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    deadline = time.monotonic() + PATIENCE
    while seen.look(process.pid) and time.monotonic() < deadline:
        time.sleep(INTERVAL)
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise CommandFailedError("\n".join(said[-20:]) or f"it ended with status {process.returncode}")
    return Figures(
        seconds,
        max(seen.processor_seconds, usage.ru_utime + usage.ru_stime),
        # what the system says begins with the memory of this process, which the command is forked from
        (seen.peak_bytes or _largest(usage)) / 1e6,
    )


def _largest(usage: resource.struct_rusage) -> int:
    return usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024


class _Seen:
    """What was seen of the processes of one session."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, int], float] = {}
        self.peak_bytes = 0

    @property
    def processor_seconds(self) -> float:
        return sum(self._seconds.values())

    def look(self, session: int) -> bool:
        """Take note of the processes of the session; whether there are any alive."""
        ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        total = 0
        is_alive = False
        for process, state, fields in _stats():
            if fields[SESSION] == session:
                seconds = (fields[USER_TICKS] + fields[SYSTEM_TICKS]) / ticks
                self._seconds[process, fields[START]] = seconds
                total += fields[PAGES] * page
                is_alive |= state != "Z"
        self.peak_bytes = max(self.peak_bytes, total)
        return is_alive


def _stats() -> Iterator[tuple[str, str, list[int]]]:
    """Read number, state and figures of every process."""
    for folder in PROCESSES.glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        state, *figures = text.rpartition(")")[2].split()
        yield folder.name, state, [0, *map(int, figures)]
