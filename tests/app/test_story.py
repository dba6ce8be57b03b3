"""The whole story in a real terminal: a run fails, one goes back to the bad value and compares with the good run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.ptyharness import TerminalApp

ORDER = """\
name: order
inputs:
  - {name: amount, type: number}
  - {name: country, type: string, default: DE}
steps:
  - {name: Price, script: "inputs.amount * 100", store: cents}
  - {name: Rate, script: "0.19 if inputs.country == 'DE' else None", store: rate}
  - {name: Notify, script: "'mail'", store: note}
  - {name: Tax, script: "state.cents * state.rate", store: tax}
"""
DIVE = [sys.executable, "-m", "dive_tui"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a good run and, after it, a failed one."""
    (tmp_path / "dive.toml").write_text("")
    (tmp_path / "order.yaml").write_text(ORDER)
    for inputs, ends_with in ((["amount=100"], 0), (["amount=100", "country=US"], 1)):
        flags = [flag for pair in inputs for flag in ("-i", pair)]
        ran = subprocess.run([*DIVE, "run", "order.yaml", *flags], cwd=tmp_path, capture_output=True, timeout=60)
        assert ran.returncode == ends_with, ran.stderr
    return tmp_path


@pytest.mark.parametrize(("columns", "rows"), [(120, 36), (80, 24)])
def test_from_a_failed_run_to_the_bad_value_and_the_good_run(project: Path, columns: int, rows: int) -> None:
    with TerminalApp([*DIVE, "open", "last"], columns=columns, rows=rows, cwd=project) as app:
        app.wait_for("FAILED")
        app.wait_for("10/12")
        app.press("space")
        app.wait_for("REPLAY")
        app.press("B")
        app.wait_for("no breakpoints yet")
        app.press(*"changes:rate", "enter")
        app.wait_for("0 hits")
        app.press("escape", "q")
        app.wait_until(lambda screen: "space on/off" not in screen.text)
        app.press("C")
        app.wait_for("stopped at breakpoint 1")
        app.wait_until(lambda screen: "6/12" in screen.line(0) + screen.line(1))
        app.press("w")
        app.wait_for("Who set this value?")
        app.press(*"rate", "enter")
        app.wait_for("rate set to null by event 6")
        app.press("d")
        app.wait_for("The last good run before it")
        app.press("G", "enter")
        app.wait_for("First divergence: inputs")
        screen = app.wait_for('"US"')
        assert '"DE"' in screen.text
        app.press("q")
        app.wait_for("REPLAY")
        app.press("escape")
        app.wait_until(lambda screen: "REPLAY" not in screen.text)
        app.press("Q")
        assert app.wait_for_exit() == 0
        assert not app.unexpected_controls()
