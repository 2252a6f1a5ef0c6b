"""A small writer of RAR5 archives whose members are stored, not compressed."""

import contextlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"Rar!\x1a\x07\x01\x00"
MAIN_HEADER, FILE_HEADER, END_HEADER = 1, 2, 5
DATA_FOLLOWS = 0x0002
CHECKSUM_PRESENT = 0x0004
HOST_UNIX = 1
REGULAR_FILE = 0o100644
RESERVED_SIZE_BYTES = 6  # seven bits each: members up to 4 TiB
CHUNK_BYTES = 1 << 20


def _vint(number: int, width: int = 1) -> bytes:
    """Encode a number seven bits a byte, lowest first; `width` pads it so that its place can be kept free."""
    groups = max(width, -(-number.bit_length() // 7))
    return bytes((number >> 7 * group) & 0x7F | (0x80 if group < groups - 1 else 0) for group in range(groups))


def _header(*fields: bytes) -> bytes:
    body = b"".join(fields)
    sized = _vint(len(body)) + body
    return zlib.crc32(sized).to_bytes(4, "little") + sized


def _file_header(name: bytes, size: int, checksum: int) -> bytes:
    return _header(
        _vint(FILE_HEADER),
        _vint(DATA_FOLLOWS),
        _vint(size, RESERVED_SIZE_BYTES),
        _vint(CHECKSUM_PRESENT),
        _vint(size, RESERVED_SIZE_BYTES),
        _vint(REGULAR_FILE),
        checksum.to_bytes(4, "little"),
        _vint(0),  # compression: algorithm version 0, method 0 (stored)
        _vint(HOST_UNIX),
        _vint(len(name)),
        name,
    )


def _chunks(content: bytes | Path | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, Path):
        with content.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    else:
        yield from content


class StoredMember:
    """A member of an archive that grows piece by piece."""

    def __init__(self, archive: BinaryIO, name: str) -> None:
        self._archive = archive
        self._name = name.encode("utf-8")
        self._start = archive.tell()
        self._checksum = 0
        self.size = 0
        archive.write(_file_header(self._name, 0, 0))

    def write(self, piece: bytes | memoryview) -> None:
        """Append to the content.

        Raises:
            OSError: When the archive cannot be written.
        """
        self._archive.write(piece)
        self.size += len(piece)
        self._checksum = zlib.crc32(piece, self._checksum)

    def finish(self) -> None:
        """Put size and checksum into the header; until then the archive fails its test."""
        end = self._archive.tell()
        self._archive.seek(self._start)
        self._archive.write(_file_header(self._name, self.size, self._checksum))
        self._archive.seek(end)


@contextlib.contextmanager
def growing_rar(path: Path, name: str) -> Iterator[StoredMember]:
    """Give the one member of an archive to write to in a `with` block; the archive is whole at its end, not before.

    Args:
        path: Archive to write, replaced when there.
        name: Name of the member (any text, folders separated by `/`).

    Raises:
        OSError: When the archive cannot be written.
    """
    with path.open("wb") as archive:
        archive.write(SIGNATURE + _header(_vint(MAIN_HEADER), _vint(0), _vint(0)))
        member = StoredMember(archive, name)
        yield member
        member.finish()
        archive.write(_header(_vint(END_HEADER), _vint(0), _vint(0)))


def write_rar(path: Path, members: Sequence[tuple[str, bytes | Path | Iterable[bytes]]]) -> None:
    """Write a RAR5 archive of stored members, in the format of the public RAR 5.0 archive note.

    Each member is written as it is read, in one pass and without holding it in memory. The archive carries no times, so
    equal members give equal bytes.

    Args:
        path: Archive to write, replaced when there.
        members: Name in the archive (any text, folders separated by `/`) and content: the bytes, a file to read, or
            pieces of bytes to write one after the other.

    Raises:
        OSError: When a file cannot be read or the archive cannot be written.
    """
    with path.open("wb") as archive:
        archive.write(SIGNATURE + _header(_vint(MAIN_HEADER), _vint(0), _vint(0)))
        for name, content in members:
            member = StoredMember(archive, name)
            for piece in _chunks(content):
                member.write(piece)
            member.finish()
        archive.write(_header(_vint(END_HEADER), _vint(0), _vint(0)))
