"""`report leads` on a warehouse: the workbook and the CSV file hold the rows of marts.leads, and its columns' words."""

import csv
import datetime
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pytest

from ml.__main__ import main
from ml.tables import append
from reports import leads
from tests.integration.report_pages import add_deliveries
from tests.s3_store import serve_s3
from warehouse.errors import UserError
from warehouse.lake import Lake
from warehouse.s3 import S3Path

MONTH, DAY, RUN, OTHER_RUN = "2026-11", "20261101", "aaaa0000", "bbbb0000"
NAMES = ('=HYPERLINK("http://x")', "+44 LIMITED", "-1 LIMITED", "@HOME LIMITED", "\tTAB", "Ünïcode & Sons <b>", "PLAIN")
COUNT = 24
BUCKET = "reports"

LEADS = f"""
create table marts.leads as select
    row_number as lead_rank,
    lpad(cast(row_number as varchar), 8, '0') as company_number,
    list_extract($names, cast((row_number - 1) % {len(NAMES)} + 1 as integer)) as company_name,
    'Trade' as sector,
    case when row_number % 5 > 0 then 'Wales' end as region,
    date '2025-06-30' + cast(row_number as integer) as accounts_date,
    1.0 / (row_number + 1) as precision_probability,
    0.9 / row_number as precision_score,
    cast(row_number as integer) as precision_rank,
    0.5 / (row_number + 1) as recall_probability,
    0.8 / row_number as recall_score,
    cast(row_number * 1000 as integer) as recall_rank,
    'turnover: £1.25m, more than 90 % of companies' as reason_1,
    case when row_number < 9 then '-5 % growth' end as reason_2,
    cast(null as varchar) as reason_3,
    '{MONTH}' as score_month,
    '{RUN}' as run_id,
    '{OTHER_RUN}' as recall_run_id
from (select unnest(range(1, {COUNT + 1})) as row_number) order by hash(row_number)
"""
COLUMNS = """
create table marts.lead_columns as select
    row_number() over () as position,
    column_name,
    case
        when column_name like '%_probability' then 'probability'
        when data_type = 'DATE' then 'date'
        when data_type = 'VARCHAR' then 'text'
        when data_type in ('INTEGER', 'BIGINT') then 'whole'
        else 'number'
    end as kind,
    'What ' || column_name || ' says.' as description
from duckdb_columns() where schema_name = 'marts' and table_name = 'leads' order by column_index
"""


