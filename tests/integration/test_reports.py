"""The reports on a real warehouse: their numbers are those of its tables, worked out here a second time."""

import re
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.__main__ import main
from ml.compare import SCHEMA, TABLE
from ml.evaluation_tables import RUN
from ml.predict import predict
from ml.settings import SliceSettings, read_settings
from ml.tables import append
from ml.train import train
from reports.insights_queries import PERCENTILES
from tests.integration.report_pages import add_deliveries, assert_a_page, figures, text_of
from tests.unit.ml.synthetic import Planted, make_world, write_horizon, write_warehouse
from warehouse.lake import Lake
from warehouse.settings import Settings as Environment

SLICES = SliceSettings(columns=("section", "age_years"), bands={"age_years": (10, 20)}, minimum_positives=10)
SETTINGS = read_settings().model_copy(
    update={"nthread": 1, "bootstrap_samples": 40, "company_folds": 3, "test_windows": 2, "slices": SLICES}
)
TYPES = ("private limited company", "limited liability partnership", "=1+1 <b>type</b>", "type 4", "type 5", "type 6")


def add_feature(connection: duckdb.DuckDBPyConnection, definition: tuple[str, ...], expression: str) -> None:
    """Add a feature to both marts and to the definitions, and touch nothing else."""
    name = definition[0]
    for mart in ("to_train", "to_predict"):
        connection.execute(f"alter table marts.{mart} add column {name} {definition[1]}")
        connection.execute(f"update marts.{mart} set {name} = {expression}")
    connection.execute(
        "insert into marts.feature_definitions select max(position) + 1, $1, $2, $3, $1, $4 "
        "from marts.feature_definitions",
        [name, *definition[2:]],
    )


def add_accounting(connection: duckdb.DuckDBPyConnection, training_rows: int) -> None:
    connection.execute(
        "create table marts.row_accounting (step varchar, snapshot_month varchar, rows_in bigint, rows_out bigint, "
        "reason varchar, rows_left_out bigint)"
    )
    rows = [
        ("landing AC01", "2026-09", 9000, 8990, "rejected line", 7),
        ("landing AC01", "2026-09", 9000, 8990, "blank", 3),
        ("landing AC01", "2026-10", 1000, 1000, "none", 0),
        ("current accounts", "2026-09", 8990, 8000, "replaced by a later row", 990),
        ("current accounts", "2026-10", 1000, 1000, "none", 0),
        ("observations to train on", "2026-09", 8000, training_rows, "status unknown", 8000 - training_rows),
        ("observations to train on", "2026-10", 1000, 0, "status unknown", 1000),
        ("companies to users", "2026-09", 400, 100, "no <charge>", 300),
    ]  # fmt: skip
    connection.executemany("insert into marts.row_accounting values (?, ?, ?, ?, ?, ?)", rows)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Environment:
    folder = tmp_path_factory.mktemp("finished")
    environment = Environment(folder / "lake", folder / "warehouse.duckdb", None)
    write_warehouse(environment.warehouse, make_world(Planted()))
    with duckdb.connect(str(environment.warehouse)) as connection:
        chosen = " ".join(f"when {number} then {text!r}" for number, text in enumerate(TYPES))
        add_feature(
            connection,
            ("company_group", "varchar", "categorical", "code", "legal form"),
            f"case cast(company_number as integer) % {len(TYPES)} {chosen} end",
        )
        ((rows,),) = connection.execute("select count(*) from marts.to_train").fetchall()
        add_accounting(connection, rows)
        add_deliveries(connection)
    train(environment, SETTINGS)
    predict(environment, SETTINGS)
    return environment


@pytest.fixture
def copied(finished, tmp_path) -> Environment:
    """A copy that a test may damage."""
    shutil.copytree(finished.lake, tmp_path / "lake")
    shutil.copy(finished.warehouse, tmp_path / "warehouse.duckdb")
    return Environment(tmp_path / "lake", tmp_path / "warehouse.duckdb", None)


