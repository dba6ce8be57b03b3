"""The benchmarks of the stores run, in sizes that say nothing."""

from __future__ import annotations

import pytest

from benchmarks import __main__ as area_list
from benchmarks import store_reading, store_writing, stores

SMALL = {
    store_writing: {"BULK": 200, "STEPS": 20, "WORKFLOWS": 6, "CONCURRENT": 3, "ROUNDS": 1},
    store_reading: {
        "EXECUTIONS": 120, "PAGE": 2, "TURN": 50, "EVENTS": 2_500, "APPEND": 300, "PIECE": 500, "REPLAYED": 1_000,
        "ROUNDS": 1,
    },
}  # fmt: skip


def test_everything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, sizes in SMALL.items():
        for name, size in sizes.items():
            monkeypatch.setattr(module, name, size)
    rows = stores.measure()
    names = [row.what for row in rows]
    assert len(names) == len(set(names)) > 30
    for word in ("append_events", "append_lines", "steps", "grouped", "first 2", "glob", "latest state", "memory"):
        assert any(word in name for name in names), word
    assert "stores" in area_list.AREAS
