"""RAR5 archives written block by block, so that a test can put into them what an honest writer never would."""

import zlib
from pathlib import Path

SIGNATURE = b"Rar!\x1a\x07\x01\x00"
MAIN, FILE, SERVICE, ENCRYPTION, END, UNKNOWN = 1, 2, 3, 4, 5, 9
EXTRA, DATA, SPLIT_BEFORE, SPLIT_AFTER = 1, 2, 8, 16
FOLDER_FLAG, CHECKSUM_FLAG = 1, 4
VOLUME, VOLUME_NUMBER, MORE_VOLUMES = 1, 2, 1
STORED, FILE_MODE, LINK_MODE, FOLDER_MODE = 0, 0o100644, 0o120777, 0o040755


def vint(number: int) -> bytes:
    groups = []
    while True:
        groups.append(number & 0x7F)
        number >>= 7
        if not number:
            return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


def block(kind: int, flags: int, fields: bytes = b"", extra: bytes = b"", data: bytes | None = None) -> bytes:
    flags |= (EXTRA if extra else 0) | (DATA if data is not None else 0)
    head = vint(kind) + vint(flags)
    head += vint(len(extra)) if extra else b""
    head += vint(len(data)) if data is not None else b""
    body = head + fields + extra
    sized = vint(len(body)) + body
    return zlib.crc32(sized).to_bytes(4, "little") + sized + (data or b"")


def extra_record(kind: int, fields: bytes) -> bytes:
    body = vint(kind) + fields
    return vint(len(body)) + body


def symbolic_link_to(target: str) -> bytes:
    return extra_record(5, vint(1) + vint(0) + vint(len(target)) + target.encode())


def hard_link_to(target: str) -> bytes:
    return extra_record(5, vint(4) + vint(0) + vint(len(target)) + target.encode())


def encrypted_data() -> bytes:
    return extra_record(1, vint(0) + vint(0) + b"\x0f" + b"s" * 16 + b"i" * 16)


def encrypted_headers() -> bytes:
    return block(ENCRYPTION, 0, vint(0) + vint(0) + b"\x0f" + b"s" * 16)


def member(
    name: str,
    data: bytes,
    *,
    extra: bytes = b"",
    mode: int = FILE_MODE,
    size: int | None = None,
    checksum: int | None = None,
    flags: int = 0,
    is_folder: bool = False,
    has_checksum: bool = True,
    compression: int = STORED,
) -> bytes:
    fields = vint((CHECKSUM_FLAG if has_checksum else 0) | (FOLDER_FLAG if is_folder else 0))
    fields += vint(len(data) if size is None else size) + vint(mode)
    if has_checksum:
        fields += (zlib.crc32(data) if checksum is None else checksum).to_bytes(4, "little")
    fields += vint(compression) + vint(1) + vint(len(name.encode())) + name.encode()
    return block(FILE, flags, fields, extra, data)


def archive(*blocks: bytes) -> bytes:
    return SIGNATURE + block(MAIN, 0, vint(0)) + b"".join(blocks) + block(END, 0, vint(0))


def write_volumes(folder: Path, stem: str, name: str, data: bytes, count: int) -> list[Path]:
    """Write one stored member as `count` volumes."""
    step = -(-len(data) // count)
    paths = []
    for index in range(count):
        part = data[index * step : (index + 1) * step]
        is_first, is_last = index == 0, index == count - 1
        main = vint(VOLUME) if is_first else vint(VOLUME | VOLUME_NUMBER) + vint(index)
        body = member(
            name,
            part,
            size=len(data),
            checksum=zlib.crc32(data if is_last else part),
            flags=(0 if is_first else SPLIT_BEFORE) | (0 if is_last else SPLIT_AFTER),
        )
        end = block(END, 0, vint(0 if is_last else MORE_VOLUMES))
        path = folder / f"{stem}.part{index + 1}.rar"
        path.write_bytes(SIGNATURE + block(MAIN, 0, main) + body + end)
        paths.append(path)
    return paths
