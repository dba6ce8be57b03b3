from __future__ import annotations

import asyncio
import atexit
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from engine.core.script_check import MODULES, check_script
from engine.runtime import scripts
from engine.runtime.capture import StepLog
from engine.runtime.config import PersistenceConfig
from engine.runtime.scripts import ScriptError, ScriptLimits, ScriptSandbox, run_script
from engine.testing.ports import FakeClock

NAMES: dict[str, Any] = {
    "inputs": {"limit": 2},
    "state": {"files": [{"name": "a", "n": 1}, {"name": "b", "n": 5}], "items": 3, "é": "ü"},
    "file": {"name": "c"},
}


@pytest.fixture
async def sandbox() -> AsyncIterator[ScriptSandbox]:
    box = ScriptSandbox(ScriptLimits(seconds=5), processes=2)
    yield box
    await box.close()


async def refused(sandbox: ScriptSandbox, source: str) -> ScriptError:
    with pytest.raises(ScriptError) as caught:
        await sandbox.run(source, NAMES)
    return caught.value


VALUES = [
    ("1", 1),
    ("x = 1", None),
    ("", None),
    ("x = 1\nif x:\n    2", None),
    ("[f.name for f in state.files if f.n > inputs.limit]", ["b"]),
    ("state.items", 3),
    ("list(state.keys())", ["files", "items", "é"]),
    ("state.é + file.name", "üc"),
    ("made = {'a': {'b': 1}}\nmade.a.b", 1),
    ("f'{state.files[0].name}-{state.items:03}' 'x'", "a-003x"),
    ("get(state.files[0].n, 7), get(state.nope.x, 7), get(state.files[9])", [1, 7, None]),
    ("get(state.files.n, 0), get(state['items'], 0), get(file[inputs['limit']], 'k')", [0, 3, "k"]),
    ("[has(state.files), has(state.x), has(state.files[2]), has(state.items.x)]", [True, False, False, False]),
    ("(1, (2,))", [1, [2]]),
    ("range(3)", [0, 1, 2]),
    ("(n for n in [1])", [1]),
    ("{'k': {}.items()}", {"k": []}),
    ("[zip([1], [2]), map(str, [1]), filter(None, [0])]", [[[1, 2]], ["1"], []]),
    ("[enumerate('a'), reversed([1])]", [[[0, "a"]], [1]]),
    ("import decimal\ndecimal.Decimal('1.50')", "1.50"),
    ("import datetime as d\n[d.date(2026, 3, 1), d.time(1)]", ["2026-03-01", "01:00:00"]),
    ("import datetime as d\nd.datetime(2026, 3, 1)", "2026-03-01T00:00:00"),
    ("import pathlib\npathlib.Path('a') / 'b'", "a/b"),
    ("import collections\ncollections.Counter('aab')", {"a": 2, "b": 1}),
    ("import math\nmath.floor(math.pi)", 3),
    ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\nP(4).x", 4),
    ("class C:\n    x = 2\n    def twice(self): return self.x * 2\nC().twice()", 4),
    ("len = 3\nlist = str = dict = isinstance = type = 4\n{'a': [state.items]}", {"a": [3]}),
    ("async def f(): return 5\nawait f()", 5),
    ("18446744073709551615", 18446744073709551615),
    ("try:\n    state.nope\nexcept KeyError:\n    found = 'none'\nfound", "none"),
]  # fmt: skip


async def test_the_value_is_the_last_expression_as_json(sandbox: ScriptSandbox) -> None:
    for source, value in VALUES:
        found = await sandbox.run(source, NAMES)
        assert (found, type(found)) == (value, type(value)), source


FAILURES = [
    ("x = 1\nx +", "ScriptSyntaxError", "invalid syntax (line 2, column 4)"),
    ("state.x = 1", "ScriptSyntaxError", "a script cannot assign to state"),
    (
        "y = 'ü' + state.é + state.fles",
        "KeyError",
        "there is no 'fles', only 'files', 'items', 'é' (line 1, column 21)",
    ),
    ("{}.x", "KeyError", "there is no 'x'; the mapping is empty (line 1, column 1)"),
    ("state.files.name", "AttributeError", "'list' object has no attribute 'name' (line 1, column 1)"),
    ("x = 1\n\nstate['files'][7]", "IndexError", "list index out of range (line 3, column 1)"),
    ("raise ValueError('no good')", "ValueError", "no good (line 1, column 7)"),
    ("raise TimeoutError('feed me')", "TimeoutError", "feed me (line 1, column 7)"),
    ("raise ValueError", "ValueError", "ValueError (line 1, column 7)"),
    ("import json\njson.loads('{')", "JSONDecodeError", "(line 2, column 1)"),
    ("nope", "NameError", "name 'nope' is not defined (line 1, column 1)"),
    ("f'''\n{state.x}'''", "KeyError", "(line 1, column 1)"),
    ("lambda: 1", "NotJson", "the value holds a function, which has no JSON form (line 1, column 1)"),
    ("len", "NotJson", "which has no JSON form"),
    ("class A: pass\n[A()]", "NotJson", "the value holds a A, which has no JSON form (line 2, column 1)"),
    ("{1, 2}", "NotJson", "the value holds a set"),
    ("b'x'", "NotJson", "the value holds a bytes"),
    ("2 ** 64", "NotJson", "an integer beyond 64 bits"),
    ("{1: 2}", "NotJson", "a key that is no text"),
    ("{'a': [0, float('nan')]}", "NotJson", "the value.a[1] is nan"),
    ("x = []\nx.append(x)\nx", "NotJson", "nested deeper than 100 levels"),
    ("map(lambda n: 1 / n, [0])", "ZeroDivisionError", "division by zero (line 1, column 15)"),
    ("import time\ntime.sleep(3)", "RuntimeError", "'time.sleep' is not supported"),
]


