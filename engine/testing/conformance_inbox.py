"""Conformance: messages to executions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from engine.model.signals import ExecutionSignal, InvalidSignalError
from engine.store import ExecutionEventStore, UnknownExecutionError
from engine.testing.conformance_base import (
    Check,
    SharedCheck,
    close_watch,
    expect,
    expect_error,
    expect_history,
    expect_news,
)
from engine.testing.conformance_events import START, HistoryMaker, SignalMaker


async def expect_inbox(store: ExecutionEventStore, execution_id: str, sent: Sequence[ExecutionSignal]) -> None:
    """The stored messages must be these very ones, numbered from 1."""
    wanted = [signal._replace(ordinal=ordinal) for ordinal, signal in enumerate(sent, start=1)]
    found = await store.get_signals(execution_id)
    expect([signal.id for signal in found] == [signal.id for signal in wanted], f"{execution_id} has other messages")
    expect([signal.ordinal for signal in found] == [signal.ordinal for signal in wanted], "ordinals count from 1")
    expect(found == wanted, f"the messages to {execution_id} came back changed")


async def messages_come_back_as_they_were(store: ExecutionEventStore) -> None:
    """Every kind and any JSON survives, in the order it was sent; reading takes nothing away."""
    events = HistoryMaker().begin()
    await store.append_events(events)
    maker = SignalMaker()
    text = "\x00\x1b]52;c;eA==\x07\r\n\u2028\u202e\ufffe{}\"'\\" + "ü" * 100_000
    values: tuple[Any, ...] = (None, 0, -2.5, "", [1, [True, {}]], {"π": {"": text}}, text)
    sent = [maker.signal(value, topic=f"topic {number} ü\n") for number, value in enumerate(values)]
    sent += [maker.ask(kind) for kind in ("pause", "resume", "wake", "cancel")]
    for number, signal in enumerate(sent, start=1):
        expect(await store.send_signal("exec_one", signal) == number, f"this message should get ordinal {number}")
    for _ in range(2):
        await expect_inbox(store, "exec_one", sent)
    await expect_history(store, "exec_one", events)


async def messages_are_read_from_where_one_is(store: ExecutionEventStore) -> None:
    """`after` leaves out what is known; where nothing is there is nothing to read."""
    for name in ("exec_one", "exec_two"):
        await store.append_events(HistoryMaker(name).begin())
    expect(await store.get_signals("exec_one") == [], "an execution begins without messages")
    expect(await store.get_signals("exec_none") == [], "an unknown execution has no messages")
    maker = SignalMaker()
    for number in range(1, 6):
        await store.send_signal("exec_one", maker.signal(number))
        for after in range(number + 3):
            found = [signal.ordinal for signal in await store.get_signals("exec_one", after)]
            wanted = list(range(after + 1, number + 1))
            expect(found == wanted, f"get_signals(after={after}) should give {wanted}, not {found}")
    expect(await store.get_signals("exec_two") == [], "the messages of one execution are not those of another")
    expect(await store.send_signal("exec_two", maker.signal()) == 1, "each execution counts its own messages")


async def messages_sent_again_are_the_same(store: ExecutionEventStore) -> None:
    """The id decides, also when others were sent in between."""
    await store.append_events(HistoryMaker().begin())
    maker = SignalMaker()
    sent = [maker.signal(number) for number in range(3)]
    for ordinal, signal in enumerate(sent, start=1):
        for again in (signal, signal._replace(data="other", ordinal=9), sent[0]):
            wanted = 1 if again is sent[0] else ordinal
            expect(await store.send_signal("exec_one", again) == wanted, f"its ordinal should be {wanted} each time")
    await expect_inbox(store, "exec_one", sent)


async def messages_are_checked_first(store: ExecutionEventStore) -> None:
    """Nothing gets into an inbox that is no message, or that has nobody to receive it."""
    good = SignalMaker().signal()
    await store.acquire_owner("exec_none", "runner_1")
    for unknown in ("exec_none", "exec_other"):
        await expect_error(UnknownExecutionError, store.send_signal(unknown, good), "a message to nobody")
        expect(await store.get_signals(unknown) == [], "a message to nobody should not be kept")
    await store.append_events(HistoryMaker().begin())
    wrong: dict[str, tuple[Any, ...]] = {
        "id": ("", "x", "signal_", "signal_../x", "signal_" + "x" * 101, None, 7),
        "kind": ("", "stop", None),
        "topic": ("", "x" * 201, 5),
        "sent_at": (None, 5),
        "sender": (None, []),
        "data": (object(), {1: 2}, {"x": {3}}, "\ud800", 1 << 70),
    }
    for name, values in wrong.items():
        for value in values:
            bad = good._replace(**{name: value})
            await expect_error(
                InvalidSignalError, store.send_signal("exec_one", bad), f"a message with {name} {value!r}"
            )
    asking = good._replace(kind="pause")
    await expect_error(InvalidSignalError, store.send_signal("exec_one", asking), "a pause with a topic")
    expect(await store.get_signals("exec_one") == [], "a refused message should leave nothing behind")
    expect(await store.send_signal("exec_one", good) == 1, "a refused message should use no ordinal")


async def messages_are_copies(store: ExecutionEventStore) -> None:
    """Changing what was given or what came back changes no message."""
    await store.append_events(HistoryMaker().begin())
    data = {"items": [1]}
    given = SignalMaker().signal(data)
    await store.send_signal("exec_one", given)
    data["items"].append(2)
    for signal in await store.get_signals("exec_one"):
        signal.data.clear()
    await expect_inbox(store, "exec_one", [given._replace(data={"items": [1]})])


async def messages_sent_at_once_are_all_kept(store: ExecutionEventStore) -> None:
    """Each gets an ordinal of its own, and appends go on beside them."""
    history = HistoryMaker()
    events = history.begin()
    await store.append_events(events)
    maker = SignalMaker()
    sent = [maker.signal(number) for number in range(30)]
    works = [history.work(number) for number in range(10)]
    sending = [store.send_signal("exec_one", signal) for signal in [*sent, *sent[:5]]]
    ordinals = await asyncio.gather(*sending, *map(store.append_events, works))
    given = [ordinal for ordinal in ordinals if ordinal is not None]
    expect(sorted(given[:30]) == list(range(1, 31)), "ordinals should count up without gaps")
    expect(given[30:] == given[:5], "what was sent twice at once should be kept once")
    by_ordinal = sorted(zip(given, sent, strict=False), key=lambda entry: entry[0])
    await expect_inbox(store, "exec_one", [signal for _, signal in by_ordinal])
    await expect_history(store, "exec_one", events + [event for batch in works for event in batch])


async def messages_go_with_their_execution(store: ExecutionEventStore) -> None:
    """Deleted or cleaned up, an execution leaves no message to one that gets its id later."""
    for day, remove in enumerate(("delete", "cleanup", "none")):
        history = HistoryMaker(start=START + timedelta(days=day), mark=f"{day}")
        await store.append_events(history.begin() + history.finish())
        expect(await store.get_signals("exec_one") == [], "a new execution should have no messages")
        maker = SignalMaker()
        sent = [maker.signal(number) for number in range(day + 1)]
        for ordinal, signal in enumerate(sent, start=1):
            expect(await store.send_signal("exec_one", signal) == ordinal, "a new execution counts from 1")
        await expect_inbox(store, "exec_one", sent)
        if remove == "delete":
            await store.delete_execution("exec_one")
        elif remove == "cleanup":
            await store.cleanup_completed_executions(START + timedelta(days=99))
        if remove != "none":
            expect(await store.get_signals("exec_one") == [], "a removed execution should have no messages")
            await expect_error(UnknownExecutionError, store.send_signal("exec_one", sent[0]), "a message to nobody")


async def watch_tells_of_messages(store: ExecutionEventStore) -> None:
    """A runner that waits for a message need not ask again and again."""
    await store.append_events(HistoryMaker().begin())
    watching = store.watch()
    maker = SignalMaker()
    for _ in range(3):
        await store.send_signal("exec_one", maker.signal())
        await expect_news(watching, "exec_one")
    await close_watch(watching)


async def others_send_messages(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """Whoever sends, the count goes on; the owner reads what others sent, and goes on appending."""
    history, maker = HistoryMaker(), SignalMaker()
    events = history.begin()
    await store.acquire_owner("exec_one", "runner_1")
    await store.append_events(events)
    watching = store.watch()
    sent: list[ExecutionSignal] = []
    for sender in (other, other, store, other, store):
        sent.append(maker.signal(len(sent)))
        expect(await sender.send_signal("exec_one", sent[-1]) == len(sent), f"this is message {len(sent)}")
        await expect_news(watching, "exec_one")
        batch = history.work()
        await store.append_events(batch)
        events += batch
        expect(await (store if sender is other else other).send_signal("exec_one", sent[-1]) == len(sent), "the same")
        for looking in (store, other):
            await expect_inbox(looking, "exec_one", sent)
    await expect_history(other, "exec_one", events)
    await close_watch(watching)


async def messages_to_an_id_made_anew_are_not_mistaken(store: ExecutionEventStore, other: ExecutionEventStore) -> None:
    """Deleted and begun again under the same id, an execution has the messages that were sent to it since."""
    for day in range(12):
        await store.append_events(HistoryMaker(start=START + timedelta(days=day), mark=f"{day:02}").begin())
        maker = SignalMaker(f"{day % 2}")
        sent = [maker.signal(number) for number in range(1 + day % 3)]
        for ordinal, signal in enumerate(sent, start=1):
            sender = store if (day + ordinal) % 2 else other
            expect(await sender.send_signal("exec_one", signal) == ordinal, "a new execution counts from 1")
        for looking in (store, other):
            await expect_inbox(looking, "exec_one", sent)
        await (store if day % 3 else other).delete_execution("exec_one")


CHECKS: tuple[Check, ...] = (
    messages_come_back_as_they_were,
    messages_are_read_from_where_one_is,
    messages_sent_again_are_the_same,
    messages_are_checked_first,
    messages_are_copies,
    messages_sent_at_once_are_all_kept,
    messages_go_with_their_execution,
    watch_tells_of_messages,
)
SHARED_CHECKS: tuple[SharedCheck, ...] = (
    others_send_messages,
    messages_to_an_id_made_anew_are_not_mistaken,
)
