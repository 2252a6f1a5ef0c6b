"""Each kind of bad input gives one sentence and leaves the lake as it was."""

import re
import socket
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest
from vendor import Site, archive, deliver, pack, text

from tests.unit.ingestion import raw_rar

DELIVERY = "UKLTD_M_20261001"
CI01 = f"{DELIVERY}/CI01_M_20261001.rar"
MEMBER = "CI01_M_20261001.txt"


def lacks_a_file(delivery: Path) -> None:
    archive(delivery, "MR02").unlink()


def holds_an_unknown_file(delivery: Path) -> None:
    (delivery / "XX99_M_20261001.rar").write_bytes(b"?")


def holds_a_file_of_another_month(delivery: Path) -> None:
    archive(delivery, "MR02").rename(delivery / "MR02_M_20260901.rar")


def is_still_uploaded(delivery: Path) -> None:
    path = archive(delivery, "AC01")
    path.rename(path.with_name(f"{path.name}.filepart"))


def is_corrupt(delivery: Path) -> None:
    path = archive(delivery, "CI01")
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)


def is_truncated(delivery: Path) -> None:
    path = archive(delivery, "CI01")
    path.write_bytes(path.read_bytes()[:-9])


def is_no_archive(delivery: Path) -> None:
    archive(delivery, "CI01").write_bytes(text("CI01"))


def is_of_no_bytes(delivery: Path) -> None:
    archive(delivery, "CI01").write_bytes(b"")


def is_encrypted(delivery: Path) -> None:
    member = raw_rar.member(MEMBER, bytes(32), extra=raw_rar.encrypted_data())
    archive(delivery, "CI01").write_bytes(raw_rar.archive(member))


def has_encrypted_headers(delivery: Path) -> None:
    archive(delivery, "CI01").write_bytes(raw_rar.SIGNATURE + raw_rar.encrypted_headers() + bytes(64))


def has_two_members(delivery: Path) -> None:
    members = raw_rar.member(MEMBER, text("CI01")), raw_rar.member("MORE.txt", b"x")
    archive(delivery, "CI01").write_bytes(raw_rar.archive(*members))


def has_a_member_with_a_path(delivery: Path) -> None:
    pack(delivery, "CI01", text("CI01"), member=f"../{MEMBER}")


def has_a_member_of_another_name(delivery: Path) -> None:
    pack(delivery, "CI01", text("CI01"), member="AC01_M_20261001.txt")


def has_a_link(delivery: Path) -> None:
    link = raw_rar.member(MEMBER, b"", extra=raw_rar.symbolic_link_to("/etc/passwd"), mode=raw_rar.LINK_MODE)
    archive(delivery, "CI01").write_bytes(raw_rar.archive(link))


def lacks_a_required_column(delivery: Path) -> None:
    pack(delivery, "CI01", text("CI01").replace(b"company_name", b"name_of_company", 1))


def is_utf_8(delivery: Path) -> None:
    pack(delivery, "CI01", b"\xef\xbb\xbf" + text("CI01"))


def has_an_empty_text(delivery: Path) -> None:
    pack(delivery, "CI01", b"")


def lacks_a_volume_in_the_middle(delivery: Path) -> None:
    archive(delivery, "CI01").unlink()
    raw_rar.write_volumes(delivery, "CI01_M_20261001", MEMBER, text("CI01"), 3)[1].unlink()


def lacks_its_last_volume(delivery: Path) -> None:
    archive(delivery, "CI01").unlink()
    raw_rar.write_volumes(delivery, "CI01_M_20261001", MEMBER, text("CI01"), 3)[2].unlink()


def has_an_archive_both_whole_and_in_volumes(delivery: Path) -> None:
    raw_rar.write_volumes(delivery, "CI01_M_20261001", MEMBER, text("CI01"), 2)


