"""What is typed finds its command, and what is typed wrong gets one sentence and exit code 2."""

from __future__ import annotations

import importlib
import json
import sys
from types import ModuleType
from typing import Any

import pytest

from dive_tui.cli import opening
from dive_tui.cli.main import COMMANDS, AppCall, CommandLine, app_call, sort_out
from dive_tui.cli.problems import EXIT_CODES, UsageError
from dive_tui.cli.program import run_program
from engine import __version__
from tests.cli.histories import record
from tests.cli.shop import Caller, Shop


def test_version(call: Caller) -> None:
    assert call("--version") == (0, f"dive-tui {__version__}\n", "")
    assert call("list", "--version").out == f"dive-tui {__version__}\n"


def test_every_command_exists_and_its_line_is_its_docstring() -> None:
    for command in COMMANDS.values():
        module, _, name = command.home.partition(":")
        function = getattr(importlib.import_module(module), name)
        if not command.home.startswith("dive_tui.cli.demo"):
            assert function.__doc__.partition("\n")[0] == command.summary


def test_help_lists_every_command(call: Caller) -> None:
    ended = call("--help")
    assert ended.code == 0
    listed = [line.strip() for line in ended.out.splitlines()]
    assert [f"{name}: {command.summary}" for name, command in COMMANDS.items()] == [
        line for line in listed if line.partition(":")[0] in COMMANDS
    ]
    for name in COMMANDS:
        assert f"Usage: dive-tui {name}" in call(name, "--help").out


def test_every_known_error_still_exists() -> None:
    for name in EXIT_CODES:
        module, _, kind = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), kind), Exception)


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("", CommandLine("", "", [])),
        ("--store x list a", CommandLine("list", "", ["--store", "x", "a"])),
        ("--store=x --ascii list", CommandLine("list", "", ["--store=x", "--ascii"])),
        ("./x --ascii", CommandLine("", "./x", ["--ascii"])),
        (".", CommandLine("", ".", [])),
        ("sqlite:x", CommandLine("", "sqlite:x", [])),
        (r"a\b", CommandLine("", r"a\b", [])),
        ("order.yaml", CommandLine("", "order.yaml", [])),
        ("--jsno list", CommandLine("list", "", ["--jsno"])),
        ("--help", CommandLine("", "", ["--help"])),
        ("run -- list", CommandLine("run", "", ["--", "list"])),
    ],
)
def test_command_and_options_are_told_apart(call: Caller, typed: str, line: CommandLine) -> None:
    assert sort_out(typed.split()) == line


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", AppCall()),
        ("./x", AppCall("./x")),
        ("--store x --theme dive-light --ascii", AppCall("x", None, True, "dive-light")),
        ("open", AppCall(None, "last")),
        ("open last-2@7 --store=x", AppCall("x", "last-2@7")),
        ("--store x open abc", AppCall("x", "abc")),
        ("list", None),
        ("open a b", None),
        ("open --nope", None),
        ("--store", None),
        ("./x --store y", None),
        ("./x y", None),
        ("--help", None),
    ],
)
def test_the_app_is_found_without_the_parser(typed: str, wanted: AppCall | None) -> None:
    assert app_call(sort_out(typed.split())) == wanted


