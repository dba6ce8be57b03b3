"""One try of an action: whatever it does, an outcome comes of it that can be recorded."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
import pydantic
import pytest

from engine.core.settle import Outcome
from engine.runtime.actions import ActionRegistry
from engine.runtime.attempt import MAX_ERROR, MAX_TRACEBACK, run_attempt
from engine.runtime.capture import captured_output
from engine.runtime.config import PersistenceConfig
from engine.runtime.threads import DaemonThreads
from engine.testing.ports import FakeClock

CONFIG = PersistenceConfig(max_payload=2_000, max_log=100)


async def attempt(function: Callable[..., Any], clock: FakeClock | None = None, **parameters: Any) -> Outcome:
    """The outcome of one try, run as the engine runs it; it must be JSON."""
    action = ActionRegistry().register(function, "act")
    with captured_output():
        outcome = await asyncio.create_task(
            run_attempt(action, parameters, clock=clock or FakeClock(), threads=DaemonThreads(), config=CONFIG)
        )
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
        ({}, "missing a required argument: 'x'"),
        ({"x": 1, "y": 2}, "got an unexpected keyword argument 'y'"),
    ],
)
async def test_wrong_parameters_fail_before_anything_runs(parameters: dict[str, Any], message: str) -> None:
    ran: list[int] = []
    outcome = await attempt(lambda x: ran.append(x), **parameters)
    assert (outcome.phase, outcome.error_type, outcome.known) == ("parameters", "TypeError", True)
    assert outcome.error == f"action 'act': {message}"
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
        (KeyboardInterrupt(), "KeyboardInterrupt", "KeyboardInterrupt", True),
        (Odd("odd"), "Odd", "odd", True),
        (OSError(28, "No space left on device"), "OSError", "[Errno 28] No space left on device", False),
        (ConnectionResetError("gone"), "ConnectionResetError", "gone", False),
        (TimeoutError("late"), "TimeoutError", "late", False),
        (asyncio.CancelledError(), "CancelledError", "CancelledError", False),
        (RecursionError("deep"), "RecursionError", "deep", True),
        (ValueError("lone \ud800 half"), "ValueError", "lone ? half", True),
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
