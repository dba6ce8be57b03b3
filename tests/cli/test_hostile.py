"""Whatever a store holds, nothing of it acts on a terminal."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pytest

from dive_tui.cli.printing import Printer, json_bytes, last_frame
from tests.app.hostile import hostile_strings
from tests.cli.histories import append, event, forge
from tests.cli.shop import Caller, Shop

EVIL = "\x1b]0;owned\x07\x1b]52;c;aGk=\x07\x9b31m\u202egnp.exe\r\n\x00\t[/][bold]$x[/]\u200b\x7f宽"
_ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def acting(text: str) -> list[str]:
    """Characters in a text that do something to a terminal, line ends aside."""
    found = _ACTING.findall(text)
    return found + [mark for mark in text if unicodedata.category(mark) in ("Cc", "Cf") and mark != "\n"]


def hostile_history(shop: Shop, size: int = 0) -> None:
    evil, long = EVIL, EVIL + "x" * size
    step = {"visit": 1, "attempt": 1}
    workflow: dict[str, Any] = {"name": evil, "steps": [{"name": evil, "action": evil}]}
    append(
        shop.store,
        event(
            1, "execution_started", workflow_name=evil, workflow=workflow, workflow_hash=evil, inputs={evil: evil},
            inputs_hash=evil, engine_version=evil, labels={evil: evil},
        ),
        event(2, "path_started", path=EVIL, current_step=evil),
        event(
            3, "step_started", path=EVIL, step=evil, step_type="action", step_params={evil: long}, inputs_hash=evil,
            effect_key=evil, **step,
        ),
        event(
            4, "step_failed", path=EVIL, step=evil, phase="run", error=long, error_type=evil, outcome="known",
            final=True, traceback=f'Traceback\n  File "{evil}", line 3, in x\n{long}', log=long, **step,
        ),
        event(5, "path_failed", path=EVIL, error=evil, error_type=evil, caused_by=4),
        event(6, "execution_failed", error=evil, error_type=evil, caused_by=[4]),
    )  # fmt: skip


COMMANDS = ("list", "show last", "events last", "logs last", "replay last", "replay last --to 3")


def hostile_wait(shop: Shop) -> None:
    evil = EVIL
    step = {"visit": 1, "attempt": 1}
    workflow: dict[str, Any] = {"name": evil, "steps": [{"name": evil, "wait_signal": evil}]}
    forge(
        shop.store,
        event(
            1, "execution_started", workflow_name=evil, workflow=workflow, workflow_hash=evil, inputs={},
            inputs_hash=evil, engine_version=evil, lineage={"kind": evil, "execution_id": evil},
            source={"kind": "module", "ref": evil, "workflow": evil, "project": evil},
        ),
        event(2, "path_started", current_step=evil),
        event(
            3, "step_started", step=evil, step_type="wait_signal", step_params={"topic": evil}, inputs_hash=evil,
            effect_key=evil, child_id=evil, **step,
        ),
        event(
            4, "step_waiting", step=evil, visit=1, topic=evil, due_at="9998-01-01T00:00:00.000000Z",
            **{"for": "signal"},
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    "typed",
    [*COMMANDS, "show last --json", "signal last x", "pause last", "cancel last", "recover last", "work --once"],
)
def test_hostile_waits(shop: Shop, call: Caller, typed: str) -> None:
    hostile_wait(shop)
    ended = call(*typed.split())
    assert ended.code in (0, 3)
    assert acting(ended.out + ended.err) == []
    assert "Traceback" not in ended.err


def test_hostile_project(shop: Shop, call: Caller) -> None:
    hostile_wait(shop)
    shop.write("pyproject.toml", "")
    ended = call("recover", "last")
    assert (ended.code, ended.err) == (3, "")


@pytest.mark.parametrize("options", [[], ["--json"], ["--ascii"]])
@pytest.mark.parametrize("command", COMMANDS)
def test_hostile_events(shop: Shop, call: Caller, command: str, options: list[str]) -> None:
    hostile_history(shop)
    ended = call(*command.split(), *options)
    assert (ended.code, ended.err) == (0, "")
    assert acting(ended.out) == []
    if options == ["--json"]:
        pieces = ended.out.splitlines() if command.startswith("events") else [ended.out]
        assert any(EVIL in text for piece in pieces for text in _strings(json.loads(piece)))
    elif options == ["--ascii"]:
        assert ended.out.isascii()
    else:
        assert "␛]0;owne" in ended.out


def _strings(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_strings, [*value, *value.values()])) if value else set()
    if isinstance(value, list):
        return set().union(*map(_strings, value)) if value else set()
    return {value} if isinstance(value, str) else set()


def test_ten_megabytes(shop: Shop, call: Caller) -> None:
    hostile_history(shop, size=10_000_000)
    for command in COMMANDS:
        ended = call(*command.split())
        assert ended.code == 0
        if not command.startswith("logs"):
            assert len(ended.out) < 400_000


@pytest.mark.parametrize("command", ["show", "events", "logs"])
def test_hostile_arguments(shop: Shop, call: Caller, command: str) -> None:
    hostile_history(shop)
    typed = EVIL.replace("\0", "")
    for arguments in ((typed,), ("last", typed), ("last", f"--{typed}"), ("last", "--store", typed)):
        ended = call(command, *arguments)
        assert ended.code in (0, 2, 4)
        assert acting(ended.out + ended.err) == []


def test_data_of_the_wrong_shape(shop: Shop, call: Caller) -> None:
    forge(
        shop.store,
        event(1, "execution_started", workflow_name=7, workflow=[], inputs=[1], labels="x"),
        event(2, "made_up_kind", path="p", step="s", iteration="no", log=3, anything={"a": [1]}),
        event(3, "step_completed", path="p", step="s", iteration={"index": "x"}, edges="no", duration_ms="x"),
        event(4, "path_branched", path="p", new_paths=[1, {"id": 2}]),
    )
    for command in ("list", "events last", "events last --json"):
        ended = call(*command.split())
        assert (ended.code, ended.err) == (0, "")
    for command in ("show last", "logs last", "replay last"):
        ended = call(*command.split())
        assert ended.code == 4 and ended.err.count("\n") == 1


def test_every_hostile_string_through_the_printer(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer()
    strings = list(hostile_strings(500, seed=3))
    for text in strings:
        printer.line(text, (text, "red"))
        printer.block(text, indent=2)
        printer.heading(text)
        value = text.encode("utf-8", "replace").decode()
        printer.values([(text, value), (text, {value: [value]})])
        shown = json_bytes([value]).decode()
        assert acting(shown) == [] and json.loads(shown) == [value]
    assert acting(capsys.readouterr().out) == []


def test_place_of_an_error(tmp_path: Any) -> None:
    own = f'  File "{tmp_path}/app/pay.py", line 41, in charge\n'
    library = '  File "/usr/lib/python3/site-packages/requests/api.py", line 5, in get\n'
    assert last_frame(f"Traceback:\n{own}{library}", home=str(tmp_path)) == "app/pay.py:41"
    assert last_frame(f"Traceback:\n{own}", home="/elsewhere") == "pay.py:41"
    assert last_frame(f"Traceback:\n{library}", home="/elsewhere") == "api.py:5"
    assert last_frame("no traceback") == ""
