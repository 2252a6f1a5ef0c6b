""".ci/run brings the browser where it is missing, or says in one sentence why it cannot; nothing real is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.chromium import absent_packages, require_packages

RUN = Path(__file__).resolve().parents[2] / ".ci/run"
TESTS = ["make test", "make test-engines"]
INSTALLED = ["apt-get update -qq", "apt-get install -qq --no-install-recommends chromium chromium-driver"]


@pytest.fixture
def machine(tmp_path):
    """A machine with nothing but some programs, each of which notes how it was called."""

    def run(*programs: str, user: int = 0) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        called = tmp_path / "called"
        called.touch()
        for name in ("bash", "dirname", "env"):
            (tmp_path / name).symlink_to(str(shutil.which(name)))
        scripts = {name: f'echo "{name} $@" >> {called}' for name in programs}
        scripts["id"] = f"echo {user}"
        if "sudo" in programs:
            scripts["sudo"] = f'echo "sudo $@" >> {called}; shift; "$@"'
        scripts["true"] = "exit 0"
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!{shutil.which('bash')}\n{script}\n", encoding="utf-8")
            (tmp_path / name).chmod(0o755)
        finished = subprocess.run(
            [str(shutil.which("bash")), str(RUN)], check=False, capture_output=True, text=True,
            env={"PATH": str(tmp_path)},
        )  # fmt: skip
        return finished, called.read_text(encoding="utf-8").splitlines()

    return run


def test_nothing_is_installed_where_the_browser_is(machine):
    finished, called = machine("chromium", "chromedriver", "make", "apt-get")
    assert finished.returncode == 0, finished.stderr
    assert called == TESTS


def test_root_installs_what_is_missing(machine):
    finished, called = machine("chromium", "make", "apt-get")
    assert finished.returncode == 0, finished.stderr
    assert called == INSTALLED + TESTS


def test_others_install_through_sudo(machine):
    finished, called = machine("make", "apt-get", "sudo", user=1000)
    assert finished.returncode == 0, finished.stderr
    assert [line for line in called if not line.startswith("sudo")] == INSTALLED + TESTS
    assert called[0] == "sudo -n true"


@pytest.mark.parametrize(
    ("programs", "user", "sentence"),
    [
        (("make", "apt-get"), 1000, "run apt-get install chromium chromium-driver as root"),
        (("make",), 0, "there is no apt-get to install them; install Chromium and its driver"),
    ],
)
def test_where_it_cannot_be_installed_one_sentence_says_so_and_nothing_is_run(machine, programs, user, sentence):
    finished, called = machine(*programs, user=user)
    assert finished.returncode == 1
    assert called == []
    assert finished.stderr.startswith("error: chromium chromium-driver are missing")
    assert finished.stderr.count("\n") == 1
    assert sentence in finished.stderr


def test_without_the_browser_tests_skip_but_fail_in_ci(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert absent_packages() == ["chromium", "chromium-driver"]
    words = "chromium and chromium-driver missing; apt-get install chromium chromium-driver"
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=words):
        require_packages()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=words):
        require_packages()
