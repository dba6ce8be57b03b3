"""Pager and editor: which one, what it is given, and what is said when that does not work."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.app import App

from dive_tui.app.outside import OutsideError, harmless, program, show


def script(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


class Standing(App[None]):
    """Hands its terminal over, and counts how often."""

    handed = 0

    @contextmanager
    def suspend(self) -> Iterator[None]:
        self.handed += 1
        yield


def where(folder: Path, **variables: str) -> Mapping[str, str]:
    return {"PATH": str(folder), **variables}


def test_the_pager_comes_before_the_editor_and_both_before_what_is_there(tmp_path: Path) -> None:
    for name in ("less", "vim", "mine", "nano"):
        script(tmp_path, name, "true")
    assert program(where(tmp_path, PAGER="mine -x 'a b'", EDITOR="nano")) == ["mine", "-x", "a b"]
    assert program(where(tmp_path, VISUAL="mine", EDITOR="nano")) == ["mine"]
    assert program(where(tmp_path, EDITOR="nano")) == ["nano"]
    assert program(where(tmp_path)) == ["less"]
    assert program(where(tmp_path, PAGER="cat", EDITOR="nano")) == ["nano"], "cat would show nothing"
    assert program(where(tmp_path, PAGER=" ", VISUAL="vim")) == ["vim", "--cmd", "set nomodeline"]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "There is neither a pager nor an editor here: name one in $PAGER or $EDITOR."),
        ({"PAGER": "nowhere -R"}, "$PAGER names nowhere, and there is no such program."),
        ({"EDITOR": "nowhere"}, "$EDITOR names nowhere, and there is no such program."),
        ({"PAGER": "less 'x"}, "$PAGER makes no sense as a command line: No closing quotation."),
    ],
)
def test_without_a_program_it_says_so(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(OutsideError) as raised:
        program(where(tmp_path, **variables))
    assert str(raised.value) == sentence


def test_the_program_gets_a_private_file_that_is_gone_afterwards(tmp_path: Path) -> None:
    body = f'cat "$2" > {tmp_path}/seen; ls -l "$2" > {tmp_path}/rights; echo "$1 $2" > {tmp_path}/called'
    pager = script(tmp_path / "bin", "mine", body)
    app = Standing()
    show(app, "ä {}\n", "event-3.json", {"PATH": os.environ["PATH"], "PAGER": f"{pager} -x"})
    assert app.handed == 1
    assert (tmp_path / "seen").read_text() == "ä {}\n"
    option, file = (tmp_path / "called").read_text().split()
    assert option == "-x"
    assert Path(file).name == "event-3.json"
    assert (tmp_path / "rights").read_text().startswith("-r--------")
    assert not Path(file).exists()
    assert not Path(file).parent.exists()


def test_the_folder_of_the_file_is_private(tmp_path: Path) -> None:
    pager = script(tmp_path / "bin", "mine", f'stat -c %a "$(dirname "$1")" > {tmp_path}/mode')
    show(Standing(), "x", "x.json", {"PATH": os.environ["PATH"], "PAGER": str(pager)})
    assert int((tmp_path / "mode").read_text(), 8) == stat.S_IRWXU


@pytest.mark.parametrize(
    ("body", "said"), [("exit 3", "mine ended with exit code 3."), ("kill -9 $$", "mine was ended by signal 9.")]
)
def test_a_program_that_fails_is_told(tmp_path: Path, body: str, said: str) -> None:
    pager = script(tmp_path / "bin", "mine", body)
    with pytest.raises(OutsideError) as raised:
        show(Standing(), "x", "x.json", {"PATH": os.environ["PATH"], "PAGER": str(pager)})
    assert str(raised.value).endswith(said)


def test_a_program_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF nothing")
    broken.chmod(0o755)
    with pytest.raises(OutsideError, match="broken could not be started: Exec format error"):
        show(Standing(), "x", "x.json", {"PATH": os.environ["PATH"], "PAGER": str(broken)})


def test_ctrl_c_in_the_pager_does_not_end_the_app(tmp_path: Path) -> None:
    pager = script(tmp_path / "bin", "mine", f"kill -2 {os.getpid()}; touch {tmp_path}/went-on")
    before = signal.getsignal(signal.SIGINT)
    show(Standing(), "x", "x.json", {"PATH": os.environ["PATH"], "PAGER": str(pager)})
    assert (tmp_path / "went-on").exists()
    assert signal.getsignal(signal.SIGINT) is before


async def test_where_the_terminal_cannot_be_handed_over_it_says_so(tmp_path: Path) -> None:
    pager = script(tmp_path / "bin", "mine", f"touch {tmp_path}/ran")
    app: App[None] = App()
    async with app.run_test():
        with pytest.raises(OutsideError, match="cannot be handed over"):
            show(app, "x", "x.json", {"PATH": os.environ["PATH"], "PAGER": str(pager)})
    assert not (tmp_path / "ran").exists()


def test_nothing_in_the_text_can_act_on_a_terminal() -> None:
    hostile = "a\x1b]52;c;aGk=\x07b\r\n\x9b31mred\u202e\x7f\n" + "x" * 10_000
    made = harmless(hostile)
    assert made.count("\n") == hostile.count("\n")
    assert all(line.isprintable() for line in made.split("\n"))
    assert "␛]52" in made
    assert made.split("\n")[1].endswith("␡"), "what needs more room than before is not cut"
    assert made.endswith("x" * 10_000), "nothing is cut"
