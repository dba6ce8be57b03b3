"""One try of an action: whatever it does, an outcome comes of it that can be recorded."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pydantic
import pytest

from engine.core.settle import Outcome
from engine.runtime import attempt as attempt_module
from engine.runtime.actions import ActionRegistry
from engine.runtime.attempt import run_attempt
from engine.runtime.capture import captured_output
from engine.runtime.config import PersistenceConfig
from engine.runtime.context import ActionContext
from engine.runtime.errors import Fatal, OutcomeUnknown
from engine.runtime.failure import MAX_ERROR, MAX_TRACEBACK
from engine.runtime.secrets import SecretError
from engine.runtime.threads import AbandonedCalls, DaemonThreads
from engine.testing.ports import FakeClock

CONFIG = PersistenceConfig(max_payload=2_000, max_log=100)


async def attempt(
    function: Callable[..., Any], clock: FakeClock | None = None, options: Any = None, **parameters: Any
) -> Outcome:
    """The outcome of one try, run as the engine runs it; it must be JSON."""
    action = ActionRegistry().register(function, "act")
    around = {"clock": clock or FakeClock(), "threads": DaemonThreads(AbandonedCalls()), "config": CONFIG}
    with captured_output():
        outcome = await asyncio.create_task(run_attempt(action, parameters, **around | (options or {})))
    orjson.dumps(outcome._asdict())
    return outcome


def both(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The function as a sync and as an async action."""

    async def as_async(**parameters: Any) -> Any:
        return function(**parameters)

    return [function, as_async]


async def test_sync_and_async_actions_give_their_output() -> None:
    for function in both(lambda x: {"double": (x, x)}):
        assert await attempt(function, x=4) == Outcome(output={"double": [4, 4]})


async def test_a_sync_action_may_return_something_to_wait_for() -> None:
    async def later() -> int:
        await asyncio.sleep(0)
        return 5

    assert (await attempt(lambda: later())).output == 5


async def test_the_time_it_took_is_measured_by_the_steady_clock() -> None:
    clock = FakeClock()
    outcome = await attempt(lambda: clock.advance(0.0012345), clock)
    assert outcome.duration_ms == 1.234


async def test_arguments_are_copies() -> None:
    given = {"x": {"deep": [1]}}

    def change(x: Any) -> str:
        x["deep"].append(2)
        x["new"] = 1
        return "changed"

    for function in both(change):
        assert (await attempt(function, **given)).output == "changed"
    assert given == {"x": {"deep": [1]}}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "action 'act' needs the parameter 'x'"),
        ({"x": 1, "y": 2}, "action 'act' has no parameter 'y'"),
        ({"y": 2}, "action 'act' has no parameter 'y'; action 'act' needs the parameter 'x'"),
    ],
)
async def test_wrong_parameters_fail_before_anything_runs(parameters: dict[str, Any], message: str) -> None:
    ran: list[int] = []
    outcome = await attempt(lambda x: ran.append(x), **parameters)
    assert (outcome.phase, outcome.error_type, outcome.known) == ("parameters", "TypeError", True)
    assert outcome.error == message
    assert ran == []


