"""Conformance: appending events and reading them."""

from __future__ import annotations

import asyncio

from engine.model.events import ExecutionEvent
from engine.model.ids import InvalidIdError
from engine.store import ConflictError, ExecutionEventStore
from engine.testing.conformance_base import Check, expect, expect_error, expect_history
from engine.testing.conformance_events import HistoryMaker, SignalMaker


async def events_come_back_as_they_were(store: ExecutionEventStore) -> None:
    """Every field survives, optional ones and unknown kinds included."""
    maker = HistoryMaker()
    events = maker.begin({"root": "src", "limit": None}) + maker.work({"π": [1, 2.5, True, {"deep": [[]]}], "": ""})
    origin = {"execution_id": "exec_before", "sequence": 3, "timestamp": events[2].timestamp}
    events[2] = events[2]._replace(origin=origin)
    unknown = events[3]._replace(
        id="event_x", sequence=5, event_type="from_the_future", schema_version=7, extra={"new": 1}
    )
    await store.append_events(events)
    await store.append_events([unknown])
    await expect_history(store, maker.execution_id, [*events, unknown])


async def hostile_text_survives(store: ExecutionEventStore) -> None:
    """Control characters, line ends and a megabyte of text are data like any other."""
    maker = HistoryMaker()
    text = "\x00\x1b]52;c;eA==\x07\r\n\u2028\u202e\ufffe{}\"'\\" + "ü" * 500_000
    events = maker.begin() + maker.work({"text": text, text[:40]: 1})
    await store.append_events(events)
    await expect_history(store, maker.execution_id, events)


async def large_batches_are_whole(store: ExecutionEventStore) -> None:
    """A thousand events can be appended at once."""
    maker = HistoryMaker()
    events = maker.begin()
    for number in range(500):
        events += maker.work(number)
    await store.append_events(events)
    await expect_history(store, maker.execution_id, events)


async def windows_are_exact(store: ExecutionEventStore) -> None:
    """`from_seq` and `limit` cut where they say, across batches and inside them."""
    maker = HistoryMaker()
    batches = [maker.begin(), maker.work(), maker.work() + maker.work(), maker.finish()]
    for batch in batches:
        await store.append_events(batch)
    events = [event for batch in batches for event in batch]
    for from_seq in range(1, len(events) + 3):
        for limit in (None, 0, 1, 2, 3, 5, 100):
            found = await store.get_events(maker.execution_id, from_seq, limit)
            wanted = events[from_seq - 1 :][:limit]
            expect(found == wanted, f"get_events(from_seq={from_seq}, limit={limit}) gives other events")


async def unknown_executions_are_empty(store: ExecutionEventStore) -> None:
    """Asking for what is not there is no error."""
    expect(await store.get_events("exec_none") == [], "an unknown execution has no events")
    expect(await store.get_event_history("exec_none") == [], "an unknown execution has no history")
    expect(await store.get_snapshot("exec_none") is None, "an unknown execution has no snapshot")
    expect(await store.get_summary("exec_none") is None, "an unknown execution has no summary")
    expect(await store.list_executions() == [], "an empty store lists nothing")
    expect(await store.delete_execution("exec_none") is False, "an unknown execution cannot be deleted")


async def bad_ids_are_refused(store: ExecutionEventStore) -> None:
    """No id gets as far as a path or a query before it is checked."""
    for bad in ("", "../x", "a/b", ".hidden", "-x", "a..b", "a\x00", "ex ec", "x" * 129, "é"):
        for name in ("get_events", "get_event_history", "get_snapshot", "get_summary", "delete_execution"):
            await expect_error(InvalidIdError, getattr(store, name)(bad), f"{name}({bad!r})")
        await expect_error(InvalidIdError, store.get_signals(bad), f"get_signals({bad!r})")
        await expect_error(InvalidIdError, store.send_signal(bad, SignalMaker().signal()), f"send_signal({bad!r})")
        await expect_error(InvalidIdError, store.acquire_owner(bad, "runner_1"), f"acquire_owner({bad!r})")
        await expect_error(InvalidIdError, store.acquire_owner("exec_one", bad), f"acquire_owner of runner {bad!r}")
        await expect_error(ValueError, store.append_events(HistoryMaker(bad).begin()), f"append_events of {bad!r}")


async def sequences_must_continue(store: ExecutionEventStore) -> None:
    """A batch that does not continue the history changes nothing."""
    maker, rival = HistoryMaker(), HistoryMaker(mark="b")
    first, second, third = maker.begin(), maker.work(), maker.work()
    other_first, other_second = rival.begin(), rival.work()
    await expect_error(ConflictError, store.append_events(second), "an append that does not begin with event 1")
    await store.append_events(first)
    await expect_error(ConflictError, store.append_events(third), "an append that leaves a gap")
    await expect_error(ConflictError, store.append_events(other_first), "an append of other events in the same place")
    await store.append_events(second)
    await expect_error(ConflictError, store.append_events(other_second), "an append of other events in the same place")
    await expect_error(ConflictError, store.append_events(other_first[1:] + other_second), "an overlapping append")
    await expect_history(store, maker.execution_id, first + second)
    await store.append_events(third)
    await expect_history(store, maker.execution_id, first + second + third)


