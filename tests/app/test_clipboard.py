"""Copying: every way at once, and a sentence that says what happened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dive_tui.app import clipboard
from dive_tui.app.shell import Shell


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TMUX", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "there")
    monkeypatch.setattr(clipboard, "_file", None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def script(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def with_tools(monkeypatch: pytest.MonkeyPatch, folder: Path, **scripts: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, body in scripts.items():
        script(folder, name, body)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


async def copied(text: str, what: str = "event 187") -> tuple[Shell, str]:
    """What the app holds after copying, and what it said."""
    app = Shell(ascii_only=False)
    async with app.run_test() as pilot:
        clipboard.copy(app, text, what)
        await app.workers.wait_for_complete()
        await pilot.pause()
        said = [notification.message for notification in app._notifications]
    assert len(said) == 1
    return app, said[0]


async def test_the_terminal_is_asked_and_a_file_is_there_in_case_it_does_not_listen(tmp_path: Path) -> None:
    app, said = await copied("hello")
    assert app.clipboard == "hello"
    (file,) = tmp_path.glob("dive-tui-copy-*.txt")
    assert said == f"Copied event 187 through the terminal. Where it takes no copies: {file}"
    assert file.read_text() == "hello"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_the_file_is_used_again(tmp_path: Path) -> None:
    await copied("one")
    await copied("two")
    (file,) = tmp_path.glob("dive-tui-copy-*.txt")
    assert file.read_text() == "two"


async def test_inside_tmux_its_buffer_is_filled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_tools(monkeypatch, tmp_path / "bin", tmux=f'echo "$@" > {tmp_path}/called; cat > {tmp_path}/buffer')
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    app, said = await copied("hello " * 20)
    assert said == "Copied event 187 (120 B) with tmux."
    assert (tmp_path / "buffer").read_text() == "hello " * 20
    assert (tmp_path / "called").read_text() == "load-buffer -w -\n"
    assert app.clipboard == "hello " * 20
    assert not list(tmp_path.glob("dive-tui-copy-*"))


async def test_a_tool_that_fails_or_hangs_counts_for_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clipboard, "_PATIENCE", 0.2)
    monkeypatch.delenv("SSH_CONNECTION")
    monkeypatch.setenv("DISPLAY", ":0")
    with_tools(monkeypatch, tmp_path / "bin", xclip="exit 1", xsel="exec sleep 60")
    _, said = await copied("hello")
    assert said.startswith("Copied event 187 through the terminal. Where it takes no copies: ")


def test_the_systems_tool_is_used_only_on_ones_own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = ("tmux", "pbcopy", "xclip", "xsel")
    with_tools(monkeypatch, tmp_path / "bin", **dict.fromkeys(names, "true"), **{"wl-copy": "true"})

    def found(**environment: str) -> list[str]:
        return [name for name, _ in clipboard.tools(environment)]

    monkeypatch.setattr("sys.platform", "linux")
    assert found() == []
    assert found(TMUX="x") == ["tmux"]
    assert found(DISPLAY=":0") == ["xclip", "xsel"]
    assert found(WAYLAND_DISPLAY="w", DISPLAY=":0", TMUX="x") == ["tmux", "wl-copy"]
    assert found(DISPLAY=":0", SSH_CONNECTION="there") == []
    monkeypatch.setattr("sys.platform", "darwin")
    assert found() == ["pbcopy"]


async def test_what_is_too_long_for_the_terminal_is_only_written(tmp_path: Path) -> None:
    app, said = await copied("x" * 100_000)
    (file,) = tmp_path.glob("dive-tui-copy-*.txt")
    assert said == f"Event 187 (98 KiB) is too long for the terminal; it is in {file}"
    assert app.clipboard == ""
    assert file.stat().st_size == 100_000


async def test_where_no_file_can_be_written_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    _, said = await copied("hello")
    assert said == "Event 187 went to the terminal only; no file could be written: No such file or directory"


async def test_text_that_is_no_unicode_is_copied_as_far_as_it_goes() -> None:
    app, _ = await copied("a\ud800b")
    assert app.clipboard == "a?b"
