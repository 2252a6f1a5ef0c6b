"""Delivered bytes to clean lines: UTF-8, one newline, line numbers; the bad ones apart, with the reason."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ingestion.contract import Table
from warehouse.errors import UserError

# Real lines stay below 10 kB. The limit bounds memory when a file has no line ends at all.
LINE_LIMIT = 1 << 20
CUT = 4096
# No table has nearly as many; each column costs memory. Names of columns go into messages and logs as they are.
COLUMN_LIMIT, NAME_LIMIT = 5000, 200
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The parser takes a carriage return inside a value for the end of the line. It travels as this code point instead,
# which Unicode reserves for a process's own use, so no single-byte encoding can deliver it.
CARRIAGE_RETURN_MARK = "\ufdd0"
_MARK_BYTES = CARRIAGE_RETURN_MARK.encode()


@dataclass(frozen=True)
class TextFormat:
    """How values are written.

    Attributes:
        encoding: Python codec of an encoding that contains ASCII.
        delimiter: One ASCII character between values; values are never quoted.
    """

    encoding: str
    delimiter: str


@dataclass(frozen=True)
class Header:
    """The first line of a delivered text.

    Attributes:
        names: Column names in the order of the file, stripped and in lower case.
        missing: Columns of the contract that the file does not have, all optional.
        unknown: Columns that the contract does not have.
    """

    names: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class RejectedLine:
    r"""A line that cannot be landed.

    Attributes:
        line_number: In the delivered text, header = 1.
        reason: What is wrong with it.
        raw_text: The line without its end; undefined bytes as `\xNN`, an overlong line cut.
    """

    line_number: int
    reason: str
    raw_text: str


@dataclass(frozen=True)
class CleanBlock:
    """What became of some consecutive lines.

    Attributes:
        data: The good lines in UTF-8, each ended by a newline, carriage returns in values as `CARRIAGE_RETURN_MARK`.
        lines: Lines taken in.
        line_numbers: Those of the good lines.
        rejected: The bad lines.
    """

    data: bytes
    lines: int
    line_numbers: Sequence[int]
    rejected: tuple[RejectedLine, ...]

    @property
    def has_carriage_return(self) -> bool:
        """Whether `data` contains `CARRIAGE_RETURN_MARK`."""
        return not self.data.isascii() and _MARK_BYTES in self.data


def line_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Regroup a byte stream so that every block but the last ends with a newline, in bounded memory.

    A line longer than `LINE_LIMIT` may be cut, but stays longer than the limit.
    """
    tail = b""
    is_cut = False
    for piece in chunks:
        chunk = piece
        if is_cut:
            newline = chunk.find(b"\n")
            if newline < 0:
                continue
            chunk, is_cut = chunk[newline:], False
        end = chunk.rfind(b"\n") + 1
        if end:
            yield tail + chunk[:end]
            tail = chunk[end:]
        else:
            tail += chunk
        # One byte more than shows that it is too long: the last one may be a carriage return, part of the line's end.
        if len(tail) > LINE_LIMIT + 1:
            tail, is_cut = tail[: LINE_LIMIT + 2], True
    if tail:
        yield tail


def _fault_of_names(names: Sequence[str]) -> str | None:
    """Say what keeps the names of a header from being names of columns, as the end of a sentence."""
    if len(names) > COLUMN_LIMIT:
        return f"the header names {len(names)} columns, more than {COLUMN_LIMIT}"
    for place, name in enumerate(names, start=1):
        if len(name) > NAME_LIMIT:
            return f"the header's name of column {place} is longer than {NAME_LIMIT} characters"
        if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in name):
            return f"the header's name of column {place} contains a control character"
    return None