@pytest.fixture
def told(monkeypatch, capsys):
    def run(environment: Environment, *words: str) -> str:
        monkeypatch.setenv("LAKE", str(environment.lake))
        monkeypatch.setenv("WAREHOUSE", str(environment.warehouse))
        monkeypatch.delenv("MONTH", raising=False)
        main(["report", *words])
        return capsys.readouterr().out

    return run


def rows(environment: Environment, query: str) -> list[tuple]:
    with duckdb.connect(str(environment.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def frame(environment: Environment, query: str) -> pd.DataFrame:
    with duckdb.connect(str(environment.warehouse), read_only=True) as connection:
        return connection.execute(query).fetch_df()


@pytest.fixture
def insights(finished, told, tmp_path) -> Path:
    told(finished, "insights", "--output", str(tmp_path))
    return tmp_path / "insights.html"


def test_insights_is_a_page_with_its_figures_beside_it_in_the_lake_where_no_folder_is_named(copied, told):
    said = told(copied, "insights")
    page = Lake(copied.lake).reports("20261001") / "insights.html"
    assert str(page) in said
    assert_a_page(page)
    before = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    told(copied, "insights")
    assert {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()} == before


def test_insights_counts_the_training_table_by_month(finished, insights):
    found = frame(finished, "select company_number, strftime(observed_on, '%Y-%m') as month, label from marts.to_train")
    expected = found.groupby("month").agg(
        rows=("label", "size"), companies=("company_number", "nunique"), users=("label", "sum")
    )
    assert [(row["month"], int(row["observations"]), int(row["companies"]), int(row["become_users"]))
            for row in figures(insights, "months")] == list(expected.itertuples(name=None))  # fmt: skip
    words = text_of(insights)
    assert f"{len(found):,} observations of {found.company_number.nunique():,} companies" in words
    assert f"{found.label.sum():,} of them ({100 * found.label.mean():.1f} %) become users" in words


def test_insights_gives_the_percentiles_of_every_number_by_status_and_type(finished, insights):
    found = frame(finished, "select * from marts.to_train")
    given = {(row["feature"], row["by"], row["group"]): row for row in figures(insights, "percentiles")}
    groups = {("all", "all"): found, ("status", "becomes user"): found[found.label == 1],
              ("status", "not a user"): found[found.label == 0]}  # fmt: skip
    groups |= {("company type", f"'{name}" if name.startswith("=") else name): found[found.company_group == name]
               for name in TYPES}  # fmt: skip
    numbers = ("trade_debtors", "growth", "gearing_percent", "debtor_days", "age_years", "employees", "noise")
    assert set(given) == {(number, *group) for number in numbers for group in groups}
    for number in numbers:
        for group, part in groups.items():
            values = part[number].dropna().astype(float)
            row = given[number, *group]
            assert int(row["known"]) == len(values)
            points = [float(row[f"p{round(100 * point):02}"]) for point in PERCENTILES]
            assert points == pytest.approx(list(np.quantile(values, PERCENTILES)))


def test_insights_puts_every_known_value_into_one_column_of_its_histogram(finished, insights):
    found = frame(finished, "select * from marts.to_train")
    drawn: dict[str, list[dict[str, str]]] = {}
    for row in figures(insights, "histograms"):
        drawn.setdefault(row["feature"], []).append(row)
    assert set(drawn) == {row["feature"] for row in figures(insights, "percentiles")}
    for feature, columns in drawn.items():
        edges = [-np.inf, *(float(column["up_to"]) for column in columns[:-1]), np.inf]
        for label, name in ((1, "become_users"), (0, "others")):
            values = found[found.label == label][feature].dropna().astype(float)
            cut = pd.cut(values, edges, labels=False)
            assert [int(column[name]) for column in columns] == [(cut == place).sum() for place in range(len(columns))]


def test_insights_counts_codes_and_what_is_missing(finished, insights):
    found = frame(finished, "select * from marts.to_train")
    sections = [row for row in figures(insights, "categories") if row["feature"] == "section"]
    expected = found.groupby("section").label.agg(["size", "sum"]).sort_values("size", ascending=False)
    assert [(row["value"], int(row["observations"]), int(row["become_users"])) for row in sections] == list(
        expected.itertuples(name=None)
    )
    for row in sections:
        assert float(row["share"]) == pytest.approx(expected["size"][row["value"]] / len(found))
    missing = {row["feature"]: row for row in figures(insights, "missing")}
    assert set(missing) == {row[0] for row in rows(finished, "select feature from marts.feature_definitions")}
    shares = [float(row["missing_share"]) for row in missing.values()]
    assert shares == sorted(shares, reverse=True)
    for feature, row in missing.items():
        assert int(row["missing"]) == found[feature].isna().sum()
        assert float(row["become_users_missing_share"]) == pytest.approx(found[found.label == 1][feature].isna().mean())
    assert f"{100 * found.employees.isna().mean():.1f} %" in insights.read_text()


def test_insights_ranks_how_users_differ_and_finds_what_was_planted(finished, insights):
    found = frame(finished, "select * from marts.to_train")
    given = {(row["feature"], row["what"]): row for row in figures(insights, "differences")}
    low, high = found.growth.quantile(0.01), found.growth.quantile(0.99)
    users, others = (found[found.label == label].growth.dropna().clip(low, high) for label in (1, 0))
    expected = (users.mean() - others.mean()) / np.sqrt((users.var() + others.var()) / 2)
    assert float(given["growth", "value"]["standardised_difference"]) == pytest.approx(expected)
    shares = [(found[found.label == label].section == "C").mean() for label in (1, 0)]
    spread = np.sqrt(sum(share * (1 - share) for share in shares) / 2)
    assert float(given["section", "C"]["standardised_difference"]) == pytest.approx((shares[0] - shares[1]) / spread)
    ranked = list(figures(insights, "differences"))
    sizes = [abs(float(row["standardised_difference"])) for row in ranked]
    assert sizes == sorted(sizes, reverse=True)
    assert {row["feature"] for row in ranked[:4]} == {"trade_debtors", "growth", "section"}
    assert float(given["has_website", "yes"]["become_users_mean"]) == pytest.approx(
        found[found.label == 1].has_website.mean()
    )


def test_insights_shows_what_became_of_the_delivered_lines(finished, insights):
    html = insights.read_text()
    ((training_rows,),) = rows(finished, "select count(*) from marts.to_train")
    for words in ("10,000 Landing AC01", "9,990 Current accounts", "9,000 Observations to train on",
                  f"{training_rows:,} training rows", f"{9000 - training_rows:,} status unknown"):  # fmt: skip
        assert f">{words}</text>" in html
    accounting = {(row["step"], row["reason"]): row for row in figures(insights, "row_accounting")}
    assert accounting["landing AC01", "rejected line"]["rows_left_out"] == "7"
    assert (accounting["companies to users", "no <charge>"]["rows_in"]) == "400"


def test_a_new_feature_appears_by_itself(copied, told, tmp_path):
    with duckdb.connect(str(copied.warehouse)) as connection:
        add_feature(connection, ("new_ratio", "double", "numeric", "ratio", "a <new> ratio"), "gearing_percent / 7")
        add_feature(connection, ("new_code", "varchar", "categorical", "code", "a new code"), "section || '<i>'")
        write_horizon(connection)
    told(copied, "insights", "--output", str(tmp_path / "out"))
    page = tmp_path / "out/insights.html"
    assert_a_page(page)
    words = text_of(page)
    assert "A <new> ratio" in words
    assert "A new code" in words
    assert "C<i>" in words
    for name in ("percentiles", "histograms", "missing", "differences"):
        assert "new_ratio" in {row["feature"] for row in figures(page, name)}
    assert {row["value"] for row in figures(page, "categories") if row["feature"] == "new_code"} >= {"C<i>", "F<i>"}


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("delete from marts.to_train", "marts.to_train has no rows, so there is nothing to report"),
        ("delete from marts.feature_definitions", "marts.feature_definitions is not a list of features: it is empty"),
        ("delete from marts.row_accounting", "marts.row_accounting has no rows, so there is nothing to report"),
        ("delete from marts.row_accounting where step = 'current accounts'", "has no step current accounts; run"),
        ("drop table marts.row_accounting", "the warehouse lacks what ml reads"),
    ],
)
def test_an_empty_or_absent_table_is_an_error_in_one_sentence(copied, told, tmp_path, statement, sentence):
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.execute(statement)
        write_horizon(connection)
    with pytest.raises(Exception, match=re.escape(sentence)) as ended:
        told(copied, "insights", "--output", str(tmp_path / "out"))
    assert type(ended.value).__name__ == "UserError"
    assert "\n" not in str(ended.value)
    assert not (tmp_path / "out").exists()


