"""The widgets in a real terminal: keys, sizes, and what bytes are written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from unicodedata import combining, normalize

import pytest
from wcwidth import wcwidth

from dive_tui.app.text import display_text
from tests.app.hostile import hostile_strings
from tests.app.ptyharness import TerminalApp, View

DEMO = Path(__file__).with_name("linedemo.py")
ROOT = Path(__file__).parents[2]


def start(*arguments: str, columns: int = 80, rows: int = 24, **env: str) -> TerminalApp:
    settings = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **env}
    return TerminalApp([sys.executable, str(DEMO), *arguments], columns=columns, rows=rows, env=settings)


@pytest.fixture
def app() -> Iterator[TerminalApp]:
    with start() as app:
        app.wait_for("row 18")
        yield app


def selected(view: View) -> str:
    return view.line_with("▌")


def test_keys_move_the_cursor_and_q_leaves(app: TerminalApp) -> None:
    assert "row 0" in selected(app.screen())
    app.press("j", "down")
    app.wait_until(lambda view: "row 2" in selected(view))
    app.press("G")
    app.wait_until(lambda view: "row 999999" in selected(view))
    app.press("k", "pageup")
    app.wait_until(lambda view: "row 9999" in selected(view) and "row 999999" not in view.text)
    app.press("g")
    app.wait_until(lambda view: "row 0" in selected(view))
    app.press("q")
    assert app.wait_for_exit() == 0


def test_nothing_from_a_store_reaches_the_terminal_as_a_control(app: TerminalApp) -> None:
    app.press("y")
    app.wait_for("copied")
    app.press("?")
    app.wait_for("go one row down")
    app.press("q")
    app.wait_until(lambda view: "go one row down" not in view.text)
    assert "owned" in app.screen().text
    app.press("Q")
    app.wait_for_exit()
    assert app.unexpected_controls() == []


def test_ten_thousand_hostile_strings_in_every_widget() -> None:
    """None gets out as a control, and each takes exactly the cells it should."""
    strings = hostile_strings(10_000, seed=3)
    with start("--hostile", columns=60, rows=300) as app:
        first_line, page, compared = 4, 289, 0
        for row in [*range(page, 9_999, page), 9_999]:
            app.press("pagedown")
            expected = {}
            for number in range(row - page, row + 1):
                shown = display_text(f"row {number} {strings[number]}", max_cells=56)
                if all(wcwidth(character) or combining(character) for character in shown):  # what pyte can do
                    marker = "▌" if number == row else " "
                    expected[first_line + number - row + page] = normalize("NFC", f"│{marker}{shown}")
            app.wait_until(lambda view, expected=expected: draws(view, expected))
            assert {app.cell_at(y, 59).data for y in expected} == {"│"}
            compared += len(expected)
        assert compared > 7_000
        app.press("Q")
        app.wait_for_exit()
        assert app.unexpected_controls() == []


def draws(view: View, expected: dict[int, str]) -> bool:
    """Whether these lines begin so, the last one, which is drawn last, looked at first."""
    return all(normalize("NFC", view.line(y)).startswith(expected[y]) for y in reversed(expected))


def test_the_terminal_harness_notices_controls() -> None:
    script = "import sys; sys.stdout.write('\\x1b]0;t\\x07 \\x1b[31mred\\x1b[0m \\u202e \\x9b1m done')"
    with TerminalApp([sys.executable, "-c", script], env={"PYTHONIOENCODING": "utf-8"}) as app:
        app.wait_for("done")
        assert app.unexpected_controls() == [repr(b"\x1b]0;t\x07"), repr("\u202e"), repr("\x9b")]
        assert app.wait_for_exit() == 0


def test_the_harness_fails_with_the_screen_when_the_text_never_comes() -> None:
    with (
        TerminalApp([sys.executable, "-c", "print('something else')"]) as app,
        pytest.raises(AssertionError, match="something else"),
    ):
        app.wait_for("never")


def test_resizing_draws_anew(app: TerminalApp) -> None:
    app.resize(40, 12)
    view = app.wait_until(lambda view: len(view.lines) == 12 and "╯" in view.text and "row 18" not in view.text)
    assert all(len(line) <= 40 for line in view.lines)
    assert "row 0" in selected(view)


def test_a_key_right_after_escape_counts_as_both(app: TerminalApp) -> None:
    app.press("?")
    app.wait_for("go one row down")
    app.send("\x1bj")  # as tmux sends escape and j pressed within its waiting time
    view = app.wait_until(lambda view: "go one row down" not in view.text and "row 1 " in selected(view))
    assert "row 0" in view.text


def test_ascii_writes_nothing_but_ascii() -> None:
    with start("--ascii") as app:
        app.wait_for("row 18")
        app.press("y", "?")
        app.wait_for("go one row down")
        app.press("q", ":")
        app.wait_for("Theme dive-dark")
        app.press("escape", "Q")
        assert app.wait_for_exit() == 0
        assert max(app.raw) < 0x80
        assert app.unexpected_controls() == []


def test_a_locale_without_utf8_means_ascii() -> None:
    with start(LC_ALL="C") as app:
        app.wait_for("row 18")
        app.press("Q")
        app.wait_for_exit()
        assert max(app.raw) < 0x80


def test_without_colours_the_cursor_row_is_reversed_and_bold() -> None:
    with start(NO_COLOR="1") as app:
        view = app.wait_for("row 18")
        row = next(number for number, line in enumerate(view.lines) if "▌" in line)
        cell = app.cell_at(row, view.lines[row].index("row"))
        assert cell.reverse
        assert cell.bold
        for column in range(80):
            assert is_grey(app.cell_at(row, column).fg)


def is_grey(colour: str) -> bool:
    return colour == "default" or len({colour[at : at + 2] for at in (0, 2, 4)}) == 1
