"""The one exception that a command shows to its user as a sentence instead of a traceback."""

import errno
import sys
from collections.abc import Callable

FULL = {errno.ENOSPC, errno.EDQUOT}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


class UserError(Exception):
    """Bad input or a bad environment: the message names the culprit and the next step."""


def run_command(command: Callable[[], None]) -> None:
    """Run a command line entry point; a `UserError`, or a disk that is full or closed, ends in one line on stderr.

    Args:
        command: Function without arguments that does the work.

    Raises:
        SystemExit: With status 1 after an error, 130 after an interrupt.
    """
    try:
        command()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno not in FULL | FORBIDDEN:
            raise
        remedy = "free some space" if error.errno in FULL else "check who may write there"
        print(f"error: {error.filename or 'the disk'}: {error.strerror}; {remedy}, then run again", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted: run the same command again, it goes on where it stopped", file=sys.stderr)
        raise SystemExit(130) from None