def test_a_training_table_without_users_is_drawn_and_says_that_there_is_nothing_to_compare(copied, told, tmp_path):
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.execute("delete from marts.to_train where label = 1")
        connection.execute("update marts.to_train set employees = null")
        write_horizon(connection)
    told(copied, "insights", "--output", str(tmp_path / "out"))
    words = text_of(tmp_path / "out/insights.html")
    assert "0 observations become users" in words
    assert "employees: no observation has it" in words


def interval(environment: Environment, model: str, metric: str, fold: str, digits: int, *, factor: float = 1) -> str:
    ((value, low, high),) = rows(environment, f"""
        select value, low, high from ml.ml_metric
        where (model_name, metric, fold, slice) = ('{model}', '{metric}', '{fold}', 'all')""")  # fmt: skip
    end = " %" if factor != 1 else ""
    value, low, high = (f"{factor * number:.{digits}f}{end}" for number in (value, low, high))
    return f"{value} ({low} to {high})"


@pytest.fixture
def evaluation(finished, told, tmp_path) -> Path:
    said = told(finished, "evaluation", "--output", str(tmp_path))
    ((run_id,),) = rows(finished, "select run_id from ml.ml_run")
    page = tmp_path / f"evaluation_{run_id}.html"
    assert str(page) in said
    return page


