"""What an action is told about its attempt, and what it tells."""

from __future__ import annotations

import asyncio
import logging

import pytest

from engine.core.normalize import NotJsonError
from engine.runtime.actions import ActionRegistry
from engine.runtime.attempt import run_attempt
from engine.runtime.capture import captured_output
from engine.runtime.config import PersistenceConfig
from engine.runtime.context import MAX_PROGRESS, ActionContext
from engine.runtime.threads import DaemonThreads
from engine.testing.ports import FakeClock


def test_a_context_can_be_made_for_a_test() -> None:
    context = ActionContext()
    assert (context.visit, context.attempt, context.iteration, context.labels) == (1, 1, None, {})
    assert not context.cancelled
    made = ActionContext(
        execution_id="exec_1", workflow_name="w", path="main", step="s", visit=2, attempt=3, iteration=0,
        effect_key="k", labels={"a": "b"}, last_progress=[1],
    )  # fmt: skip
    assert (made.execution_id, made.workflow_name, made.path, made.step) == ("exec_1", "w", "main", "s")
    assert (made.visit, made.attempt, made.iteration, made.effect_key) == (2, 3, 0, "k")
    assert (made.labels, made.last_progress) == ({"a": "b"}, [1])


def test_progress_is_json_and_a_copy() -> None:
    context, value = ActionContext(), [1, (2,)]
    context.progress(value)
    value.append(3)
    assert context.latest == [1, [2]]
    with pytest.raises(NotJsonError, match="progress is a set"):
        context.progress({1})
    context.progress("x" * (MAX_PROGRESS - 2))
    with pytest.raises(ValueError, match="progress is 65,537 bytes of JSON; 65,536 are allowed"):
        context.progress("x" * (MAX_PROGRESS - 1))
    assert context.latest == "x" * (MAX_PROGRESS - 2)


def test_progress_and_heartbeats_say_when_it_was_last_heard_of() -> None:
    context = ActionContext()
    assert context.last_heard is None
    context.progress(1)
    first = context.last_heard
    assert first is not None
    context.heartbeat()
    assert context.last_heard >= first
    assert context.latest == 1


def test_a_cancelled_context_ends_the_work() -> None:
    context = ActionContext()
    context.raise_if_cancelled()
    context.cancel()
    assert context.cancelled
    with pytest.raises(asyncio.CancelledError, match="the attempt was cancelled"):
        context.raise_if_cancelled()


async def test_what_is_logged_is_kept_with_the_step() -> None:
    def work(context: ActionContext) -> None:
        context.log.info("read %d", 5)
        context.log.debug("too much")

    assert logging.getLogger().level == logging.WARNING
    with captured_output():
        outcome = await run_attempt(
            ActionRegistry().register(work),
            {},
            context=ActionContext(),
            clock=FakeClock(),
            threads=DaemonThreads(),
            config=PersistenceConfig(),
        )
    assert outcome.log == "INFO dive.step: read 5\n"


async def test_an_attempt_without_a_given_context_gets_one_of_its_own() -> None:
    seen: list[ActionContext] = []

    async def look(context: ActionContext) -> None:
        seen.append(context)

    action = ActionRegistry().register(look, "look")
    for _ in range(2):
        await run_attempt(action, {}, clock=FakeClock(), threads=DaemonThreads(), config=PersistenceConfig())
    assert seen[0] is not seen[1]
