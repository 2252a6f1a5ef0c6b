"""The monthly letter on a warehouse of a few hand-made rows: it says what its tables say, and no more."""

import csv
import datetime
import re
import shutil
from html import unescape
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from ml.__main__ import main
from ml.scoring import PREDICTIONS
from ml.tables import write_partition
from reports.monthly import FILES
from reports.monthly_queries import LISTED
from tests.unit.reports.drawn import assert_inside, hints, parsed, texts
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment

HORIZON, MONTH, BEFORE = datetime.date(2026, 10, 1), "2026-10", "2026-09"
SCORED = 1200
AREAS = ("M", "LS", "EC", "BT", "unknown")
SECTORS = ("Construction", "=1+1 <b>sector</b>", None)
REGIONS = ("North West", "London")
HOSTILE = "=cmd|'/c calc'!A1 <script>alert(\"x\")</script> LIMITED"
MOST_BYTES = 3_000_000

MARTS = {
    "horizon": "horizon_date date, snapshot_month varchar, to_train_rows bigint, to_train_positives bigint, "
    "to_predict_rows bigint",
    "to_train": "company_number varchar, label integer",
    "to_predict": "company_number varchar, is_eligible boolean, postcode_area varchar",
    "leads": "lead_rank bigint, company_number varchar, company_name varchar, sector varchar, region varchar, "
    "accounts_date date, precision_probability double, recall_probability double, reason_1 varchar, "
    "reason_2 varchar, reason_3 varchar, score_month varchar",
    "delivery_volumes": "file varchar, delivery varchar, delivery_kind varchar, snapshot_month varchar, "
    "landed_rows bigint, rejected_lines bigint, previous_landed_rows bigint, is_sample boolean, expected_rows bigint",
    "unparseable_values": "table_name varchar, column_name varchar, snapshot_month varchar, unparseable_values bigint",
    "provider_figures": "month date, provider varchar, new_users bigint, new_charges bigint, satisfied_charges bigint, "
    "switches_in bigint, switches_out bigint, current_users bigint, market_share double",
    "feature_drift": "score_month varchar, model_name varchar, feature varchar, feature_in_words varchar, "
    "stability_index double, previous_stability_index double, drift_level varchar",
    "ml_outcome": "score_month varchar, model_name varchar, model_version varchar, list_name varchar, "
    "companies bigint, already_users bigint, new_users bigint, new_user_share double, lift double, "
    "months_elapsed integer, is_complete boolean, expected_users double, expected_users_by_now double",
}
DELIVERIES = [
    ("CI01", "UKLTD_M_20260901", "monthly", BEFORE, 1000, 4, None, False, None),
    ("LUAT01", "UKLTD_M_20260901", "monthly", BEFORE, 10, 0, None, False, None),
    ("CI01", "UKLTD_M_20261001", "monthly", MONTH, 1100, 7, 1000, False, None),
    ("MR01", "UKLTD_M_20261001", "monthly", MONTH, 150, 2, 300, False, None),
    ("ZZ99", "UKLTD_M_20261001", "monthly", MONTH, 5, 0, None, False, None),
    ("LUAT01", "UKLTD_M_20261001", "monthly", MONTH, 10, 1, 10, False, None),
    ("LUSC02", "UKLTD_M_20261001", "monthly", MONTH, 30, 0, 20, False, None),
]
FIGURES = [
    (datetime.date(2025, 9, 1), "A & Co", 1, 2, 0, 0, 0, 30, 0.75),
    (datetime.date(2025, 9, 1), "Gone", 0, 0, 0, 0, 0, 10, 0.25),
    (datetime.date(2026, 8, 1), "A & Co", 3, 4, 1, 0, 0, 31, 1.0),
    (datetime.date(2026, 9, 1), "A & Co", 4, 6, 2, 1, 0, 33, 0.825),
    (datetime.date(2026, 9, 1), "New <one>", 2, 2, 0, 0, 1, 7, 0.175),
]
DRIFT = [
    (MONTH, "precision", "sector", "sector", 0.31, None, "alarm"),
    (MONTH, "recall", "sector", "sector", 0.29, None, "alarm"),
    (MONTH, "precision", "score", None, 0.02, None, "stable"),
    (MONTH, "recall", "score", None, 0.12, None, "warning"),
    (BEFORE, "precision", "sector", "sector", 9.99, None, "alarm"),
]


