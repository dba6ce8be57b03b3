"""Where `run` writes: whole lines, nothing torn apart, and a reader who leaves stops nothing."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from dive_tui.cli.printing import Printer
from dive_tui.cli.run_output import RunOutput

ERASE = "\r\x1b[2K"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe nobody reads."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    return stream


def attach(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it stdout and stderr; in the test itself, for pytest puts its own in place just before."""
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)


def test_status_line_stays_below_everything_else(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(terminal, monkeypatch)
    output = RunOutput(Printer())
    output.going_on("Measure 1/3")
    output.line("✓ List")
    output.echo("measuring\n")
    output.going_on("a name that is\x1b[2J too long for it")
    output.finish()
    output.line("done")
    assert terminal.getvalue() == (
        f"Measure 1/3{ERASE}✓ List\nMeasure 1/3{ERASE}measuring\nMeasure 1/3{ERASE}a name that is␛[2J…{ERASE}done\n"
    )


@pytest.mark.parametrize("term", ["dumb", ""])
def test_no_status_line_on_a_plain_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    attach(terminal, monkeypatch)
    monkeypatch.setenv("TERM", term)
    output = RunOutput(Printer())
    output.going_on("Measure 1/3")
    output.line("done")
    assert terminal.getvalue() == "done\n"


def test_steps_that_print_at_once_do_not_mix_their_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(terminal, monkeypatch)
    output = RunOutput(None)
    output.echo("one ")
    other = threading.Thread(target=lambda: output.echo("other\nunfinished"))
    other.start()
    other.join()
    output.echo("line\n")
    assert terminal.getvalue() == "other\none line\n"
    output.end_lines()
    assert terminal.getvalue() == "other\none line\nunfinished\n"


def test_without_a_printer_nothing_is_said(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(terminal, monkeypatch)
    output = RunOutput(None)
    output.line("✓ List")
    output.going_on("Measure")
    output.finish()
    assert terminal.getvalue() == ""


def test_reader_who_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(Gone(), monkeypatch)
    output = RunOutput(Printer())
    output.line("✓ List")
    output.echo("text\n")
    output.finish()