async def test_a_failure_has_a_type_a_sentence_and_a_place(sandbox: ScriptSandbox) -> None:
    for source, error_type, words in FAILURES:
        error = await refused(sandbox, source)
        assert (error.error_type, words in error.message) == (error_type, True), f"{source}: {error}"
        assert "__dive" not in error.message + error.traceback
        assert "monty" not in error.message.lower()


async def test_a_traceback_shows_the_script_as_it_was_written(sandbox: ScriptSandbox) -> None:
    error = await refused(sandbox, "def f(x):\n    return 'é' + x.name\n\n[f(n) for n in state.files[:0] + [file.nom]]")
    assert error.traceback.splitlines() == [
        "Traceback (most recent call last):",
        '  File "script", line 4, in <module>',
        "    [f(n) for n in state.files[:0] + [file.nom]]",
        "                                      ^^^^^^^^",
        "KeyError: there is no 'nom', only 'name'",
    ]
    error = await refused(sandbox, "def f(x):\n    return 'é' + x.name\n\n[f(n) for n in [state]]")
    assert error.traceback.splitlines()[1:-1] == [
        '  File "script", line 4, in <module>',
        "    [f(n) for n in [state]]",
        "     ^^^^",
        '  File "script", line 2, in f',
        "    return 'é' + x.name",
        "                 ^^^^^^",
    ]


async def test_a_deep_recursion_is_shown_short(sandbox: ScriptSandbox) -> None:
    error = await refused(sandbox, "def f(n):\n    return f(n + 1)\nf(0)")
    assert error.error_type == "RecursionError"
    assert len(error.traceback.splitlines()) < 20
    assert "[Previous line repeated 197 more times]" in error.traceback


async def test_what_it_prints_goes_to_the_log(sandbox: ScriptSandbox) -> None:
    log = StepLog(1_000)
    assert await sandbox.run("print('é', state.items)\nprint('b', end='')\n7", NAMES, log) == 7
    assert log.text() == "é 3\nb"
    with pytest.raises(ScriptError):
        await sandbox.run("print('before')\n1 / 0", NAMES, log)
    assert log.text().endswith("before\n")
    assert await sandbox.run("print(1)", NAMES) is None


async def test_names_are_copies_and_only_those_that_are_read(sandbox: ScriptSandbox) -> None:
    names: dict[str, Any] = {"state": {"a": [1]}, "unread": object()}
    assert await sandbox.run("state.a.append(2)\nstate", names) == {"a": [1, 2]}
    assert names["state"] == {"a": [1]}
    error = None
    try:
        await sandbox.run("unread", names)
    except ScriptError as problem:
        error = problem
    assert error is not None
    assert error.error_type == "ScriptError"


async def test_nothing_is_left_for_the_next_script(sandbox: ScriptSandbox) -> None:
    single = ScriptSandbox(processes=1)
    try:
        await single.run("leak = 1\ndef helper(): return 2", {})
        for name in ("leak", "helper"):
            assert (await refused(single, name)).error_type == "NameError"
    finally:
        await single.close()


async def test_every_module_that_is_offered_is_there(sandbox: ScriptSandbox) -> None:
    imports = "\n".join(f"import {name}" for name in sorted(MODULES))
    assert await sandbox.run(f"{imports}\n1", {}) == 1


async def test_the_clock_is_utc_and_runs_on(sandbox: ScriptSandbox) -> None:
    text = await sandbox.run("import datetime\ndatetime.datetime.now(datetime.timezone.utc)", {})
    assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(minutes=5)
    draws = {await sandbox.run("import random\nrandom.random()", {}) for _ in range(5)}
    assert len(draws) == 5


