"""`dive-tui` and `dive-tui open`: the terminal app. Loads nothing that the app itself does not need."""

from __future__ import annotations

import os
import sys
from typing import Any

from dive_tui.cli.problems import UsageError


def needs_terminal(instead: str) -> None:
    """Make sure that there is a terminal to draw on.

    Raises:
        UsageError: there is none; it says what to do `instead`.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"the app needs a terminal, and here stdin or stdout is none; {instead}")


def start_app(
    store: str | None = None, reference: str | None = None, ascii_only: bool = False, theme: str | None = None
) -> int:
    """Open the app on the executions of a store, or on one execution (`EXEC` or `EXEC@SEQ`); returns its exit code.

    Raises:
        UsageError: there is no terminal.
        ReferenceProblem: what follows the `@` is no event number.
        StoreError: the store cannot be opened.
    """
    needs_terminal("try dive-tui list, or dive-tui show last")
    from pathlib import Path

    from dive_tui.app.main import run_app
    from engine.core.references import split_position
    from stores.location import resolve_location

    execution, sequence = (None, None) if reference is None else split_position(reference)
    options: dict[str, Any] = {} if theme is None else {"theme": theme}
    location = resolve_location(store, os.environ, Path.cwd())
    return run_app(location=location.text, execution=execution, sequence=sequence, ascii=ascii_only, **options)
