"""`dive-tui signal, pause, resume, cancel, wake`: messages to an execution, whoever drives it, or nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import Parameter

from dive_tui.cli.driving import NOT_ENDED
from dive_tui.cli.options import Common, Execution
from dive_tui.cli.printing import Printer, typed
from dive_tui.cli.problems import CommandError, UsageError
from dive_tui.cli.reading import read_latest
from dive_tui.cli.selecting import find_execution, opened_store, user_name
from engine.core.expression_errors import suggestion
from engine.core.reduce import CONTROL
from engine.lifecycle.engine import Engine
from engine.lifecycle.errors import ExecutionEndedError, ForeignHistoryError
from engine.loading.files import read_limited
from engine.loading.problems import LoadError
from engine.model.ids import short_id
from engine.model.snapshot import ExecutionSummary
from engine.model.state import ENDED, ExecutionState, ExecutionStatus, open_waits
from engine.store import ExecutionEventStore

Reason = Annotated[str, Parameter(metavar="TEXT")]
_PATIENCE = 5.0
"""Seconds that a runner gets to see a message before we say that it has not."""
_LOOK = 0.05


async def signal(
    execution: Execution,
    topic: Annotated[str, Parameter(name="TOPIC")],
    /,
    *,
    data: Annotated[str, Parameter(metavar="JSON|@FILE")] = "null",
    signal_id: Annotated[str | None, Parameter(name="--id", metavar="ID")] = None,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Send a signal to an execution.

    A step that waits for its topic takes it, now or later; each signal is taken once, the oldest first.

    Parameters
    ----------
    data
        What the waiting step gives as its output.
    signal_id
        The same ID again is the same signal: it is not sent twice.
    """
    if topic.startswith(CONTROL):
        raise UsageError(f"a topic must not begin with {CONTROL!r}, as {topic!r} does")
    value = _read_data(data)
    identity = None if signal_id is None else f"signal_{signal_id.removeprefix('signal_')}"

    async def send(engine: Engine, execution_id: str) -> None:
        await engine.signal(execution_id, topic, value, sender=user_name(), signal_id=identity)

    return await _Message("signal", f"signal {topic}", send, topic=topic).deliver(execution, common)


async def pause(execution: Execution, /, *, reason: Reason = "", common: Common = Common()) -> int:  # noqa: B008 - immutable
    """Start nothing more of an execution until it is resumed.

    What is in flight finishes.

    Parameters
    ----------
    reason
        Recorded with it.
    """

    async def send(engine: Engine, execution_id: str) -> None:
        await engine.pause(execution_id, by=user_name(), reason=reason)

    return await _Message("pause", "pause", send).deliver(execution, common)


async def resume(execution: Execution, /, *, reason: Reason = "", common: Common = Common()) -> int:  # noqa: B008 - immutable
    """Let a paused execution go on.

    Parameters
    ----------
    reason
        Recorded with it.
    """

    async def send(engine: Engine, execution_id: str) -> None:
        await engine.resume(execution_id, by=user_name(), reason=reason)

    return await _Message("resume", "resume", send).deliver(execution, common)


async def cancel(execution: Execution, /, *, reason: Reason = "cancelled", common: Common = Common()) -> int:  # noqa: B008 - immutable
    """End an execution cleanly, its children too.

    Exit codes: 0 cancelled, 2 it has ended before, 3 its runner has not seen it yet.

    Parameters
    ----------
    reason
        Recorded with it.
    """

    async def send(engine: Engine, execution_id: str) -> None:
        await engine.cancel(execution_id, by=user_name(), reason=reason)

    return await _Message("cancel", "cancel", send).deliver(execution, common)


async def wake(execution: Execution, /, *, reason: Reason = "", common: Common = Common()) -> int:  # noqa: B008 - immutable
    """End the sleeps of an execution, and its delays before retries, now.

    Parameters
    ----------
    reason
        Recorded with it.
    """

    async def send(engine: Engine, execution_id: str) -> None:
        await engine.wake(execution_id, by=user_name(), reason=reason)

    return await _Message("wake", "wake", send).deliver(execution, common)


