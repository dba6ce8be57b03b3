"""The execution screen in a real terminal: nothing of what a store holds gets out as a control."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.app.ptyharness import TerminalApp, View

PROGRAM = Path(__file__).with_name("hostile_execution.py")
ROOT = Path(__file__).parents[2]
STRINGS = 240


def start(*arguments: str, columns: int = 120, rows: int = 36, **env: str) -> TerminalApp:
    settings = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **env}
    command = [sys.executable, str(PROGRAM), *arguments]
    return TerminalApp(command, columns=columns, rows=rows, env=settings, timeout=60)


def at(sequence: int, total: int) -> str:
    return f"{sequence}/{total}"


def leave(app: TerminalApp) -> None:
    app.press("Q")
    assert app.wait_for_exit() == 0
    assert app.unexpected_controls() == []


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 12)])
def test_a_history_of_hostile_strings_garbles_nothing(size: tuple[int, int]) -> None:
    total = STRINGS + 2
    with start(str(STRINGS), columns=size[0], rows=size[1]) as app:
        app.wait_for(at(total, total))
        for number in range(1, 25):
            app.press(",")
            app.wait_for(at(total - number, total))
        app.press("home")
        app.wait_for(at(1, total))
        for pane in "12345":
            app.press(pane, "pagedown")
        app.press("2", "enter", "pagedown", "q", "y")
        app.wait_for("execution id")
        app.press("q")
        app.wait_until(lambda view: "execution id" not in view.text)
        leave(app)


def test_a_real_run_with_hostile_names_and_ten_megabytes_is_shown() -> None:
    with start("real") as app:
        app.wait_for("FAILED")
        app.wait_for(at(7, 9))
        app.press(",", ",")
        app.wait_for(at(5, 9))
        app.press("v", "v", "v", "4", "j", "j", "j", "j", "j", "enter", "1", "up", "down", "t", "z", "z")
        app.press("y")
        app.wait_for("event id")
        app.press("enter")
        app.wait_for("too long for the terminal")
        leave(app)


def test_in_ascii_and_without_colours() -> None:
    with start("real", "--ascii", NO_COLOR="1") as app:
        view: View = app.wait_for(at(7, 9))
        assert "x FAILED" in view.text
        app.press("1", "3", "4", "5", "2", ",")
        app.wait_for(at(6, 9))
        leave(app)
        assert max(app.raw) < 0x80
