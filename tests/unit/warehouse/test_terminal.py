"""What commands show on a terminal, in a pipe, and to who wants it quiet or without colours."""

import io
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.terminal import Session, in_pipes, on_terminal
from warehouse import terminal
from warehouse.progress import DRAWING_SECONDS, LONGEST_BAR, Bar, duration

COUNTING = """
    with bar("counting sheep", 8) as shown:
        for number in range(8):
            time.sleep(0.2)
            shown.advance()
            if number == 4:
                say("halfway there")
    say("counted")
"""


def script(body: str) -> list[str]:
    """A program that works for a while."""
    head = """
        import os
        import sys
        import time

        from warehouse.errors import run_command
        from warehouse.progress import bar
        from warehouse.terminal import be_quiet, say, warn
    """
    return ["-c", textwrap.dedent(head) + textwrap.dedent(body)]


def shown_by(body: str, **environment: str) -> Session:
    return on_terminal(script(body), **environment)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar_is_drawn_on_a_terminal_below_the_lines_and_is_gone_in_the_end():
    session = shown_by(COUNTING)
    assert session.screen == ["halfway there", "counted"]
    assert any("counting sheep  ━" in bar and " of 8  0:0" in bar for bar in session.bars)
    assert "\x1b[36m" in session.output


def test_nothing_is_drawn_into_a_pipe():
    finished = in_pipes(script(COUNTING))
    assert (finished.stdout, finished.stderr) == ("halfway there\ncounted\n", "")


def test_without_colours_a_bar_has_no_escape_code_at_all():
    session = shown_by(COUNTING, NO_COLOR="1")
    assert session.bars
    assert "\x1b" not in session.output
    assert session.screen == ["halfway there", "counted"]


def test_a_blank_no_color_is_none():
    assert "\x1b[36m" in shown_by(COUNTING, NO_COLOR="").output


def test_a_dumb_terminal_gets_lines_only():
    assert shown_by(COUNTING, TERM="dumb").output == "halfway there\r\ncounted\r\n"


def test_a_quiet_command_draws_and_says_nothing_but_what_is_wrong():
    body = f"be_quiet()\n{textwrap.dedent(COUNTING)}\nwarn('a wolf is near')"
    session = shown_by(body, NO_COLOR="1")
    assert session.output == "warning: a wolf is near\r\n"
    assert shown_by(COUNTING, QUIET="1").output == ""


def test_where_letters_are_few_a_bar_is_made_of_those():
    session = shown_by(COUNTING, NO_COLOR="1", PYTHONIOENCODING="ascii")
    assert any("counting sheep  ##" in bar for bar in session.bars)


def test_work_that_is_soon_done_shows_no_bar():
    assert shown_by("with bar('a blink'):\n    time.sleep(0.1)").output == ""


def test_of_bars_within_each_other_the_innermost_is_shown():
    session = shown_by(
        """
        with bar("outer", 2) as outer:
            time.sleep(0.8)
            with bar("inner", 2):
                time.sleep(1)
            outer.advance()
            time.sleep(0.4)
        """
    )
    words = [bar.split("  ")[0] for bar in session.bars]
    assert list(dict.fromkeys(words)) == ["outer", "inner"]
    assert words[-1] == "outer"
    assert session.screen == []


def test_a_line_that_is_written_in_pieces_is_not_broken_into():
    session = shown_by(
        """
        with bar("counting"):
            time.sleep(0.8)
            sys.stderr.write("one, ")
            time.sleep(0.6)
            sys.stderr.write("two\\n")
            time.sleep(0.4)
        """
    )
    assert "one, two\r\n" in session.output
    assert session.screen == ["one, two"]


def test_an_interrupt_leaves_the_terminal_clean():
    body = """
        def work():
            with bar("waiting for rain", 5):
                time.sleep(60)

        run_command(work)
    """
    session = on_terminal(script(body), interrupted_at="waiting for rain")
    assert session.status == 130
    assert session.screen == ["interrupted: nothing is half done, run the same command again"]


def test_an_error_ends_a_bar_and_is_said_below_nothing():
    body = """
        from warehouse.errors import UserError

        def work():
            with bar("walking"):
                time.sleep(1)
                raise UserError("there is a hole; walk around it")

        run_command(work)
    """
    session = on_terminal(script(body), NO_COLOR="1")
    assert session.status == 1
    assert session.bars
    assert session.screen == ["error: there is a hole; walk around it"]


def test_a_process_that_is_forked_meanwhile_does_not_draw_and_does_not_wait():
    session = shown_by(
        """
        with bar("parent"):
            time.sleep(0.8)
            for _ in range(50):
                child = os.fork()
                if not child:
                    print("child", flush=True)
                    os._exit(0)
                os.waitpid(child, 0)
        """
    )
    assert session.output.count("child\r\n") == 50
    assert session.status == 0
    assert session.screen[-1] == "child"


def test_a_bar_costs_nothing_however_often_it_is_told():
    session = shown_by(
        """
        begun = time.perf_counter()
        with bar("counting", 10**9) as shown:
            while time.perf_counter() - begun < 2:
                shown.advance()
        print(int(shown.done))
        """
    )
    assert 1 <= len(session.bars) <= 2 / DRAWING_SECONDS + 1
    assert int(session.screen[-1]) > 100_000


@given(
    width=st.integers(10, 200), total=st.one_of(st.none(), st.integers(0, 10**9)), share=st.floats(0, 1.5),
    unit=st.sampled_from(["", "MB"]), note=st.text("abc_", max_size=60),
)  # fmt: skip
def test_a_bar_fits_into_any_line(width, total, share, unit, note):
    bar = Bar("reading", total, unit)
    bar.reach((total or 0) * share)
    bar.note = note
    before, line, after = bar.drawn(width)
    assert len(before) + len(line) + len(after) <= width
    assert len(line) <= LONGEST_BAR
    assert line == line.replace("─", "").ljust(len(line), "─")


def test_a_bar_says_how_much_is_done_of_what(monkeypatch):
    bar = Bar("landing", 15_000_000, "MB")
    bar.advance(3_000_000)
    monkeypatch.setattr(Bar, "seconds", 30.0)
    bar.note = "CI01"
    assert bar.drawn(100) == ("landing  ", "━" * 6 + "─" * 24, "   3.0 of 15.0 MB  0:30, 2:00 left  CI01")
    assert list(bar.follow([1, 2], lambda piece: piece * 1_000_000)) == [1, 2]
    assert bar.done == 6_000_000


def test_the_next_part_of_the_work_begins_at_nothing():
    bar = Bar("reading", 4)
    bar.advance(3)
    bar.turn_to("writing", 2)
    assert bar.drawn(60) == ("writing  ", "─" * 30, "  0 of 2  0:00")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (7325, "2:02:05")],
)
def test_durations_are_written_as_clocks_write_them(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("environment", "stream", "has_colours"),
    [
        ({"TERM": "xterm"}, Terminal(), True),
        ({"TERM": "xterm", "NO_COLOR": ""}, Terminal(), True),
        ({"TERM": "xterm", "NO_COLOR": "0"}, Terminal(), False),
        ({"TERM": "dumb"}, Terminal(), False),
        ({"TERM": "xterm"}, io.StringIO(), False),
    ],
)
def test_colours_are_for_terminals_whose_user_wants_them(monkeypatch, environment, stream, has_colours):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert terminal.has_colours(stream) == has_colours
    assert terminal.coloured("x", "red", stream) == ("\x1b[1;31mx\x1b[0m" if has_colours else "x")