def change(warehouse: Path, *statements: str) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a lake and a warehouse, which the environment names."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute(LEADS, {"names": list(NAMES)})
        connection.execute(COLUMNS)
        add_deliveries(connection)
    for name, value in {
        "LAKE": str(tmp_path / "lake"), "WAREHOUSE": str(tmp_path / "warehouse.duckdb"), "DBT_TARGET": "duckdb",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MONTH", raising=False)
    versions = [
        {"model_name": "precision", "model_version": "p1", "run_id": RUN},
        {"model_name": "recall", "model_version": "r1", "run_id": RUN},
        {"model_name": "recall", "model_version": "r2", "run_id": OTHER_RUN},
    ]
    append(Lake(tmp_path / "lake"), "ml_model_version", MONTH, "versions", pa.Table.from_pylist(versions))
    return tmp_path


def rows(place: Path) -> list[tuple]:
    with duckdb.connect(str(place / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute("select * from marts.leads order by lead_rank").fetchall()


def book(place: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(place / "lake/ANALYSIS" / DAY / f"leads_{MONTH}.xlsx")


def as_read(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\t", " ")
    is_day = isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    return datetime.datetime.combine(value, datetime.time()) if is_day else value


def test_the_workbook_holds_the_leads_in_their_order(place, capsys):
    main(["report", "leads"])
    folder = place / "lake/ANALYSIS" / DAY
    assert capsys.readouterr().out.splitlines() == [
        f"report: {folder}/leads_{MONTH}.xlsx", f"report: {folder}/leads_{MONTH}.csv",
    ]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == [f"leads_{MONTH}.csv", f"leads_{MONTH}.xlsx"]
    found = book(place)
    assert found.sheetnames == ["Leads", "Columns", "About"]
    sheet = found["Leads"]
    given = [[openpyxl.utils.escape.unescape(cell) if isinstance(cell, str) else cell for cell in row]
             for row in sheet.iter_rows(min_row=2, values_only=True)]  # fmt: skip
    # of a number, Excel keeps sixteen digits
    assert [[cell for cell in row if not isinstance(cell, float)] for row in given] == [
        [as_read(cell) for cell in row if not isinstance(cell, float)] for row in rows(place)
    ]
    assert [[cell for cell in row if isinstance(cell, float)] for row in given] == [
        pytest.approx([cell for cell in row if isinstance(cell, float)], rel=1e-15) for row in rows(place)
    ]
    assert [cell.value for cell in sheet[1]][:3] == ["Lead rank", "Company number", "Company name"]
    assert {cell.number_format for column in ("G", "J") for cell in sheet[column][1:]} == {"0.0%"}
    assert {cell.number_format for column in "ALI" for cell in sheet[column][1:]} == {"#,##0"}
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"n", "d", "s", "inlineStr"}
    assert sheet["B2"].value == "00000001"
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:R{COUNT + 1}"


def test_the_csv_file_holds_the_same_and_no_cell_is_a_formula(place):
    main(["report", "leads"])
    with (place / "lake/ANALYSIS" / DAY / f"leads_{MONTH}.csv").open(encoding="utf-8", newline="") as file:
        head, *given = csv.reader(file)
    assert head[:2] == ["lead_rank", "company_number"]
    expected = [["" if cell is None else str(cell) for cell in row] for row in rows(place)]
    assert [[cell.removeprefix("'") for cell in row] for row in given] == expected
    assert not [cell for row in given for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert [row[2][0] for row in given[:7]] == ["'", "'", "'", "'", "'", "Ü", "P"]


def test_each_column_is_explained_and_a_new_one_appears_by_itself(place):
    change(
        place / "warehouse.duckdb",
        "alter table marts.leads add column turnover bigint default 1234567",
        "insert into marts.lead_columns values (0, 'turnover', 'gbp', 'Turnover in pounds, =SUM(A1).')",
    )
    main(["report", "leads"])
    found = book(place)
    head, *explained = found["Columns"].iter_rows(values_only=True)
    assert head == ("Column", "In marts.leads", "What it says")
    assert explained[0] == ("Turnover", "turnover", "Turnover in pounds, =SUM(A1).")
    assert [row[1] for row in explained[1:]] == [
        "lead_rank", "company_number", "company_name", "sector", "region", "accounts_date", "precision_probability",
        "precision_score", "precision_rank", "recall_probability", "recall_score", "recall_rank", "reason_1",
        "reason_2", "reason_3", "score_month", "run_id", "recall_run_id",
    ]  # fmt: skip
    assert (found["Leads"]["A2"].value, found["Leads"]["A2"].number_format) == (1234567, "£#,##0;-£#,##0")


def test_it_says_which_month_models_and_runs_it_is_of(place):
    main(["report", "leads"])
    about = {row[0]: row[1] for row in book(place)["About"].iter_rows(values_only=True) if row[0]}
    assert f"Leads of {MONTH}" in about
    assert about["Made of"] == "what was public before 2026-11-01"
    assert about["Data"].startswith("Sample data. 3 of the 4 deliveries behind these figures are of invented companies")
    assert about["Leads"] == f"{COUNT}, all of them; the same with all digits in leads_{MONTH}.csv"
    assert about["Precision model"].startswith(f"version p1 of run {RUN};")
    assert about["Recall model"].startswith(f"version r2 of run {OTHER_RUN};")
    assert "about twenty are expected" in about["Probability"]


def test_the_same_leads_are_the_same_bytes_and_another_folder_can_be_named(place):
    main(["report", "leads"])
    change(place / "warehouse.duckdb", "create or replace table marts.leads as from marts.leads order by random()")
    main(["report", "leads", "--output", str(place / "out")])
    for ending in ("xlsx", "csv"):
        name = f"leads_{MONTH}.{ending}"
        assert (place / "out" / name).read_bytes() == (place / "lake/ANALYSIS" / DAY / name).read_bytes()


def test_the_best_are_taken_where_fewer_are_asked_for(place, monkeypatch, capsys):
    monkeypatch.setattr(leads, "BATCH_ROWS", 2)
    main(["report", "leads", "--rows", "5"])
    assert capsys.readouterr().err.splitlines() == ["report: 2 of 5 leads", "report: 4 of 5 leads"]
    found = book(place)
    assert [row[0] for row in found["Leads"].iter_rows(min_row=2, values_only=True)] == [1, 2, 3, 4, 5]
    assert f"5, the best of {COUNT}; all are in the table marts.leads" in found["About"]["B4"].value
    text = (place / "lake/ANALYSIS" / DAY / f"leads_{MONTH}.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 6


def test_a_text_that_no_cell_holds_is_cut_there_and_whole_in_the_csv_file(place, capsys):
    change(place / "warehouse.duckdb", "update marts.leads set company_name = repeat('x', 40000) where lead_rank = 7")
    main(["report", "leads"])
    assert "report: 1 text is cut in the workbook, whose cells hold 32,767 characters" in capsys.readouterr().err
    assert len(book(place)["Leads"]["C8"].value) == 32_767
    assert "x" * 40_000 in (place / "lake/ANALYSIS" / DAY / f"leads_{MONTH}.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("delete from marts.leads", "marts.leads has no rows; run `make predict`"),
        ("drop table marts.leads", "the warehouse lacks what ml reads .* run `make predict` first"),
        ("drop table marts.lead_columns", "the warehouse lacks what ml reads .* run `make build` first"),
        ("update marts.leads set run_id = 'c' where lead_rank = 3", "marts.leads is not of one prediction"),
        ("delete from marts.lead_columns where column_name = 'region'", "does not describe marts.leads: region; run"),
        ("alter table marts.leads drop column region", "does not describe marts.leads: region; run"),
        ("update marts.lead_columns set kind = 'colour' where position = 1", "does not describe marts.leads: colour;"),
    ],
)
def test_leads_that_are_not_there_or_not_described_are_refused_in_one_sentence(place, statement, sentence):
    change(place / "warehouse.duckdb", statement)
    with pytest.raises(UserError, match=sentence):
        main(["report", "leads"])
    assert not (place / "lake/ANALYSIS").exists()


@pytest.mark.parametrize("number", ["0", "-3", "1048576"])
def test_more_leads_than_a_sheet_holds_are_refused(place, number):
    with pytest.raises(UserError, match="a sheet of Excel holds 1 to 1,048,575 leads"):
        main(["report", "leads", "--rows", number])


def test_another_month_than_that_of_the_leads_is_refused(place, monkeypatch):
    monkeypatch.setenv("MONTH", "2026-10")
    with pytest.raises(UserError, match=r"MONTH=2026-10, but marts\.leads is of 2026-11; run `make build"):
        main(["report", "leads"])


@pytest.mark.parametrize("words", [("leads", "aaaa"), ("index", "aaaa"), ("index", "--output", "out")])
def test_a_run_or_a_folder_where_there_is_none_is_a_wrong_command_line(place, words):
    with pytest.raises(SystemExit) as ended:
        main(["report", *words])
    assert ended.value.code == 2


def test_a_lake_on_s3_gets_objects_that_a_browser_shows_and_links_that_lead_to_them(place, monkeypatch, tmp_path):
    (tmp_path / "store").mkdir()
    with serve_s3(tmp_path / "store", BUCKET) as store:
        for name, value in (store.environment | {"LAKE": f"s3://{BUCKET}/a lake"}).items():
            monkeypatch.setenv(name, value)
        main(["report", "leads"])
        S3Path(BUCKET, f"a lake/DATA/LIST_USERS_PREDICTED/score_month={MONTH}/predictions.parquet").write_bytes(b"-")
        S3Path(BUCKET, f"a lake/ALGORITHM/{DAY}/DATA/PREDICT/LIST_POSITIVE_CLASS/full_prediction.csv").write_bytes(b"-")
        main(["report", "index"])
        heads = {
            name: store.client.head_object(Bucket=BUCKET, Key=f"a lake/ANALYSIS/{name}")["ContentType"]
            for name in ("index.html", f"{DAY}/leads_{MONTH}.xlsx", f"{DAY}/leads_{MONTH}.csv")
        }
        page = S3Path(BUCKET, "a lake/ANALYSIS/index.html").read_bytes().decode()
    assert heads == {
        "index.html": "text/html; charset=utf-8",
        f"{DAY}/leads_{MONTH}.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        f"{DAY}/leads_{MONTH}.csv": "text/csv; charset=utf-8",
    }
    for link in (f"{DAY}/leads_{MONTH}.xlsx", f"{DAY}/leads_{MONTH}.csv",
                 f"../ALGORITHM/{DAY}/DATA/PREDICT/LIST_POSITIVE_CLASS/full_prediction.csv"):  # fmt: skip
        assert f'href="{link}"' in page