class Odd(BaseException):
    pass


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "error_type", "message", "known"),
    [
        (ValueError("no"), "ValueError", "no", True),
        (KeyError("k"), "KeyError", "'k'", True),
        (ValueError(), "ValueError", "ValueError", True),
        (SystemExit(3), "SystemExit", "3", True),
        (GeneratorExit("odd"), "GeneratorExit", "odd", True),
        (KeyboardInterrupt(), "KeyboardInterrupt", "KeyboardInterrupt", True),
        (Odd("odd"), "Odd", "odd", True),
        (OSError(28, "No space left on device"), "OSError", "[Errno 28] No space left on device", False),
        (ConnectionResetError("gone"), "ConnectionResetError", "gone", False),
        (TimeoutError("late"), "TimeoutError", "late", False),
        (asyncio.CancelledError(), "CancelledError", "CancelledError", False),
        (RecursionError("deep"), "RecursionError", "deep", True),
        (ValueError("lone \ud800 half"), "ValueError", "lone ? half", True),
        (OutcomeUnknown("perhaps"), "OutcomeUnknown", "perhaps", False),
        (Fatal("never"), "Fatal", "never", True),
        (ExceptionGroup("one", [ValueError("a"), OSError("b")]), "ExceptionGroup", "one (2 sub-exceptions)", False),
        (ExceptionGroup("many", [ValueError("a"), KeyError("b")]), "ExceptionGroup", "many (2 sub-exceptions)", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
async def test_whatever_an_action_raises_fails_the_step(
    error: BaseException, error_type: str, message: str, known: bool
) -> None:
    for function in both(raising(error)):
        outcome = await attempt(function)
        assert (outcome.error_type, outcome.error, outcome.known) == (error_type, message, known)
        assert outcome.phase == "run"
        assert outcome.output is None


async def test_stop_iteration_fails_the_step() -> None:
    for function in both(raising(StopIteration(5))):
        outcome = await attempt(function)
        assert outcome.error_type == "RuntimeError"
        assert "StopIteration" in outcome.error


async def test_sys_exit_ends_the_step_and_not_the_process() -> None:
    for function in both(lambda: sys.exit("bye")):
        assert (await attempt(function)).error == "bye"


async def test_errors_of_the_operating_system_leave_the_outcome_unknown() -> None:
    for function in both(lambda: os.close(-1)):
        outcome = await attempt(function)
        assert (outcome.error_type, outcome.known) == ("OSError", False)


class SilentError(Exception):
    def __str__(self) -> str:
        raise AttributeError("no message here")


async def test_an_exception_that_cannot_be_shown_fails_the_step_all_the_same() -> None:
    for function in both(raising(SilentError())):
        outcome = await attempt(function)
        assert outcome.error_type == "SilentError"
        assert outcome.error == "its message cannot be shown (AttributeError)"


async def test_a_cancelled_attempt_ends_with_its_task() -> None:
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(attempt(wait))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_inside_an_action_is_its_own_business() -> None:
    async def wait() -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    outcome = await attempt(wait)
    assert (outcome.error_type, outcome.known) == ("TimeoutError", False)


# Outputs


class Hostile(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    handle: object


class Mean(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise ZeroDivisionError("not today")

    def __iter__(self) -> Iterator[str]:
        return iter("ab")

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {1, 2}, "output is a set"),
        (lambda: {"a": [float("nan")]}, "output.a[0] is nan"),
        (lambda: [2**70], "output[0] is an integer beyond 64 bits"),
        (lambda: "\ud800", "output has a lone surrogate"),
        (lambda: b"", "output is a bytes"),
        (lambda: {3: 4}, "output has a key that is no text"),
        (lambda: threading.Lock(), "output is a lock"),
        (lambda: Hostile(handle=object()), "output is a Hostile, which has no JSON form"),
    ],
)
async def test_an_output_json_cannot_hold_fails_the_step_naming_the_place(make: Any, message: str) -> None:
    outcome = await attempt(make)
    assert (outcome.error_type, outcome.phase, outcome.known) == ("NotJson", "output", True)
    assert message in outcome.error


async def test_an_output_that_fails_when_looked_at_fails_the_step() -> None:
    outcome = await attempt(Mean)
    assert (outcome.error_type, outcome.phase, outcome.error) == ("ZeroDivisionError", "output", "not today")


@pytest.mark.parametrize(("length", "fits"), [(1_998, True), (1_999, False)])
async def test_an_output_has_a_largest_size(length: int, fits: bool) -> None:
    outcome = await attempt(lambda: "x" * length)
    if fits:
        assert outcome.output == "x" * length
    else:
        assert (outcome.error_type, outcome.phase) == ("PayloadTooLarge", "output")
        assert outcome.error == "the output is 2,001 bytes of JSON; 2,000 are allowed"


async def test_what_it_said_is_kept_also_when_it_fails() -> None:
    def talk(fail: bool) -> None:
        print("one")
        print("two", file=sys.stderr)
        if fail:
            raise ValueError

    for function in both(talk):
        assert (await attempt(function, fail=False)).log == "one\ntwo\n"
        assert (await attempt(function, fail=True)).log == "one\ntwo\n"


async def test_only_the_end_of_much_talk_is_kept() -> None:
    outcome = await attempt(lambda: print("x" * 1_000 + "end"))
    assert outcome.log == "x" * 96 + "end\n"


# Tracebacks


def deep(levels: int) -> None:
    if levels:
        deep(levels - 1)
    raise ValueError("at the bottom")


async def test_a_traceback_shows_the_actions_frames_and_none_of_the_engines() -> None:
    def fail() -> None:
        try:
            deep(2)
        except ValueError as error:
            raise KeyError("outer") from error

    for function in both(fail):
        lines = (await attempt(function)).traceback.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[-1] == "KeyError: 'outer'"
        assert "ValueError: at the bottom" in lines
        files = {line.split('"')[1] for line in lines if line.startswith("  File ")}
        assert files == {__file__}
        assert sum("in deep" in line for line in lines) == 3


async def test_a_builtins_own_frames_are_shown() -> None:
    from engine.runtime.builtins import read_document

    outcome = await attempt(read_document, path="/nowhere/at/all")
    assert outcome.error_type == "FileNotFoundError"
    assert "in read_document" in outcome.traceback
    assert "attempt.py" not in outcome.traceback
    assert "threads.py" not in outcome.traceback


async def test_tracebacks_and_messages_have_a_largest_size_and_keep_their_end() -> None:
    def shout() -> None:
        raise ValueError("☃" * 100_000 + "end")

    outcome = await attempt(shout)
    assert len(outcome.error.encode()) <= MAX_ERROR
    assert outcome.error.endswith("☃end")
    assert MAX_TRACEBACK - 3 <= len(outcome.traceback.encode()) <= MAX_TRACEBACK
    assert outcome.traceback.endswith("☃end")


async def test_endless_recursion_is_a_failure_with_a_short_traceback() -> None:
    def recurse() -> None:
        recurse()

    outcome = await attempt(recurse)
    assert outcome.error_type == "RecursionError"
    assert "repeated" in outcome.traceback
    assert len(outcome.traceback) < MAX_TRACEBACK


async def test_a_sync_action_does_not_hold_up_the_loop() -> None:
    go_on = threading.Event()
    task = asyncio.create_task(attempt(go_on.wait))
    await asyncio.sleep(0)
    go_on.set()
    assert (await task).output is True


# Details and progress


class Declined(Exception):
    def __init__(self, details: Any) -> None:
        super().__init__("declined")
        self.details = details


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ({"code": (1, 2)}, {"code": [1, 2]}),
        ("text", "text"),
        (None, None),
        (object(), None),
        (lambda: 5, None),
        (float("nan"), None),
        ("x" * 65_534, "x" * 65_534),
        ("x" * 65_535, "omitted: 65,537 bytes of JSON, at most 65,536 are kept"),
    ],
)
async def test_what_an_error_has_as_details_is_recorded_when_it_is_json(given: Any, recorded: Any) -> None:
    outcome = await attempt(raising(Declined(given)))
    assert (outcome.error_type, outcome.details) == ("Declined", recorded)


