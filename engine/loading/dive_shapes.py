"""The form of Dive files: every key they may hold, and which of them mean nothing here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.core.expression_errors import shown_text
from engine.loading.findings import Findings, called
from engine.loading.problems import INVALID, Location
from engine.loading.shapes import Check, Shape, anything, describe, flag, list_of, name, text, variable


def _or_nothing(check: Check) -> Check:
    """A key without a value is as good as left out."""

    def check_value(found: Findings, at: Location, value: Any) -> None:
        if value is not None:
            check(found, at, value)

    return check_value


def _or_empty(check: Check) -> Check:
    def check_value(found: Findings, at: Location, value: Any) -> None:
        if value != "":
            check(found, at, value)

    return check_value


def _shape(noun: str, keys: Mapping[str, Check], *required: str) -> Shape:
    tolerant = {key: check if key in required else _or_nothing(check) for key, check in keys.items()}
    return Shape(noun, tolerant, required)


def _unused(sentence: str, check: Check = anything) -> Check:
    """A key that is understood but has no effect: a warning, when its value asks for something."""

    def warn(found: Findings, at: Location, value: Any) -> None:
        errors_before = found.errors
        check(found, at, value)
        if found.errors == errors_before and value not in (None, INVALID, False, "", [], {}):
            found.warning(at, f"{shown_text(str(at[-1]))} has no effect: {sentence}", on_key=True)

    return warn


def _one_of(*allowed: str) -> Check:
    def check(found: Findings, at: Location, value: Any) -> None:
        text(found, at, value)
        if isinstance(value, str) and value and value not in allowed:
            hint = found.suggestion(value, allowed)
            found.error(at, f"{called(at)} must be one of {', '.join(allowed)}, not {shown_text(value)}{hint}")

    return check


def _number(found: Findings, at: Location, value: Any) -> None:
    if value is not INVALID and (isinstance(value, bool) or not isinstance(value, int | float)):
        found.error(at, f"{called(at)} must be a number, not {describe(value)}")


def _mapping(found: Findings, at: Location, value: Any) -> None:
    if value is not INVALID and not isinstance(value, dict):
        found.error(at, f"{called(at)} must be a mapping, not {describe(value)}")


def _content_items(found: Findings, at: Location, value: Any) -> None:
    list_of(CONTENT)(found, at, value)


CONTENT_KINDS: Final = ("Text", "Path", "URL", "Document", "Dynamic", "DynamicFrom")
CONTENT: Final = _shape("a content item", dict.fromkeys(CONTENT_KINDS, text))
_MODEL_SETTINGS: Final = _shape(
    "'ModelSettings'",
    {
        "Temperature": _number,
        "PresencePenalty": _number,
        "FrequencyPenalty": _number,
        "MaxTokens": _number,
        "ParallelToolCalls": flag,
        "RequestHeaders": _mapping,
        "ReasoningBudget": _unused("a budget for reasoning is not handed on", _number),
        "ReasoningEffort": _unused("an effort for reasoning is not handed on"),
        "ToolChoice": _unused("tools are not offered to agents"),
        "Features": _unused("features of a provider are not handed on"),
        "Caching": _unused("caching is left to the provider"),
    },
)
AGENT: Final = _shape(
    "an agent",
    {
        "Name": name,
        "Goal": text,
        "Instructions": text,
        "SystemPrompt": text,
        "Provider": text,
        "Model": text,
        "ModelSettings": _MODEL_SETTINGS,
        "ResponseTimeout": anything,
        "IsSupervisor": flag,
        "Subordinates": _unused("agents do not hand work to each other"),
        "Tools": list_of(name),
        "ToolConfig": _unused("tools are not offered to agents"),
        "ToolIterationLimit": _unused("tools are not offered to agents"),
        "DateAwareness": _unused("the date is not told; put it into the prompt, from a step with Time.Now"),
        "Context": _unused("put it into the Content of the steps"),
    },
    "Name",
)
_INPUT: Final = _shape(
    "an input",
    {
        "Name": variable,
        "Type": text,
        "Description": text,
        "Required": flag,
        "Default": anything,
        "As": _unused("an input is known by its Name", text),
    },
    "Name",
)
_OUTPUT: Final = _shape(
    "'Output'",
    {
        "Name": variable,
        "Type": _unused("an output has the type of what is stored", text),
        "Description": text,
        "Format": _unused("an output is given as it is", text),
        "Default": anything,
        "Document": _unused("no document is written; use a step with Document.Write"),
    },
)
_NO_SUCH_START = "a workflow is started by hand or by a program"
_EACH: Final = _shape("'Each'", {"Items": anything, "As": variable}, "Items")
_EDGE: Final = _shape("an edge", {"Step": name, "Condition": text}, "Step")
_STEP: Final = _shape(
    "a step",
    {
        "Name": name,
        "Type": _one_of("prompt", "action", "script"),
        "Agent": _or_empty(name),
        "Prompt": text,
        "Store": _or_empty(variable),
        "Action": _or_empty(name),
        "Script": text,
        "Parameters": _mapping,
        "Each": _EACH,
        "Next": list_of(_EDGE),
        "Seconds": _unused("it never made a step wait; a wait is a step with 'sleep' in a workflow of our own form"),
        "End": flag,
        "Content": _content_items,
    },
    "Name",
)
WORKFLOW: Final = _shape(
    "a workflow",
    {
        "Name": name,
        "Description": text,
        "Inputs": list_of(_INPUT),
        "Output": _OUTPUT,
        "Triggers": _unused(_NO_SUCH_START),
        "Steps": list_of(_STEP, least=1),
    },
    "Name",
    "Steps",
)
DOCUMENT: Final = _shape(
    "a document",
    dict.fromkeys(("ID", "Name", "Description", "Path", "Content", "ContentType"), text),
)
_CONFIG: Final = _shape(
    "'Config'",
    {
        "DefaultProvider": text,
        "DefaultModel": text,
        "DefaultWorkflow": _unused("choose a workflow of the file by its name", text),
        "ConfirmationMode": _unused(
            "nothing is confirmed by a person while a workflow runs",
            _one_of("always", "never", "if-destructive", "if-not-read-only"),
        ),
        "LogLevel": _unused("how much is logged is not said in the file", _one_of("debug", "info", "warn", "error")),
        "Providers": _unused("settings of providers belong to the project's agents"),
    },
)
ENVIRONMENT: Final = _shape(
    "an environment",
    {
        "Name": name,
        "Description": text,
        "Version": text,
        "Config": _CONFIG,
        "Tools": _unused("tools are not offered to agents"),
        "Documents": list_of(DOCUMENT),
        "Agents": list_of(AGENT),
        "Workflows": list_of(WORKFLOW, least=1),
        "Triggers": _unused(_NO_SUCH_START),
        "Schedules": _unused(_NO_SUCH_START),
        "MCPServers": _unused("tools are not offered to agents"),
    },
    "Name",
    "Workflows",
)


def text_of(value: Any, key: str) -> str:
    """The text under a key, or nothing where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def mapping_of(value: Any, key: str) -> dict[str, Any]:
    """The mapping under a key, or an empty one."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def entries_of(value: Any, at: Location, key: str) -> Iterator[tuple[Location, dict[str, Any]]]:
    """The mappings in the list under a key, each with its location."""
    found = value.get(key) if isinstance(value, dict) else None
    for index, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict):
            yield (*at, key, index), entry
