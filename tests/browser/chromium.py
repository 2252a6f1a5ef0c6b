"""A headless Chromium that opens pages from files: Debian's, driven by Debian's driver; nothing is downloaded."""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.browser.measured import Measured, read_measured

MEASURE = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver"}  # of Debian, by the program each brings
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
PHONE, SCREEN = 400, 1200
HEIGHT = 900
A4 = {"paperWidth": 8.27, "paperHeight": 11.69}  # inches
OWN_SCHEMES = ("chrome:", "devtools:", "about:")  # of the browser's own pages


@dataclass
class Chromium:
    """One browser, with one page open at a time."""

    driver: webdriver.Chrome
    width: float = SCREEN

    def open(self, page: Path, width: float = SCREEN, *, scripts: bool = True, media: str = "screen") -> None:
        """Open a page from its file, in a window of a width; what was said and asked for before is forgotten."""
        self.width = width
        self._command("Emulation.setEmulatedMedia", media=media)
        self._command("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._command("Emulation.setDeviceMetricsOverride", width=round(width), height=HEIGHT, deviceScaleFactor=1,
                      mobile=width == PHONE)  # fmt: skip
        self.driver.get("about:blank")
        self.console()
        self.requests()
        self.driver.get(page.as_uri())

    def measure(self) -> Measured:
        """Open what is folded, and measure the page."""
        return read_measured(self.driver.execute_script(MEASURE, self.width))

    def ask(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def console(self) -> list[str]:
        """What was written to the console since it was last asked."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses that were asked for since it was last asked, but for those of the browser's own pages."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        addresses = [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in addresses if not address.startswith(OWN_SCHEMES)]

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        self.driver.switch_to.active_element.send_keys(key)

    def print(self) -> bytes:
        """Print the page to a PDF of A4, without backgrounds."""
        printed = self._command("Page.printToPDF", printBackground=False, **A4)
        return base64.b64decode(printed["data"])

    def _command(self, name: str, **parameters: Any) -> dict[str, Any]:
        return self.driver.execute_cdp_cmd(name, parameters)


def absent_packages() -> list[str]:
    """Debian's packages that this machine lacks."""
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


def require_packages() -> None:
    """Skip the tests where the browser is missing, and fail them in CI, where .ci/run brings it."""
    absent = absent_packages()
    if absent:
        sentence = f"pages are not tested: {' and '.join(absent)} missing; apt-get install {' '.join(absent)}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)


@contextmanager
def started(profile: Path) -> Iterator[Chromium]:
    """Run a browser with a profile of its own, until the block ends."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    try:
        yield Chromium(driver)
    finally:
        driver.quit()
