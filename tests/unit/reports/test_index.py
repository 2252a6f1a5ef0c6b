"""The index page links what lies in the lake, wherever that is, and nothing else."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from ml.__main__ import REPORTS as KINDS
from reports.index import LISTS, REPORTS, find_months, write_index
from tests.unit.reports.test_page import Read, read
from warehouse.lake import Lake


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content", encoding="utf-8")


@pytest.fixture
def lake(tmp_path: Path) -> Lake[Path]:
    lake = Lake(tmp_path / "lake & <more>")
    put(lake.reports("20261101"), "insights.html", "insights/months.csv", "leads_2026-11.xlsx", "leads_2026-11.csv",
        "evaluation_4c156ded0be3df00.html", ".unseen.html.unfinished", "notes.txt")  # fmt: skip
    put(lake.reports("20261001"), "regions_by_size.html", "a #1?%20<b>.html", "evaluation_1.html", "evaluation_2.html")
    put(lake.reports("somebody's"), "notes.html")
    for month in ("2026-11", "2026-09"):
        put(lake.predictions(), f"score_month={month}/predictions.parquet")
        put(lake.lists(f"{month.replace('-', '')}01"), *LISTS)
    put(lake.predictions(), "score_month=2026-08/predictions.parquet")
    put(lake.docs(), "static_index.html", "lineage.svg", "marts.svg", "catalog.json")
    return lake


def links(page: Read) -> list[str]:
    found = [attributes["href"] or "" for tag, attributes in page.elements if tag == "a"]
    return [link for link in found if not link.startswith("#")]


def test_every_link_leads_to_a_file_and_every_file_is_linked(lake):
    path = write_index(lake)
    assert path == lake.root / "ANALYSIS/index.html"
    found = links(read(path.read_text(encoding="utf-8")))
    assert len(found) == len(set(found))
    reached = {(path.parent / unquote(link)).resolve() for link in found}
    below = {
        file for day in ("20261101", "20261001") for file in lake.reports(day).glob("*.*") if file.suffix != ".txt"
    }
    lists = {file for day in ("20261101", "20260901") for file in lake.lists(day).iterdir()}
    docs = {lake.docs() / name for name in ("static_index.html", "lineage.svg", "marts.svg")}
    unfinished = lake.reports("20261101") / ".unseen.html.unfinished"
    assert reached == (below | lists | docs) - {unfinished}
    assert not [link for link in found if ":" in link or link.startswith("/")]


def test_the_folder_can_go_elsewhere_without_a_link_of_it_breaking(lake, tmp_path):
    moved = write_index(lake).parent.rename(tmp_path / "published")
    found = [
        link for link in links(read((moved / "index.html").read_text(encoding="utf-8"))) if "ALGORITHM" not in link
    ]
    assert len(found) == 11
    assert all((moved / unquote(link)).is_file() for link in found)


def test_months_are_the_latest_first_and_known_reports_have_their_names(lake):
    page = read(write_index(lake).read_text(encoding="utf-8"))
    assert [month.name for month in find_months(lake)] == ["2026-11", "2026-10", "2026-09"]
    words = " ".join(page.text.split())
    assert "The latest month is 2026-11." in words
    order = [
        "2026-11, the latest month", "Leads to work with, Excel workbook", "Leads to work with, CSV", "Insights",
        "Evaluation, 4c156ded0be3df00", "full_prediction, CSV", "outside this folder", "Tables", "All tables",
        "2026-10", "Evaluation, 1", "Evaluation, 2", "A #1?%20<b>", "Regions by size", "2026-09",
    ]  # fmt: skip
    places, start = [], words.index("Tables 2026-10 2026-09") + len("Tables 2026-10 2026-09")
    for name in order:
        places.append(words.index(name, start))
        start = places[-1]
    assert "b" not in {tag for tag, _ in page.elements}


def test_what_the_latest_month_lacks_is_named_with_its_command(lake):
    words = " ".join(read(write_index(lake).read_text(encoding="utf-8")).text.split())
    (absent,) = [part.split(".")[0] for part in words.split("Not written yet: ")[1:]]
    assert "python -m ml report insights" not in absent
    (lake.reports("20261101") / "insights.html").unlink()
    words = " ".join(read(write_index(lake).read_text(encoding="utf-8")).text.split())
    assert "Insights, by python -m ml report insights" in words.split("Not written yet: ")[1]


def test_a_lake_without_reports_and_documentation_says_what_makes_them(tmp_path):
    page = read(write_index(Lake(tmp_path / "lake")).read_text(encoding="utf-8"))
    assert links(page) == []
    assert "There is no report yet; `make report` writes" in page.text
    assert "Not written yet: the documentation of all tables, by make docs." in " ".join(page.text.split())


def test_the_same_lake_gives_the_same_page(lake):
    first = write_index(lake).read_bytes()
    assert write_index(lake).read_bytes() == first


def test_every_kind_of_report_has_a_name():
    assert set(KINDS) - {"text", "index"} <= set(REPORTS)
    assert all(known.command == f"report {kind}" for kind, known in REPORTS.items())
