"""A small writer of RAR5 archives whose members are stored, not compressed."""

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


def _write_member(archive: BinaryIO, name: bytes, content: bytes | Path | Iterable[bytes]) -> None:
    start = archive.tell()
    archive.write(_file_header(name, 0, 0))
    size = checksum = 0
    for chunk in _chunks(content):
        archive.write(chunk)
        size += len(chunk)
        checksum = zlib.crc32(chunk, checksum)
    end = archive.tell()
    archive.seek(start)
    archive.write(_file_header(name, size, checksum))
    archive.seek(end)


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
            _write_member(archive, name.encode("utf-8"), content)
        archive.write(_header(_vint(END_HEADER), _vint(0), _vint(0)))
