"""`dive-tui demo`: a real workflow on real files that really fails, to be looked at."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from dive_tui.demo.folder import WORKFLOW, prepare_folder

TERMINAL_PACE = "0.12"
"""Seconds spent on each file when somebody watches: the whole takes about fifteen."""

_RUN = ("run", WORKFLOW, "-i", "root=src")


def demo(*, plain: bool = False) -> int:
    """Run the demonstration: in a terminal the app opens on it, elsewhere its story is told as text.

    Parameters
    ----------
    plain
        Tell the story as text even in a terminal.
    """
    folder = prepare_folder()
    if plain or not _watched():
        return _tell(folder)
    return _show(folder)


def _watched() -> bool:
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return terminal and os.environ.get("TERM", "") not in ("", "dumb") and not os.environ.get("CI")


def _show(folder: Path) -> int:
    from dive_tui.app.main import run_app
    from dive_tui.launch import launch

    store = str(folder / ".dive")
    launched = launch([*_RUN, "--store", store, "-i", f"pace={TERMINAL_PACE}"], folder)
    code = run_app(location=store, execution=launched.execution_id, guide=True)
    print(f"The demonstration stays in {folder}. Look again: dive-tui {store}")
    return code


def _tell(folder: Path) -> int:
    from dive_tui.cli.story import tell_story

    command = [sys.executable, "-m", "dive_tui", *_RUN, "--store", str(folder / ".dive"), "--json"]
    child = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if child.returncode != 1:  # it is meant to fail, and in no other way
        sys.stderr.write(child.stderr)
        return child.returncode or 1
    return asyncio.run(tell_story(folder))