@pytest.mark.parametrize("typed", ["--store x --theme t --ascii", "./x", "open", "open last@7 --store=x"])
def test_the_parser_would_start_the_app_alike(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(opening, "start_app", lambda *wanted: calls.append(wanted) or 0)
    line = sort_out(typed.split())
    assert run_program(line) == 0
    assert calls == [tuple(app_call(line) or ())]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("lst", "there is no command 'lst'; did you mean 'list'? (a store with a plain name needs --store lst)"),
        ("list --jsno", "unknown option '--jsno'; did you mean '--json'?"),
        ("show last --jsno", "unknown option '--jsno'; did you mean '--json'? See: dive-tui show --help"),
        ("list --limit many", "--limit must be a whole number, not 'many'; see: dive-tui list --help"),
        ("list --limit -1", "limit must be 0 or more"),
        ("list --limit", "--limit needs a value; see: dive-tui list --help"),
        ("list --limit 1 --limit 2", "--limit is given twice; see: dive-tui list --help"),
        ("show", "dive-tui show needs EXEC; see: dive-tui show --help"),
        ("show a b", "there is no place for 'b'; see: dive-tui show --help"),
        ("validate", "dive-tui validate needs FILE; see: dive-tui validate --help"),
        ("open a b", "there is no place for 'b'; see: dive-tui open --help"),
        (
            "./x list",
            "there is no place for 'list' behind a store; name the store with --store instead; see: dive-tui --help",
        ),
        ("./x --store y", "two stores are named, './x' and 'y'; give one"),
        ("--store", "--store needs a value; see: dive-tui --help"),
        ("", "the app needs a terminal, and here stdin or stdout is none; try dive-tui list, or dive-tui show last"),
        (
            "open",
            "the app needs a terminal, and here stdin or stdout is none; try dive-tui list, or dive-tui show last",
        ),
        ("run x.yaml --watch", "the app needs a terminal, and here stdin or stdout is none; run without --watch"),
        ("run x.yaml --watch --json", "--watch opens the app and --json is for scripts; give one of them"),
    ],
)
def test_mistakes_get_one_sentence(call: Caller, typed: str, sentence: str) -> None:
    ended = call(*typed.split())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == sentence + "\n"


def test_query_that_makes_no_sense(call: Caller) -> None:
    ended = call("list", "statsu:failed")
    assert (ended.code, ended.out) == (2, "")
    assert "'statsu'" in ended.err and "'status'" in ended.err and ended.err.count("\n") == 1


def test_unknown_command_without_a_near_one() -> None:
    with pytest.raises(UsageError, match="there is no command 'xyzzy'; there are open, run, recover"):
        sort_out(["xyzzy"])


class FakeApp(ModuleType):
    """Stands in for the app: notes how it is called."""

    def __init__(self) -> None:
        super().__init__("dive_tui.app.main")
        self.calls: list[dict[str, Any]] = []

    def run_app(self, **wanted: Any) -> int:
        self.calls.append(wanted)
        return 7


def test_app_gets_store_execution_and_event(shop: Shop, call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    app = FakeApp()
    monkeypatch.setitem(sys.modules, "dive_tui.app.main", app)
    monkeypatch.setattr(opening, "needs_terminal", lambda instead: None)
    assert call().code == 7
    (made,) = record(shop.folder / "made", 1)
    assert call("open", f"{made[-4:]}@3", "--store", "made").code == 7
    assert app.calls.pop()["execution"] == made
    assert call("open", "abc@12", "--store", "other", "--ascii", "--theme", "light").code == 7
    assert [each.pop("location").text for each in app.calls] == [str(shop.store), str(shop.folder / "other")]
    assert app.calls == [
        {"execution": None, "sequence": None, "ascii": False},
        {"execution": "abc", "sequence": 12, "ascii": True, "theme": "dive-light"},
    ]
    assert (
        call("open", "zzz", "--store", "made").err
        == "no execution's id begins or ends with 'zzz'; dive-tui list shows them all\n"
    )
    assert call("--theme", "ligth").err == "there is no theme 'ligth'; did you mean 'light'?\n"
    assert call("--theme", "xyzzy").err.startswith("there is no theme 'xyzzy'; there are dark, light, high-contrast")
    assert call("open", "abc@x").err == "'x' after '@' is no event number; they count from 1\n"


def test_mistakes_of_our_own_are_told_apart(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: Any) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("dive_tui.cli.listing.parse_query", stumble)
    ended = call("list")
    assert ended.code == 70
    assert ended.err == (
        "this is a mistake in dive-tui itself (ZeroDivisionError: division by zero); "
        "run the command again with --debug to see where\n"
    )
    assert "Traceback" in call("--debug", "list").err
    assert "Traceback" in call("list", "--debug").err


def test_debug_tells_of_memory_at_the_end_of_a_command(call: Caller) -> None:
    assert call("--version").err == ""
    ended = call("--version", "--debug")
    told = [line for line in ended.err.splitlines() if line.startswith("memory: ")]
    assert (ended.code, len(told)) == (0, 1)
    assert {"rss", "peak", "collector", "caches"} == json.loads(told[0].removeprefix("memory: ")).keys()
    assert "memory: " in call("nonsense", "--debug").err


def test_ctrl_c_is_quiet(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dive_tui.cli.listing.parse_query", interrupt)
    assert call("list") == (130, "", "")
