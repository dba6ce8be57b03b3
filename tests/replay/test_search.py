"""Searching a history finds what looking at every event finds, and its hits can be used while they come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.replay.searching.event_terms import Sight
from engine.replay.searching.search import SPAN, EventQuery, Hits, parse_event_query, search
from tests.replay.golden_runs import RUNS, recorded

MANY = 2 * SPAN + 500


def made(count: int, first: int = 1) -> Iterator[ExecutionEvent]:
    """Events of two paths; every 7th failed, every 1,000th holds a needle, some hold what JSON must escape."""
    for at in range(first, first + count):
        kind = "execution_started" if at == 1 else "step_failed" if at % 7 == 0 else "step_completed"
        data: dict[str, Any] = {"visit": at, "attempt": at % 3, "output": {"total": at * 1.5, "note": 'Fine "Ünder"'}}
        if at % 1_000 == 0:
            data["error"] = "a NEEDLE\nin hay"
        seconds, part = divmod(at, 100)
        yield ExecutionEvent(
            f"event_{at:026}", "exec_a", "" if at == 1 else ("pay", "main")[at % 2], at,
            f"2026-03-01T09:{seconds // 60:02}:{seconds % 60:02}.{part:02}0000Z", kind,
            "" if at == 1 else ("Charge \"Card\"", "Pack", "Thank")[at % 3], data,
        )  # fmt: skip


@pytest.fixture(scope="module")
def history() -> History:
    return History("exec_a", made(MANY))


QUERIES = [
    "",
    "needle",
    "NEEDLE hay",
    "-needle",
    "ünder",
    "nothing-of-the-kind",
    "type:failed",
    "type:failed needle",
    "-type:failed",
    "path:pay step:Pack",
    "path:nowhere",
    '"\\"card"',
    "thank",
    "fail",
    "attempt:2 -thank",
    "seq:4000-4200",
    "-seq:100-",
    "-seq:5-8000 needle",
    "after:20s before:21s",
    "-after:1s",
    "data.output.total:>12000",
    "/NEEDLE.nin/",
    r"/NEEDLE\\nin/ type:completed",
    "seq:5000-6000 needle path:pay",
    "type:execution_started",
]


def brute(history: History, query: EventQuery) -> list[int]:
    return [
        event.sequence for event in history.events() if query.matches(event, history.columns.seconds(event.sequence))
    ]


@pytest.mark.parametrize("text", QUERIES)
def test_search_finds_what_looking_at_every_event_finds(history: History, text: str) -> None:
    query = parse_event_query(text)
    everything = brute(history, query)
    assert list(search(history, query)) == everything
    for first, last in ((1, MANY), (SPAN, SPAN + 1), (3_990, 8_010), (MANY, MANY), (9, 8)):
        expected = [at for at in everything if first <= at <= last]
        assert list(search(history, query, first=first, last=last)) == expected
        assert list(search(history, query, first=first, last=last, backwards=True)) == expected[::-1]


@pytest.mark.parametrize("name", RUNS)
async def test_search_in_recorded_histories(name: str) -> None:
    store, execution_id = await recorded(RUNS[name])
    history = History(execution_id, await store.get_event_history(execution_id))
    for text in ("main", "type:started", "measure", "step:M* -started", "after:1s", "attempt:1", '/"attempt":2/'):
        query = parse_event_query(text)
        assert list(search(history, query)) == brute(history, query)


class Untouchable(History):
    """A history whose events nobody may look at."""

    touched = 0

    def event(self, sequence: int) -> ExecutionEvent:
        self.touched += 1
        return super().event(sequence)

    def events(self, first: int = 1, last: int | None = None) -> Iterator[ExecutionEvent]:
        for event in super().events(first, last):
            self.touched += 1
            yield event


def test_events_are_read_only_when_columns_do_not_decide() -> None:
    history = Untouchable("exec_a", made(MANY))
    for text in ("type:failed", "path:pay step:Pack", "seq:5-", "after:3s -before:4s", ""):
        list(search(history, parse_event_query(text)))
    assert history.touched == 0
    list(search(history, parse_event_query("needle seq:4000-4009")))
    assert history.touched == 10
    history.touched = 0
    list(search(history, parse_event_query("needle -seq:2-4000 seq:1-4096")))
    assert history.touched == 97
    history.touched = 0
    list(search(history, parse_event_query("needle type:execution_started")))
    assert history.touched == 1


@pytest.mark.parametrize("backwards", [False, True])
def test_progress_counts_all_events(history: History, backwards: bool) -> None:
    told: list[tuple[int, int]] = []
    query = parse_event_query("needle")
    list(search(history, query, first=11, backwards=backwards, progress=lambda *done: told.append(done)))
    assert told[-1] == (MANY - 10, MANY - 10)
    assert [done for done, _ in told] == sorted({done for done, _ in told}) and len(told) == 3


def test_cancelling_ends_a_search_between_two_events(history: History) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > SPAN + 10

    found = list(search(history, parse_event_query("-needle"), cancelled=cancelled))
    assert found and found[-1] <= SPAN
    assert asked == SPAN + 11
    assert list(search(history, parse_event_query("type:failed"), cancelled=lambda: True)) == []


def check(hits: Hits, expected: list[int]) -> None:
    assert list(hits) == expected and len(hits) == len(expected)
    assert [hits[place] for place in range(len(expected))] == expected
    if expected:
        assert hits[-1] == expected[-1]
    for place in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            hits[place]
    for at in (0, 1, 999, 1_000, 1_001, 4_500, 5_000, MANY, MANY + 5):
        assert hits.after(at) == next((hit for hit in expected if hit > at), None)
        assert hits.before(at) == next((hit for hit in reversed(expected) if hit < at), None)
        assert hits.place(at) == sum(hit <= at for hit in expected)
        assert (at in hits) == (at in expected)


@pytest.mark.parametrize("start", [1, 4_500, 5_000, MANY, MANY + 9])
def test_hits(history: History, start: int) -> None:
    hits = Hits(parse_event_query("needle"), start)
    assert not hits.complete and hits.searched == 0
    check(hits, [])
    assert hits.fill(history)
    assert hits.complete and hits.searched == MANY
    check(hits, list(range(1_000, MANY, 1_000)))


def test_hits_come_from_where_one_looks(history: History) -> None:
    hits = Hits(parse_event_query("needle"), 6_000)
    known: list[list[int]] = []
    hits.fill(history, progress=lambda done, total: known.append(list(hits)))
    assert known[0] == [6_000, 7_000, 8_000]
    assert known[-1] == list(range(1_000, MANY, 1_000))


def test_filling_goes_on_where_it_was_cancelled(history: History) -> None:
    hits = Hits(parse_event_query("needle"), 5_000)
    rounds = 0
    while not hits.complete:
        before = hits.searched
        hits.fill(history, cancelled=lambda before=before: hits.searched > before)
        assert hits.searched > before and hits.searched <= MANY
        rounds += 1
    assert rounds == 3
    check(hits, list(range(1_000, MANY, 1_000)))


def test_filling_goes_on_with_what_a_history_grew_by() -> None:
    history = History("exec_a", made(1_500))
    hits = Hits(parse_event_query("needle"), 1_400)
    assert hits.fill(history) and list(hits) == [1_000]
    history.extend(made(600, first=1_501))
    assert hits.fill(history) and list(hits) == [1_000, 2_000] and hits.searched == 2_100
    empty = Hits(parse_event_query("needle"))
    assert empty.fill(History("exec_a")) and list(empty) == []


def test_a_word_that_is_nowhere_is_not_sought_event_by_event(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    class Watched(Sight):
        def __init__(self, event: ExecutionEvent) -> None:
            looked.append(event.sequence)
            super().__init__(event)

    monkeypatch.setattr("engine.replay.searching.search.Sight", Watched)
    assert list(search(history, parse_event_query("zebra"))) == [] and looked == []
    assert list(search(history, parse_event_query("needle seq:1-1000"))) == [1_000]
    assert 1 <= len(looked) < 100 and looked[-1] <= 1_000
