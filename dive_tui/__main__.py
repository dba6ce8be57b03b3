"""`python -m dive_tui`: the command line without its installed script."""

from __future__ import annotations

import os
import sys


def _leave_current_folder() -> None:
    """Undo that `-m` puts the current folder first: a project's own `engine` must not hide ours."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - before anything else
    if not sys.flags.safe_path and sys.path and os.path.abspath(sys.path[0]) != home:  # noqa: PTH100
        del sys.path[0]


if __name__ == "__main__":
    _leave_current_folder()
    from dive_tui.cli.main import main

    main()
