"""What a command prints for people: how quiet it is, and where it has colours."""

import os
import sys
from typing import Literal, TextIO

Colour = Literal["red", "yellow", "cyan"]

CODES: dict[Colour, str] = {"red": "1;31", "yellow": "33", "cyan": "36"}


def is_quiet() -> bool:
    """Tell whether only results that were asked for, warnings and errors are wanted: `QUIET` holds anything."""
    return bool(os.environ.get("QUIET"))


def be_quiet() -> None:
    """Be quiet from now on, in the programs that this one starts too."""
    os.environ["QUIET"] = "1"


def _is_dumb() -> bool:
    return os.environ.get("TERM") == "dumb"


def has_colours(stream: TextIO) -> bool:
    """Tell whether colours are wanted on a stream: it is a terminal that has them, and `NO_COLOR` is not set.

    Args:
        stream: Where to.
    """
    return stream.isatty() and not os.environ.get("NO_COLOR") and not _is_dumb()


def coloured(text: str, colour: Colour, stream: TextIO) -> str:
    """Colour a text, where colours are wanted.

    Args:
        text: What is shown.
        colour: Which.
        stream: Where to.
    """
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m" if has_colours(stream) else text


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a line about the work, unless only results are wanted.

    Args:
        line: For people.
        stream: Where to; standard output if it is None.
    """
    if not is_quiet():
        print(line, file=stream or sys.stdout, flush=True)


def warn(sentence: str) -> None:
    """Print a warning on standard error, however quiet the command is.

    Args:
        sentence: What went wrong, and what became of the work.
    """
    print(f"{coloured('warning:', 'yellow', sys.stderr)} {sentence}", file=sys.stderr, flush=True)


def error(sentence: str) -> None:
    """Print on standard error why a command ends without success.

    Args:
        sentence: What is wrong, and the next step.
    """
    print(f"{coloured('error:', 'red', sys.stderr)} {sentence}", file=sys.stderr, flush=True)


def draws() -> bool:
    """Tell whether bars are drawn: standard error is a terminal that can be drawn on, and the command is not quiet."""
    return sys.stderr.isatty() and not _is_dumb() and not is_quiet()
