"""A small country with every report about it, and one browser to look at them, both made once for all tests here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ml.__main__ import REPORTS, main
from tests.athena.main_job import ONLY_TABLES, features, on_laptop, scores
from tests.browser.chromium import Chromium, require_packages, started
from tests.browser.measured import Measured
from warehouse.lake import Lake

NO_PAGES = {"text", "leads"}  # one is printed, the other a workbook
PAGES = tuple(kind for kind in REPORTS if kind not in NO_PAGES)
COMPANIES = "3000"


@dataclass(frozen=True)
class Reported:
    """A warehouse, and all that lies beside its reports."""

    warehouse: Path
    folder: Path

    @property
    def pages(self) -> Mapping[str, Path]:
        """Pages by the kind of their report; the documentation of the tables is dbt's own."""
        found = [path for path in self.folder.rglob("*.html") if path.parent.name != "docs"]
        return {path.stem.partition("_")[0]: path for path in found}


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    require_packages()
    with started(tmp_path_factory.mktemp("chromium")) as chromium:
        yield chromium


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
        for kind in REPORTS:
            main(["report", kind])
    return Reported(laptop.warehouse, Lake(Path(laptop.environment["LAKE"])).root / "ANALYSIS")


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, reported: Reported) -> Path:
    return reported.pages[request.param]


@pytest.fixture(scope="session")
def look(browser: Chromium) -> Callable[[Path, float], Measured]:
    """Measure a page in a window of a width, with all that is folded open."""

    @cache
    def measured(page: Path, width: float) -> Measured:
        browser.open(page, width)
        return browser.measure()

    return measured
