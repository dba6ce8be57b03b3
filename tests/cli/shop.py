"""A project to run workflows in, and the command line as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dive_tui.cli.main import execute

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "dive_tui"]

ACTIONS = '''
import asyncio, os, subprocess, sys, time
from dive_tui import action

class CardDeclined(Exception):
    """The bank says no."""

@action
def validate_order(amount):
    print("checking", amount)
    return {"ok": True}

@action
async def pack(item):
    print("packing", item)
    if item == "broken":
        raise ValueError("cannot be packed")
    return item.upper()

@action
def charge(amount):
    if amount > 100:
        raise CardDeclined("insufficient funds")
    return {"charged": amount}

@action
async def wait_for_ever():
    print("waiting", flush=True)
    await asyncio.sleep(3600)

@action
def block(seconds=3600):
    print("blocking", flush=True)
    time.sleep(seconds)

@action
async def block_the_loop():
    print("blocking the loop", flush=True)
    time.sleep(3600)

@action
def shout():
    print("printed")
    os.write(1, b"written to fd 1\\n")
    subprocess.run(["echo", "from a child"], check=True)
    sys.stdout.write("unfinished")
    return 1

@action
def leave():
    sys.exit(3)

@action
def say(text):
    print(text)
    return text
'''

ORDER = """\
name: order
inputs:
  - {name: amount, type: number, description: what to charge}
  - {name: items, type: array, default: [lamp, bulb]}
steps:
  - {name: Validate, action: validate_order, parameters: {amount: "${inputs.amount}"}, store: valid}
  - name: Pack
    each: {items: "${inputs.items}", as: item}
    action: pack
    parameters: {item: "${item}"}
    store: packed
    next:
      - {step: Charge Card, path: pay}
      - {step: Notify, path: notify}
  - {name: Charge Card, action: charge, parameters: {amount: "${inputs.amount}"}, end: true}
  - {name: Notify, action: say, parameters: {text: hello}, end: true}
outputs:
  - {name: packed, value: "${state.packed}"}
"""


def one_step(action: str, parameters: str = "{}", name: str = "single") -> str:
    """A workflow file of one step."""
    return f"name: {name}\nsteps:\n  - {{name: Only, action: {action}, parameters: {parameters}}}\n"


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout, which must be one piece of JSON."""
        return json.loads(self.out)


class Shop:
    """A project folder with actions and workflows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / ".dive"
        self.write("pyproject.toml", '[tool.dive]\nactions = ["shop_actions"]\n')
        self.write("shop_actions.py", ACTIONS)
        self.write("order.yaml", ORDER)

    def write(self, name: str, text: str) -> str:
        """Write a file of the project; its name."""
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return name

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in the project's folder."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def process(self, *arguments: str, env: dict[str, str] | None = None) -> Ended:
        """Run a command in the project's folder to its end."""
        child = self.start(*arguments, env=env)
        out, err = child.communicate(timeout=60)
        return Ended(child.returncode, out, err)

    def interrupted(self, *arguments: str, after: str, signals: Sequence[signal.Signals]) -> Ended:
        """The same, with signals sent: the first after it has said something on stderr, each next after an answer."""
        child = self.start(*arguments)
        assert child.stderr is not None
        try:
            said = [child.stderr.readline()]
            assert said[0].strip() == after
            for number in signals:
                child.send_signal(number)
                said.append(child.stderr.readline())
            out, err = child.communicate(timeout=60)
        except BaseException:
            child.kill()
            child.communicate()
            raise
        return Ended(child.returncode, out, "".join(said) + err)


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """What commands in processes of their own get: our code, and nothing that would make their output differ."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR", "DIVE_STORE"} and not name.startswith("LC_")
    }
    return {**kept, "PYTHONPATH": str(ROOT), "TZ": "UTC", "LANG": "C.UTF-8", **(extra or {})}


class Caller:
    """Calls the command line in this process, as if from the project's folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ended:
        self._capsys.readouterr()
        code = execute(list(arguments))
        return Ended(code, *self._capsys.readouterr())
