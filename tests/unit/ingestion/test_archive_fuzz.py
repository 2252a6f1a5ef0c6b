"""Hostile archives, many of them: each is read as what it declares, or refused in one sentence.

The suite tries some, `FUZZ_EXAMPLES=20000` lets each of these tests try that many. With `RAR_SAMPLES`, a folder of real
archives, those of them that hold one text are changed too, so that compressed data is.
"""

import contextlib
import os
import re
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import duckdb
import rarfile
from hypothesis import given
from hypothesis import strategies as st

from ingestion.archive import check_archive, read_member
from ingestion.contract import Column, Table
from ingestion.landing import Target, land
from ingestion.sample.rar_writer import write_rar
from ingestion.text import TextFormat
from tests.unit.ingestion import raw_rar, raw_rar4
from tests.unit.ingestion.fuzzing import is_one_sentence, note, tried, within_limits
from tests.unit.ingestion.rar_mutations import DATA, EDITS, Edit, edited, repaired
from warehouse.errors import UserError

STEM = "CI01_M_20261001"
NAME = f"{STEM}.txt"
CULPRIT = f"UKLTD_M_20261001/{STEM}.rar"
TEXT = b"company_number|company_name\r\n" + b"".join(b"%08d|NAME %d\r\n" % (n, n) for n in range(12))
TABLE = Table(
    "CI01", "ci01", ("company_number",),
    (Column("company_number", "varchar", True, None), Column("company_name", "varchar", True, None)),
)  # fmt: skip


@dataclass(frozen=True)
class Seed:
    """An honest archive: its volumes, and the name and bytes of its text."""

    volumes: tuple[bytes, ...]
    name: str
    text: bytes


def write(folder: Path, volumes: Sequence[bytes]) -> list[Path]:
    names = [f"{STEM}.rar"] if len(volumes) == 1 else [f"{STEM}.part{n}.rar" for n in range(1, len(volumes) + 1)]
    for name, content in zip(names, volumes, strict=True):
        (folder / name).write_bytes(content)
    return [folder / name for name in names]


