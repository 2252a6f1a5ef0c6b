"""Archives that something happened to: bytes changed at any place, and the headers' checksums made right again."""

import struct
import zlib
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from tests.unit.ingestion import raw_rar, raw_rar4

Edit = Callable[[bytearray], None]


def _place(content: bytearray, position: int) -> int:
    return position % (len(content) + 1)


def _flip(position: int, bit: int) -> Edit:
    def edit(content: bytearray) -> None:
        if content:
            content[position % len(content)] ^= 1 << bit

    return edit


def _overwrite(position: int, data: bytes) -> Edit:
    def edit(content: bytearray) -> None:
        start = _place(content, position)
        content[start : start + len(data)] = data

    return edit


def _insert(position: int, data: bytes) -> Edit:
    def edit(content: bytearray) -> None:
        start = _place(content, position)
        content[start:start] = data

    return edit


def _delete(position: int, length: int) -> Edit:
    def edit(content: bytearray) -> None:
        start = _place(content, position)
        del content[start : start + length]

    return edit


def _truncate(position: int) -> Edit:
    def edit(content: bytearray) -> None:
        del content[_place(content, position) :]

    return edit


def _repeat(position: int, length: int, times: int) -> Edit:
    def edit(content: bytearray) -> None:
        start = _place(content, position)
        content[start:start] = content[start : start + length] * times

    return edit


POSITIONS = st.one_of(st.integers(0, 120), st.integers(0, 1 << 16))
LENGTHS = st.integers(1, 80)
DATA = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from([b"\xff" * 4, b"\xff" * 8, b"\0" * 4, b"\x80" * 10, b"\xff" * 9 + b"\x01"]),
)
EDITS = st.one_of(
    st.builds(_flip, POSITIONS, st.integers(0, 7)),
    st.builds(_overwrite, POSITIONS, DATA),
    st.builds(_insert, POSITIONS, DATA),
    st.builds(_delete, POSITIONS, LENGTHS),
    st.builds(_truncate, POSITIONS),
    st.builds(_repeat, POSITIONS, LENGTHS, st.integers(1, 40)),
)


def edited(content: bytes, edits: Sequence[Edit]) -> bytes:
    changed = bytearray(content)
    for edit in edits:
        edit(changed)
    return bytes(changed)


def _number(content: bytes, place: int) -> tuple[int, int]:
    """Read a number of RAR5; return it and the place behind it."""
    number = shift = 0
    while content[place] & 0x80:
        number |= (content[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
    return number | content[place] << shift, place + 1


def _repaired5(content: bytearray) -> None:
    place = len(raw_rar.SIGNATURE)
    while place < len(content):
        length, begin = _number(content, place + 4)
        end = begin + length
        if end > len(content):
            return
        content[place : place + 4] = zlib.crc32(content[place + 4 : end]).to_bytes(4, "little")
        _, begin = _number(content, begin)
        flags, begin = _number(content, begin)
        if flags & raw_rar.EXTRA:
            _, begin = _number(content, begin)
        place = end + (_number(content, begin)[0] if flags & raw_rar.DATA else 0)


def _repaired4(content: bytearray) -> None:
    place = len(raw_rar4.SIGNATURE)
    while place + 7 <= len(content):
        _, flags, length = struct.unpack_from("<BHH", content, place + 2)
        end = place + length
        if length < 7 or end > len(content):
            return
        content[place : place + 2] = (zlib.crc32(content[place + 2 : end]) & 0xFFFF).to_bytes(2, "little")
        data = struct.unpack_from("<I", content, place + 7)[0] if flags & raw_rar4.LONG_BLOCK else 0
        place = end + data


def repaired(content: bytes) -> bytes:
    """Make the checksum of every header right, as far as headers can be followed, so that a reader believes them."""
    changed = bytearray(content)
    try:
        if content.startswith(raw_rar.SIGNATURE):
            _repaired5(changed)
        elif content.startswith(raw_rar4.SIGNATURE):
            _repaired4(changed)
    except (IndexError, struct.error):
        return bytes(changed)
    return bytes(changed)