async def repetition_is_a_success(store: ExecutionEventStore) -> None:
    """What already is the end of the history may be appended again; what is further back may not."""
    maker = HistoryMaker()
    first, second = maker.begin(), maker.work()
    await store.append_events(first)
    await store.append_events(first)
    await store.append_events(second)
    for batch in (second, second[1:], first + second, first[1:] + second):
        await store.append_events(batch)
    await expect_error(ConflictError, store.append_events(first), "repeating what is not the end of the history")
    await expect_history(store, maker.execution_id, first + second)


async def batches_are_checked_first(store: ExecutionEventStore) -> None:
    """A bad batch is refused whole; an empty one does nothing."""
    await store.append_events([])
    one, two = HistoryMaker("exec_one"), HistoryMaker("exec_two")
    begin, other = one.begin(), two.begin()
    await expect_error(ValueError, store.append_events([begin[0], other[1]]), "a batch of two executions")
    await expect_error(ValueError, store.append_events([begin[0], one.work()[0]]), "a batch with a gap")
    for bad in (
        begin[1]._replace(data={"current_step": 5}),
        begin[1]._replace(timestamp="yesterday"),
        begin[1]._replace(id="42"),
        begin[1]._replace(data={"current_step": "Work", "variables": {"x": object()}}),
    ):
        await expect_error(ValueError, store.append_events([begin[0], bad]), f"an event that is no event, {bad}")
    expect(await store.list_executions() == [], "a refused batch should leave nothing behind")


async def turns_are_appended_together(store: ExecutionEventStore) -> None:
    """Of the batches of a turn each is whole or not at all, and each gets its own answer."""
    one, two, three = (HistoryMaker(f"exec_{number}") for number in ("one", "two", "three"))
    rival = HistoryMaker("exec_two", mark="b")
    first, second, third = one.begin(), two.begin(), three.begin()
    expect(await store.append_batches([]) == [], "a turn without batches has no results")
    expect(await store.append_batches([first, [], second]) == [None, None, None], "these batches should be appended")
    more, next_one = one.work(), two.work()
    results = await store.append_batches([more, rival.begin(), third])
    failed = [type(result).__name__ for result in results if result is not None]
    expect(failed == ["ConflictError"] and results[1] is not None, "only the batch that does not fit should fail")
    expect(await store.append_batches([more, next_one]) == [None, None], "a repeated batch should count as appended")
    await expect_history(store, "exec_one", first + more)
    await expect_history(store, "exec_two", second + next_one)
    await expect_history(store, "exec_three", third)


async def bad_turns_are_refused_whole(store: ExecutionEventStore) -> None:
    """When one batch of a turn cannot be, no other is written."""
    good, other = HistoryMaker("exec_good"), HistoryMaker("exec_other")
    begin, work, others = good.begin(), good.work(), other.begin()
    unfit = others[1]._replace(data={"current_step": "Work", "variables": {"x": object()}})
    for what, turn in (
        ("a turn with a batch that has a gap", [begin, [others[0], *other.work()]]),
        ("a turn with a batch of two executions", [begin, [others[0], work[0]]]),
        ("a turn with two batches of an execution", [begin, others, work]),
        ("a turn with an event that is no JSON", [begin, [others[0], unfit]]),
    ):
        await expect_error(ValueError, store.append_batches(turn), what)
    expect(await store.list_executions() == [], "a refused turn should leave nothing behind")


async def nothing_is_shared_with_callers(store: ExecutionEventStore) -> None:
    """Changing what was given or what came back changes no history."""
    maker = HistoryMaker()
    output: dict[str, object] = {"items": [1]}
    events = maker.begin() + maker.work(output)
    wanted = HistoryMaker()
    as_given = wanted.begin() + wanted.work({"items": [1]})
    await store.append_events(events)
    output["items"] = "changed"
    for event in await store.get_event_history(maker.execution_id):
        if isinstance(event.data, dict):
            event.data["visit"] = 99
            event.data.get("output", {}) and event.data["output"].clear()
    await expect_history(store, maker.execution_id, as_given)


async def one_of_many_wins(store: ExecutionEventStore) -> None:
    """Of appends for the same place made at once, one succeeds and the others are told."""
    rivals = [HistoryMaker(mark=mark) for mark in "abcdef"]
    batches: list[list[ExecutionEvent]] = [rival.begin() for rival in rivals]
    results = await asyncio.gather(*map(store.append_events, batches), return_exceptions=True)
    winners = [batch for batch, result in zip(batches, results, strict=True) if result is None]
    losers = [result for result in results if result is not None]
    expect(len(winners) == 1, f"one append should win, not {len(winners)}")
    expect(all(isinstance(error, ConflictError) for error in losers), "the others should get ConflictError")
    await expect_history(store, "exec_one", winners[0])


CHECKS: tuple[Check, ...] = (
    events_come_back_as_they_were,
    hostile_text_survives,
    large_batches_are_whole,
    windows_are_exact,
    unknown_executions_are_empty,
    bad_ids_are_refused,
    sequences_must_continue,
    repetition_is_a_success,
    batches_are_checked_first,
    turns_are_appended_together,
    bad_turns_are_refused_whole,
    nothing_is_shared_with_callers,
    one_of_many_wins,
)
