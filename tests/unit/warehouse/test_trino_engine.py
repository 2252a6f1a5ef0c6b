"""What the Trino engine refuses before it speaks to a server."""

from pathlib import Path

import pytest

from warehouse.catalog import ExternalTable
from warehouse.engines import open_engine
from warehouse.engines.partitions import find_partitions
from warehouse.engines.trino import TrinoEngine, read_server, read_unload_folder
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import S3Path
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
    assert "geheim" not in TrinoEngine(server, Lake(Path("lake")), Path("unloaded")).place
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


def test_marts_of_a_lake_in_a_folder_are_unloaded_below_it(tmp_path):
    assert read_unload_folder(Lake(tmp_path), {}) == Lake(tmp_path).unloaded() / "marts"


def test_marts_of_a_lake_on_s3_are_unloaded_to_the_place_that_is_named_for_them(tmp_path):
    one, other = Lake(S3Path("raw", "one")), Lake(S3Path("raw", "other"))
    on_s3 = {"TRINO_UNLOAD_DIR": "s3://scratch/of-trino/"}
    assert str(read_unload_folder(one, on_s3)).startswith("s3://scratch/of-trino/marts/")
    assert read_unload_folder(one, on_s3) == read_unload_folder(one, on_s3)
    assert read_unload_folder(one, on_s3) != read_unload_folder(other, on_s3)
    in_a_folder = read_unload_folder(one, {"TRINO_UNLOAD_DIR": str(tmp_path)})
    assert isinstance(in_a_folder, Path)
    assert in_a_folder.parent == tmp_path / "marts"


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("", "TRINO_UNLOAD_DIR is not set; with a lake on S3, set it to s3://bucket/prefix in another bucket"),
        ("s3://raw/else", "TRINO_UNLOAD_DIR=s3://raw/else is in the bucket of the lake; name another bucket"),
        ("gs://scratch", "TRINO_UNLOAD_DIR=gs://scratch is not a folder and not of the form s3://bucket/prefix"),
    ],
)
def test_a_place_to_unload_to_that_cannot_be_is_refused(monkeypatch, tmp_path, place, sentence):
    monkeypatch.setenv("TRINO_UNLOAD_DIR", place)
    with pytest.raises(UserError, match=sentence):
        open_engine(Settings(S3Path("raw", "lake"), tmp_path / "none.duckdb", None, "trino"))


def test_an_engine_that_nobody_knows_is_refused():
    with pytest.raises(UserError, match="DBT_TARGET=oracle"):
        read_settings({"DBT_TARGET": "oracle"})


def test_partitions_are_the_folders_of_the_files(tmp_path):
    table = ExternalTable("raw", "ci01", COLUMNS, "snapshot_month", tmp_path)
    files = [parquet(tmp_path / "snapshot_month=2026-08", name) for name in ("S.parquet", "M.parquet")]
    parquet(tmp_path / "snapshot_month=2026-08", ".M.parquet.unfinished")
    parquet(tmp_path / "snapshot_month=2026-09", "not of this table yet")
    assert find_partitions(table, files) == {("2026-08",): tmp_path / "snapshot_month=2026-08"}


def test_partitions_of_a_table_over_several_folders_have_the_folders_names(tmp_path):
    table = ExternalTable("raw", "rejected_lines", COLUMNS, "snapshot_month", tmp_path, "file")
    files = [parquet(tmp_path / file / "snapshot_month=2026-08", "M.parquet") for file in ("CI01", "AC01")]
    assert find_partitions(table, files).keys() == {("CI01", "2026-08"), ("AC01", "2026-08")}


def test_a_folder_with_another_file_is_refused(tmp_path):
    table = ExternalTable("raw", "ci01", COLUMNS, "snapshot_month", tmp_path)
    file = parquet(tmp_path / "snapshot_month=2026-08", "M.parquet")
    parquet(tmp_path / "snapshot_month=2026-08", "S.parquet")
    with pytest.raises(UserError, match=r"S\.parquet is in a folder of the table raw\.ci01"):
        find_partitions(table, [file])
