"""Watches: the value at an address wherever one is, and where it was set."""

from __future__ import annotations

from engine.replay.addressing.addresses import MISSING
from engine.replay.session.watches import Watch, WatchValue, value_at
from tests.replay.test_writes import HISTORY


def test_what_a_watch_shows() -> None:
    watch = Watch.parse("a.n")
    assert value_at(HISTORY, watch, 3) == WatchValue("a.n", MISSING, None, None)
    assert value_at(HISTORY, watch, 4) == WatchValue("a.n", 1, 4, None)
    assert value_at(HISTORY, watch, 7) == WatchValue("a.n", 1, 5, None)
    assert value_at(HISTORY, watch, 12) == WatchValue("a.n", 2, 10, 5)
    assert value_at(HISTORY, watch, 12, path="y") == WatchValue("a.n", 1, 5, None)
    assert value_at(HISTORY, Watch.parse("status"), 12) == WatchValue("status", "running", 2, None)


def test_json_of_a_watch() -> None:
    assert WatchValue("a", MISSING, None, None).to_dict() == {"address": "a", "last_set": None, "previous": None}
    assert WatchValue("a", None, 4, 2).to_dict() == {"address": "a", "value": None, "last_set": 4, "previous": 2}
    assert str(Watch.parse("state.a.n")) == "a.n"
