"""The app in a real pseudo terminal: first paint, key to frame, append to frame, each beside the bare toolkit."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.histories import synthetic_history
from benchmarks.report import Row
from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSnapshot
from stores.file.store import FileExecutionEventStore

EVENTS = 100_000
PAINTS, KEYS, APPENDS = 7, 150, 60
SYNC_QUERY, SYNC_ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
FRAME_END = b"\x1b[?2026l"
PROBE = [sys.executable, "-m", "benchmarks.bare_app"]
EXECUTION = "exec_" + "0" * 26
LIVE = "exec_" + "1" * 26


class Terminal:
    """A program in a pseudo terminal of 160 by 40; only bytes, no emulation, so that it costs the program nothing."""

    def __init__(self, command: Sequence[str]) -> None:
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none"}
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True
        )
        os.close(child)
        self._terminal = parent

    def until(self, text: bytes, limit: float = 10.0) -> float:
        """Seconds from now until the program has written `text` and ended the frame it stands in."""
        began, seen, found = time.perf_counter(), b"", False
        while time.perf_counter() - began < limit:
            if select.select([self._terminal], [], [], 0.5)[0]:
                seen += self._read()
                if not found and text in seen:
                    found, seen = True, seen[seen.index(text) :]
                if found and FRAME_END in seen:
                    return time.perf_counter() - began
        raise TimeoutError(f"the program never showed {text!r}")

    def quiet(self, seconds: float = 0.4, limit: float = 5.0) -> None:
        """Read on until it has written nothing for a while, or at most so many seconds."""
        began = time.perf_counter()
        while time.perf_counter() - began < limit and select.select([self._terminal], [], [], seconds)[0]:
            self._read()

    def _read(self) -> bytes:
        data = os.read(self._terminal, 65536)
        if SYNC_QUERY in data:  # like a real terminal: yes, frames may be marked
            os.write(self._terminal, SYNC_ANSWER)
        return data

    def send(self, keys: bytes) -> None:
        """Type something, and do not wait for what comes of it."""
        os.write(self._terminal, keys)

    def press(self, key: bytes) -> float:
        """Seconds from a key to the end of the next frame."""
        self.send(key)
        return self.until(FRAME_END)

    def resident(self) -> float:
        """MiB of memory the program has in use."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def processor_seconds(self) -> float:
        """Processor time the program has used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the program."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._terminal)


def app(store: Path, execution: str) -> list[str]:
    """The command that opens the app on an execution."""
    return [sys.executable, "-m", "dive_tui", "open", execution, "--store", str(store)]


def measure() -> list[Row]:
    """All rows of this area."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        asyncio.run(_fill(store))
        return [_firstpaint(store), *_key_to_frame(store), _append_to_frame(store)]


async def _fill(folder: Path) -> None:
    store = FileExecutionEventStore(folder, create=True, offload=False, durability="normal")
    batch: list[ExecutionEvent] = []
    for event in synthetic_history(EVENTS, EXECUTION, ended=True):
        batch.append(event)
        if len(batch) == 1000:
            await store.append_events(batch)
            batch = []
    await store.append_events(batch)
    state = fold(initial_state(EXECUTION), synthetic_history(EVENTS, EXECUTION, ended=True))
    await store.save_snapshot(ExecutionSnapshot.of(state, {}))
    await store.append_events(list(synthetic_history(10, LIVE)))
    await store.close()


def paint(command: Sequence[str]) -> float:
    terminal = Terminal(command)
    try:
        terminal.until(b"long-haul")
        return time.perf_counter() - terminal.began
    finally:
        terminal.close()


def _firstpaint(store: Path) -> Row:
    ours, probe = [], []
    for _ in range(PAINTS):
        ours.append(paint(app(store, EXECUTION)))
        probe.append(paint(PROBE))
    mine, bare = statistics.median(ours), statistics.median(probe)
    return Row(
        f"first paint, {EVENTS:,} events", f"{mine * 1000:.0f} ms", f"{bare * 1000:.0f} ms (bare Textual app)",
        f"{mine / bare:.2f}", "≤ 1.5",
    )  # fmt: skip


def _keys(command: Sequence[str], ready: bytes, prepare: bytes) -> tuple[float, float]:
    """Median and 95th percentile in seconds."""
    terminal = Terminal(command)
    try:
        terminal.until(ready)
        terminal.quiet(1.0)
        terminal.press(prepare)
        terminal.quiet()
        times = []
        for _ in range(KEYS):
            times.append(terminal.press(b"."))
            terminal.quiet(0.05)
        return statistics.median(times), statistics.quantiles(times, n=20)[18]
    finally:
        terminal.close()


def _key_to_frame(store: Path) -> list[Row]:
    ours = _keys(app(store, EXECUTION), f"{EVENTS:,}".encode(), b"\x1b[H")
    probe = _keys([*PROBE, "lines"], b"long-haul", b".")
    names = ("median", "95th percentile")
    return [
        Row(
            f"key to frame, {EVENTS:,} events, {name}", f"{mine * 1000:.1f} ms",
            f"{bare * 1000:.1f} ms (bare line widget)", f"{mine / bare:.2f}", "≤ 2" if name != "median" else "",
        )
        for name, mine, bare in zip(names, ours, probe, strict=True)
    ]  # fmt: skip


def _append_to_frame(store: Path) -> Row:
    terminal = Terminal(app(store, LIVE))
    opened = FileExecutionEventStore(store, offload=False)
    events = list(synthetic_history(10 + 2 * APPENDS, LIVE))
    try:
        terminal.until(b"long-haul")
        terminal.quiet(1.5)
        times = []
        for number in range(APPENDS):
            batch = events[10 + 2 * number : 12 + 2 * number]
            asyncio.run(opened.append_events(batch))
            times.append(terminal.until(f"{batch[-1].sequence}".encode()))
            terminal.quiet(0.05)
    finally:
        terminal.close()
        asyncio.run(opened.close())
    median = statistics.median(times)
    return Row("append by another process to frame, median", f"{median * 1000:.1f} ms", "–", "–", "≤ 100 ms, aim 40 ms")