def test_the_evaluation_says_what_the_tables_say(finished, evaluation):
    assert_a_page(evaluation)
    words = text_of(evaluation)
    ((headline, learned),) = rows(finished, "select headline_fold, rows from ml.ml_run")
    ((tested, users),) = rows(finished, f"""
        select distinct rows, positives from ml.ml_metric
        where fold = '{headline}' and slice = 'all' and split = 'walk_forward'""")  # fmt: skip
    ((lift, low, high),) = rows(finished, f"""
        select value, low, high from ml.ml_metric where model_name = 'precision' and slice = 'all'
        and fold = '{headline}' and metric = 'lift_at_1_percent'""")  # fmt: skip
    assert f"{lift:.1f} times as many became users" in words
    assert f"(95 % interval {low:.1f} to {high:.1f})" in words
    assert f"learned from {learned:,} observations" in words
    assert f"Tested on {tested:,} observations" in words
    assert f"{users:,} became users within twelve months" in words
    ((all_users,),) = rows(finished, f"""
        select sum(value) from ml.ml_metric where model_name = 'recall' and slice = 'all' and fold = '{headline}'
        and metric in ('true_positives', 'false_negatives')""")  # fmt: skip
    assert all_users > users
    assert f"{all_users - users:.0f} more could not be scored" in words
    for model in ("precision", "recall"):
        for fold in (headline, "random"):
            assert interval(finished, model, "average_precision", fold, 3) in words
            assert interval(finished, model, "lift_at_1_percent", fold, 1) in words
        assert interval(finished, model, "recall_at_10_percent", headline, 1, factor=100) in words
        cells = [
            rows(finished, f"""select value from ml.ml_metric where model_name = '{model}' and slice = 'all'
                               and fold = '{headline}' and metric = '{name}'""")[0][0]
            for name in ("true_positives", "false_positives", "false_negatives", "true_negatives")
        ]  # fmt: skip
        hits, wrong, lost, right = (f"{round(cell):,}" for cell in cells)
        assert f"on the list {hits} {wrong} not on it {lost} {right}" in words
    assert "If 5 % to 25 % of users leave none" in words
    assert "ml_comparison has nothing of this run" in words


