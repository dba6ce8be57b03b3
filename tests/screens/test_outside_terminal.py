"""The pager in a real terminal: it has it alone, and the app comes back when it ends."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.app.ptyharness import TerminalApp
from tests.screens.store_app import FAIL, filled

_PAGER = """#!/bin/sh
trap 'echo interrupted' INT
printf 'PAGER HAS IT '; grep -c status "$1"
read answer
echo "$answer" > "{answer}"
"""


async def test_the_pager_has_the_terminal_and_the_app_comes_back(tmp_path: Path) -> None:
    await filled(tmp_path / "store", FAIL)
    pager, answer = tmp_path / "pager", tmp_path / "answer"
    pager.write_text(_PAGER.format(answer=answer))
    pager.chmod(0o755)

    command = [sys.executable, "-m", "dive_tui", str(tmp_path / "store")]
    with TerminalApp(command, columns=100, rows=30, env={"PAGER": str(pager)}) as app:
        app.wait_for("FAILED")
        app.press("o")
        app.wait_for("PAGER HAS IT 1")
        app.press("ctrl+c")
        app.send("thanks\n")
        app.wait_until(lambda screen: "FAILED" in screen.text and "PAGER" not in screen.text)
        assert answer.read_text() == "thanks\n"
        app.press("q")
        app.wait_for_exit()