def unpacked(volumes: Sequence[bytes], name: str) -> bytes | None:
    """Check and read an archive; None if it is refused in one sentence."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = write(folder, volumes)
        with within_limits():
            try:
                member = check_archive(paths, name, CULPRIT)
                content = b"".join(read_member(member))
            except UserError as error:
                assert is_one_sentence(error, CULPRIT)
                note(re.sub(r"[\d,]+|'.*'", "N", str(error).removeprefix(CULPRIT)))
                return None
        assert sorted(folder.iterdir()) == sorted(paths)
    note("read")
    assert len(content) == member.size
    assert member.checksum in {None, zlib.crc32(content)}
    return content


def real_seeds(folder: Path) -> list[Seed]:
    """Take the compressed members out of real archives, each into one of its own where that can be done."""
    seeds = []
    for path in sorted(folder.glob("*.rar")):
        with contextlib.suppress(rarfile.Error):
            for info in rarfile.RarFile(path).infolist():
                block = path.read_bytes()[info.header_offset : info.data_offset + info.compress_size]
                content = raw_rar.archive(block) if info.extract_version == 50 else raw_rar4.archive(block)
                if info.compress_type != rarfile.RAR_M0 and (text := unpacked([content], info.filename)):
                    seeds.append(Seed((content,), info.filename, text))
    return seeds


@cache
def seeds() -> list[Seed]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_rar(folder / f"{STEM}.rar", [(NAME, TEXT)])
        volumes: list[tuple[bytes, ...]] = [
            ((folder / f"{STEM}.rar").read_bytes(),),
            (raw_rar.archive(raw_rar.member(NAME, TEXT, extra=raw_rar.extra_record(3, b"\x02" + bytes(8)))),),
            tuple(path.read_bytes() for path in raw_rar.write_volumes(folder, STEM, NAME, TEXT, 3)),
            (raw_rar4.archive(raw_rar4.member("CMT", b"said", kind=raw_rar4.SERVICE), raw_rar4.member(NAME, TEXT)),),
            tuple(path.read_bytes() for path in raw_rar4.write_volumes(folder, STEM, NAME, TEXT, 3)),
        ]
    honest = [Seed(contents, NAME, TEXT) for contents in volumes]
    real = os.environ.get("RAR_SAMPLES")
    return honest + (real_seeds(Path(real)) if real else [])


MUTATED = st.builds(
    lambda seed, order, edits, is_repaired: (seed, order, edits, is_repaired),
    st.deferred(lambda: st.sampled_from(seeds())),
    st.one_of(st.just((0, 1, 2)), st.tuples(*[st.integers(0, 2)] * 3)),
    st.lists(st.tuples(st.integers(0, 2), EDITS), min_size=1, max_size=4),
    st.sampled_from([True, True, True, False]),
)


def mutated(
    seed: Seed, order: Sequence[int], edits: Sequence[tuple[int, Edit]], is_repaired: bool
) -> tuple[bytes, ...]:
    volumes = [seed.volumes[place % len(seed.volumes)] for place in order[: len(seed.volumes)]]
    for volume, edit in edits:
        volumes[volume % len(volumes)] = edited(volumes[volume % len(volumes)], [edit])
    return tuple(repaired(volume) if is_repaired else volume for volume in volumes)


def test_every_archive_that_is_changed_here_is_read_while_it_is_not() -> None:
    for seed in seeds():
        assert unpacked(seed.volumes, seed.name) == seed.text
        assert tuple(repaired(volume) for volume in seed.volumes) == seed.volumes


@tried(300)
@given(MUTATED)
def test_a_changed_archive_gives_its_text_or_a_sentence(
    change: tuple[Seed, Sequence[int], Sequence[tuple[int, Edit]], bool],
) -> None:
    seed = change[0]
    content = unpacked(mutated(*change), seed.name)
    # A size and a checksum that are right for another text need both of them changed, so only none at all can occur.
    assert content in {None, seed.text, b""}


@tried(200)
@given(
    signature=st.sampled_from([raw_rar.SIGNATURE, raw_rar4.SIGNATURE, b"Rar!\x1a\x07", b""]),
    content=st.lists(st.one_of(st.binary(max_size=120), DATA), max_size=6).map(b"".join),
    is_repaired=st.booleans(),
)
def test_bytes_behind_a_signature_are_refused(signature: bytes, content: bytes, is_repaired: bool) -> None:
    archive = signature + content
    assert unpacked([repaired(archive) if is_repaired else archive], NAME) is None


HUGE = [1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]


def honest_or(honest: object, *others: object) -> st.SearchStrategy:
    """Draw the honest value more often than any other one, so that most archives have a single lie."""
    return st.sampled_from([honest] * (6 * len(others)) + list(others))


OTHER_NAMES = [
    f"folder/{NAME}",
    f"../{NAME}",
    f"/{NAME}",
    f"..\\{NAME}",
    f"C:{NAME}",
    "",
    "*",
    NAME.lower(),
    "n" * 9999,
]
EXTRA_RECORDS5 = [
    raw_rar.symbolic_link_to("/etc/passwd"),
    raw_rar.hard_link_to("/etc/passwd"),
    raw_rar.extra_record(5, raw_rar.vint(3) + raw_rar.vint(0) + raw_rar.vint(1) + b"x"),
    raw_rar.extra_record(5, raw_rar.vint(5) + raw_rar.vint(0) + raw_rar.vint(1) + b"x"),
    raw_rar.encrypted_data(),
    raw_rar.extra_record(2, raw_rar.vint(0) + bytes(32)),
    raw_rar.extra_record(2, raw_rar.vint(0) + bytes(5)),
    raw_rar.extra_record(99, b"x")[:-1],
]
LYING_BLOCKS5 = [
    raw_rar.member("more.txt", b"more"),
    raw_rar.member(NAME, b"more"),
    raw_rar.member("folder", b"", mode=raw_rar.FOLDER_MODE, is_folder=True),
    raw_rar.encrypted_headers(),
    raw_rar.block(raw_rar.UNKNOWN, 4, b"later") + raw_rar.member("more.txt", b"more"),
    raw_rar.member(f"{NAME}", b"more", extra=raw_rar.extra_record(4, raw_rar.vint(0) + raw_rar.vint(1))),
]
LYING_BLOCKS4 = [
    raw_rar4.member("more.txt", b"more"),
    raw_rar4.member(NAME, b"more"),
    raw_rar4.member("folder", b"", flags=raw_rar4.FOLDER),
    raw_rar4.block(raw_rar4.UNKNOWN, 0, b"later") + raw_rar4.member("more.txt", b"more"),
    raw_rar4.member(NAME, b"more", flags=raw_rar4.EARLIER_VERSION),
]


@st.composite
def described5(draw: st.DrawFn) -> tuple[bytes, bytes, bool]:
    """Draw a RAR5 archive, its data, and whether all that it says is true and allowed."""
    data = draw(st.binary(max_size=200))
    name = draw(honest_or(NAME, *OTHER_NAMES))
    size = draw(honest_or(len(data), len(data) + 1, max(len(data) - 1, 0), *HUGE))
    checksum = draw(honest_or(zlib.crc32(data), 0, zlib.crc32(data) ^ 1))
    mode, is_folder = draw(honest_or((raw_rar.FILE_MODE, False), (raw_rar.FOLDER_MODE, True)))
    extra = draw(honest_or(b"", *EXTRA_RECORDS5))
    flags = draw(honest_or(0, raw_rar.SPLIT_BEFORE, raw_rar.SPLIT_AFTER, raw_rar.SPLIT_BEFORE | raw_rar.SPLIT_AFTER))
    has_checksum = draw(honest_or(True, False))
    before = draw(honest_or(b"", *LYING_BLOCKS5))
    after = draw(honest_or(b"", *LYING_BLOCKS5))
    main = draw(honest_or(raw_rar.block(raw_rar.MAIN, 0, raw_rar.vint(0)), b""))
    end = draw(honest_or(raw_rar.block(raw_rar.END, 0, raw_rar.vint(0)), b"", raw_rar.block(raw_rar.END, 0, b"\x01")))
    member = raw_rar.member(
        name, data, extra=extra, mode=mode, size=size, checksum=checksum, flags=flags, is_folder=is_folder,
        has_checksum=has_checksum,
    )  # fmt: skip
    is_honest = (
        (name, size, checksum, is_folder, flags, has_checksum) == (NAME, len(data), zlib.crc32(data), False, 0, True)
        and not (extra or before or after)
        and main != b""
        and end == raw_rar.block(raw_rar.END, 0, raw_rar.vint(0))
    )
    return raw_rar.SIGNATURE + main + before + member + after + end, data, is_honest


@st.composite
def described4(draw: st.DrawFn) -> tuple[bytes, bytes, bool]:
    """Draw a RAR4 archive, its data, and whether all that it says is true and allowed."""
    data = draw(st.binary(max_size=200))
    name = draw(honest_or(NAME, *OTHER_NAMES))
    size = draw(honest_or(len(data), len(data) + 1, max(len(data) - 1, 0), 1 << 31, (1 << 32) - 1))
    checksum = draw(honest_or(zlib.crc32(data), 0, zlib.crc32(data) ^ 1))
    mode = draw(honest_or(raw_rar4.FILE_MODE, raw_rar4.LINK_MODE))
    lying_flags = [raw_rar4.SPLIT_BEFORE, raw_rar4.SPLIT_AFTER, raw_rar4.ENCRYPTED, raw_rar4.FOLDER, raw_rar4.LARGE]
    flags = draw(honest_or(0, *lying_flags))
    before = draw(honest_or(b"", *LYING_BLOCKS4))
    after = draw(honest_or(b"", *LYING_BLOCKS4))
    main = draw(honest_or(raw_rar4.main(), raw_rar4.main(raw_rar4.ENCRYPTED_HEADERS), b""))
    end = draw(honest_or(raw_rar4.block(raw_rar4.END, 0), raw_rar4.block(raw_rar4.END, raw_rar4.NEXT_VOLUME)))
    member = raw_rar4.member(name, data, mode=mode, size=size, checksum=checksum, flags=flags)
    is_honest = (
        (name, size, checksum, mode, flags, main)
        == (NAME, len(data), zlib.crc32(data), raw_rar4.FILE_MODE, 0, raw_rar4.main())
        and not (before or after)
        and end == raw_rar4.block(raw_rar4.END, 0)
    )
    return raw_rar4.SIGNATURE + main + before + member + after + end, data, is_honest


@tried(250)
@given(st.one_of(described5(), described4()))
def test_an_archive_is_read_if_all_that_it_says_is_true_and_refused_if_anything_is_not(
    described: tuple[bytes, bytes, bool],
) -> None:
    content, data, is_honest = described
    assert unpacked([content], NAME) == (data if is_honest else None)


@tried(80)
@given(MUTATED.filter(lambda change: change[0].name == NAME))
def test_a_changed_archive_is_landed_exactly_or_refused(
    change: tuple[Seed, Sequence[int], Sequence[tuple[int, Edit]], bool],
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = write(folder, mutated(*change))
        target = Target(NAME, CULPRIT, datetime(2026, 10, 2), folder / "landed", folder / "rejected")
        with within_limits():
            try:
                with contextlib.closing(read_member(check_archive(paths, NAME, CULPRIT))) as chunks:
                    counts = land(chunks, TABLE, TextFormat("windows-1252", "|"), target)
            except UserError as error:
                assert is_one_sentence(error, CULPRIT)
                return
        with duckdb.connect() as connection:
            rows = connection.execute("select * from read_parquet($1)", [str(target.parquet)]).fetchall()
    assert [row[:2] for row in rows] == [(f"{n:08d}", f"NAME {n}") for n in range(12)]
    assert (counts.lines, counts.rejected_lines) == (13, 0)