def number(rank: int) -> str:
    return f"{rank:08}"


def part_of(rank: int) -> tuple[str, str | None, str]:
    """Postcode area, sector and region of the company with this rank."""
    area = "HS" if rank == 1 else AREAS[rank % len(AREAS)]
    return area, SECTORS[rank % len(SECTORS)], REGIONS[rank % len(REGIONS)]


def write_marts(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema marts")
        for name, columns in MARTS.items():
            connection.execute(f"create table marts.{name} ({columns})")

        def insert(name: str, rows: list[tuple]) -> None:
            columns = zip(*rows, strict=True)
            connection.register("made", pa.table({f"c{place}": list(column) for place, column in enumerate(columns)}))
            connection.execute(f"insert into marts.{name} select * from made")
            connection.unregister("made")

        ranks = range(1, SCORED + 1)
        insert("to_train", [("00000001", 1), ("00000001", 0)])
        insert("to_predict", [(number(rank), True, part_of(rank)[0]) for rank in ranks] + [("x", False, "M")])
        insert(
            "leads",
            [
                (rank, number(rank), HOSTILE if rank == 2 else f"COMPANY {rank}", *part_of(rank)[1:],
                 datetime.date(2025, 12, 31), 0.5 / rank, 0.4 / rank, f"reason <i>{rank}</i>",
                 "`second` reason", None, MONTH)
                for rank in ranks
            ],
        )  # fmt: skip
        insert("horizon", [(HORIZON, MONTH, 2, 1, SCORED + 1)])
        insert("delivery_volumes", DELIVERIES)
        insert("unparseable_values", [("ci01", "a", MONTH, 3), ("ci01", "b", MONTH, 4), ("ci01", "a", BEFORE, 9)])
        insert("provider_figures", FIGURES)
        insert("feature_drift", DRIFT)
        insert("ml_outcome", [outcome(MONTH, "best 1,000", 0, 0)])


def outcome(month: str, name: str, new_users: int, months: int, companies: int = 1000) -> tuple:
    lift = 4.25 if new_users else None
    return (month, "precision", "abc", name, companies, 0, new_users, new_users / companies, lift, months, months == 12,
            120.4, 120.4 * months / 12)  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    warehouse = tmp_path_factory.mktemp("written") / "warehouse.duckdb"
    write_marts(warehouse)
    return warehouse


@pytest.fixture
def made(written, tmp_path) -> Environment:
    """A copy that a test may change."""
    shutil.copy(written, tmp_path / "warehouse.duckdb")
    return Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None)


def predict_before(environment: Environment, month: str, ranks: dict[str, int]) -> None:
    """Write predictions of an earlier month: these companies at these ranks, by both models in opposite order."""
    rows = [
        {"company_number": company, "model_name": model, "model_version": "v", "run_id": "r", "score": 0.5,
         "probability": 0.1, "rank": rank if model == "precision" else SCORED + 1 - rank}
        for company, rank in ranks.items()
        for model in ("precision", "recall")
    ]  # fmt: skip
    write_partition(Lake(environment.lake), "predictions", month, pa.Table.from_pylist(rows, PREDICTIONS))


@pytest.fixture
def told(monkeypatch, tmp_path):
    def run(environment: Environment, *words: str) -> Path:
        monkeypatch.setenv("LAKE", str(environment.lake))
        monkeypatch.setenv("WAREHOUSE", str(environment.warehouse))
        monkeypatch.delenv("MONTH", raising=False)
        main(["report", "monthly", *words, "--output", str(tmp_path / "out")])
        return tmp_path / "out/monthly.html"

    return run