def read_header(line: bytes, table: Table, text_format: TextFormat, culprit: str) -> Header:
    """Match the first line of a text with the contract.

    Args:
        line: The line, with or without its end.
        table: The contract of the file.
        text_format: How values are written.
        culprit: Name of the file for messages.

    Raises:
        UserError: When the text is in another encoding, or there is no header, or it lacks a required column, or
            names one twice, or what cannot be one.
    """
    advice = "ask the vendor to deliver the file again"
    if line.startswith(BYTE_ORDER_MARK):
        raise UserError(f"{culprit} is UTF-8, the contract says {text_format.encoding}; {advice} in that encoding")
    try:
        text = line.decode(text_format.encoding)
    except UnicodeDecodeError:
        raise UserError(f"{culprit}: the header is not {text_format.encoding} text; {advice}") from None
    if not text.strip() or len(line) > LINE_LIMIT:
        raise UserError(f"{culprit}: the first line is no header; {advice}")
    stripped = [name.strip().lower() for name in text.split(text_format.delimiter)]
    if fault := _fault_of_names(stripped):
        raise UserError(f"{culprit}: {fault}; {advice}")
    our_names = {column.header_name: column.name for column in table.columns}
    names = tuple(our_names.get(name, name) or f"(column {place})" for place, name in enumerate(stripped, start=1))
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise UserError(f"{culprit}: the header names the column {twice[0]} twice; {advice}")
    lacking = [column.header_name for column in table.columns if column.required and column.name not in names]
    if lacking:
        columns = "column" if len(lacking) == 1 else "columns"
        raise UserError(
            f"{culprit}: the header lacks the required {columns} {', '.join(lacking)}; {advice}, "
            "or correct the contract in the dbt source definitions"
        )
    known = [column.name for column in table.columns]
    return Header(
        names=names,
        missing=tuple(name for name in known if name not in names),
        unknown=tuple(name for name in names if name not in known),
    )


def _without_end(line: bytes) -> bytes:
    return line[:-1] if line.endswith(b"\r") else line


def _fault(line: bytes, values: int, text_format: TextFormat) -> str | None:
    if len(line) > LINE_LIMIT:
        return f"line longer than {LINE_LIMIT} bytes, only its first {CUT} are kept"
    found = line.count(text_format.delimiter.encode()) + 1
    if found != values:
        return f"{found} {'value' if found == 1 else 'values'} where the header has {values}"
    try:
        line.decode(text_format.encoding)
    except UnicodeDecodeError as error:
        return f"byte {line[error.start]:02X} is not defined in {text_format.encoding}"
    return None


def _encoded(block: bytes, text_format: TextFormat) -> bytes:
    data = block if block.isascii() else block.decode(text_format.encoding).encode()
    return data.replace(b"\r", _MARK_BYTES)


def _may_hold_overlong_line(block: bytes) -> bool:
    """Whether some stretch of half the limit has no newline."""
    step = LINE_LIMIT // 2
    return any(block.find(b"\n", start, start + step) < 0 for start in range(0, len(block) - step + 1, step))


def clean_at_once(block: bytes, first_number: int, text_format: TextFormat) -> CleanBlock | None:
    """Clean some whole lines as if all were good, as nearly all blocks are; the parser finds a wrong number of values.

    Args:
        block: Whole lines; only the last one of a file may lack its end.
        first_number: Line number of the first one.
        text_format: How values are written.

    Returns:
        None where a line is empty or may be too long, or a byte is not defined in the encoding.
    """
    if _may_hold_overlong_line(block):
        return None
    unified = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    if not unified.endswith(b"\n"):
        unified = _without_end(unified) + b"\n"
    if unified.startswith(b"\n") or b"\n\n" in unified:
        return None
    lines = unified.count(b"\n")
    try:
        data = _encoded(unified, text_format)
    except UnicodeDecodeError:
        return None
    return CleanBlock(data, lines, range(first_number, first_number + lines), ())


def clean_line_by_line(block: bytes, first_number: int, values: int, text_format: TextFormat) -> CleanBlock:
    """Clean some whole lines: both newlines to one, the encoding to UTF-8, blank lines out, bad lines apart.

    Args:
        block: Whole lines; only the last one of a file may lack its end.
        first_number: Line number of the first one.
        values: Values that the header has.
        text_format: How values are written.
    """
    lines = block.replace(b"\r\n", b"\n").split(b"\n")
    if lines[-1]:
        lines[-1] = _without_end(lines[-1])
    else:
        lines.pop()
    good, numbers, rejected = [], [], []
    for number, line in enumerate(lines, start=first_number):
        if len(line) <= LINE_LIMIT and not line.strip():
            continue
        reason = _fault(line, values, text_format)
        if reason is None:
            good.append(line)
            numbers.append(number)
        else:
            kept = line if len(line) <= LINE_LIMIT else line[:CUT]
            raw_text = kept.decode(text_format.encoding, errors="backslashreplace")
            rejected.append(RejectedLine(number, reason, raw_text))
    data = _encoded(b"".join(line + b"\n" for line in good), text_format)
    return CleanBlock(data, len(lines), numbers, tuple(rejected))
