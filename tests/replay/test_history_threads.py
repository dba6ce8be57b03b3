"""A history that others look at while it grows: every answer is about the event that was asked for."""

from __future__ import annotations

import sys
from itertools import islice

import pytest

from benchmarks.histories import forked_history
from engine.model.state import ExecutionState
from engine.replay import history as history_module
from engine.replay.diffing.states import comparable_view
from engine.replay.history import History
from engine.replay.spans import Span
from engine.replay.view import full_view

EVENTS = list(forked_history(150, 3))
NAME = EVENTS[0].execution_id


def test_the_state_asked_for_is_given_while_keyframes_are_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "KEYFRAME_EVERY", 2)
    monkeypatch.setattr(history_module, "MAX_KEYFRAMES", 4)
    monkeypatch.setattr(history_module, "RECENT_STATES", 0)
    history = History(NAME)
    looking = [False]

    def look(frame: object, kind: str, argument: object) -> object:
        if kind == "line" and not looking[0]:
            looking[0] = True
            for sequence in {0, history.folded // 2, max(0, history.folded - 1), history.folded}:
                assert history.state_at(sequence).sequence == sequence
            looking[0] = False
        return look

    def trace(frame: object, kind: str, argument: object) -> object:
        return look if getattr(getattr(frame, "f_code", None), "co_name", "") == "_fold" else None

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]  # any callable of three arguments will do
    try:
        history.extend(EVENTS[:60])
    finally:
        sys.settrace(before)
    assert history.folded == 60


def test_a_state_asked_for_at_the_end_is_not_a_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(NAME, EVENTS[:20])
    plain = History.latest.fget  # type: ignore[attr-defined]  # it is a property

    def grows_when_looked_at(self: History) -> ExecutionState:
        state: ExecutionState = plain(self)
        self.extend(EVENTS[len(self) : len(self) + 1])
        return state

    monkeypatch.setattr(History, "latest", property(grows_when_looked_at))
    for sequence in (20, 21, 22, 23):
        assert history.state_at(sequence).sequence == sequence


def test_whole_views_can_be_made_while_paths_come(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(NAME, EVENTS[:3])
    coming = iter(EVENTS[3:400])
    plain = Span.started_seq.fget  # type: ignore[attr-defined]  # it is a property

    def grows_when_looked_at(self: Span) -> int:
        history.extend(islice(coming, 1))
        started: int = plain(self)
        return started

    monkeypatch.setattr(Span, "started_seq", property(grows_when_looked_at))
    while len(history) < 180:
        at = history.folded
        assert full_view(history, at)["sequence"] == at
        at = history.folded
        assert comparable_view(history, at)["paths"].keys() >= history.state_at(at).paths.keys()
        assert all(unit.started_seq for unit in history.index.units())
