"""`verify`: what it prints of what it finds, how it ends, and that it can be interrupted."""

from __future__ import annotations

import io
import os
import re
import signal
import sys

import pytest

from dive_tui.cli import selecting
from dive_tui.cli.progress import shown_progress
from stores.maintenance import Finding, Progress
from tests.app.ptyharness import TerminalApp
from tests.cli.histories import append, event, forge, record
from tests.cli.shop import COMMAND, Caller, Shop, environment
from tests.cli.test_hostile import EVIL, acting
from tests.stores.broken_options import CapableMemory


def forge_disorder(shop: Shop) -> None:
    """An execution whose second event cannot be."""
    hashes = {"workflow_hash": "v1:0", "inputs_hash": "v1:0", "engine_version": "0"}
    workflow = {"name": "made up", "steps": []}
    started = event(1, "execution_started", workflow_name="made up", workflow=workflow, inputs={}, **hashes)
    forge(shop.store, started, event(2, "path_started", current_step="Only", parent=7))
    folder = shop.store / started.execution_id
    folder.chmod(0o700)
    (folder / "events.jsonl").chmod(0o600)


class Finds(CapableMemory):
    """A store that finds what a test wants."""

    findings: tuple[Finding, ...] = ()

    async def examine(self, execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        return [finding for finding in self.findings if execution_id in (None, finding.execution_id)]


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Finds:
    """The store that commands open."""
    store = Finds()
    monkeypatch.setattr(selecting, "open_store", lambda *args, **options: store)
    return store


def test_nothing_wrong(shop: Shop, call: Caller) -> None:
    ids = record(shop.store, 50, 2)
    assert call("verify") == (0, "✓ 2 executions, 42 events: nothing wrong\n", "")
    assert call("verify", "last", ids[1][-5:]) == (0, "✓ 1 execution, 21 events: nothing wrong\n", "")
    assert call("verify", "--json") == (0, "[]\n", "")


def test_findings(shop: Shop, call: Caller) -> None:
    record(shop.store, 50)
    forge_disorder(shop)
    ended = call("verify")
    assert (ended.code, ended.err) == (1, "")
    header, finding, *_ = ended.out.splitlines()
    assert header.split() == ["EXECUTION", "WHERE", "WHAT", "REPAIR"]
    assert finding.split()[:4] == ["damaged", "…stile", "event", "2"]
    assert "parent: Input should be a valid string" in " ".join(ended.out.split())
    assert ended.out.splitlines()[-1] == "1 finding in 2 executions, 23 events"
    assert call("verify", "stile").out.splitlines()[-1] == "1 finding in 1 execution, 2 events"
    assert call("verify", "00001").code == 0
    (found,) = call("verify", "--json").json
    assert list(found) == ["kind", "execution_id", "place", "problem", "remedy"]
    assert (found["kind"], found["execution_id"], found["place"]) == ("damaged", "exec_hostile", "event 2")


def test_what_can_be_repaired_is_said(shop: Shop, call: Caller, finds: Finds) -> None:
    finds.findings = (Finding("torn", "", "changes, byte 3", "half a line", "it is cut off"),)
    ended = call("verify", "--store", "x y")
    assert ended.code == 1 and "it is cut off" in ended.out
    assert ended.out.splitlines()[-1] == "Mend: dive-tui repair --store 'x y'"
    finds.findings = (Finding("foreign", "", "photo.jpg", "it is not ours"),)
    ended = call("verify")
    assert "it is left alone" in ended.out and "Mend:" not in ended.out


def test_what_is_found_does_nothing_to_a_terminal(shop: Shop, call: Caller, finds: Finds) -> None:
    finds.findings = (Finding("damaged", EVIL, EVIL, EVIL * 30, EVIL),)
    for arguments in ([], ["--json"], ["--ascii"]):
        ended = call("verify", *arguments)
        assert ended.code == 1 and acting(ended.out) == []
    assert call("verify", "--ascii").out.isascii()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_long_findings_are_wrapped_not_cut(
    shop: Shop, call: Caller, finds: Finds, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    words = [f"word{number}" for number in range(40)]
    finds.findings = (Finding("damaged", "", "events.jsonl, byte 1", " ".join(words), "kept"),)
    monkeypatch.setenv("COLUMNS", str(width))
    out = call("verify").out
    assert all(word in out.split() for word in words)
    assert max(map(len, out.splitlines())) <= width
    assert ("  repair: kept" in out.splitlines()) is (width == 40)


def test_an_execution_of_which_nothing_can_be_read(shop: Shop, call: Caller) -> None:
    (name,) = record(shop.store, 50)
    events = shop.store / name / "events.jsonl"
    events.write_bytes(b"X" + events.read_bytes()[1:])
    ended = call("verify", name)
    assert (ended.code, ended.err) == (1, "") and "damaged" in ended.out


def test_what_is_not_there(shop: Shop, call: Caller) -> None:
    assert call("verify").code == 4
    record(shop.store, 1)
    assert call("verify", "nobody").code == 2
    append(shop.store)
    (shop.store / "changes").unlink()
    for name in list(shop.store.iterdir()):
        if name.name.startswith("exec_"):
            (name / "events.jsonl").unlink()
    assert call("verify").code == 4


def test_interrupted_while_the_store_examines_itself(shop: Shop, call: Caller, finds: Finds) -> None:
    looked: list[int] = []

    async def examine(execution_id: str | None = None, progress: Progress | None = None) -> list[Finding]:
        assert progress is not None
        for number in range(3):
            looked.append(number)
            os.kill(os.getpid(), signal.SIGINT)
            progress(number, 3, "exec_one")
        return []

    finds.examine = examine  # type: ignore[method-assign]
    assert call("verify") == (130, "", "")
    assert looked == [0]


def test_progress_outside_of_a_task_counts_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress("verifying", "events") as progress:
        progress(1, 2, "exec_one")
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_stderr_where_that_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with shown_progress("verifying", "events") as progress:
        for done in range(0, 60, 10):
            progress(done, 50, "part one")
        progress(1, 3, f"exec{EVIL[:14]}")
        progress(2, 3, f"exec{EVIL[:14]}")
        progress(3, 3, f"exec{EVIL[:14]}")
    drawn = terminal.getvalue()
    assert re.search(r"verifying exec\S* .* [\d,]+ events/s", drawn) and "100 %" in drawn
    assert acting(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", drawn)) == []
    assert not drawn.endswith("events/s"), "it is gone at the end"


def test_progress_on_a_terminal_leaves_the_answer_only(shop: Shop) -> None:
    record(shop.store, 1)
    with TerminalApp([*COMMAND, "verify"], columns=100, rows=10, env=environment(), cwd=shop.folder) as app:
        assert app.wait_for_exit() == 0
        assert b"verifying" in app.raw
        shown = [line.strip() for line in app.screen().lines if line.strip()]
        assert shown == ["✓ 1 execution, 21 events: nothing wrong"]
