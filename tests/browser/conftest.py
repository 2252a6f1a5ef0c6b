"""A small country with every report about it, and one browser to look at them, both made once for all tests here."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ml.__main__ import REPORTS, main
from tests.athena.main_job import ONLY_TABLES, features, on_laptop, scores
from tests.browser.chromium import Chromium, require_packages, started
from tests.browser.measured import Measured

NO_PAGES = {"text", "leads"}  # one is printed, the other a workbook
PAGES = tuple(kind for kind in REPORTS if kind not in NO_PAGES)
COMPANIES = "3000"


@dataclass(frozen=True)
class Reported:
    """A warehouse and the pages about it, by the kind of their report."""

    warehouse: Path
    written: Mapping[str, Collection[Path]]

    def page(self, kind: str) -> Path:
        (page,) = self.written[kind]
        return page


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    require_packages()
    with started(tmp_path_factory.mktemp("chromium")) as chromium:
        yield chromium


def is_index(kind: str) -> bool:
    return kind == "index"


def written_pages(lake: Path, kinds: Iterable[str]) -> dict[str, Collection[Path]]:
    """Write reports one by one; gives the pages that each brought."""
    there: set[Path] = set()
    found = {}
    for kind in kinds:
        main(["report", kind])
        found[kind] = set(lake.rglob("*.html")) - there
        there |= found[kind]
    return found


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory, browser: Chromium) -> Reported:
    folder = tmp_path_factory.mktemp("reported")
    laptop = on_laptop(folder / "laptop")
    sample = {"SAMPLE_DELIVERIES": str(folder / "sample"), "SAMPLE_COMPANIES": COMPANIES}
    laptop.run("ingestion", "sample", **sample)
    laptop.run("ingestion", "ingest", **sample)
    features(laptop, *ONLY_TABLES)
    scores(laptop, *ONLY_TABLES)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in laptop.environment.items():
            patch.setenv(name, value)
        # the index names what is there already
        written = written_pages(Path(laptop.environment["LAKE"]), sorted(REPORTS, key=is_index))
    return Reported(laptop.warehouse, written)


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, reported: Reported) -> Path:
    return reported.page(request.param)


@pytest.fixture(scope="session")
def look(browser: Chromium) -> Callable[[Path, float], Measured]:
    """Measure a page in a window of a width, with all that is folded open."""

    @cache
    def measured(page: Path, width: float) -> Measured:
        browser.open(page, width)
        return browser.measure()

    return measured
