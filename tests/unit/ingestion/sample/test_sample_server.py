import base64
import contextlib
import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from ingestion.sample.server import ServerAddress, serve


@pytest.fixture
def folder(tmp_path) -> Path:
    served = tmp_path / "served"
    (served / "month").mkdir(parents=True)
    (served / "month" / "CI01.rar").write_bytes(os.urandom(300_000))
    (tmp_path / "secret.txt").write_text("not for you")
    (served / "way_out").symlink_to(tmp_path)
    (served / "inside").symlink_to("month")
    return served


def client_for(address: ServerAddress, host_key: str | None = None) -> paramiko.SSHClient:
    kind, key = (host_key or address.host_key).split()
    client = paramiko.SSHClient()
    client.get_host_keys().add(
        f"[{address.host}]:{address.port}", kind, paramiko.Ed25519Key(data=base64.b64decode(key))
    )
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    return client


@contextlib.contextmanager
def session(address: ServerAddress, **login: object) -> Iterator[paramiko.SFTPClient]:
    arguments = login or {"password": address.password}
    with client_for(address) as client:
        client.connect(address.host, address.port, address.user, allow_agent=False, look_for_keys=False, **arguments)
        with client.open_sftp() as sftp:
            yield sftp


def test_a_client_that_pins_the_host_key_downloads_what_is_there(folder):
    with serve(folder) as address, session(address) as sftp:
        assert set(sftp.listdir("/")) == {"month", "way_out", "inside"}
        assert sftp.listdir("month") == ["CI01.rar"] == sftp.listdir("/inside")
        target = io.BytesIO()
        sftp.getfo("/month/CI01.rar", target)
        source = folder / "month" / "CI01.rar"
        assert target.getvalue() == source.read_bytes()
        assert sftp.stat("/month/CI01.rar").st_mtime == int(source.stat().st_mtime)


def test_a_public_key_logs_in_where_one_is_given(folder):
    key = paramiko.RSAKey.generate(2048)
    stranger = paramiko.RSAKey.generate(2048)
    with serve(folder, public_key=f"{key.get_name()} {key.get_base64()}") as address:
        with session(address, pkey=key) as sftp:
            assert sftp.listdir("month") == ["CI01.rar"]
        with pytest.raises(paramiko.AuthenticationException), session(address, pkey=stranger):
            pass


@pytest.mark.parametrize("login", [{"password": "guess"}, {"password": ""}])
def test_a_wrong_password_is_refused(folder, login):
    with serve(folder) as address, pytest.raises(paramiko.AuthenticationException), session(address, **login):
        pass


def test_every_start_has_its_own_host_key_and_password(folder):
    with serve(folder) as one, serve(folder) as other:
        assert one.host_key != other.host_key
        assert one.password != other.password
        assert one.password not in repr(one)
        client = client_for(one, host_key=other.host_key)
        with pytest.raises(paramiko.BadHostKeyException):
            client.connect(one.host, one.port, one.user, one.password, allow_agent=False, look_for_keys=False)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "/../secret.txt",
        "way_out/secret.txt",
        "month/../../secret.txt",
        "/way_out",
        "inside/../way_out/secret.txt",
    ],
)
@pytest.mark.parametrize("request_", ["open", "stat", "listdir"])
def test_nothing_outside_the_folder_can_be_read(folder, path, request_):
    with serve(folder) as address, session(address) as sftp, pytest.raises(OSError, match=r"(?i)no such file"):
        getattr(sftp, request_)(path)


WRITES = {
    "create": lambda sftp: sftp.open("new.txt", "w"),
    "append": lambda sftp: sftp.open("month/CI01.rar", "a"),
    "overwrite": lambda sftp: sftp.open("month/CI01.rar", "r+"),
    "truncate": lambda sftp: sftp.truncate("month/CI01.rar", 0),
    "remove": lambda sftp: sftp.remove("month/CI01.rar"),
    "rename": lambda sftp: sftp.rename("month", "year"),
    "posix_rename": lambda sftp: sftp.posix_rename("month", "year"),
    "mkdir": lambda sftp: sftp.mkdir("new"),
    "rmdir": lambda sftp: sftp.rmdir("month"),
    "chmod": lambda sftp: sftp.chmod("month", 0o777),
    "utime": lambda sftp: sftp.utime("month", (0, 0)),
    "symlink": lambda sftp: sftp.symlink("month", "link"),
}


@pytest.mark.parametrize("write", WRITES)
def test_nothing_can_be_written(folder, write):
    before = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    with serve(folder) as address, session(address) as sftp, pytest.raises(PermissionError):
        WRITES[write](sftp)
    after = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    assert [(path, stat.st_mtime_ns, stat.st_size, stat.st_mode) for path, stat in after] == [
        (path, stat.st_mtime_ns, stat.st_size, stat.st_mode) for path, stat in before
    ]


def test_no_command_runs(folder):
    with serve(folder) as address, client_for(address) as client:
        client.connect(
            address.host, address.port, address.user, address.password, allow_agent=False, look_for_keys=False
        )
        with pytest.raises(paramiko.SSHException):
            client.exec_command("id")


def test_the_server_stops_even_when_the_work_fails(folder):
    def fail() -> None:
        with serve(folder) as address, session(address):
            ports.append(address.port)
            raise RuntimeError("work failed")

    ports: list[int] = []
    with pytest.raises(RuntimeError, match="work failed"):
        fail()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", ports[0]), timeout=5):
        pass
