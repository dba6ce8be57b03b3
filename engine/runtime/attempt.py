"""One try of one unit: call the action, and turn whatever comes of it into an outcome."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from engine.core.normalize import NotJsonError, normalize
from engine.core.settle import PAYLOAD_ERROR, Outcome
from engine.model.events import JsonObject
from engine.runtime.actions import Action, ActionFunction
from engine.runtime.capture import Echo, StepLog, attach, captured_output
from engine.runtime.config import PersistenceConfig
from engine.runtime.context import ActionContext
from engine.runtime.failure import MAX_ERROR, clean, described, message_of
from engine.runtime.parameters import ParameterError
from engine.runtime.ports import Clock
from engine.runtime.threads import DaemonThreads

TIMEOUT = "Timeout"
"""The error type of an attempt that took longer than its step allows."""
GRACE = 5.0
"""Seconds that an async action gets to clean up when its time is over."""


_UNSEEN = ActionContext()
"""Of all attempts whose action asks for none."""


class _TimeIsUp(Exception):
    """The attempt's time is over; `cause` is what the action raised then, if it raised anything."""

    def __init__(self, cause: BaseException | None) -> None:
        super().__init__()
        self.cause = cause


async def run_attempt(
    action: Action,
    parameters: JsonObject,
    *,
    context: ActionContext | None = None,
    clock: Clock,
    threads: DaemonThreads,
    config: PersistenceConfig,
    echo: Echo | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - it ends as an outcome, not as an exception
    resolve: Callable[[Any], Any] | None = None,
) -> Outcome:
    """Call an action with a copy of the parameters; never raises for what the action does, `sys.exit` included.

    After `timeout` seconds the attempt fails with `Timeout`: an async action is cancelled, another one is left to
    itself. `resolve` is applied to the parameters just before the call, where secrets take the place of references.

    Raises:
        asyncio.CancelledError: this task was cancelled; a thread that runs the action is left to itself.
    """
    log = StepLog(config.max_log, echo)
    attach(log)
    began = clock.monotonic()
    if context is None:
        context = ActionContext() if action.parameters.context_names else _UNSEEN
    try:
        fields = await _call(action, parameters, context, threads, config, timeout, resolve)
    except asyncio.CancelledError:
        context.cancel()
        raise
    if "error" in fields and context.latest is not None:
        fields["details"] = _with_progress(fields.get("details"), context.latest)
    return Outcome(log=log.text(), duration_ms=round((clock.monotonic() - began) * 1000, 3), **fields)


async def _call(
    action: Action,
    parameters: JsonObject,
    context: ActionContext,
    threads: DaemonThreads,
    config: PersistenceConfig,
    seconds: float | None,
    resolve: Callable[[Any], Any] | None,
) -> dict[str, Any]:
    """The fields of the outcome, but for time and log."""
    problems = action.parameter_problems(parameters)
    if problems:
        return _refused("; ".join(problems), "TypeError")
    try:
        arguments = action.parameters.converted(parameters if resolve is None else resolve(parameters))
    except ParameterError as error:
        return _refused(str(error), "TypeError")
    except Exception as error:  # a missing secret, or a validator that the action brought along
        return _refused(f"action {action.name!r}: {message_of(error)}", type(error).__name__)
    for name in action.parameters.context_names:
        arguments[name] = context
    try:
        running = _running(action, arguments, threads)
        result = await running if seconds is None else await _limited(running, seconds, context)
    except _TimeIsUp as error:
        return _timed_out(error.cause, seconds)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return described(error)
    except BaseException as error:  # sys.exit() and the like end the step, not the runner
        return described(error)
    return _as_output(result, config.max_payload)


def _running(action: Action, arguments: dict[str, Any], threads: DaemonThreads) -> Awaitable[Any]:
    return action.function(**arguments) if action.is_async else _in_thread(action.function, arguments, threads)


async def _in_thread(function: ActionFunction, arguments: dict[str, Any], threads: DaemonThreads) -> Any:
    result, error = await threads.run(partial(_captured, function, arguments))
    if error is not None:
        raise error
    return await result if inspect.isawaitable(result) else result


def _captured(function: ActionFunction, arguments: dict[str, Any]) -> tuple[Any, BaseException | None]:
    """The result or what was raised: thrown into waiting coroutines, `GeneratorExit` would pass all who catch it."""
    # A call that is abandoned goes on printing into its log, also when the runner has put the streams back.
    with captured_output():
        try:
            return function(**arguments), None
        except BaseException as error:
            return None, error


async def _limited(running: Awaitable[Any], seconds: float, context: ActionContext) -> Any:
    """What the action returns, also when it does so after it was told that its time is up.

    Raises:
        _TimeIsUp: it was told, and raised something, or nothing came of it within the time to clean up.
    """
    # A task of its own: one that ignores its cancellation must not hold up the execution for ever.
    task = asyncio.create_task(_caught(running))
    late = False
    try:
        await asyncio.wait({task}, timeout=seconds)
        late = not task.done()
        if late:
            context.cancel()
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    if not task.done():
        raise _TimeIsUp(None)
    result, error = task.result()
    if error is None:
        return result
    raise _TimeIsUp(error) if late else error


async def _caught(running: Awaitable[Any]) -> tuple[Any, BaseException | None]:
    """The result or what was raised: out of a task, `SystemExit` would stop the whole event loop."""
    try:
        return await running, None
    except BaseException as error:
        return None, error


def _timed_out(cause: BaseException | None, seconds: float | None) -> dict[str, Any]:
    message = f"no result within {seconds:g} s"
    fields = {} if cause is None else described(cause)
    if cause is not None and not isinstance(cause, asyncio.CancelledError):
        message += f"; when cancelled, the action raised {fields['error_type']}: {fields['error']}"
    return fields | {"error": message, "error_type": TIMEOUT, "known": False}


def _refused(message: str, error_type: str) -> dict[str, Any]:
    return {"error": clean(message, MAX_ERROR), "error_type": error_type, "phase": "parameters"}


def _as_output(result: Any, max_payload: int) -> dict[str, Any]:
    try:
        output, size = normalize(result)
    except NotJsonError as error:
        return {"error": clean(str(error), MAX_ERROR), "error_type": "NotJson", "phase": "output"}
    except Exception as error:  # objects may do anything while they are looked at
        return described(error) | {"phase": "output"}
    if size > max_payload:
        message = f"the output is {size:,} bytes of JSON; {max_payload:,} are allowed"
        return {"error": message, "error_type": PAYLOAD_ERROR, "phase": "output"}
    return {"output": output}


def _with_progress(details: Any, latest: Any) -> JsonObject:
    if details is None:
        return {"progress": latest}
    return {**details, "progress": latest} if isinstance(details, dict) else {"details": details, "progress": latest}
