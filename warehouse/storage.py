"""Writing files and objects so that a reader, or a run after a kill, never meets half of one."""

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from warehouse.errors import UserError
from warehouse.s3 import ANY_CONTENT, Location, S3Path

ATTEMPTS = 1000


def version(final: Location) -> str | None:
    """Name the content of an object for a `publish` that must not replace another; None where there is none.

    A local file has no such name, and needs none: the operating system keeps the second run out for certain.
    """
    content = final.read() if isinstance(final, S3Path) else None
    return content.version if content else None


def publish(unfinished: Path, final: Location, over: str | None = ANY_CONTENT) -> None:
    """Bring a finished file to its final name in one step, replacing what is there.

    Args:
        unfinished: File; on the same file system as a local `final`, to which it moves. It stays where `final` is on
            S3, so that a publication of several files can be begun anew.
        final: Where readers look for it; its folder is created.
        over: The `version` of the object that it may replace, and then it is a small one.

    Raises:
        ChangedError: When it would replace another.
    """
    if isinstance(final, S3Path):
        if over == ANY_CONTENT:
            final.upload(unfinished)
        else:
            final.write_bytes(unfinished.read_bytes(), over)
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(final)


@contextlib.contextmanager
def whole_file(final: Location) -> Iterator[Path]:
    """Give a local path to write to in a `with` block; at its end the file appears under its final name, or is gone.

    Args:
        final: Where readers look for the file; its folder is created.
    """
    if isinstance(final, S3Path):
        with tempfile.TemporaryDirectory() as folder:
            unfinished = Path(folder) / final.name
            yield unfinished
            publish(unfinished, final)
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    unfinished = final.with_name(f".{final.name}.unfinished")
    try:
        yield unfinished
        publish(unfinished, final)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def sha256(path: Location) -> str:
    """SHA-256 of a file or object, in hex.

    Raises:
        FileNotFoundError: When there is none.
        AwsError: When S3 refuses.
    """
    if isinstance(path, S3Path):
        digest = hashlib.sha256()
        for chunk in path.chunks():
            digest.update(chunk)
        return digest.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def local_copy(path: Location) -> Iterator[Path]:
    """Give a file, or a copy of an object for the time of a `with` block, to a reader of files.

    Raises:
        AwsError: When S3 refuses, or there is no object.
    """
    if isinstance(path, Path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        path.download(copy)
        yield copy


def write_text(path: Location, text: str) -> None:
    """Write a whole text file (UTF-8) in one step."""
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def exclusive(lock: Path, work: str) -> Iterator[None]:
    """Hold a lock file for the time of a `with` block; the operating system frees it when the process dies.

    Args:
        lock: File to lock, created when absent; removed at the end, with its folder if nothing else is in it.
        work: What is going on, for the message of the process that comes second.

    Raises:
        UserError: When another process holds the lock.
    """
    with _locked(lock, work):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                lock.parent.rmdir()


@contextlib.contextmanager
def _locked(lock: Path, work: str) -> Iterator[None]:
    for attempt in range(ATTEMPTS):
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("a")
        except (FileExistsError, FileNotFoundError):
            if attempt == ATTEMPTS - 1:
                raise
            continue  # the process that held the lock has just removed the folder
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"another {work} holds {lock}; wait for it to end, then run again") from None
            # A lock on a file that its holder has removed meanwhile would keep nobody out.
            if _is_at(file.fileno(), lock):
                yield
                return
    raise UserError(f"{lock} comes and goes; run again when nothing else runs")


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