@pytest.mark.parametrize("kind", [Fatal, OutcomeUnknown])
async def test_our_errors_take_details(kind: Any) -> None:
    outcome = await attempt(raising(kind("no", details={"a": 1})))
    assert (outcome.error, outcome.details) == ("no", {"a": 1})
    assert kind("no").details is None


@pytest.mark.parametrize(
    ("details", "recorded"),
    [
        (None, {"progress": [3]}),
        ({"code": 1}, {"code": 1, "progress": [3]}),
        ("text", {"details": "text", "progress": [3]}),
    ],
)
async def test_the_last_progress_is_recorded_with_a_failure(details: Any, recorded: Any) -> None:
    def work(context: ActionContext) -> None:
        context.progress(1)
        context.progress((3,))
        raise Declined(details)

    assert (await attempt(work)).details == recorded


async def test_progress_is_not_recorded_with_an_output() -> None:
    assert (await attempt(lambda: 5)).details is None

    async def work(context: ActionContext) -> int:
        context.progress(1)
        return 5

    assert await attempt(work) == Outcome(output=5)


async def test_the_context_is_handed_over_under_any_name() -> None:
    context = ActionContext(step="Charge", effect_key="key", last_progress=7)

    def work(amount: int, ctx: ActionContext) -> list[Any]:
        return [amount, ctx is context, ctx.last_progress]

    assert (await attempt(work, options={"context": context}, amount=3)).output == [3, True, 7]
    outcome = await attempt(work, amount=3, ctx={})
    assert outcome.error == "the parameter 'ctx' of action 'act' is given by the engine, not by a step"


# Time limits


