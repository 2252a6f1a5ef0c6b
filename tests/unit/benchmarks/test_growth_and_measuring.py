"""What the benchmark of a country says of its figures: slopes of growth, and what a command used."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.country_growth import costs_of, fitted, table
from benchmarks.measured import measured, size_of

NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="there is no /proc/self/io")


@given(slope=st.floats(0.1, 3), factor=st.floats(1e-3, 1e3), sizes=st.sets(st.integers(1, 10**7), min_size=2))
def test_a_power_of_the_size_has_that_power_as_its_slope(slope: float, factor: float, sizes: set[int]) -> None:
    costs = [factor * size**slope for size in sorted(sizes)]
    found, fit = fitted(sorted(sizes), costs)
    assert found == pytest.approx(slope, rel=1e-3)
    assert fit == pytest.approx(1, abs=1e-6)


def test_steps_that_not_all_results_have_are_left_out_of_the_table() -> None:
    def result(seconds: float, *names: str) -> dict[str, object]:
        return {"steps": [{"part": "stock", "name": name, "used": {"seconds": seconds}} for name in names]}

    costs = costs_of([result(1, "land", "train"), result(10, "land")], "seconds")
    assert costs == {"stock land": [1, 10]}
    assert table([50, 500], costs)[2:] == ["| stock land | 1.0 | 10.0 | 1.00 | 1.000 | 1.00 |"]


@NEEDS_PROC
def test_what_a_command_used_has_that_of_its_children(tmp_path: Path) -> None:
    child = (
        "import sys, time; held = bytearray(150_000_000); held[::4096] = held[::4096]; "
        "open(sys.argv[1], 'wb').write(held[:9_000_000]); time.sleep(1)"
    )
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2]], check=True)"
    watched = tmp_path / "watched"
    watched.mkdir()
    used = measured(
        [sys.executable, "-c", parent, child, str(watched / "file")], os.environ, tmp_path / "log", [watched]
    )
    assert used.seconds > 1
    assert 150 < used.peak_megabytes < 300
    assert used.written_megabytes == pytest.approx(9, abs=1)
    assert used.peak_disk_megabytes == pytest.approx(9, abs=1)
    assert 0 < used.processor_seconds < used.seconds * 2


@NEEDS_PROC
def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"failed:\nno$"):
        measured(
            [sys.executable, "-c", "import sys; sys.stdout.write('no'); sys.exit(3)"], os.environ, tmp_path / "log"
        )


def test_hard_links_to_one_file_count_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(os.urandom(100_000))
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert size_of([tmp_path, tmp_path]) == (tmp_path / "one").stat().st_blocks * 512
