"""Scripts that mean harm. Each is held, and the sandbox serves on; what is refused when a workflow is loaded is also
tried on the sandbox itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from engine.core.script_check import Script, ScriptSyntaxError, check_script
from engine.runtime.capture import StepLog
from engine.runtime.scripts import ScriptError, ScriptLimits, ScriptSandbox

LIMITS = ScriptLimits(seconds=0.3, memory=32 * 2**20, recursion=150, output=10_000)


@pytest.fixture
async def sandbox() -> AsyncIterator[ScriptSandbox]:
    box = ScriptSandbox(LIMITS, processes=1)
    yield box
    await box.close()


async def held(sandbox: ScriptSandbox, source: str | Script, log: StepLog | None = None) -> ScriptError:
    with pytest.raises(ScriptError) as caught:
        await sandbox.run(source, {"state": {"a": [1]}}, log)
    assert await sandbox.run("state.a", {"state": {"a": [2]}}) == [2]
    return caught.value


def unchecked(source: str) -> Script:
    return Script(source, frozenset({"state"}), source, {})


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "try:\n    while True: pass\nexcept BaseException:\n    pass\n7",
        "try:\n    while True: pass\nexcept:\n    pass\nfinally:\n    while True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "class A:\n    def __exit__(self, *a): return True\n    def __enter__(self): return 1\n"
        "with A():\n    while True: pass",
        "sum(range(10 ** 12))",
        "sorted([3, 1], key=lambda n: [None for _ in range(10 ** 12) if False])",
        "import itertools\nfor _ in itertools.count(): pass",
        "while True: print('x' * 10000)",
        "x = [1]\nfor i in range(60): x = [x, x]\nstate.a if x == list(x) and str(x) else 0",
    ],
)
async def test_endless_work_ends_at_the_time_limit_and_cannot_catch_it(sandbox: ScriptSandbox, source: str) -> None:
    log = StepLog(1_000)
    error = await held(sandbox, source, log)
    assert error.error_type in {"Timeout", "MemoryLimit"}
    assert len(log.text()) <= 1_000
    if error.error_type == "Timeout":
        assert error.message == "the script ran longer than 0.3 s"


@pytest.mark.parametrize(
    "source",
    [
        "10 ** 10 ** 8",
        "9 ** 9 ** 9 ** 9",
        "1 << 10 ** 11",
        "'a' * 10 ** 10",
        "[0] * 10 ** 10",
        "x = 'ab'\nwhile True: x += x",
        "x = [0]\nwhile True: x += x",
        "x = {}\nn = 0\nwhile True:\n    n += 1\n    x[n] = 'y' * 1000",
        "list(range(10 ** 8))",
        "'x'.center(10 ** 9)",
        "f'{1:1000000000}'",
        "'a'.replace('a', 'b' * 10 ** 6) * 100",
        "','.join(['x' * 1000] * 10 ** 6)",
        "(['x' * 99] * 99 for n in range(10 ** 9))",
        "try:\n    'a' * 10 ** 10\nexcept BaseException:\n    'a' * 10 ** 10",
    ],
)
async def test_memory_bombs_end_at_the_memory_limit(sandbox: ScriptSandbox, source: str) -> None:
    before = psutil.Process().memory_info().rss
    assert (await held(sandbox, source)).error_type in {"MemoryLimit", "Timeout"}
    assert psutil.Process().memory_info().rss - before < 64 * 2**20


@pytest.mark.parametrize(
    "source",
    [
        "'x' * 100_001",
        "['x' * 10_000] * 1_000",
        "{'k' * 1_000 + str(n): n for n in range(1_000)}",
        "[0] * 200_000",
        "x = [1]\nfor i in range(60): x = [x, x]\nx",
        "x = 'x' * 1_000\nfor i in range(50): x = [x, x]\nx",
    ],
)
async def test_a_huge_value_does_not_reach_the_engine(sandbox: ScriptSandbox, source: str) -> None:
    assert (await held(sandbox, source)).error_type == "PayloadTooLarge"


async def test_endless_recursion(sandbox: ScriptSandbox) -> None:
    for source in (
        "def f(): return f()\nf()",
        "f = lambda n: f(n + 1)\nf(0)",
        "class A:\n    def m(self): return self.m()\nA().m()",
        "x = []\nfor i in range(10000): x = [x]\nx == [x]\nstr(x)\nhash(str(x))\nx",
    ):
        assert (await held(sandbox, source)).error_type in {"RecursionError", "NotJson"}


OUTSIDE = [
    "open('/etc/passwd').read()",
    "open('out.txt', 'w')",
    "import os\nos.environ['HOME']",
    "import os\nos.getenv('HOME') + ''",
    "import os\nos.listdir('/')",
    "import os\nos.system('id')",
    "import os\nwhile True: os.fork()",
    "import os\nos.remove('/etc/passwd')",
    "import sys\nsys.modules",
    "import sys\nsys.exit(3)",
    "import subprocess",
    "import socket",
    "import ctypes",
    "import importlib",
    "import threading",
    "import multiprocessing",
    "import builtins",
    "import gc",
    "import inspect",
    "import pickle",
    "import urllib.request",
    "import http.client",
    "__import__('os')",
    "__builtins__",
    "eval(\"__import__('os')\")",
    "exec('import subprocess')",
    "compile('1', 'x', 'eval')",
    "globals()",
    "vars()",
    "breakpoint()",
    "input()",
    "exit()",
]


@pytest.mark.parametrize("source", OUTSIDE)
async def test_nothing_outside_is_within_reach(
    sandbox: ScriptSandbox, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await held(sandbox, unchecked(source))
    await held(sandbox, source)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["import os", "import sys", "open('x')", "eval('1')", "exec('x = 1')", "f = exec"])
def test_the_plainest_of_them_are_refused_when_a_workflow_is_loaded(source: str) -> None:
    with pytest.raises(ScriptSyntaxError):
        check_script(source)


FILES = [
    "pathlib.Path('/etc/passwd').read_text()",
    "pathlib.Path('out.txt').write_text('x')",
    "list(pathlib.Path('/').iterdir())",
    "pathlib.Path('/etc/passwd').exists() or 1 / 0",
    "pathlib.Path('x').mkdir()",
    "pathlib.Path.home().x",
    "tomllib.load(open)",
    "random.SystemRandom().x",
    "json.__loader__",
    "json.codecs",
    "functools.sys",
    "dataclasses.sys.modules",
]


@pytest.mark.parametrize("source", FILES)
async def test_modules_lead_nowhere(
    sandbox: ScriptSandbox, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    imports = "import pathlib, tomllib, random, json, functools, dataclasses\n"
    await held(sandbox, unchecked(imports + source))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "source",
    [
        "().__class__.__bases__[0].__subclasses__()",
        "[].__class__",
        "''.__class__.__mro__",
        "(lambda: 0).__globals__",
        "(lambda: 0).__code__",
        "print.__self__",
        "getattr(print, '__self__')",
        "getattr((), '__class__')",
        "'{0.__class__.__init__.__globals__}'.format(1)",
        "type(1).__subclasses__()",
        "object()",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    t = e.__traceback__.tb_frame\nt",
        "state.__class__",
        "state.a.__init__",
        "type(type(1))('X', (), {})().x",
    ],
)
async def test_there_is_no_ladder_out_of_objects(sandbox: ScriptSandbox, source: str) -> None:
    await held(sandbox, source)


async def test_a_script_cannot_put_its_own_in_the_place_of_the_engines_functions(sandbox: ScriptSandbox) -> None:
    for name in ("__dive_key__", "__dive_value__", "__dive_plain__"):
        assert (await held(sandbox, f"def {name}(*a): return 7\nstate.a")).error_type == "ScriptSyntaxError"
        assert (await held(sandbox, f"exec('{name} = None')")).error_type == "ScriptSyntaxError"
    shadow = "isinstance = len = str = type = list = dict = getattr = repr = KeyError = lambda *a: True\n"
    assert await sandbox.run(shadow + "[state.a, {'k': 1}]", {"state": {"a": [1]}}) == [[1], {"k": 1}]
    assert (await held(sandbox, shadow + "lambda: 1")).error_type == "NotJson"
    assert (await held(sandbox, shadow + "'x' * 200_000")).error_type == "PayloadTooLarge"


async def test_a_script_leaves_nothing_behind_and_starts_no_process(sandbox: ScriptSandbox) -> None:
    await sandbox.run("leak = 'secret'\nimport json\nprint(leak)", {})
    processes = len(psutil.Process().children(recursive=True))
    assert (await held(sandbox, "leak")).error_type == "NameError"
    await held(sandbox, unchecked("eval('leak')"))
    assert (await held(sandbox, "json.dumps(1)")).error_type == "NameError"
    assert len(psutil.Process().children(recursive=True)) == processes