def test_the_figures_of_the_evaluation_are_the_tables(finished, evaluation):
    def typed(value: str) -> str | float | None:
        try:
            return float(value)
        except ValueError:
            return value or None

    def as_floats(row: tuple) -> tuple:
        return tuple(float(value) if isinstance(value, int | float) else value for value in row)

    tables = {
        "metrics": (
            "ml_metric", 11,
            "model_name, split, fold, slice, slice_value, metric, value, low, high, positives, rows",
        ),
        "curves": ("ml_curve", 6, "model_name, curve, point, x, y, rows"),
        "importance": ("ml_feature_importance", 7, "model_name, importance_rank, feature, gain, mean_contribution"),
    }  # fmt: skip
    for name, (table, width, columns) in tables.items():
        given = figures(evaluation, name)
        wanted = [column.strip() for column in columns.split(",")]
        assert len(given[0]) == width
        assert sorted((tuple(typed(row[column]) for column in wanted) for row in given), key=repr) == sorted(
            (as_floats(row) for row in rows(finished, f"select {columns} from ml.{table}")), key=repr
        )


def test_importance_and_reasons_are_summed_by_the_unit_of_the_feature(finished, evaluation):
    for model in ("precision", "recall"):
        ((code, everything),) = rows(finished, f"""
            select sum(mean_contribution) filter (unit = 'code'), sum(mean_contribution)
            from ml.ml_feature_importance join marts.feature_definitions using (feature)
            where model_name = '{model}'""")  # fmt: skip
        family = [row for row in figures(evaluation, "importance_by_family") if row["model_name"] == model]
        (kind,) = [row for row in family if row["family"] == "what kind of company it is"]
        assert int(kind["features"]) == 2
        assert float(kind["share"]) == pytest.approx(code / everything)
        assert sum(float(row["share"]) for row in family) == pytest.approx(1)
        expected = rows(finished, f"""
            select sum((unit = 'gbp')::int), count(*) from ml.prediction_reasons
            join marts.feature_definitions using (feature)
            where model_name = '{model}' and direction = 'raises'""")  # fmt: skip
        reasons = [row for row in figures(evaluation, "reasons_by_family") if row["model_name"] == model]
        (amounts,) = [int(row["reasons"]) for row in reasons if row["family"] == "amounts in pounds"]
        assert [(amounts, sum(int(row["reasons"]) for row in reasons))] == expected


def compared(run_id: str) -> pa.Table:
    metrics = {"lift_at_1_percent": 6.5, "average_precision": 0.25, "recall_at_10_percent": 0.4}
    made = []
    for model in ("precision", "recall"):
        for metric, value in metrics.items():
            key = {"run_id": run_id, "model_name": model, "metric": metric}
            difference = {"difference": -1.25, "difference_low": -2.5, "difference_high": 0.75}
            own = {"value": value, "low": value - 0.1, "high": value + 0.1}
            made += [key | own | {"learner": "xgboost"},
                     key | own | {"learner": "rule"} | difference,
                     key | {"learner": "lightgbm", "note": "lightgbm <cannot> be imported"}]  # fmt: skip
    return pa.Table.from_pylist(made, SCHEMA)


def test_a_comparison_stands_beside_the_models(copied, told, tmp_path):
    ((run_id,),) = rows(copied, "select run_id from ml.ml_run")
    append(Lake(copied.lake), TABLE, "2026-10", run_id, compared(run_id))
    told(copied, "evaluation", run_id[:6], "--output", str(tmp_path / "out"))
    page = tmp_path / "out" / f"evaluation_{run_id}.html"
    assert_a_page(page)
    words = text_of(page)
    assert "rule 6.5 -1.2 (-2.5 to +0.8)" in words
    assert "Not tried: lightgbm: lightgbm <cannot> be imported" in words
    assert "Diamonds: the top 10 % by A rule" in words
    assert "ml_comparison has nothing of this run" not in words
    assert len(figures(page, "comparison")) == compared(run_id).num_rows


