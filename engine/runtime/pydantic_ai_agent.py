"""Agents of the pydantic-ai package, for prompt steps. The package is an extra, loaded with the first request."""

from __future__ import annotations

import importlib.util
from typing import Any

import orjson

from engine.runtime.agents import AgentReply, AgentRequest

_MISSING = "PydanticAIAgent needs the package pydantic-ai: pip install 'dive-tui[agents]'"


class MissingPackageError(ImportError):
    """An optional package is not installed; the message says how to install it."""


class PydanticAIAgent:
    """Answers prompts with a model, or an agent, of pydantic-ai."""

    def __init__(
        self, model_or_agent: Any, *, instructions: str | None = None, settings: dict[str, Any] | None = None
    ) -> None:
        """`model_or_agent` is a model's name (`"openai:gpt-5"`), a model, or a `pydantic_ai.Agent` of your own.

        `instructions` are added to every request; `settings` are model settings, which those of the step override.
        An agent of your own gets the request's context as its dependencies.

        Raises:
            MissingPackageError: pydantic-ai is not installed.
        """
        if importlib.util.find_spec("pydantic_ai") is None:
            raise MissingPackageError(_MISSING)
        self._given = model_or_agent
        self._instructions = instructions
        self._settings = dict(settings or {})
        self._agent: Any = None

    async def respond(self, request: AgentRequest) -> AgentReply:
        """The model's answer to the prompt, followed by the content: texts as they are, other values as JSON."""
        agent = self._loaded()
        pieces = [piece if isinstance(piece, str) else orjson.dumps(piece).decode() for piece in request.content]
        result = await agent.run(
            [request.prompt, *pieces] if pieces else request.prompt,
            instructions=self._instructions,
            model_settings={**self._settings, **request.settings} or None,
            deps=request.context,
        )
        used = result.usage
        usage = {"requests": used.requests, "input_tokens": used.input_tokens, "output_tokens": used.output_tokens}
        return AgentReply(result.output, usage)

    def _loaded(self) -> Any:
        if self._agent is None:
            from pydantic_ai import Agent  # imported late: it takes over a second
            from pydantic_ai.agent import AbstractAgent

            own = isinstance(self._given, AbstractAgent)
            self._agent = self._given if own else Agent(self._given)
        return self._agent
