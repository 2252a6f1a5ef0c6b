"""What the connection does with threads that paramiko starts."""

import threading

import pytest

from ingestion.sample.server import serve
from ingestion.settings import SftpSettings
from ingestion.sftp import SftpServer


def _prefetch_thread(error: BaseException) -> None:
    raise error


def _other_thread(error: BaseException) -> None:
    raise error


def test_only_a_connection_lost_in_paramikos_own_thread_is_silent(tmp_path, monkeypatch: pytest.MonkeyPatch):
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda failure: seen.append(failure.exc_type))
    before = threading.excepthook
    with serve(tmp_path) as address:
        settings = SftpSettings(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            key_file=None,
            host_key=address.host_key,
            known_hosts=None,
            root="/",
        )
        with SftpServer(settings):
            for target, error in (
                (_prefetch_thread, EOFError()),
                (_prefetch_thread, ConnectionResetError()),
                (_prefetch_thread, ZeroDivisionError()),
                (_other_thread, EOFError()),
            ):
                thread = threading.Thread(target=target, args=(error,))
                thread.start()
                thread.join()
    assert seen == [ZeroDivisionError, EOFError]
    assert threading.excepthook is before
