"""The agents of a Dive environment."""

from __future__ import annotations

from typing import Any, Final

from engine.core.expression_errors import shown_text
from engine.loading.dive_shapes import entries_of, mapping_of, text_of
from engine.loading.findings import Findings
from engine.loading.graph import check_unique
from engine.loading.problems import INVALID, Location
from engine.model.durations import parse_duration

_SETTINGS: Final = {
    "Temperature": "temperature",
    "PresencePenalty": "presence_penalty",
    "FrequencyPenalty": "frequency_penalty",
    "MaxTokens": "max_tokens",
    "ParallelToolCalls": "parallel_tool_calls",
    "RequestHeaders": "extra_headers",
}
_DEFAULT_PROVIDER: Final = "anthropic"


class Agents:
    """The agents a file declares, as plain definitions, and which of them answers where none is named."""

    def __init__(self, found: Findings, environment: dict[str, Any]) -> None:
        config = mapping_of(environment, "Config")
        self.definitions: dict[str, dict[str, Any]] = {}
        supervisors: list[str] = []
        places = list(entries_of(environment, (), "Agents"))
        check_unique(found, "agent", [(text_of(agent, "Name") or None, (*at, "Name")) for at, agent in places])
        for at, agent in places:
            name = text_of(agent, "Name")
            self.definitions[name] = _definition(found, at, agent, config)
            if agent.get("IsSupervisor") is True:
                supervisors.append(name)
        alone = list(self.definitions) if len(self.definitions) == 1 else []
        self.default: str | None = next(iter([*alone, *supervisors]), None)


def _definition(found: Findings, at: Location, agent: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    instructions = [text_of(agent, key).strip() for key in ("SystemPrompt", "Goal", "Instructions")]
    if "{{" in instructions[0]:
        found.warning((*at, "SystemPrompt"), "the {{...}} in it stay as they are: it is not a template here")
    definition: dict[str, Any] = {
        "name": text_of(agent, "Name"),
        "instructions": "\n\n".join(part for part in instructions if part),
        "settings": _settings(found, at, agent),
    }
    model = _model(agent, config)
    if model:
        definition["model"] = model
    return definition


def _model(agent: dict[str, Any], config: dict[str, Any]) -> str | None:
    """`provider:model`; None when no model is named."""
    model = text_of(agent, "Model") or text_of(config, "DefaultModel")
    provider = text_of(agent, "Provider") or text_of(config, "DefaultProvider") or _DEFAULT_PROVIDER
    return f"{provider}:{model}" if model else None


def _settings(found: Findings, at: Location, agent: dict[str, Any]) -> dict[str, Any]:
    given = mapping_of(agent, "ModelSettings")
    settings = {ours: given[key] for key, ours in _SETTINGS.items() if given.get(key) is not None}
    timeout = agent.get("ResponseTimeout")
    if timeout is not None and timeout is not INVALID:
        seconds = _seconds(found, (*at, "ResponseTimeout"), timeout)
        if seconds is not None:
            settings["timeout"] = seconds
    tools = agent.get("Tools")
    if isinstance(tools, list) and tools:
        listed = ", ".join(shown_text(tool) for tool in tools if isinstance(tool, str))
        found.warning(
            (*at, "Tools"),
            f"tools are not offered to agents ({listed}); a step that asks this agent fails, "
            "unless the project has an agent of the same name",
            on_key=True,
        )
        settings["tools"] = tools
    return settings


def _seconds(found: Findings, at: Location, value: Any) -> float | None:
    try:
        seconds = parse_duration(value) if isinstance(value, str) else value
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise ValueError("'ResponseTimeout' must be a duration such as 30s, or seconds as a number")
    except ValueError as problem:
        found.error(at, str(problem))
        return None
    return float(seconds)
