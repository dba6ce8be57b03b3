"""What a person does to executions from the app: messages into their inboxes. Nothing of a workflow runs here.

With nobody driving an execution, pausing and cancelling it is recorded at once; everything else waits in its inbox for
a runner, which is a process of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dive_tui.app.known_stores import store_option, why_read_only
from dive_tui.cli.selecting import user_name
from dive_tui.launch import Launched, LaunchError, launch
from engine.model.ids import short_id
from engine.model.signals import MessageKind
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ENDED, ExecutionStatus
from engine.store import ExecutionEventStore, StoreError

if TYPE_CHECKING:
    from engine.lifecycle.engine import Engine

REASON = "asked for in the app"
_DONE = {"pause": ExecutionStatus.PAUSED, "cancel": ExecutionStatus.CANCELLED}
_ASKED = {
    "pause": "was asked to pause; what is in flight finishes first",
    "resume": "was asked to go on",
    "cancel": "was asked to end",
    "wake": "was asked to end its sleeps and delays",
}


class SteeringError(Exception):
    """A message could not be sent, or a runner not be started; the sentence says why."""


class Sent(NamedTuple):
    """What became of a message."""

    sentence: str
    needs_runner: bool
    """Whether it is only carried out when a runner takes the execution up."""


class Steering:
    """Sends messages to executions of a store. `location` is the store as a runner is told of it, if one can be."""

    def __init__(
        self,
        store: ExecutionEventStore,
        location: str | None = None,
        *,
        start: Callable[[Sequence[str]], Launched] = launch,
    ) -> None:
        self.store = store
        self._location = location
        self._start = start
        self._made: Engine | None = None
        self.sender = user_name()
        self.store_option = store_option(location)
        """What commands typed here need after them to use this store."""

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed in the store."""
        return bool(self.why_read_only)

    @property
    def why_read_only(self) -> str:
        """Why nothing can be changed in the store, as a sentence; empty when it can."""
        return why_read_only(self.store)

    def use(self, store: ExecutionEventStore) -> None:
        """Write to this store from now on: it is at the place of the one before."""
        self.store, self._made = store, None

    @property
    def starts_runners(self) -> bool:
        """Whether a runner can be started from here."""
        return self._location is not None

    async def send(
        self, kind: MessageKind, execution_id: str, *, topic: str = "", data: Any = None, reason: str = ""
    ) -> Sent:
        """Send a message and say what became of it. `reason` is recorded with what is no signal.

        Raises:
            SteeringError: the execution has ended or is gone, the message breaks the rules, or the store failed.
        """
        engine = self._engine()
        try:
            if kind == "signal":
                await engine.signal(execution_id, topic, data, sender=self.sender)
            else:
                send = {"pause": engine.pause, "resume": engine.resume, "cancel": engine.cancel, "wake": engine.wake}
                await send[kind](execution_id, by=self.sender, reason=reason or REASON)
            summary = await self.store.get_summary(execution_id)
        except (StoreError, ValueError, OSError) as problem:
            raise SteeringError(str(problem)) from problem
        finally:
            await engine.close()
        return self._what_became(kind, execution_id, topic, summary)

    async def start_runner(self, execution_id: str) -> str:
        """Have a runner, which outlives the app, take an execution up; a sentence when it has.

        Raises:
            SteeringError: it ended before that.
        """
        assert self._location is not None
        command = ["recover", execution_id, "--store", self._location]
        try:
            await asyncio.to_thread(self._start, command)
        except (LaunchError, OSError) as problem:
            raise SteeringError(str(problem)) from problem
        return f"A runner has taken up {short_id(execution_id)}; it goes on when you leave."

    def _engine(self) -> Engine:
        if self._made is None:
            from engine.lifecycle.engine import Engine

            self._made = Engine(self.store)  # without actions: it only writes to inboxes
        return self._made

    def _what_became(self, kind: MessageKind, execution_id: str, topic: str, summary: ExecutionSummary | None) -> Sent:
        name = short_id(execution_id)
        if summary is None or summary.status == _DONE.get(kind):
            done = {"pause": "is paused; p lets it go on", "cancel": "is cancelled"}.get(kind, "is gone")
            return Sent(f"{name} {done}.", needs_runner=False)
        words = f"was sent the signal {topic}" if kind == "signal" else _ASKED[kind]
        if summary.live is not False or summary.status in ENDED:
            return Sent(f"{name} {words}.", needs_runner=False)
        if summary.status == ExecutionStatus.PAUSED and kind != "resume":
            return Sent(f"{name} {words}. It is paused; p lets it go on.", needs_runner=False)
        command = f"dive-tui work --once{self.store_option}"
        return Sent(f"{name} {words}. Nobody drives it: {command}", needs_runner=True)