def _read_data(text: str) -> Any:
    """What `--data` means: JSON, or that of a file.

    Raises:
        UsageError: it is no JSON, or the file cannot be read.
    """
    what = "--data"
    source: bytes = text.encode("utf-8", "surrogateescape")
    if text.startswith("@"):
        what = text[1:]
        try:
            source = read_limited(Path(what))
        except LoadError as error:
            raise UsageError(*map(str, error.problems)) from None
    try:
        return orjson.loads(source)
    except orjson.JSONDecodeError as error:
        hint = ""
        if not text.startswith("@") and text.isprintable() and not set(text) & set('{}[]":'):
            hint = f"; for text: --data '\"{text}\"'"
        raise UsageError(f"{what} is not JSON ({error}){hint}") from None


class _Message:
    """A message on its way, and what becomes of it."""

    def __init__(
        self, kind: str, words: str, send: Callable[[Engine, str], Awaitable[None]], *, topic: str = ""
    ) -> None:
        self._kind = kind
        self._words = words
        self._send = send
        self._topic = topic

    async def deliver(self, reference: str, common: Common) -> int:
        """Send it, wait a moment until it is seen where somebody drives the execution, and say so.

        Raises:
            CommandError: it cannot be sent.
            StoreError: the store failed.
        """
        async with opened_store(common) as store:
            execution_id = await find_execution(store, reference)
            summary, before = await read_latest(store, execution_id)
            self._check(summary, await _all_read(store, summary), common)
            engine = Engine(store)
            try:
                await self._send(engine, execution_id)
            except ExecutionEndedError as error:
                raise self._ended(execution_id, str(error), common) from None
            except ForeignHistoryError:
                raise  # it says all there is to say
            except ValueError as error:
                raise UsageError(f"the {self._kind} cannot be sent: {error}") from None
            finally:
                await engine.close()
            after = await _seen(store, summary)
            unread = not await _all_read(store, after)
        return self._tell(before, after, unread, common)

    def _check(self, summary: ExecutionSummary, all_read: bool, common: Common) -> None:
        if summary.status in ENDED:
            raise self._ended(
                summary.id, f"execution {short_id(summary.id)} is {summary.status}: it takes no messages", common
            )
        paused = summary.status == ExecutionStatus.PAUSED
        if all_read and self._kind == ("pause" if paused else "resume"):
            raise UsageError(f"execution {short_id(summary.id)} is {'paused already' if paused else 'not paused'}")

    def _ended(self, execution_id: str, sentence: str, common: Common) -> CommandError:
        return UsageError(f"{sentence}; see: {typed('show', execution_id[-5:], store=common.store)}")

    def _tell(self, before: ExecutionState, after: ExecutionSummary, unread: bool, common: Common) -> int:
        printer = Printer(ascii_only=common.ascii)
        name = f"{after.workflow_name} {printer.short_id(after.id)}"
        reference = after.id[-5:]
        at_once = self._kind in ("pause", "cancel")
        if unread and (at_once or after.live):
            printer.line(f"Sent {self._words} to {name}, but its runner has not seen it yet.")
            printer.hints(typed("show", reference, store=common.store))
            return NOT_ENDED
        if at_once:
            printer.line(printer.status(after.status), f"  {name}")
        elif unread:
            printer.line(f"Sent {self._words} to {name}. Nobody drives it now; the message waits for a runner.")
        else:
            printer.line(f"Sent {self._words} to {name}, and its runner has received it.")
        self._warn_of_topic(printer, before)
        if unread:
            printer.ways_on([typed("recover", reference, store=common.store)])
        elif after.status == ExecutionStatus.PAUSED:
            printer.ways_on([typed("resume", reference, store=common.store)])
        return 0

    def _warn_of_topic(self, printer: Printer, before: ExecutionState) -> None:
        """A mistyped topic would be kept in silence."""
        topics = [wait.topic for wait in open_waits(before) if wait.kind == "signal"]
        if self._topic and topics and self._topic not in topics:
            hint = suggestion(self._topic, topics)
            printer.line(
                (f"It waits for {', '.join(topics)}; {self._topic!r} is kept until a step asks for it{hint}", "yellow")
            )


async def _all_read(store: ExecutionEventStore, summary: ExecutionSummary) -> bool:
    """Whether an execution has received all messages to it."""
    return not await store.get_signals(summary.id, after=summary.inbox)


async def _seen(store: ExecutionEventStore, before: ExecutionSummary) -> ExecutionSummary:
    """The execution once it has received its messages, or as it is when its runner lets us wait for too long."""
    for _ in range(round(_PATIENCE / _LOOK)):
        summary = await store.get_summary(before.id) or before
        if not summary.live or await _all_read(store, summary):
            break
        await asyncio.sleep(_LOOK)
    return await store.get_summary(before.id) or before
