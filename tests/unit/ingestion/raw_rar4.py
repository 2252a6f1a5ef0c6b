"""RAR4 archives written block by block, like `raw_rar` writes RAR5."""

import struct
import zlib
from pathlib import Path

SIGNATURE = b"Rar!\x1a\x07\x00"
MAIN, FILE, SERVICE, END, UNKNOWN = 0x73, 0x74, 0x7A, 0x7B, 0x70
LONG_BLOCK = 0x8000
VOLUME, NEW_NUMBERING, ENCRYPTED_HEADERS, FIRST_VOLUME = 0x0001, 0x0010, 0x0080, 0x0100
SPLIT_BEFORE, SPLIT_AFTER, ENCRYPTED, FOLDER, LARGE, EARLIER_VERSION = 0x0001, 0x0002, 0x0004, 0x00E0, 0x0100, 0x0800
NEXT_VOLUME, VOLUME_NUMBER = 0x0001, 0x0008
UNIX, FILE_MODE, LINK_MODE = 3, 0o100644, 0o120777
STORED, NORMAL = 0x30, 0x33


def block(kind: int, flags: int, fields: bytes = b"", data: bytes = b"") -> bytes:
    sized = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(sized) & 0xFFFF) + sized + data


def main(flags: int = 0) -> bytes:
    return block(MAIN, flags, bytes(6))


def member(
    name: str,
    data: bytes,
    *,
    kind: int = FILE,
    method: int = STORED,
    mode: int = FILE_MODE,
    size: int | None = None,
    checksum: int | None = None,
    flags: int = 0,
) -> bytes:
    named = name.encode()
    fields = struct.pack(
        "<IIBIIBBHI",
        len(data), len(data) if size is None else size, UNIX, zlib.crc32(data) if checksum is None else checksum,
        0, 29, method, len(named), mode,
    )  # fmt: skip
    return block(kind, flags | LONG_BLOCK, fields + named, data)


def archive(*blocks: bytes) -> bytes:
    return SIGNATURE + main() + b"".join(blocks) + block(END, 0)


def write_volumes(folder: Path, stem: str, name: str, data: bytes, count: int) -> list[Path]:
    """Write one stored member as `count` volumes."""
    step = -(-len(data) // count)
    paths = []
    for index in range(count):
        part = data[index * step : (index + 1) * step]
        is_first, is_last = index == 0, index == count - 1
        body = member(
            name,
            part,
            size=len(data),
            checksum=zlib.crc32(data if is_last else part),
            flags=(0 if is_first else SPLIT_BEFORE) | (0 if is_last else SPLIT_AFTER),
        )
        end = block(END, VOLUME_NUMBER | (0 if is_last else NEXT_VOLUME), struct.pack("<H", index))
        path = folder / f"{stem}.part{index + 1}.rar"
        flags = VOLUME | NEW_NUMBERING | (FIRST_VOLUME if is_first else 0)
        path.write_bytes(SIGNATURE + main(flags) + body + end)
        paths.append(path)
    return paths
