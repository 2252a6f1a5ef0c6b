"""A page is whole in itself, and what comes from the data is text in it and nothing else."""

from html.parser import HTMLParser
from typing import get_args

from ml.features import Unit
from reports.families import FAMILIES, UNDEFINED, family_of
from reports.figures import Table
from reports.page import NO_BREAK, Card, Page, Section, Shown, render, unbroken
from reports.plots import Bar, bars
from reports.writing import Report, write_report

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & '\"{{ 7 * 7 }}"


class Read(HTMLParser):
    """Every element, its attributes, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def read(html: str) -> Read:
    reader = Read()
    reader.feed(html)
    return reader


def page(text: str) -> Page:
    drawn = bars([Bar(text, 1, text)], text)
    card = Card(text, drawn, text, Shown((text, text), [(text, text)]), points=(text, text))
    prose = Card(table=Shown((text, text), [(text, text)], prose=True), folded=False)
    return Page(
        text, text, text, [Section(text, [text], [card, Card(table=card.table, folded=False), prose], ["figures"])],
        "p", text,
    )  # fmt: skip


def test_texts_from_the_data_are_escaped_wherever_they_stand():
    hostile, plain = read(render(page(HOSTILE))), read(render(page("plain")))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert HOSTILE in hostile.text
    assert "49" not in hostile.text


def test_commands_stand_out_from_the_words_around_them():
    found = render(page("run `make compare`, then <b>`x`</b>"))
    assert "<p>run <code>make compare</code>, then &lt;b&gt;<code>x</code>&lt;/b&gt;</p>" in found


def test_nothing_is_fetched_and_every_link_leads_within_the_page_or_to_a_file_beside_it():
    found = read(render(page(HOSTILE)))
    links = {value for _, attributes in found.elements for name, value in attributes.items() if name in {"href", "src"}}
    assert links == {"#part-1", "p/figures.csv", "data:,"}
    policy = [
        attributes["content"] for tag, attributes in found.elements if tag == "meta" and "http-equiv" in attributes
    ]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not {tag for tag, _ in found.elements} & {"script", "iframe", "object", "embed"}


def test_an_interval_may_go_below_its_estimate_and_nothing_else_breaks():
    assert unbroken("8.3 % (3.0 % to 12.8 %)").split(" ") == [
        "8.3" + NO_BREAK + "%",
        "(3.0 % to 12.8 %)".replace(" ", NO_BREAK),
    ]


def test_words_in_a_table_may_break_and_figures_may_not():
    cells = [("it may break", "it may break")]
    drawn = [
        render(Page("t", "t", "t", [Section("s", cards=[Card(table=Shown(("a", "b"), cells, prose=prose))])], "p"))
        for prose in (False, True)
    ]
    assert [html.count(f"it{NO_BREAK}may{NO_BREAK}break") for html in drawn] == [1, 0]
    assert ['<table class="prose">' in html for html in drawn] == [False, True]


def test_a_notice_stands_above_the_headline_and_leaves_no_trace_where_there_is_none():
    sections = [Section("s")]
    assert '<p class="notice">' not in render(Page("t", "t", "h", sections, "p"))
    noticed = render(Page("t", "t", "h", sections, "p", "of <b>the</b> sample"))
    assert noticed.index("of &lt;b&gt;the&lt;/b&gt; sample") < noticed.index('<p class="headline">')


def test_a_report_is_written_with_its_figures_beside_it(tmp_path):
    report = Report(page("plain"), [Table("figures", ("a",), [(1,)]), Table("others", ("a",), [])])
    assert [path.relative_to(tmp_path).as_posix() for path in write_report(tmp_path, report)] == [
        "p.html", "p/figures.csv", "p/others.csv",
    ]  # fmt: skip
    assert (tmp_path / "p/figures.csv").read_text() == "a\n1\n"
    assert (tmp_path / "p/others.csv").read_text() == "a\n"
    assert read((tmp_path / "p.html").read_text()).elements


def test_every_unit_has_a_family():
    assert set(FAMILIES) == set(get_args(Unit))
    assert UNDEFINED not in FAMILIES.values()
    assert all(f"when '{unit}' then '{family}'" in family_of("unit") for unit, family in FAMILIES.items())