def change(environment: Environment, *statements: str) -> None:
    with duckdb.connect(str(environment.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)


def figures(page: Path, name: str) -> list[dict[str, str]]:
    with (page.with_suffix("") / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text_of(page: Path) -> str:
    html = re.sub(r"<(svg|style)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\N{NO-BREAK SPACE}", " ").split())


def test_the_letter_is_one_page_with_its_figures_beside_it(made, told, monkeypatch, capsys):
    page = told(made)
    html = page.read_text(encoding="utf-8")
    assert page.stat().st_size < MOST_BYTES
    assert not re.findall(r"(?:src|href)=\"(?!#|data:,|monthly/)", html)
    assert "<script" not in html
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) == 9
    for picture in pictures:
        assert_inside(parsed(picture))
    for linked in re.findall(r"href=\"(monthly/[^\"]+)\"", html):
        assert (page.parent / linked).is_file()
    assert "Sample data" not in text_of(page)
    capsys.readouterr()
    before = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    told(made)
    assert {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()} == before
    main(["report", "monthly"])
    assert (Lake(made.lake).reports("20261001") / "monthly.html").read_text(encoding="utf-8") == html


def test_what_landed_is_held_against_the_month_before(made, told):
    page = told(made)
    words = text_of(page)
    assert "Delivery UKLTD_M_20261001: 1,295 rows landed from 5 files. 10 of 1,305 lines could not be landed" in words
    assert "(4 in 2026-09), and 7 values that landed could not be read (9)." in words
    assert "Furthest from the delivery before it: charges (MR01), -50.0 %." in words
    assert (
        "Companies (CI01) 1,100 +10.0 % 7 Charges (MR01) 150 -50.0 % 2 ZZ99 5 0 Lookups (2 files) 40 +33.3 % 1" in words
    )
    assert "expected" not in words.split("What changed")[0]
    assert [(row["file"], row["rows"], row["rows_before"]) for row in figures(page, "deliveries")] == [
        ("CI01", "1100", "1000"), ("MR01", "150", "300"), ("ZZ99", "5", ""), ("lookups", "40", "30"),
    ]  # fmt: skip


def test_a_sample_says_so_and_is_held_against_what_it_is_expected_to_have(made, told):
    change(
        made,
        f"update marts.delivery_volumes set is_sample = true, expected_rows = 1000 where snapshot_month = '{MONTH}'",
    )
    words = text_of(told(made))
    assert "Sample data. 1 of the 2 deliveries behind these figures are of invented companies" in words
    assert "Companies (CI01) 1,100 +10.0 % +10.0 % 7" in words


def test_what_changed_is_added_up_from_the_figures_by_provider(made, told):
    page = told(made)
    words = text_of(page)
    assert "6 companies began to use invoice finance in September 2026, 3 more than in August." in words
    for line in ("new users 6 3 1", "new charges 8 4 2", "satisfied charges 2 1 0", "switches of provider 1 0 0",
                 "current users at the end 40 31 40"):  # fmt: skip
        assert line in words
    assert "September 2026 August 2026 September 2025 new users" in words
    months = figures(page, "months")
    assert [row["month"] for row in months[::12]] == ["2024-09-01", "2025-09-01", "2026-09-01"]
    assert sum(int(row["new_users"]) for row in months) == 10
    providers = {row["provider"]: row for row in figures(page, "providers")}
    assert list(providers) == ["A & Co", "New <one>"]
    assert [float(providers["A & Co"][f"share_{ago}_before"]) for ago in ("month", "year")] == [1.0, 0.75]
    assert [float(providers["New <one>"][f"share_{ago}_before"]) for ago in ("month", "year")] == [0.0, 0.0]
    assert "A & Co 33 82.5 % 100.0 % 75.0 % 4 1 0" in words


def test_without_users_there_are_no_shares(made, told):
    change(made, "delete from marts.provider_figures")
    words = text_of(told(made))
    assert "Nobody uses invoice finance." in words
    assert "0 companies began to use invoice finance in September 2026, as many as in August." in words


def test_drift_is_told_once_for_each_feature_and_for_the_score_of_each_model(made, told):
    page = told(made)
    words = text_of(page)
    assert "Less well: of 3 features and scores, 1 moved as far from training as an alarm and 1 moved" in words
    assert "There is no score month before this one to compare with." in words
    assert len(figures(page, "drift")) == 4
    pictures = " ".join(re.findall(r"<svg.*?</svg>", page.read_text(encoding="utf-8"), re.DOTALL))
    assert "Sector: 0.310 alarm" in pictures
    assert "Score of the recall model: 0.120 warning" in pictures
    change(made, "update marts.feature_drift set drift_level = 'stable', previous_stability_index = 0.2")
    words = text_of(told(made))
    assert "Yes: none of 3 features and scores has moved" in words
    assert "no score month before" not in words
    change(made, "delete from marts.feature_drift")
    assert "marts.feature_drift has nothing of this month" in text_of(told(made))