async def test_scripts_run_at_the_same_time_and_more_wait_their_turn(sandbox: ScriptSandbox) -> None:
    values = await asyncio.gather(*(sandbox.run(f"sum(range({n}))", {}) for n in range(20)))
    assert values == [sum(range(n)) for n in range(20)]


async def test_a_cancelled_script_frees_its_process() -> None:
    single = ScriptSandbox(ScriptLimits(seconds=60), processes=1)
    try:
        started = asyncio.Event()
        loop = asyncio.get_running_loop()
        log = StepLog(100, lambda text: loop.call_soon_threadsafe(started.set))
        task = asyncio.create_task(single.run("while True: print('x' * 1000)", {}, log))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await single.run("1 + 1", {}) == 2
    finally:
        await single.close()


def workers(of: int | None = None) -> list[psutil.Process]:
    children = psutil.Process(of).children(recursive=True)
    return [child for child in children if "monty" in child.name()]


async def test_a_process_that_dies_fails_its_script_only() -> None:
    box = ScriptSandbox(ScriptLimits(seconds=60), processes=2)
    try:
        before = {process.pid for process in workers()}
        started = asyncio.Event()
        loop = asyncio.get_running_loop()
        log = StepLog(100, lambda text: loop.call_soon_threadsafe(started.set))
        doomed = asyncio.create_task(box.run("while True: print('x' * 1000)", {}, log))
        await started.wait()
        (victim,) = [process for process in workers() if process.pid not in before]
        other = asyncio.create_task(box.run("sum(range(1000000))", {}))
        victim.kill()
        with pytest.raises(ScriptError, match="the sandbox's process died") as caught:
            await doomed
        assert caught.value.error_type == "ScriptError"
        assert await other == 499999500000
        assert await box.run("2", {}) == 2
    finally:
        await box.close()


async def test_close_ends_the_processes_and_a_later_script_starts_anew() -> None:
    before = {process.pid for process in workers()}
    box = ScriptSandbox()
    await box.close()  # nothing to end yet
    await box.run("1", {})
    assert {process.pid for process in workers()} - before
    await box.close()
    assert not {process.pid for process in workers()} - before
    assert await box.run("2", {}) == 2
    await box.close()


CHILD = """
import asyncio, os, sys
from engine.runtime.scripts import ScriptSandbox
assert "pydantic_monty" not in sys.modules
async def main():
    box = ScriptSandbox()
    assert "pydantic_monty" not in sys.modules
    await box.run("1", {})
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_the_library_is_loaded_late_and_processes_die_with_their_owner() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        running = workers(child.pid)
        assert running
        child.kill()
        child.wait()
        gone, alive = psutil.wait_procs(running, timeout=30)
        assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE], gone


async def test_the_interpreter_is_held_a_moment_at_exit_once_scripts_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a thread of the library aborts the process now and then."""
    registered: list[Any] = []
    monkeypatch.setattr(atexit, "register", lambda *call: registered.append(call))
    scripts._leave_slowly.cache_clear()
    for _ in range(2):
        box = ScriptSandbox()
        await box.run("1", {})
        await box.close()
    scripts._leave_slowly.cache_clear()  # what was registered here is not in force
    ((function, seconds),) = registered
    assert function is time.sleep
    assert seconds > 0


@pytest.mark.parametrize("last", ["await box.close()", "pass"])
def test_a_program_that_ran_scripts_ends_in_order(last: str) -> None:
    code = CHILD.partition("    print(")[0] + f"    {last}\nasyncio.run(main())\n"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.stderr, ran.returncode) == ("", 0)


async def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    error = await refused(ScriptSandbox(), "1")
    assert error.error_type == "ScriptError"
    assert error.message.startswith("the script sandbox cannot start: ")


async def outcome(sandbox: ScriptSandbox, source: str, timeout: float | None = None, **config: int) -> Any:
    limits = PersistenceConfig(**config)
    return await run_script(sandbox, check_script(source), NAMES, clock=FakeClock(), config=limits, timeout=timeout)


async def test_an_attempt_records_value_log_and_error(sandbox: ScriptSandbox) -> None:
    good = await outcome(sandbox, "print('p')\nstate.items")
    assert (good.output, good.log, good.error_type) == (3, "p\n", "")
    bad = await outcome(sandbox, "print('p')\n1 / 0")
    assert (bad.error_type, bad.phase, bad.known, bad.log) == ("ZeroDivisionError", "run", True, "p\n")
    assert bad.error == "division by zero (line 2, column 1)"
    assert "1 / 0" in bad.traceback
    assert (await outcome(sandbox, "len")).phase == "output"
    large = await outcome(sandbox, "'x' * 2000", max_payload=1_000)
    assert (large.error_type, large.phase) == ("PayloadTooLarge", "output")
    late = await outcome(sandbox, "while True: pass", timeout=0.05)
    assert (late.error_type, late.error) == ("Timeout", "no result within 0.05 s")
