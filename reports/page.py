"""A report as one page that needs nothing else: sections of words, pictures and tables, and the template for them.

Whatever comes from the data is escaped, in the pictures by their writer and in all else by the template; only pictures
are markup when they get here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATE = "page.html.jinja"
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Shown:
    """A table as the page shows it.

    Attributes:
        columns: Headings.
        rows: Names in the first column, in the others figures, which stand on one line and on the right.
        prose: Whether there are words in all columns instead, which may go on in the next line.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    prose: bool = False


@dataclass(frozen=True)
class Card:
    """A picture with what it is called, what to know about it, and its figures, folded away.

    Attributes:
        title: Heading; none where the picture says it itself.
        svg: Markup of the picture, as `reports.plots` gives it; none where there is only a table.
        note: Stands below the heading.
        table: Figures.
        folded: Whether the figures are folded away.
        wide: Whether it takes the whole width.
        points: Stand below the note, as a list.
    """

    title: str = ""
    svg: str = ""
    note: str = ""
    table: Shown | None = None
    folded: bool = True
    wide: bool = False
    points: Sequence[str] = ()


@dataclass(frozen=True)
class Link:
    """A file beside the page.

    Attributes:
        text: What it is called.
        href: Relative, percent-encoded.
        note: What it is.
    """

    text: str
    href: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: Heading.
        words: Paragraphs.
        cards: Stand side by side where there is room.
        figures: Names of the CSV files of what is drawn.
        links: Files that the section leads to, above its words.
    """

    title: str
    words: Sequence[str] = ()
    cards: Sequence[Card] = ()
    figures: Sequence[str] = ()
    links: Sequence[Link] = ()


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: Of the page.
        about: What it stands on, below the title.
        headline: The one sentence to remember.
        sections: In their order.
        folder: Name of the folder beside the page that has the CSV files.
        notice: What must be known before anything else is read; may be empty.
    """

    title: str
    about: str
    headline: str
    sections: Sequence[Section]
    folder: str
    notice: str = ""


def unbroken(figures: str) -> str:
    """Keep figures on one line, but for the interval in brackets, which may go below its estimate."""
    return figures.replace(" ", NO_BREAK).replace(f"{NO_BREAK}(", " (")


def render(page: Page) -> str:
    """Write a page as HTML.

    Args:
        page: Its content; texts are escaped here.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    return environment.get_template(TEMPLATE).render(page=page)
