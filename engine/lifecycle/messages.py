"""Messages to executions: into the inbox, and on to whoever drives them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson

from engine.core.normalize import normalize
from engine.lifecycle.driving import Driver
from engine.lifecycle.errors import ExecutionEndedError, ForeignHistoryError
from engine.model.ids import short_id
from engine.model.signals import ExecutionSignal, MessageKind
from engine.model.state import ENDED
from engine.model.times import format_time
from engine.runtime.ports import Clock, IdSource
from engine.store import DamagedHistoryError, OwnedError, UnknownExecutionError

_AT_ONCE = ("pause", "cancel")
"""What is carried out even when nobody drives the execution."""


class Mailbox:
    """Sends messages to executions of a store."""

    def __init__(self, driver: Driver, clock: Clock, ids: IdSource, max_payload: int) -> None:
        self._driver = driver
        self._clock = clock
        self._ids = ids
        self._max_payload = max_payload

    async def send(
        self,
        execution_id: str,
        kind: MessageKind,
        *,
        topic: str = "",
        data: Any = None,
        sender: str = "",
        signal_id: str | None = None,
    ) -> int:
        """Send a message; returns its ordinal in the inbox. The same `signal_id` again is the same message.

        Raises:
            UnknownExecutionError: there is no such execution.
            ExecutionEndedError: it has ended.
            ForeignHistoryError: another system recorded it: nobody would ever receive the message.
            NotJsonError: the data has no JSON form.
            InvalidSignalError: an impossible topic or id.
            StoreError: the store failed.
        """
        store = self._driver.store
        summary = await store.get_summary(execution_id)
        if summary is None:
            raise UnknownExecutionError(f"there is no execution {execution_id}")
        if summary.status in ENDED:
            raise ExecutionEndedError(
                f"execution {short_id(execution_id)} has {_ended_words(summary.status)}: it takes no messages"
            )
        with suppress(DamagedHistoryError):
            if any(event.data.get("dialect") for event in await store.get_events(execution_id, 1, 1)):
                raise ForeignHistoryError(execution_id)
        plain, size = normalize(data, "data")
        if size > self._max_payload:
            raise ValueError(f"the data is {size:,} bytes of JSON; {self._max_payload:,} are allowed")
        signal = ExecutionSignal(
            id=signal_id or self._ids.new("signal"),
            kind=kind,
            sent_at=format_time(self._clock.now()),
            topic=topic,
            data=orjson.loads(orjson.dumps(plain)),
            sender=sender,
        )
        signal.validate()
        ordinal = await store.send_signal(execution_id, signal)
        if execution_id in self._driver.active:
            self._driver.look(frozenset({execution_id}))
        elif kind in _AT_ONCE:
            try:
                await self._driver.deliver(execution_id)
            except OwnedError:
                # Its runner reads the inbox itself.
                return ordinal
        return ordinal


def _ended_words(status: str) -> str:
    return {"continued": "gone on as another one", "cancelled": "been cancelled"}.get(status, status)
