"""What the conformance checks are made of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, cast

from engine.model.events import ExecutionEvent
from engine.store import ExecutionEventStore

Check = Callable[[ExecutionEventStore], Awaitable[None]]
"""Tries an empty store; raises `NotConformingError`."""
SharedCheck = Callable[[ExecutionEventStore, ExecutionEventStore], Awaitable[None]]
"""Tries two stores on the same, empty data, as two processes would have them."""

_TOO_LONG = 20.0


class NotConformingError(AssertionError):
    """A store does not behave as the port says; the message tells what was expected."""


def expect(condition: bool, what: str) -> None:
    """Fail unless the condition holds; `what` says what should be so."""
    if not condition:
        raise NotConformingError(what)


async def expect_error(kind: type[Exception], work: Awaitable[Any], what: str) -> Exception:
    """The error that `work` raises, which must be of this kind."""
    try:
        await work
    except kind as error:
        return error
    except Exception as error:
        raise NotConformingError(f"{what} should raise {kind.__name__}, not {type(error).__name__}: {error}") from error
    raise NotConformingError(f"{what} should raise {kind.__name__}")


async def expect_history(store: ExecutionEventStore, execution_id: str, events: list[ExecutionEvent]) -> None:
    """The stored history must be these very events."""
    stored = await store.get_event_history(execution_id)
    expect([event.id for event in stored] == [event.id for event in events], f"{execution_id} holds other events")
    expect(stored == events, f"the events of {execution_id} came back changed")


async def expect_news(watching: AsyncIterator[frozenset[str]], execution_id: str) -> None:
    """A watch must tell of a change of this execution, or to look at all."""
    try:
        async with asyncio.timeout(_TOO_LONG):
            async for changed in watching:
                if not changed or execution_id in changed:
                    return
    except TimeoutError:
        raise NotConformingError(f"watch should tell that {execution_id} changed") from None
    raise NotConformingError("watch should go on until it is closed")


async def close_watch(watching: AsyncIterator[frozenset[str]]) -> None:
    """Stop watching."""
    await cast("AsyncGenerator[frozenset[str], None]", watching).aclose()