async def test_an_async_action_is_cancelled_when_its_time_is_over() -> None:
    context = ActionContext()
    seen: list[bool] = []

    async def work() -> None:
        context.progress("half")
        try:
            await asyncio.Event().wait()
        finally:
            seen.append(context.cancelled)

    outcome = await attempt(work, options={"context": context, "timeout": 0.01})
    assert (outcome.error_type, outcome.known, outcome.phase) == ("Timeout", False, "run")
    assert outcome.error == "no result within 0.01 s"
    assert outcome.details == {"progress": "half"}
    assert "in work" in outcome.traceback
    assert seen == [True]


async def test_a_sync_action_is_abandoned_when_its_time_is_over() -> None:
    go_on, seen = threading.Event(), threading.Event()
    threads = DaemonThreads(AbandonedCalls())
    begun = threading.Event()

    def work(context: ActionContext) -> None:
        begun.set()
        go_on.wait()
        try:
            context.raise_if_cancelled()
        except asyncio.CancelledError:
            seen.set()

    outcome = await attempt(work, options={"timeout": 0.05, "threads": threads})
    assert (outcome.error_type, outcome.known) == ("Timeout", False)
    assert begun.is_set()
    assert threads.abandoned == 1
    go_on.set()
    assert await asyncio.to_thread(seen.wait, 10)


async def test_no_time_at_all_is_soon_over() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    assert (await attempt(work, options={"timeout": 0})).error == "no result within 0 s"


async def test_in_time_is_in_time() -> None:
    for function in both(lambda: 5):
        assert (await attempt(function, options={"timeout": 60})).output == 5


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), OSError("no")])
async def test_with_a_time_limit_errors_are_what_they_are_without(error: BaseException) -> None:
    for function in both(raising(error)):
        limited = await attempt(function, options={"timeout": 60})
        # The same exception raised twice has the frames of both times.
        assert limited._replace(traceback="") == (await attempt(function))._replace(traceback="")


async def test_an_output_that_comes_when_time_is_over_counts() -> None:
    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "rescued"
        return "never"

    assert (await attempt(work, options={"timeout": 0.01})).output == "rescued"


async def test_an_error_that_comes_when_time_is_over_is_told_too() -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("cannot clean up")

    outcome = await attempt(work, options={"timeout": 0.01})
    assert (outcome.error_type, outcome.known) == ("Timeout", False)
    assert outcome.error == "no result within 0.01 s; when cancelled, the action raised ValueError: cannot clean up"


async def test_an_action_that_ignores_its_end_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_module, "GRACE", 0.01)
    go_on = asyncio.Event()
    ended = asyncio.Event()

    async def work() -> None:
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue
        ended.set()

    outcome = await attempt(work, options={"timeout": 0.01})
    assert (outcome.error_type, outcome.error) == ("Timeout", "no result within 0.01 s")
    go_on.set()
    await ended.wait()


@pytest.mark.parametrize("timeout", [None, 60])
async def test_a_cancelled_attempt_tells_its_action(timeout: float | None) -> None:
    context, begun = ActionContext(), asyncio.Event()
    seen: list[bool] = []

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append(True)

    task = asyncio.create_task(attempt(work, options={"context": context, "timeout": timeout}))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert context.cancelled
    assert seen == [True]


# Parameters


async def test_parameters_are_converted_for_the_call_only() -> None:
    given = {"path": "/tmp/x", "when": "2026-03-01"}

    def work(path: Path, when: date) -> list[Any]:
        return [type(path) is type(Path()), type(when) is date]

    assert (await attempt(work, **given)).output == [True, True]
    assert given == {"path": "/tmp/x", "when": "2026-03-01"}
    outcome = await attempt(work, path=5, when="soon")
    assert (outcome.phase, outcome.error_type, outcome.known) == ("parameters", "TypeError", True)


async def test_secrets_are_resolved_before_the_types_are_checked() -> None:
    def work(key: str) -> int:
        return len(key)

    given = {"key": {"$secret": "env:KEY"}}
    outcome = await attempt(work, options={"resolve": lambda parameters: {"key": "hush"}}, **given)
    assert outcome.output == 4
    assert given == {"key": {"$secret": "env:KEY"}}


async def test_a_secret_that_is_not_there_fails_before_anything_runs() -> None:
    def resolve(parameters: Any) -> Any:
        raise SecretError("there is no key")

    outcome = await attempt(lambda: 5, options={"resolve": resolve})
    assert (outcome.phase, outcome.error_type, outcome.known) == ("parameters", "SecretError", True)
    assert outcome.error == "action 'act': there is no key"
