"""Runs `faulty_child`, which does things to a store while calls of the system go wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


class Child:
    """Lets histories be appended in other processes, with a fault each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = (folder / "errors").open("w+")
        command = [sys.executable, "-m", "tests.stores.faulty_child"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )

    def run(
        self, fault: str, call: int = 0, *, does: str = "append", on: Path | None = None
    ) -> tuple[Path, dict[str, Any]]:
        """One run, on a new store or on a copy of one; returns the store and the answer."""
        base = self.folder / f"{does}-{fault}-{call}"
        if on is not None:
            shutil.rmtree(base, ignore_errors=True)
            shutil.copytree(on, base)
        assert self.process.stdin is not None and self.process.stdout is not None
        order = {"store": str(base), "fault": fault, "call": call, "does": does}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if answer["status"] > 0:
            self.errors.seek(0)
            pytest.fail(f"{fault} at call {call}: {self.errors.read()}")
        return base, answer

    def at_each_call(
        self, fault: str, *, does: str = "append", on: Path | None = None
    ) -> Iterator[tuple[Path, dict[str, Any]]]:
        """One run for every call that a run without fault makes."""
        _, undisturbed = self.run("none", does=does, on=on)
        assert undisturbed["acknowledged"] > 0
        assert undisturbed["failures"] == []
        for call in range(1, undisturbed["calls"] + 1):
            yield self.run(fault, call, does=does, on=on)

    def close(self) -> None:
        self.process.communicate()
        self.errors.close()
