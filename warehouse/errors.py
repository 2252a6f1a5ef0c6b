"""The one exception that a command shows to its user as a sentence instead of a traceback."""

import errno
import sys
from collections.abc import Callable

from warehouse import terminal

FULL = {errno.ENOSPC, errno.EDQUOT}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
MISPLACED = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
INTERRUPTED = "interrupted: nothing is half done, run the same command again"


class UserError(Exception):
    """Bad input or a bad environment: the message names the culprit and the next step."""


def run_command(command: Callable[[], None], show: Callable[[str], None] = terminal.error) -> None:
    """Run a command line entry point; a `UserError`, or a disk that is full or closed, ends in one line on stderr.

    Args:
        command: Function without arguments that does the work.
        show: Takes the sentence.

    Raises:
        SystemExit: With status 1 after an error, 130 after an interrupt.
    """
    try:
        command()
    except UserError as error:
        show(str(error))
        raise SystemExit(1) from None
    except BrokenPipeError:
        raise SystemExit(1) from None  # whoever read the output has gone
    except OSError as error:
        if error.errno not in FULL | FORBIDDEN | MISPLACED:
            raise
        remedy = "check that path"
        if error.errno in FULL:
            remedy = "free some space"
        elif error.errno in FORBIDDEN:
            remedy = "check who may write there"
        show(f"{error.filename or 'the disk'}: {error.strerror}; {remedy}, then run again")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        raise SystemExit(130) from None
    except RuntimeError as error:
        if not isinstance(error.__cause__, KeyboardInterrupt):  # DuckDB's way to end a statement on Ctrl-C
            raise
        print(INTERRUPTED, file=sys.stderr)
        raise SystemExit(130) from None
