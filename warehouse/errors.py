"""The one exception that a command shows to its user as a sentence instead of a traceback."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Bad input or a bad environment: the message names the culprit and the next step."""


def run_command(command: Callable[[], None]) -> None:
    """Run a command line entry point and turn a `UserError` into one line on stderr and exit status 1.

    Args:
        command: Function without arguments that does the work.

    Raises:
        SystemExit: With status 1 after a `UserError`, 130 after an interrupt.
    """
    try:
        command()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted: run the same command again, it goes on where it stopped", file=sys.stderr)
        raise SystemExit(130) from None
