"""Every page of the reports as a reader has it: in a browser, on a phone, on paper, by keyboard, without network.

What is looked for is planted in pages of the tests' own first, so that no test holds because it looks at nothing.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from ml.__main__ import REPORTS
from tests.browser.chromium import A4, PHONE, SCREEN, Chromium
from tests.browser.conftest import PAGES
from tests.browser.measured import drawing_faults, grey_faults, reading_faults, sideways_faults, structure_faults
from tests.browser.planted import FAULTLESS, PLANTED, whole
from tests.browser.shown_numbers import figures, read_one, rows, stands_for, unlike

MOST_BYTES = 3_000_000
FAULTS = (structure_faults, sideways_faults, drawing_faults, reading_faults, grey_faults)
PAPER = 688.0  # pixels between the margins of an A4 sheet
LEAST_ON_PAPER = 7 / 72 * 96  # seven points
FOCUSABLE = "a[href], summary"


def opened(browser: Chromium, folder: Path, html: str) -> Path:
    page = folder / "page.html"
    page.write_text(html, encoding="utf-8")
    browser.open(page, PHONE)
    return page


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(browser: Chromium, tmp_path: Path, planted: str):
    html, sentence = PLANTED[planted]
    opened(browser, tmp_path, html)
    measured = browser.measure()
    found = [fault for faults in FAULTS for fault in faults(measured)]
    assert found
    assert [fault for fault in found if sentence not in fault] == []


def test_a_page_without_a_fault_has_none(browser: Chromium, tmp_path: Path):
    opened(browser, tmp_path, FAULTLESS)
    measured = browser.measure()
    assert [fault for faults in FAULTS for fault in faults(measured)] == []


def test_what_a_page_says_and_asks_for_is_heard(browser: Chromium, tmp_path: Path):
    script = "console.warn('planted'); document.body.append('written by a script')"
    page = opened(browser, tmp_path, whole(f"<img alt='' src='http://127.0.0.1:9/a.png'><script>{script}</script>"))
    assert "written by a script" in browser.measure().text
    assert [said for said in browser.console() if "planted" in said]
    assert browser.requests() == [page.as_uri(), "http://127.0.0.1:9/a.png"]
    browser.open(page, scripts=False)
    assert "written by a script" not in browser.measure().text


def test_every_report_that_is_a_page_is_one_page(reported):
    assert {kind: len(pages) for kind, pages in reported.written.items()} == {
        kind: int(kind in PAGES) for kind in REPORTS
    }


def test_a_page_opens_in_silence_and_asks_for_nothing(browser: Chromium, page: Path):
    assert page.stat().st_size < MOST_BYTES
    browser.open(page)
    browser.measure()
    assert browser.console() == []
    assert [address for address in browser.requests() if not address.startswith("data:")] == [page.as_uri()]


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.parametrize("width", [PHONE, SCREEN])
def test_a_page_is_drawn_whole_and_legible(look, page: Path, width: int, faults):
    assert faults(look(page, width)) == []


def test_a_page_prints_on_a4(browser: Chromium, page: Path):
    browser.open(page, PAPER, media="print")
    on_paper = browser.measure()
    assert sideways_faults(on_paper) + drawing_faults(on_paper) + reading_faults(on_paper, LEAST_ON_PAPER) == []
    browser.open(page)
    printed = browser.print()
    sheets = re.findall(rb"/Type\s*/Page\b.*?/MediaBox\s*\[([^\]]+)\]", printed, re.DOTALL)
    assert sheets
    for sheet in sheets:
        _, _, width, height = map(float, sheet.split())
        assert (width / 72, height / 72) == pytest.approx((A4["paperWidth"], A4["paperHeight"]), abs=0.02)
    assert len(re.findall(rb"/Subtype\s*/Image\b", printed)) == 0  # plots stay drawings, sharp at any size


def test_a_page_is_the_same_without_scripts(browser: Chromium, look, page: Path):
    browser.open(page, scripts=False)
    assert browser.measure() == look(page, SCREEN)


def test_links_lead_somewhere(look, page: Path):
    shown = look(page, SCREEN)
    assert shown.links
    for written, resolved, _ in shown.links:
        parts = urlsplit(resolved)
        assert parts.scheme == "file", written
        assert Path(unquote(parts.path)).is_file(), written
        if written.startswith("#"):
            assert unquote(parts.fragment) in shown.anchors, written


def test_a_link_of_the_contents_goes_to_its_part(browser: Chromium, page: Path):
    browser.open(page)
    links = browser.driver.find_elements("css selector", "nav a")
    assert links
    links[-1].click()
    top, room = browser.ask(
        "const top = document.querySelector(location.hash).getBoundingClientRect().top;"
        "return [top, document.documentElement.scrollHeight - scrollY - innerHeight]"
    )
    assert abs(top) < 1 or (top > 0 and room < 1)


def test_all_that_can_be_used_is_reached_by_the_keyboard(browser: Chromium, page: Path):
    browser.open(page)
    where = (
        f"const all = [...document.querySelectorAll('{FOCUSABLE}')], at = document.activeElement;"
        "return [all.length, all.indexOf(at), getComputedStyle(at).outlineStyle]"
    )
    count, _, _ = browser.ask(where)
    reached = []
    for _ in range(count):
        browser.press(Keys.TAB)
        _, place, outline = browser.ask(where)
        assert outline != "none"
        reached.append(place)
    assert reached == list(range(count))


def test_a_folded_table_is_opened_and_closed_by_a_key_and_by_a_click(browser: Chromium, page: Path):
    browser.open(page, PHONE, scripts=False)
    folded = browser.driver.find_elements("css selector", "details")[:3]
    for part in folded:
        summary, inside = part.find_element("css selector", "summary"), part.find_element("css selector", "td, th")
        assert not inside.is_displayed()
        summary.send_keys(Keys.ENTER)
        assert inside.is_displayed()
        summary.click()
        assert not inside.is_displayed()


def test_insights_shows_the_numbers_of_its_file_and_of_the_table(look, reported):
    page = reported.page("insights")
    shown = look(page, SCREEN)
    ((observations, companies, users),) = rows(
        reported.warehouse, "select count(*), count(distinct company_number), sum(label) from marts.to_train"
    )
    assert f"{observations:,} observations of {companies:,} companies; {users:,} of them" in shown.text
    months = figures(page, "months")
    assert sum(int(row["observations"]) for row in months) == observations
    assert sum(int(row["become_users"]) for row in months) == users

    codes = {table.title: table for table in shown.tables if table.head[0] == "value"}
    features = rows(reported.warehouse, "select feature, reason from marts.feature_definitions where unit = 'code'")
    assert {reason[:1].upper() + reason[1:] for _, reason in features} == set(codes)
    for feature, reason in features:
        counted = {value: counts for value, *counts in rows(reported.warehouse, f"""
            select coalesce({feature}, 'missing'), count(*), sum(label) from marts.to_train group by 1""")}  # fmt: skip
        in_file = {row["value"] or "missing": row for row in figures(page, "categories") if row["feature"] == feature}
        for value, count, share, become, share_of_them in codes[reason[:1].upper() + reason[1:]].rows:
            expected = counted[value]
            assert [int(in_file[value][name]) for name in ("observations", "become_users")] == expected
            assert [read_one(count).value, read_one(become).value] == expected
            assert stands_for(share, expected[0] / observations)
            assert stands_for(share_of_them, expected[1] / expected[0])


def test_insights_shows_the_percentiles_of_its_file_and_of_the_table(look, reported):
    page = reported.page("insights")
    tables = {table.title: table for table in look(page, SCREEN).tables if table.head[0] == "percentile"}
    in_file = {(row["feature"], row["group"]): row for row in figures(page, "percentiles")}
    features = [
        (feature, unit, tables[reason[:1].upper() + reason[1:]])
        for feature, unit, reason in rows(
            reported.warehouse, "select feature, unit, reason from marts.feature_definitions"
        )
        if reason[:1].upper() + reason[1:] in tables
    ]
    assert len(features) == len(tables) > 50
    points = [float(f"0{point}") for point in features[0][2].head[1:]]
    asked = ", ".join(f"quantile_cont({feature}, {points})" for feature, _, _ in features)
    groups = rows(reported.warehouse, f"""
        select case label when 1 then 'becomes user' when 0 then 'not a user' else 'all' end, {asked}
        from marts.to_train group by grouping sets ((), (label))""")  # fmt: skip
    assert len(groups) == 3
    for group, *found in groups:
        for (feature, unit, table), exact in zip(features, found, strict=True):
            of_file = [float(in_file[feature, group][f"p{point[1:]}"]) for point in table.head[1:]]
            assert of_file == pytest.approx([float(value) for value in exact])
            (cells,) = [cells for name, *cells in table.rows if name == group[:1].upper() + group[1:]]
            # what is read of a percentage is its share
            written = [value / 100 if unit == "percent" else value for value in of_file]
            assert [cell for cell, value in zip(cells, written, strict=True) if unlike(cell, [value])] == [], feature


def test_insights_draws_the_shares_that_are_missing(look, reported):
    page = reported.page("insights")
    pictures = [of for of in look(page, SCREEN).pictures if of.name == "Share of observations that lack a variable"]
    drawn = [text.content for of in pictures for text in of.texts][1::2]
    lacking = [row for row in figures(page, "missing") if int(row["missing"])]
    assert len(drawn) == len(lacking) > 20
    asked = ", ".join(
        f"avg(({row['feature']} is null or {row['feature']}::varchar = 'unknown')::int)" for row in lacking
    )
    (shares,) = rows(reported.warehouse, f"select {asked} from marts.to_train")
    for figure, row, share in zip(drawn, lacking, shares, strict=True):
        assert float(row["missing_share"]) == pytest.approx(share)
        assert stands_for(figure, share), row["feature"]


def test_the_evaluation_shows_the_numbers_of_its_file_and_of_the_table(look, reported):
    page = reported.page("evaluation")
    shown = look(page, SCREEN)
    ((run_id, fold),) = rows(reported.warehouse, "select run_id, headline_fold from ml.ml_run")
    assert page.stem == f"evaluation_{run_id}"
    key = ("model_name", "split", "fold", "slice", "slice_value", "metric")
    found = {row[:6]: row[6:] for row in rows(reported.warehouse, f"""
        select {', '.join(key)}, value, low, high, positives, rows from ml.ml_metric""")}  # fmt: skip
    for row in figures(page, "metrics"):
        numbers = [float(row[name]) if row[name] else None for name in ("value", "low", "high", "positives", "rows")]
        assert numbers == list(found[tuple(row[name] for name in key)])
    assert len(figures(page, "metrics")) == len(found)

    def test(model: str, metric: str, slice_name: str = "all", value: str = "all") -> list[float]:
        return list(found[model, "walk_forward", fold, slice_name, value, metric])

    models = ("precision", "recall")
    chief = {name: cells for name, *cells in shown.tables[0].rows}
    for name, metric in (("Lift at the top 1 %", "lift_at_1_percent"), ("Average precision", "average_precision"),
                         ("Area under ROC", "roc_auc"), ("Rate of users among all", "base_rate")):  # fmt: skip
        for model, cell in zip(models, chief[name], strict=True):
            assert not unlike(cell, test(model, metric)[:3]), (cell, test(model, metric))
    lists = {table.title: table.rows for table in shown.tables if table.title.startswith("List of the")}
    for model in models:
        cells = [read_one(cell).value for row in lists[f"List of the {model} model"] for cell in row[1:]]
        names = ("true_positives", "false_positives", "false_negatives", "true_negatives")
        assert cells == [round(test(model, name)[0]) for name in names]
    (regions,) = [table.rows for table in shown.tables if table.title == "By region"]
    for region, tested, users, *cells in regions:
        for model, cell in zip(models, cells, strict=True):
            *estimate, positives, counted = test(model, "lift_at_10_percent", "region", region)
            assert [read_one(tested).value, read_one(users).value] == [counted, positives]
            assert cell == "too few users" or not unlike(cell, estimate)
    importance = rows(reported.warehouse, """
        select mean_contribution, gain from ml.ml_feature_importance where model_name = 'recall'
        order by importance_rank""")  # fmt: skip
    (features,) = [table.rows for table in shown.tables if table.title == "Recall model: features"]
    for (*_, contribution, gain), exact in zip(features, importance, strict=True):
        assert not unlike(contribution, [exact[0]])
        assert stands_for(gain, exact[1])
