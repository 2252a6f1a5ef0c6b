"""What the tests of the reports share: pages read back, and marts that reports read and models do not."""

import csv
import re
from html import unescape
from pathlib import Path

import duckdb

from tests.unit.reports.drawn import assert_inside, parsed

MOST_BYTES = 3_000_000
DELIVERIES = [
    ("CI01", "UKLTD_S_20260801", "stock", "2026-08", 9000, 12, True),
    ("AC01", "UKLTD_S_20260801", "stock", "2026-08", 9000, 3, True),
    ("AC01", "UKLTD_M_20260901", "monthly", "2026-09", 1000, 0, True),
    ("AC01", "UKLTD_M_20261001", "monthly", "2026-10", 1000, 1, True),
    ("AC01", "UKLTD_M_20261101", "monthly", "2026-11", 77777, 0, False),
]


def add_deliveries(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the volumes of the sample's deliveries, and a real one of a month after the horizon."""
    connection.execute(
        "create table marts.delivery_volumes (file varchar, delivery varchar, delivery_kind varchar, "
        "snapshot_month varchar, landed_rows bigint, rejected_lines bigint, is_sample boolean)"
    )
    connection.executemany("insert into marts.delivery_volumes values (?, ?, ?, ?, ?, ?, ?)", DELIVERIES)


def figures(page: Path, name: str) -> list[dict[str, str]]:
    """Read a CSV file beside a page."""
    with (page.with_suffix("") / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text_of(page: Path) -> str:
    """The words of a page, without its pictures."""
    html = re.sub(r"<(svg|style)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\N{NO-BREAK SPACE}", " ").split())


def assert_a_page(page: Path) -> None:
    """Hold a page against what every report promises."""
    html = page.read_text(encoding="utf-8")
    assert page.stat().st_size < MOST_BYTES
    assert not re.findall(rf"(?:src|href)=\"(?!#|data:,|{re.escape(page.stem)}/)", html)
    assert "<script" not in html
    assert "nan" not in re.findall(r"[a-z]+", re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL))
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) > 8
    for picture in pictures:
        assert_inside(parsed(picture))
    for linked in re.findall(rf"href=\"({re.escape(page.stem)}/[^\"]+)\"", html):
        assert (page.parent / linked).is_file()
