"""Questions that only a person can answer, on the terminal."""

from __future__ import annotations

import signal
import sys

from dive_tui.cli.problems import UsageError


def ask(question: str, *, what: str) -> str:
    """Ask on stderr and return the line that is typed, without spaces around it; empty at the end of input.

    Args:
        what: what needs the answer, for the sentence where nobody can be asked.

    Raises:
        UsageError: stdin is no terminal.
        KeyboardInterrupt: Ctrl-C.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"{what} asks first, and there is no terminal to ask on; --yes says yes")
    from dive_tui.app.text import display_text

    # The event loop would wait for the line to be finished before it hears of a Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.stdout.flush()
        sys.stderr.write(display_text(question) + " ")
        sys.stderr.flush()
        return sys.stdin.readline().strip()
    finally:
        signal.signal(signal.SIGINT, before)
