"""Commands on a pseudo-terminal, and what is to be seen on it in the end."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INTERRUPT = b"\x03"


@dataclass(frozen=True)
class Session:
    """What a command did to a terminal.

    Attributes:
        status: Its exit status.
        output: Everything that it wrote there, standard output and standard error.
    """

    status: int
    output: str

    @property
    def screen(self) -> list[str]:
        """What the lines of the terminal show in the end."""
        lines, column = [""], 0
        for part in re.split(r"(\r|\n)", re.sub(r"\x1b\[[0-9;]*m", "", self.output)):
            if part == "\r":
                column = 0
            elif part == "\n":
                lines.append("")
            else:
                lines[-1] = lines[-1][:column].ljust(column) + part + lines[-1][column + len(part) :]
                column += len(part)
        return [line.rstrip() for line in lines if line.strip()]

    @property
    def bars(self) -> list[str]:
        """Every drawing of a bar, one after the other."""
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.output)
        return [part.rstrip() for part in re.split(r"[\r\n]", plain) if re.search(r"  \d+:\d\d", part)]


def surroundings(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a command, with nothing in it that changes what terminals show but what is named."""
    inherited = {key: os.environ[key] for key in os.environ.keys() - {"NO_COLOR", "QUIET", "COLUMNS"}}
    return inherited | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"} | environment


def in_pipes(arguments: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments, its output in pipes."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=surroundings(environment),
        capture_output=True,
        text=True,
        check=False,
    )


def on_terminal(
    arguments: Sequence[str], *, columns: int = 100, interrupted_at: str | None = None, **environment: str
) -> Session:
    """Run Python with these arguments on a terminal of its own.

    Args:
        arguments: Of Python.
        columns: Width of the terminal.
        interrupted_at: Ctrl-C is typed as soon as this was written.
        environment: Variables.
    """
    keyboard, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    # the leader of a session takes the terminal as its own, and with it Ctrl-C
    taking = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    python = f"{taking}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    process = subprocess.Popen(
        [sys.executable, "-c", python, *arguments],
        cwd=ROOT,
        env=surroundings(environment),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    with process:
        output = _read(keyboard, interrupted_at)
    os.close(keyboard)
    return Session(process.returncode, output.decode(errors="replace"))


def _read(keyboard: int, interrupted_at: str | None) -> bytes:
    output = b""
    with contextlib.suppress(OSError):  # the way a terminal ends whose last user is gone
        while data := os.read(keyboard, 65536):
            output += data
            if interrupted_at is not None and interrupted_at.encode() in output:
                os.write(keyboard, INTERRUPT)
                interrupted_at = None
    return output