BAD_DELIVERIES: list[tuple[Callable[[Path], None], str]] = [
    (lacks_a_file, f"{DELIVERY} lacks the file MR02_M_20261001.rar; ask the vendor"),
    (holds_an_unknown_file, f"{DELIVERY} holds the unknown file 'XX99_M_20261001.rar'; ask the vendor"),
    (holds_a_file_of_another_month, f"{DELIVERY} holds the unknown file 'MR02_M_20260901.rar'; ask the vendor"),
    (is_still_uploaded, f"{DELIVERY} is still being uploaded, it holds AC01_M_20261001.rar.filepart; run again"),
    (is_corrupt, f"{CI01} is damaged"),
    (is_truncated, f"{CI01} is damaged"),
    (is_no_archive, f"{CI01} is damaged or no RAR archive"),
    (is_of_no_bytes, f"{CI01} is damaged or no RAR archive"),
    (is_encrypted, f"{CI01} is encrypted; ask the vendor"),
    (has_encrypted_headers, f"{CI01} is encrypted; ask the vendor"),
    (has_two_members, f"{CI01} holds 2 members instead of only {MEMBER}; ask the vendor"),
    (has_a_member_with_a_path, f"{CI01} holds '../{MEMBER}' instead of {MEMBER}; ask the vendor"),
    (has_a_member_of_another_name, f"{CI01} holds 'AC01_M_20261001.txt' instead of {MEMBER}; ask the vendor"),
    (has_a_link, f"{CI01} holds a link or folder under the name {MEMBER}; ask the vendor"),
    (lacks_a_required_column, f"{DELIVERY}/{MEMBER}: the header lacks the required column company_name; ask the"),
    (is_utf_8, f"{DELIVERY}/{MEMBER} is UTF-8, the contract says windows-1252; ask the vendor"),
    (has_an_empty_text, f"{DELIVERY}/{MEMBER} is empty; ask the vendor"),
    (lacks_a_volume_in_the_middle, f"{DELIVERY} has CI01_M_20261001.part3.rar but not volume 2"),
    (lacks_its_last_volume, f"{DELIVERY}/CI01_M_20261001.part1.rar lacks a volume; ask the vendor"),
    (has_an_archive_both_whole_and_in_volumes, f"{DELIVERY} has both CI01_M_20261001.rar and CI01_M_20261001.part1"),
]


@pytest.mark.parametrize(("spoil", "sentence"), BAD_DELIVERIES, ids=[spoil.__name__ for spoil, _ in BAD_DELIVERIES])
def test_a_delivery_that(site: Site, spoil: Callable[[Path], None], sentence: str) -> None:
    """Gives one sentence, and nothing of it is in the lake; an earlier one is landed, a later one is not."""
    deliver(site.deliveries, "UKLTD_M_20260901")
    site.succeeds()
    before = site.content()
    spoil(deliver(site.deliveries, DELIVERY))
    (site.deliveries / "UKLTD_M_20261101").mkdir()
    errors = site.fails()
    assert sentence in errors
    assert site.content() == before


def test_a_delivery_after_a_bad_one_is_landed_when_month_names_it(site: Site) -> None:
    lacks_a_file(deliver(site.deliveries, DELIVERY))
    deliver(site.deliveries, "UKLTD_M_20261101")
    assert "UKLTD_M_20261101: new" in site.succeeds(MONTH="2026-11")


def test_a_bad_delivery_keeps_the_good_ones_before_it(site: Site) -> None:
    deliver(site.deliveries, "UKLTD_M_20260901")
    lacks_a_file(deliver(site.deliveries, DELIVERY))
    site.fails()
    assert site.rows("select distinct snapshot_month from raw.ci01") == [("2026-09",)]


def test_a_delivery_again_that_is_bad_leaves_what_was_landed_before(site: Site) -> None:
    delivery = deliver(site.deliveries, DELIVERY)
    site.succeeds()
    before = site.content()
    is_truncated(delivery)
    assert "is damaged" in site.fails()
    assert site.content() == before


def test_a_multi_volume_delivery_is_landed(site: Site) -> None:
    delivery = deliver(site.deliveries, DELIVERY)
    archive(delivery, "CI01").unlink()
    raw_rar.write_volumes(delivery, "CI01_M_20261001", MEMBER, text("CI01", rows=50), 11)
    assert "downloaded 23 of 23 archives" in site.succeeds()
    assert site.rows("select count(*) from raw.ci01") == [(50,)]


def test_no_delivery_of_month_names_what_is_there(site: Site) -> None:
    deliver(site.deliveries, DELIVERY)
    errors = site.fails(MONTH="2026-12")
    assert "no delivery of MONTH=2026-12" in errors
    assert DELIVERY in errors
    assert site.content() == {}


def test_a_folder_without_deliveries_is_an_error(site: Site) -> None:
    (site.deliveries / "OTHER").mkdir()
    assert "has no delivery such as UKLTD_M_YYYYMM01; check SFTP_ROOT" in site.fails()


def test_a_missing_root_folder_is_an_error(site: Site) -> None:
    assert "has no /nowhere; check SFTP_ROOT" in site.fails(SFTP_ROOT="/nowhere")


def test_an_unreachable_server_is_an_error(site: Site) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        errors = site.fails(SFTP_PORT=str(unused.getsockname()[1]))
    assert re.search(r"the SFTP server 127.0.0.1:\d+ cannot be reached .*; check SFTP_HOST and SFTP_PORT", errors)


