"""`dive-tui keys`: the keys of the app as they are for the person, and whether their key map is right."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from dive_tui.app.actions import ACTIONS, Action, Scope
from dive_tui.app.keymap import key_label
from dive_tui.app.user_keys import KeyFile, example, key_file, read_keys
from dive_tui.cli.columns import Column, print_columns
from dive_tui.cli.options import Ascii, Json
from dive_tui.cli.printing import Printer, print_json
from dive_tui.cli.problems import USAGE, UsageError, tell


def keys(
    file: Annotated[Path | None, Parameter(name="FILE", help="Another key map than yours, to check it.")] = None,
    /,
    *,
    toml: Annotated[bool, Parameter(name="--toml", help="Print a key map to begin with.")] = False,
    json: Json = False,
    ascii: Ascii = False,
) -> int:
    """List the keys of the app, and check your key map.

    A key map is a TOML file with lines such as  executions.open = "l"  or  global.quit = ["Q", "f10"]. Exit codes: 0 it
    is right, or there is none; 2 something is wrong in it.
    """
    if toml:
        sys.stdout.write(example())
        return 0
    place = file or key_file()
    if file is not None and not file.is_file():
        raise UsageError(f"there is no file {str(file)!r}")
    held = read_keys(place)
    shown = [held.keys.applied(action) for action in ACTIONS]
    if json:
        record = {
            "file": str(place),
            "exists": place.exists(),
            "problems": list(held.problems),
            "keys": {
                action.id: {"keys": list(action.keys), "changed": action.id in held.keys.keys} for action in shown
            },
        }
        print_json(record)
    else:
        _print(Printer(ascii_only=ascii), shown, held, place)
    tell(held.problems)
    return USAGE if held.problems else 0


def _print(printer: Printer, shown: list[Action], held: KeyFile, place: Path) -> None:
    changed = held.keys.keys
    for scope in Scope:
        actions = [action for action in shown if action.scope is scope]
        if not actions:
            continue
        printer.heading(scope.value)
        style = {action.id: "bold" if action.id in changed else "" for action in actions}
        print_columns(
            printer,
            [
                Column("keys", [(" ".join(map(key_label, action.keys)), style[action.id]) for action in actions], 0),
                Column("id", [(action.id, style[action.id]) for action in actions], 1),
                Column("what it does", [(action.help, "dim") for action in actions], 2, least=12),
            ],
            indent=2,
        )
    printer.line()
    if not place.exists():
        printer.line("You have no key map. It would be ", (str(place), "bold"), "; to begin one:")
        printer.hints("dive-tui keys --toml", label="Print")
    elif held.problems:
        printer.line((f"{place} is not used, because something is wrong in it.", "red"))
    else:
        count = f"{len(changed)} action{'' if len(changed) == 1 else 's'}"
        printer.line(("ok", "green"), f" {place} changes the keys of {count}.")
