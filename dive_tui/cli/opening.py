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
        UsageError: there is no terminal, or no such execution, or several.
        ReferenceProblem: what follows the `@` is no event number.
        StoreError: the place of the store makes no sense.
    """
    needs_terminal("try dive-tui list, or dive-tui show last")
    from pathlib import Path

    from engine.core.references import split_position
    from stores.location import resolve_location

    execution, sequence = (None, None) if reference is None else split_position(reference)
    location = resolve_location(store, os.environ, Path.cwd())
    if execution is not None and not execution.startswith("last") and not _is_whole(execution):
        execution = _resolved(location.text, execution)
    from dive_tui.app.main import run_app

    options: dict[str, Any] = {} if theme is None else {"theme": theme_name(theme)}
    return run_app(location=location, execution=execution, sequence=sequence, ascii=ascii_only, **options)


def theme_name(name: str) -> str:
    """The whole name of a theme; ours may be called by their last part.

    Raises:
        UsageError: there is none of this name.
    """
    from textual.theme import BUILTIN_THEMES

    from dive_tui.app.themes import THEMES
    from engine.core.expression_errors import suggestion

    ours = [theme.name for theme in THEMES]
    found = next((whole for whole in (name, f"dive-{name}") if whole in ours or whole in BUILTIN_THEMES), None)
    if found is None:
        short = [whole.removeprefix("dive-") for whole in ours]
        hint = suggestion(name, [*short, *BUILTIN_THEMES]) or f"; there are {', '.join(short)}"
        raise UsageError(f"there is no theme {name!r}{hint}")
    return found


def _is_whole(reference: str) -> bool:
    """Whether it is a whole id: then the app opens it at once, and says so when there is no such execution."""
    return reference.startswith("exec_") and len(reference) == 31


def _resolved(location: str, reference: str) -> str:
    """The id of the execution that is meant; where there is no store yet the app says so."""
    import asyncio

    from dive_tui.cli.selecting import find_execution
    from engine.store import StoreNotFoundError
    from stores.location import open_store

    async def find() -> str:
        try:
            store = open_store(location, offload=False)
        except StoreNotFoundError:
            return reference
        try:
            return await find_execution(store, reference)
        finally:
            await store.close()

    return asyncio.run(find())