def test_an_unknown_host_name_is_an_error(site: Site) -> None:
    assert "sftp.invalid:" in (errors := site.fails(SFTP_HOST="sftp.invalid"))
    assert "cannot be reached" in errors


def test_a_server_that_does_not_speak_ssh_is_an_error(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        # Nobody accepts: the time-out for the banner has to end the wait.
        monkeypatch.setattr("ingestion.sftp_connection.LOGIN_SECONDS", 0.3)
        assert "cannot be reached" in site.fails(SFTP_PORT=str(port))


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_a_wrong_host_key_is_an_error_that_shows_the_offered_one(site: Site, algorithm: str) -> None:
    deliver(site.deliveries, DELIVERY)
    other = asyncssh.generate_private_key(algorithm).export_public_key("openssh").decode()
    errors = site.fails(SFTP_HOST_KEY=other)
    assert re.search(r"shows the ssh-ed25519 host key SHA256:[A-Za-z0-9+/]{43},", errors)
    assert site.content() == {}


@pytest.mark.parametrize(
    ("pinned", "message"),
    [("ecdsa-sha2-nistp256", "shows the ssh-ed25519 host key SHA256:"), ("", "cannot be reached")],
)
def test_a_server_that_hangs_up_on_the_kind_of_key_that_is_pinned_is_told_from_one_that_just_hangs_up(
    site: Site, monkeypatch: pytest.MonkeyPatch, pinned: str, message: str
) -> None:
    async def hang_up(*_: object, **__: object) -> None:
        raise asyncssh.ConnectionLost("Connection lost")

    # a server does so before or after it is known why
    monkeypatch.setattr(asyncssh, "connect", hang_up)
    other = (
        {"SFTP_HOST_KEY": asyncssh.generate_private_key(pinned).export_public_key("openssh").decode()} if pinned else {}
    )
    assert message in site.fails(**other)


def test_a_host_that_the_known_hosts_file_does_not_have_is_an_error(site: Site, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    errors = site.fails(SFTP_HOST_KEY="", SFTP_KNOWN_HOSTS=str(tmp_path / "known_hosts"))
    assert "SHA256:" in errors


@pytest.mark.parametrize("line", ["127.0.0.1 ssh-ed25519 AAAAC", "127.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AA=="])
def test_a_malformed_known_hosts_line_is_an_error(site: Site, tmp_path: Path, line: str) -> None:
    (tmp_path / "known_hosts").write_text(f"{line}\n")
    errors = site.fails(SFTP_HOST_KEY="", SFTP_KNOWN_HOSTS=str(tmp_path / "known_hosts"))
    assert f"SFTP_KNOWN_HOSTS={tmp_path / 'known_hosts'} has a line that is no host key" in errors


def test_no_pinned_host_key_is_an_error(site: Site) -> None:
    assert "neither SFTP_HOST_KEY nor SFTP_KNOWN_HOSTS is set" in site.fails(SFTP_HOST_KEY="")


@pytest.mark.parametrize("host_key", ["ssh-ed25519", "ssh-ed25519 !!!", "nonsense AAAA", "ssh-ed25519 AAAA"])
def test_a_malformed_host_key_is_an_error(site: Site, host_key: str) -> None:
    assert "SFTP_HOST_KEY is not a host key" in site.fails(SFTP_HOST_KEY=host_key)


def test_a_wrong_password_is_an_error_that_does_not_show_it(site: Site) -> None:
    errors = site.fails(SFTP_PASSWORD="not-the-password")
    assert "refuses to let ukltd in; check SFTP_USER and SFTP_PASSWORD" in errors
    assert "not-the-password" not in errors
    assert site.content() == {}


def test_an_unreadable_private_key_is_an_error(site: Site, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key")
    assert "cannot be read as a private key" in site.fails(SFTP_KEY_FILE=str(tmp_path / "key"))
    assert "absent cannot be read: No such file" in site.fails(SFTP_KEY_FILE=str(tmp_path / "absent"))


def test_a_damaged_delivery_log_is_an_error_that_says_what_to_do(site: Site) -> None:
    deliver(site.deliveries, DELIVERY)
    site.succeeds()
    log = site.lake / f"LOGS_FTP_EXECUTION/LOG_{DELIVERY}.json"
    log.write_text("{")
    assert f"{log} is damaged; delete it" in site.fails()
    log.unlink()
    site.succeeds()


def test_a_lake_that_cannot_be_written_is_an_error(site: Site) -> None:
    deliver(site.deliveries, DELIVERY)
    site.lake.write_text("a file where the lake should be")
    assert f"LAKE={site.lake} is a file; name a folder" in site.fails()
