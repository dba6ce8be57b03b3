"""Stores that get messages, turns, due executions or take-overs wrong, and the check that finds each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from engine.model.events import ExecutionEvent
from engine.model.signals import ExecutionSignal, InvalidSignalError
from engine.model.snapshot import ExecutionSummary
from engine.store import StoreError
from engine.testing.conformance_events import HistoryMaker
from stores.memory import MemoryExecutionEventStore

Memory = MemoryExecutionEventStore


class StopsATurnAtTheFirstError(Memory):
    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        results: list[StoreError | None] = []
        for batch in batches:
            results += [None] if any(results) else await super().append_batches([batch])
        return results


class WritesTheGoodBatchesOfABadTurn(Memory):
    async def append_batches(self, batches: Sequence[Sequence[ExecutionEvent]]) -> list[StoreError | None]:
        for batch in batches:
            await self.append_events(batch)
        return [None] * len(batches)


class KeepsNoSender(Memory):
    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        return await super().send_signal(execution_id, signal._replace(sender=""))


class TakesMessagesOut(Memory):
    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        found = await super().get_signals(execution_id, after)
        if execution_id in self._shelf.executions:
            self._shelf.executions[execution_id].messages.clear()
        return found


class ReadsFromTheOneThatIsKnown(Memory):
    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        return await super().get_signals(execution_id, after - 1)


class KeepsOneInboxForAll(Memory):
    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        ordinals = [await super(KeepsOneInboxForAll, self).send_signal(name, signal) for name in self._shelf.executions]
        return ordinals[0]


class SendsAgain(Memory):
    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        if execution_id in self._shelf.executions:
            self._shelf.executions[execution_id].ordinals.clear()
        return await super().send_signal(execution_id, signal)


class KeepsMessagesToNobody(Memory):
    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        if execution_id not in self._shelf.executions:
            await self.append_events(HistoryMaker(execution_id).begin())
        return await super().send_signal(execution_id, signal)


class CountsRefusedMessages(Memory):
    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        try:
            return await super().send_signal(execution_id, signal)
        except InvalidSignalError:
            await super().send_signal(execution_id, ExecutionSignal("signal_refused", "wake", ""))
            raise


class SharesMessages(Memory):
    def __init__(self) -> None:
        super().__init__()
        self.held: list[ExecutionSignal] = []

    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        ordinal = await super().send_signal(execution_id, signal)
        self.held.append(signal._replace(ordinal=ordinal))
        return ordinal

    async def get_signals(self, execution_id: str, after: int = 0) -> list[ExecutionSignal]:
        return self.held[after:]


class GivesAnOrdinalTwice(Memory):
    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        known = len(await self.get_signals(execution_id))
        await asyncio.sleep(0)
        return min(await super().send_signal(execution_id, signal), known + 1)


class KeepsMessagesOfTheDeleted(Memory):
    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, list[bytes]] = {}

    async def delete_execution(self, execution_id: str) -> bool:
        if execution_id in self._shelf.executions:
            self.messages[execution_id] = self._shelf.executions[execution_id].messages
        return await super().delete_execution(execution_id)

    async def append_events(self, events: Sequence[ExecutionEvent]) -> None:
        await super().append_events(events)
        for execution_id in self.messages.keys() & self._shelf.executions.keys():
            self._shelf.executions[execution_id].messages = self.messages.pop(execution_id)


class SendsInSilence(Memory):
    async def send_signal(self, execution_id: str, signal: ExecutionSignal) -> int:
        watchers, self._shelf.watchers = self._shelf.watchers, []
        ordinal = await super().send_signal(execution_id, signal)
        self._shelf.watchers = watchers
        return ordinal


class DrivesWhatIsOwned(Memory):
    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        return [line for line in await self.list_executions() if line.end_time is None][::-1][:limit]


class DrivesTheNewestFirst(Memory):
    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        return (await super().due(now))[::-1][:limit]


class DrivesWhatCannotBeRead(Memory):
    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        return [line for line in await self.list_executions() if line.live is False][:limit]


class ForgetsMessages(Memory):
    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        for execution in self._shelf.executions.values():
            execution.messages.clear()
        return await super().due(now, limit)


class TakesAnyTime(Memory):
    async def due(self, now: datetime, limit: int = 100) -> list[ExecutionSummary]:
        return await super().due(now.astimezone(), limit)


class TakesOverFromTheLiving(Memory):
    async def acquire_owner(self, execution_id: str, runner_id: str, *, take_over: bool = False) -> None:
        if take_over:
            self._shelf.owners.pop(execution_id, None)
        await super().acquire_owner(execution_id, runner_id)


BROKEN_INBOXES = [
    (StopsATurnAtTheFirstError, "turns_are_appended_together"),
    (WritesTheGoodBatchesOfABadTurn, "bad_turns_are_refused_whole"),
    (KeepsNoSender, "messages_come_back_as_they_were"),
    (TakesMessagesOut, "messages_come_back_as_they_were"),
    (ReadsFromTheOneThatIsKnown, "messages_are_read_from_where_one_is"),
    (KeepsOneInboxForAll, "messages_are_read_from_where_one_is"),
    (SendsAgain, "messages_sent_again_are_the_same"),
    (KeepsMessagesToNobody, "messages_are_checked_first"),
    (CountsRefusedMessages, "messages_are_checked_first"),
    (SharesMessages, "messages_are_copies"),
    (GivesAnOrdinalTwice, "messages_sent_at_once_are_all_kept"),
    (KeepsMessagesOfTheDeleted, "messages_go_with_their_execution"),
    (SendsInSilence, "watch_tells_of_messages"),
    (DrivesWhatIsOwned, "orphans_are_due"),
    (DrivesTheNewestFirst, "orphans_are_due"),
    (ForgetsMessages, "what_waits_is_due_when_something_comes"),
    (DrivesWhatCannotBeRead, "what_cannot_be_read_is_not_due"),
    (TakesAnyTime, "due_is_asked_properly"),
    (TakesOverFromTheLiving, "one_runner_owns"),
]
