"""What the Trino engine refuses before it speaks to a server."""

from pathlib import Path

import pytest

from warehouse.catalog import ExternalTable
from warehouse.engines import open_engine
from warehouse.engines.trino import TrinoEngine, partition_folders, read_server
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.settings import Settings, read_settings

COLUMNS = (("file", "varchar"), ("loaded_at", "timestamp"), ("snapshot_month", "varchar"))


def parquet(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    return folder / name


def test_a_server_without_settings_is_on_this_machine():
    server = read_server({"TRINO_HOST": ""})
    assert (server.host, server.port, server.scheme, server.catalog) == ("localhost", 8080, "http", "hive")


def test_a_password_goes_over_tls_and_is_never_shown():
    server = read_server({"TRINO_PASSWORD": "geheim"})
    assert server.scheme == "https"
    assert "geheim" not in repr(server)
    assert "geheim" not in TrinoEngine(server, Lake(Path("lake"))).place
    with pytest.raises(UserError, match="never sent over http") as refused:
        read_server({"TRINO_PASSWORD": "geheim", "TRINO_HTTP_SCHEME": "http"})
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("TRINO_PORT", "many"), ("TRINO_HTTP_SCHEME", "ftp")])
def test_a_setting_that_cannot_be_is_named(name, value):
    with pytest.raises(UserError, match=f"{name}={value}"):
        read_server({name: value})


def test_a_server_that_does_not_answer_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("TRINO_HOST", "127.0.0.1")
    monkeypatch.setenv("TRINO_PORT", "1")
    settings = Settings(tmp_path / "lake", tmp_path / "none.duckdb", None, "trino")
    with pytest.raises(UserError, match="does not answer"):
        open_engine(settings).check()
    assert not settings.warehouse.exists()


def test_an_engine_that_nobody_knows_is_refused():
    with pytest.raises(UserError, match="DBT_TARGET=oracle"):
        read_settings({"DBT_TARGET": "oracle"})


def test_partitions_are_the_folders_of_the_files(tmp_path):
    table = ExternalTable("raw", "ci01", COLUMNS, "snapshot_month", tmp_path)
    files = [parquet(tmp_path / "snapshot_month=2026-08", name) for name in ("S.parquet", "M.parquet")]
    parquet(tmp_path / "snapshot_month=2026-08", ".M.parquet.unfinished")
    parquet(tmp_path / "snapshot_month=2026-09", "not of this table yet")
    assert partition_folders(table, files) == {("2026-08",): tmp_path / "snapshot_month=2026-08"}


def test_partitions_of_a_table_over_several_folders_have_the_folders_names(tmp_path):
    table = ExternalTable("raw", "rejected_lines", COLUMNS, "snapshot_month", tmp_path, "file")
    files = [parquet(tmp_path / file / "snapshot_month=2026-08", "M.parquet") for file in ("CI01", "AC01")]
    assert partition_folders(table, files).keys() == {("CI01", "2026-08"), ("AC01", "2026-08")}


def test_a_folder_with_another_file_is_refused(tmp_path):
    table = ExternalTable("raw", "ci01", COLUMNS, "snapshot_month", tmp_path)
    file = parquet(tmp_path / "snapshot_month=2026-08", "M.parquet")
    parquet(tmp_path / "snapshot_month=2026-08", "S.parquet")
    with pytest.raises(UserError, match=r"S\.parquet is in a folder of the table raw\.ci01"):
        partition_folders(table, [file])
