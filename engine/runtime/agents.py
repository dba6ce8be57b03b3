"""Agents: whatever answers a prompt step."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

from engine.core.normalize import NotJsonError, normalize
from engine.core.settle import PAYLOAD_ERROR, Outcome
from engine.model.events import JsonObject
from engine.runtime.capture import Echo, StepLog, attach, captured_output
from engine.runtime.config import PersistenceConfig
from engine.runtime.failure import MAX_ERROR, clean, described
from engine.runtime.ports import Clock
from engine.runtime.threads import DaemonThreads

USAGE_KEYS = ("requests", "input_tokens", "output_tokens")
"""What is counted of an agent's work."""


@dataclass(frozen=True)
class AgentRequest:
    """What a prompt step asks."""

    prompt: str
    """The rendered prompt."""
    content: list[Any] = field(default_factory=list)
    """Further material, in order; JSON values."""
    context: Any | None = None
    """What actions are given as their context too: effect key, attempt, cancellation."""
    settings: JsonObject = field(default_factory=dict)
    """The step's settings for the agent, such as a temperature."""


@dataclass(frozen=True)
class AgentReply:
    """What an agent answers."""

    output: Any
    """JSON, or what has a JSON form: pydantic models, dataclasses, dates."""
    usage: Mapping[str, int] | None = None
    """`requests`, `input_tokens` and `output_tokens`, as far as they are known."""


@runtime_checkable
class Agent(Protocol):
    """Answers prompts."""

    async def respond(self, request: AgentRequest) -> AgentReply:
        """The answer. An exception fails the attempt, as one raised by an action does."""
        ...


AgentFunction = Callable[[str], Any]
"""From a prompt to its answer or an `AgentReply`; may be async."""


class AgentError(ValueError):
    """Something that cannot be an agent; the message says what."""


class FunctionAgent:
    """A function of the prompt as an agent; one that is not async runs in a thread."""

    def __init__(self, function: AgentFunction) -> None:
        self._function = function
        self._threads = DaemonThreads()

    async def respond(self, request: AgentRequest) -> AgentReply:
        """What the function returns; anything but an `AgentReply` is the output."""
        if inspect.iscoroutinefunction(self._function):
            answer = await self._function(request.prompt)
        else:
            answer = await self._threads.run(partial(_captured, self._function, request.prompt))
            if inspect.isawaitable(answer):
                answer = await answer
        return answer if isinstance(answer, AgentReply) else AgentReply(answer)


def as_agent(value: Agent | AgentFunction) -> Agent:
    """An agent as it is, a function of the prompt wrapped as one.

    Raises:
        AgentError: it is neither.
    """
    if isinstance(value, type):
        raise AgentError(f"{value.__name__} is a class; give an instance of it as the agent")
    if isinstance(value, Agent):
        return value
    if callable(value):
        return FunctionAgent(value)
    raise AgentError(f"a {type(value).__name__} is no agent: it has no respond() and is no function")


async def run_prompt(
    agent: Agent,
    request: AgentRequest,
    *,
    clock: Clock,
    config: PersistenceConfig,
    echo: Echo | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - it ends as an outcome, not as an exception
) -> Outcome:
    """Ask an agent with a copy of the request's JSON; never raises for what the agent does.

    After `timeout` seconds the agent is cancelled and the attempt fails with `Timeout`.

    Raises:
        asyncio.CancelledError: this task was cancelled.
    """
    log = StepLog(config.max_log, echo)
    attach(log)
    began = clock.monotonic()
    fields = await _answered(agent, request, config, timeout)
    return Outcome(log=log.text(), duration_ms=round((clock.monotonic() - began) * 1000, 3), **fields)


async def _answered(
    agent: Agent, request: AgentRequest, config: PersistenceConfig, seconds: float | None
) -> dict[str, Any]:
    """The fields of the outcome, but for time and log."""
    try:
        copied = AgentRequest(
            request.prompt, normalize(request.content)[0], request.context, normalize(request.settings)[0]
        )
    except NotJsonError as error:
        return {"error": clean(str(error), MAX_ERROR), "error_type": "NotJson", "phase": "parameters"}
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            reply = await agent.respond(copied)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return described(error)
    except BaseException as error:  # sys.exit() and the like end the step, not the runner
        if limit.expired() and isinstance(error, TimeoutError):
            return {"error": f"no answer within {seconds:g} s", "error_type": "Timeout", "known": False}
        return described(error)
    return _as_output(reply, config.max_payload)


def _as_output(reply: Any, max_payload: int) -> dict[str, Any]:
    if not isinstance(reply, AgentReply):
        message = f"the agent's respond() returned a {type(reply).__name__}, not an AgentReply"
        return {"error": message, "error_type": "TypeError", "phase": "output"}
    usage = _counted(reply.usage)
    try:
        output, size = normalize(reply.output)
    except NotJsonError as error:
        return {"error": clean(str(error), MAX_ERROR), "error_type": "NotJson", "phase": "output", "usage": usage}
    except Exception as error:  # objects may do anything while they are looked at
        return described(error) | {"phase": "output", "usage": usage}
    if size > max_payload:
        message = f"the output is {size:,} bytes of JSON; {max_payload:,} are allowed"
        return {"error": message, "error_type": PAYLOAD_ERROR, "phase": "output", "usage": usage}
    return {"output": output, "usage": usage}


def _counted(usage: Mapping[str, int] | None) -> JsonObject | None:
    """Only whole numbers under the names that are known: a wrong count must not cost the answer."""
    if not isinstance(usage, Mapping):
        return None
    counts = {key: usage.get(key) for key in USAGE_KEYS}
    return {key: count for key, count in counts.items() if type(count) is int and 0 <= count < 2**63} or None


def _captured(function: AgentFunction, prompt: str) -> Any:
    # A call that is abandoned goes on printing into its log, also when the runner has put the streams back.
    with captured_output():
        return function(prompt)
