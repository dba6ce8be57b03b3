"""A terminal that goes away takes the app with it, even when nobody sends the signal that says so."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path


def test_the_app_ends_with_its_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "dive_tui", "--store", str(tmp_path / "store")]
    # A session of its own has no controlling terminal here: no SIGHUP comes by itself.
    app = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = b""
    while b"Executions" not in seen:
        seen += os.read(ours, 65536)
    os.close(ours)
    assert app.wait(timeout=60) in (-signal.SIGHUP, 0, 1)
