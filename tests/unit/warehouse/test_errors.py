"""What a command says when it cannot do its work."""

import errno
import os

import pytest

from warehouse.errors import UserError, run_command


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (UserError("the cause; the remedy"), "error: the cause; the remedy\n"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/lake/x"), "/lake/x: No space left on device; free"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES), "/lake/x"), "/lake/x: Permission denied; check"),
    ],
)
def test_a_failure_that_the_user_can_mend_is_one_line_and_status_1(capsys, failure, sentence):
    def fail() -> None:
        raise failure

    with pytest.raises(SystemExit) as end:
        run_command(fail)
    errors = capsys.readouterr().err
    assert end.value.code == 1
    assert sentence in errors
    assert errors.count("\n") == 1


def test_a_fault_of_our_own_is_not_hidden():
    def fail() -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    with pytest.raises(OSError, match="Bad file descriptor"):
        run_command(fail)
