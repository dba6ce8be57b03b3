"""Agents by name: the project's own, and those a definition brings along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.expression_errors import suggestion
from engine.model.events import JsonObject
from engine.model.workflow import Workflow
from engine.runtime.agents import Agent, AgentError, AgentFunction, as_agent


class Agents:
    """The agents that prompt steps may ask."""

    def __init__(self, agents: Mapping[str, Agent | AgentFunction] | None = None) -> None:
        """
        Raises:
            AgentError: something is no agent.
        """
        self._agents = {name: as_agent(agent) for name, agent in (agents or {}).items()}
        self._made: dict[tuple[str, str], Agent] = {}

    def find(self, name: str | None, workflow: Workflow) -> tuple[Agent, JsonObject]:
        """The agent of this name and its settings; without a name the only one there is.

        Raises:
            AgentError: there is none, or it is not clear which one is meant.
        """
        settings = {agent.name: agent for agent in workflow.agents}
        known = sorted({*self._agents, *settings})
        if name is None:
            if len(known) != 1:
                found = f"there are {', '.join(known)}" if known else "none is known here"
                raise AgentError(f"a prompt step without 'agent' needs exactly one agent, but {found}")
            name = known[0]
        described = settings.get(name)
        more: dict[str, Any] = {} if described is None else dict(described.settings)
        if name in self._agents:
            return self._agents[name], more
        if described is None:
            raise AgentError(f"there is no agent {name!r}{suggestion(name, known)}")
        if described.settings.get("tools"):
            tools = ", ".join(map(str, described.settings["tools"]))
            raise AgentError(f"agent {name!r} needs tools that are not offered here: {tools}")
        if described.model is None:
            raise AgentError(f"agent {name!r} names no model, and the project brings no agent of that name")
        return self._of_model(described.model, described.instructions), more

    def _of_model(self, model: str, instructions: str) -> Agent:
        made = self._made.get((model, instructions))
        if made is None:
            from engine.runtime.pydantic_ai_agent import PydanticAIAgent  # an optional extra

            made = self._made[model, instructions] = PydanticAIAgent(model, instructions=instructions)
        return made