def test_past_lists_are_judged_when_their_year_is_over_and_not_before(made, told):
    assert "No past list is old enough to judge: the oldest is of October 2026, and" in text_of(told(made))
    with duckdb.connect(str(made.warehouse)) as connection:
        rows = [outcome("2026-04", "best 1,000", 31, 6), outcome("2026-04", "all", 40, 6, 9000)]
        connection.executemany(f"insert into marts.ml_outcome values ({', '.join('?' * 13)})", rows)
    words = text_of(told(made))
    assert "No past list is old enough to judge: the oldest is of April 2026, and" in words
    assert "Of lists whose twelve months are not over, the figures are of the months that are." in words
    assert "April 2026 6 1,000 31 60.2 4.2" in words
    assert "9,000" not in words
    with duckdb.connect(str(made.warehouse)) as connection:
        rows = [outcome("2025-08", "best 1,000", 77, 12), outcome("2025-09", "best 1,000", 55, 12)]
        connection.executemany(f"insert into marts.ml_outcome values ({', '.join('?' * 13)})", rows)
    words = text_of(told(made))
    assert "is of September 2025: of its 1,000 companies, 55 became users (5.5 %), 4.2 times the share" in words
    assert "Its probabilities had promised 120 at most." in words
    assert "April 2026 6 1,000 31 60.2 4.2 September 2025 12 1,000 55 120.4 4.2 August 2025 12" in words


def by_part(page: Path, by: str) -> dict[str, tuple[int, int, int]]:
    return {
        row["part"]: (int(row["scored"]), int(row["leads"]), int(row["new_leads"]))
        for row in figures(page, "leads_by_part")
        if row["by"] == by
    }


def counted(place: int, new: set[int]) -> dict[str, tuple[int, int, int]]:
    found: dict[str, tuple[int, int, int]] = {}
    for rank in range(1, SCORED + 1):
        name = part_of(rank)[place] or "unknown"
        scored, leads, fresh = found.get(name, (0, 0, 0))
        found[name] = (scored + 1, leads + (rank <= LISTED), fresh + (rank in new))
    return found


def quoted(found: dict[str, tuple[int, int, int]]) -> dict[str, tuple[int, int, int]]:
    return {f"'{name}" if name.startswith("=") else name: value for name, value in found.items()}


def test_without_an_earlier_month_all_leads_are_new_and_the_letter_says_so(made, told):
    page = told(made)
    everything = set(range(1, LISTED + 1))
    assert by_part(page, "all") == {"all": (SCORED, LISTED, LISTED)}
    for by, place in (("postcode area", 0), ("sector", 1), ("region", 2)):
        assert by_part(page, by) == quoted(counted(place, everything))
    words = text_of(page)
    assert "1,000 leads among 1,200 companies scored." in words
    assert "There is no earlier list to compare with, so all of them count as new." in words
    assert "1. COMPANY 1 " in words
    assert "10. COMPANY 10 " in words
    assert "11. COMPANY 11 " not in words


def test_new_leads_are_those_that_were_not_on_the_list_of_the_month_scored_before(made, told):
    # of last month's 1,200, the first two hundred of this month were ranked below the list, and the next ten not at all
    ranks = {number(rank): (rank - 210 if rank > 210 else 990 + rank) for rank in range(1, SCORED + 1)}
    gone = {number(rank) for rank in range(201, 211)}
    predict_before(made, BEFORE, {company: rank for company, rank in ranks.items() if company not in gone})
    predict_before(made, "2026-07", {number(rank): rank for rank in range(1, SCORED + 1)})
    predict_before(made, MONTH, {number(rank): rank for rank in range(1, SCORED + 1)})
    new = {rank for rank in range(1, LISTED + 1) if ranks[number(rank)] > LISTED or number(rank) in gone}
    assert len(new) == 200
    page = told(made)
    assert by_part(page, "all") == {"all": (SCORED, LISTED, 200)}
    for by, place in (("postcode area", 0), ("sector", 1), ("region", 2)):
        assert by_part(page, by) == quoted(counted(place, new))
    assert [int(row["lead_rank"]) for row in figures(page, "new_leads")] == sorted(new)
    words = text_of(page)
    assert "200 new of 1,000 leads among 1,200 companies scored." in words
    assert "200 of the 1,000 were not among as many of 2026-09, the last month scored before this one" in words
    assert "11. COMPANY 11 " in words
    assert "1. COMPANY 1 " not in words