def test_the_run_is_the_one_registered_last_or_the_one_that_is_named(copied, told, tmp_path):
    ((first,),) = rows(copied, "select run_id from ml.ml_run")
    train(copied, SETTINGS.model_copy(update={"seed": 2, "test_windows": 1}))
    (second,) = {row[0] for row in rows(copied, "select run_id from ml.ml_run")} - {first}
    for words, run_id in (((), second), (("latest",), second), ((first[:5],), first), ((second,), second)):
        told(copied, "evaluation", *words, "--output", str(tmp_path / run_id))
        assert f"Run {run_id}" in text_of(tmp_path / run_id / f"evaluation_{run_id}.html")
    ((version,),) = rows(copied, f"""
        select model_version from ml.ml_model_version
        where run_id = '{first}' and model_name = 'recall'""")  # fmt: skip
    assert f"evaluation_{first}.html" in told(copied, "evaluation", version, "--output", str(tmp_path / "version"))
    with pytest.raises(Exception, match="no run has a name that begins with zzz; `python -m ml list` names the runs"):
        told(copied, "evaluation", "zzz")
    (written,) = Lake(copied.lake).ml_table("ml_run").glob(f"*/{first}.parquet")
    like_the_first = pq.read_table(written).to_pylist()[0] | {"run_id": f"{first[:8]}00000000"}
    append(Lake(copied.lake), "ml_run", "2026-10", "like_the_first", pa.Table.from_pylist([like_the_first], RUN))
    with pytest.raises(Exception, match=f"several runs have a name that begins with {first[:8]}"):
        told(copied, "evaluation", first[:8])


def test_before_a_training_there_is_nothing_to_evaluate(finished, told, tmp_path):
    bare = Environment(tmp_path / "lake", finished.warehouse, None)
    with pytest.raises(Exception, match="there is no run yet; run `make train`"):
        told(bare, "evaluation")


SAMPLE = "Sample data. All 3 deliveries behind these figures are of invented companies"


def test_a_page_of_the_sample_says_so_before_anything_else(finished, insights, evaluation):
    for page in (insights, evaluation):
        html = page.read_text(encoding="utf-8")
        assert html.index('<p class="notice">') < html.index('<p class="headline">')
        assert SAMPLE in text_of(page)
        landed = {row["delivery"]: int(row["landed_rows"]) for row in figures(page, "deliveries")}
        assert landed == {"UKLTD_S_20260801": 18000, "UKLTD_M_20260901": 1000, "UKLTD_M_20261001": 1000}


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "update marts.delivery_volumes set is_sample = false where delivery_kind = 'monthly'",
            "1 of the 3 deliveries",
        ),
        ("update marts.delivery_volumes set is_sample = false", None),
        ("delete from marts.delivery_volumes where snapshot_month < '2026-11'", "No delivery behind these figures"),
    ],
)
def test_a_page_says_what_share_of_its_data_is_invented(copied, told, tmp_path, statement, words):
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.execute(statement)
    told(copied, "evaluation", "--output", str(tmp_path / "out"))
    (page,) = (tmp_path / "out").glob("*.html")
    html = page.read_text(encoding="utf-8")
    assert ('<p class="notice">' in html) == (words is not None)
    assert words is None or words in html


@pytest.mark.parametrize("words", [("insights", "4c15"), ("card", "4c15"), ("nonsense", "latest")])
def test_a_wrong_kind_of_report_is_a_wrong_command_line(finished, told, capsys, words):
    with pytest.raises(SystemExit) as ended:
        told(finished, *words)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_the_text_of_a_run_is_printed_as_before(finished, told):
    ((run_id,),) = rows(finished, "select run_id from ml.ml_run")
    printed = told(finished)
    assert printed.startswith(f"Run {run_id}, headline: ")
    assert printed == told(finished, "text") == told(finished, run_id[:7]) == told(finished, "text", run_id)
