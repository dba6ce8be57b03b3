"""Whether another package of the same name stands in front of one of ours. Needs nothing but the standard library."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import PathFinder
from pathlib import Path

PACKAGES = ("engine", "stores", "dive_tui")


def check_not_hidden(
    packages: Iterable[str] = PACKAGES, home: Path | None = None, search_path: Sequence[str] | None = None
) -> str | None:
    """One sentence about a file or folder that Python would import instead of ours; None when there is none.

    `home` is the folder that holds our packages (by default the one this module was loaded from); `search_path` is
    `sys.path` unless given.
    """
    ours = (home or Path(__file__).resolve().parents[2]).resolve()
    for name in packages:
        found = PathFinder.find_spec(name, list(sys.path if search_path is None else search_path))
        if found is None:
            continue
        places = [found.origin] if found.origin else list(found.submodule_search_locations or ())
        place = Path(places[0]).resolve()
        if not place.is_relative_to(ours / name):
            shown = place.parent if place.name == "__init__.py" else place
            return (
                f"{shown} hides the package {name!r} of dive-tui: rename it, or start in another folder "
                "(PYTHONPATH may also put it in front)"
            )
    return None