def test_a_short_list_is_all_that_were_scored_and_may_have_nothing_new(made, told):
    change(made, "delete from marts.leads where lead_rank > 5")
    predict_before(made, BEFORE, {number(rank): rank for rank in range(1, 6)})
    words = text_of(told(made))
    assert "Leads are all 5 companies scored, since they are no more than 1,000." in words
    assert "0 new of 5 leads among 5 companies scored." in words
    assert "No lead is new." in words


def test_the_map_shades_areas_with_enough_companies_and_counts_the_others_beside_it(made, told):
    change(made, "update marts.to_predict set postcode_area = 'XX' where company_number = '00000006'")
    page = told(made)
    (drawn,) = [svg for svg in re.findall(r"<svg.*?</svg>", page.read_text(encoding="utf-8"), re.DOTALL)
                if "Leads in 1,000 companies scored by postcode area" in svg]  # fmt: skip
    root = parsed(drawn)
    areas = counted(0, set(range(1, LISTED + 1)))
    scored, leads, new = areas["M"]
    rate = f"{1000 * leads / scored:.0f}"
    assert f"M Manchester: leads {leads} of {scored} scored, {rate} in 1,000; new {new}" in hints(root)
    assert "HS Outer Hebrides: leads 1 of 1 scored, 1,000 in 1,000; new 1" in hints(root)
    scored, leads, _ = areas["unknown"]
    said = texts(root)
    assert f"{leads + 1:,} leads of" in said
    assert f"{scored + 1:,} scored" in said
    assert "Without a tile, and counted with the unknown: XX." in text_of(page)


def test_names_and_reasons_are_only_text_on_the_page_and_no_formula_beside_it(made, told):
    page = told(made)
    words = text_of(page)
    assert HOSTILE in words
    assert "reason <i>2</i>" in words
    assert "`second` reason" in words
    assert figures(page, "new_leads")[1]["company_name"] == f"'{HOSTILE}"


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "delete from marts.leads",
            "marts.leads is not of 2026-10, the month that the marts are of; run `make predict`",
        ),
        ("update marts.leads set score_month = '2026-09'", "marts.leads is not of 2026-10"),
        ("drop table marts.leads", "the warehouse lacks what ml reads"),
        ("delete from marts.delivery_volumes", "marts.delivery_volumes has nothing of 2026-10, so there is nothing"),
        ("alter table marts.to_predict drop column postcode_area", "the warehouse lacks what ml reads"),
    ],
)
def test_what_is_absent_is_one_sentence_and_nothing_is_written(made, told, tmp_path, statement, sentence):
    change(made, statement)
    with pytest.raises(UserError, match=re.escape(sentence)) as ended:
        told(made)
    assert "\n" not in str(ended.value)
    assert not (tmp_path / "out").exists()


def test_the_letter_is_of_no_run(made, told, capsys):
    with pytest.raises(SystemExit) as ended:
        told(made, "4c15")
    assert ended.value.code == 2
    assert "the monthly letter is of the tables as they are now, not of a run" in capsys.readouterr().err


def test_every_file_of_the_contract_but_lookups_has_a_name_in_the_letter():
    sources = Path(__file__).resolve().parents[2] / "dbt_project/models/staging/ukltd/_ukltd__sources.yml"
    files = set(re.findall(r"meta: \{file: (\w+)", sources.read_text(encoding="utf-8")))
    assert set(FILES) == {file for file in files if not file.startswith("LU")}
