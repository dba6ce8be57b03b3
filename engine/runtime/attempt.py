"""One try of one unit: call the action, and turn whatever comes of it into an outcome."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import orjson

import engine
from engine.core.normalize import NotJsonError, normalize
from engine.core.settle import PAYLOAD_ERROR, Outcome
from engine.model.events import JsonObject
from engine.runtime.actions import Action, ActionFunction
from engine.runtime.capture import Echo, StepLog, attach, captured_output
from engine.runtime.config import PersistenceConfig
from engine.runtime.ports import Clock
from engine.runtime.threads import DaemonThreads

MAX_TRACEBACK = 32_768
MAX_ERROR = 8_192
_ENGINE_FOLDER = str(Path(engine.__file__).parent)


async def run_attempt(
    action: Action,
    parameters: JsonObject,
    *,
    clock: Clock,
    threads: DaemonThreads,
    config: PersistenceConfig,
    echo: Echo | None = None,
) -> Outcome:
    """Call an action with a copy of the parameters; never raises for what the action does, `sys.exit` included.

    Raises:
        asyncio.CancelledError: this task was cancelled; a thread that runs the action is left to itself.
    """
    log = StepLog(config.max_log, echo)
    attach(log)
    began = clock.monotonic()

    def ended(**fields: Any) -> Outcome:
        return Outcome(log=log.text(), duration_ms=round((clock.monotonic() - began) * 1000, 3), **fields)

    arguments = orjson.loads(orjson.dumps(parameters))
    refusal = action.refusal(arguments)
    if refusal:
        return ended(error=f"action {action.name!r}: {refusal}", error_type="TypeError", phase="parameters")
    try:
        if action.is_async:
            result = await action.function(**arguments)
        else:
            result = await threads.run(partial(_captured, action.function, arguments))
            if inspect.isawaitable(result):
                result = await result
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return ended(**_failure(error))
    except BaseException as error:  # sys.exit() and the like end the step, not the runner
        return ended(**_failure(error))
    try:
        output, size = normalize(result)
    except NotJsonError as error:
        return ended(error=str(error), error_type="NotJson", phase="output")
    except Exception as error:  # objects may do anything while they are looked at
        return ended(**_failure(error) | {"phase": "output"})
    if size > config.max_payload:
        message = f"the output is {size:,} bytes of JSON; {config.max_payload:,} are allowed"
        return ended(error=message, error_type=PAYLOAD_ERROR, phase="output")
    return ended(output=output)


def _captured(function: ActionFunction, arguments: JsonObject) -> Any:
    # A call that is abandoned goes on printing into its log, also when the runner has put the streams back.
    with captured_output():
        return function(**arguments)


def _failure(error: BaseException) -> dict[str, Any]:
    return {
        "error": _clean(_message(error) or type(error).__name__, MAX_ERROR),
        "error_type": type(error).__name__,
        # The operating system or a cancellation said no, but perhaps not before something had gone out.
        "known": not isinstance(error, (OSError, asyncio.CancelledError)),
        "traceback": format_traceback(error),
    }


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as problem:
        return f"its message cannot be shown ({type(problem).__name__})"


def format_traceback(error: BaseException) -> str:
    """The traceback as Python prints it, without the engine's own frames, its last 32 KiB."""
    report = traceback.TracebackException.from_exception(error, compact=True)
    link: traceback.TracebackException | None = report
    while link is not None:
        frames = [frame for frame in link.stack if not _is_engine(frame.filename)]
        link.stack = traceback.StackSummary.from_list(frames)
        link = link.__cause__ or link.__context__
    return _clean("".join(report.format()).rstrip("\n"), MAX_TRACEBACK)


def _is_engine(filename: str) -> bool:
    # Built-in actions live in the engine, but what goes wrong in them is the step's own business.
    return filename.startswith(_ENGINE_FOLDER) and not filename.endswith("builtins.py")


def _clean(text: str, limit: int) -> str:
    encoded = text.encode("utf-8", "replace")
    return encoded[-limit:].decode("utf-8", "ignore") if len(encoded) > limit else encoded.decode()
