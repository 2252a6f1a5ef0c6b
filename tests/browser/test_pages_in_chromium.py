"""Every page of the reports as a reader has it: in a browser, on a phone, on paper, by keyboard, without network.

What is looked for is planted in pages of the tests' own first, so that no test holds because it looks at nothing.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import A4, PHONE, SCREEN, Chromium
from tests.browser.conftest import PAGES
from tests.browser.measured import drawing_faults, grey_faults, reading_faults, sideways_faults, structure_faults
from tests.browser.planted import FAULTLESS, PLANTED, whole

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


def test_every_kind_of_report_has_its_page_and_no_other_is_there(reported):
    assert set(reported.pages) == set(PAGES)


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
