"""A project in a folder of its own, and the command line called as if from there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dive_tui.app.text import set_ascii
from tests.cli.shop import Caller, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A project in a folder of its own."""
    return Shop(tmp_path)


@pytest.fixture
def call(shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    """Like `shop.process`, but quick. Not for `run --json`, which takes the process's stdout for good."""
    monkeypatch.chdir(shop.folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("TZ", "UTC")
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "DIVE_STORE"):
        monkeypatch.delenv(name, raising=False)
    before = set(sys.modules)
    yield Caller(capsys)
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(shop.folder) in str(sys.modules[name].__file__):
            del sys.modules[name]
    set_ascii(False)
