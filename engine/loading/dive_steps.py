"""The steps of a Dive workflow as plain definitions of ours."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from engine.core.expression_errors import shown_text
from engine.loading.dive_agents import Agents
from engine.loading.dive_content import ContentReader
from engine.loading.dive_expressions import Names
from engine.loading.dive_shapes import entries_of, mapping_of, text_of
from engine.loading.dive_templates import expression, has_template, is_wrapped, literal, template
from engine.loading.findings import Findings
from engine.loading.problems import Location

_PARAMETERS: Final = {
    "Document.Write": {"Path": "path", "Content": "content"},
    "Document.Read": {"Path": "path"},
    "Print": {"Message": "message"},
    "Time.Now": {},
}
"""Of the actions every project has: what Dive calls their parameters, and what they are called here."""
_REQUIRED: Final = {"Document.Write": ("Path", "Content"), "Document.Read": ("Path",)}
_KINDS: Final = (("Action", "action"), ("Script", "script"), ("Prompt", "prompt"), ("Content", "prompt"))
_BELONGS: Final = {"Action": "action", "Parameters": "action", "Script": "script"} | dict.fromkeys(
    ("Prompt", "Agent", "Content"), "prompt"
)


@dataclass(frozen=True)
class Steps:
    """Translates the steps of one workflow."""

    found: Findings
    names: Names
    agents: Agents | None
    """None where agents are the project's own."""
    content: ContentReader

    def translate(self, at: Location, workflow: dict[str, Any]) -> list[tuple[Location, dict[str, Any]]]:
        """The definitions of all steps, each with its location."""
        return [(place, self.step(place, step)) for place, step in entries_of(workflow, at, "Steps")]

    def step(self, at: Location, step: dict[str, Any]) -> dict[str, Any]:
        """One step."""
        definition: dict[str, Any] = {"name": text_of(step, "Name")}
        each = mapping_of(step, "Each")
        loop = text_of(each, "As") or None
        if loop is not None:
            self.check_loop((*at, "Each", "As"), loop)
        inside = self.names.inside(loop)
        kind = self.kind(at, step)
        if kind is not None:
            definition |= _TRANSLATIONS[kind](self, at, step, inside)
        if "Items" in each:
            definition["each"] = self.each((*at, "Each", "Items"), each["Items"], loop)
        if store := text_of(step, "Store"):
            definition["store"] = store
        return definition | self.edges(at, step)

    def check_loop(self, at: Location, loop: str) -> None:
        if loop in ("inputs", "state"):
            self.found.error(at, f"'As' must be another name than {shown_text(loop)}, which it would hide")
        elif keyword.iskeyword(loop):
            self.found.error(at, f"'As' must be another name: {shown_text(loop)} is a word of the expression language")

    def kind(self, at: Location, step: dict[str, Any]) -> str | None:
        """What the step does; None where a problem was told."""
        kind = text_of(step, "Type") or next((kind for key, kind in _KINDS if step.get(key)), None)
        if kind is None:
            self.found.error(at, "a step needs one of 'Prompt', 'Action' and 'Script'")
            return None
        if kind not in _TRANSLATIONS:
            return None
        for key, belongs in _BELONGS.items():
            if belongs != kind and step.get(key):
                article = "an" if kind == "action" else "a"
                self.found.warning((*at, key), f"{key!r} has no effect in {article} {kind} step", on_key=True)
        return kind

    def prompt(self, at: Location, step: dict[str, Any], names: Names) -> dict[str, Any]:
        """A step that asks an agent."""
        prompt = text_of(step, "Prompt")
        if not prompt.strip() and not step.get("Content"):
            self.found.error(at, "a prompt step needs 'Prompt' or 'Content'")
        definition: dict[str, Any] = {"prompt": template(self.found, (*at, "Prompt"), prompt, names)}
        if agent := self.agent(at, text_of(step, "Agent")):
            definition["agent"] = agent
        items = step.get("Content")
        texts = [
            text
            for index, item in enumerate(items if isinstance(items, list) else ())
            for text in self.content.read((*at, "Content", index), item)
        ]
        return definition | ({"content": texts} if texts else {})

    def agent(self, at: Location, name: str) -> str | None:
        """The name of the agent that is asked."""
        if self.agents is None:
            return name or None
        known = self.agents.definitions
        if name and name not in known:
            hint = self.found.suggestion(name, known)
            self.found.error((*at, "Agent"), f"there is no agent {shown_text(name)}{hint}")
        elif not name and known and self.agents.default is None:
            self.found.error(at, "say which 'Agent' is asked: there are several, and none is a supervisor")
        return name or self.agents.default

    def action(self, at: Location, step: dict[str, Any], names: Names) -> dict[str, Any]:
        """A step that calls an action."""
        action = text_of(step, "Action")
        if not action:
            self.found.error(at, "an action step needs 'Action'")
        given = mapping_of(step, "Parameters")
        ours = _PARAMETERS.get(action)
        place = (*at, "Parameters")
        for key in _REQUIRED.get(action, ()):
            if key not in given:
                self.found.error(place if "Parameters" in step else at, f"{action} needs the parameter {key!r}")
        parameters = {}
        for key, value in given.items():
            if ours is not None and key not in ours:
                hint = self.found.suggestion(key, ours)
                self.found.error((*place, key), f"{action} has no parameter {shown_text(key)}{hint}", on_key=True)
            parameters[key if ours is None else ours.get(key, key)] = self.parameter((*place, key), value, names)
        return {"action": action} | ({"parameters": parameters} if parameters else {})

    def parameter(self, at: Location, value: Any, names: Names) -> Any:
        """The value of a parameter: a text is a template, texts inside of lists and mappings never were."""
        if isinstance(value, str):
            return template(self.found, at, value, names)
        if has_template(value):
            self.found.warning(at, "the ${...} in it stays text: only a parameter that is itself text is a template")
        return literal(value)

    def script(self, at: Location, step: dict[str, Any], names: Names) -> dict[str, Any]:
        """A step that computes a value."""
        text = text_of(step, "Script")
        if not text.strip():
            self.found.error(at, "a script step needs 'Script'")
            return {}
        before = self.found.errors
        written = expression(self.found, (*at, "Script"), text, names)
        if self.found.errors > before:
            last = self.found.found.pop()
            advice = "a Risor script runs here only when it is one expression; rewrite it as one, or as several steps"
            self.found.found.append(last._replace(message=f"{last.message}; {advice}"))
        return {"script": written or "None"}

    def each(self, at: Location, items: Any, loop: str | None) -> dict[str, Any]:
        """The items of an `Each`."""
        definition: dict[str, Any] = {"as": loop} if loop else {}
        if isinstance(items, str):
            if is_wrapped(items):
                written = expression(self.found, at, items, self.names)
                return {"items": f"${{{written}}}", **definition}
            self.found.error(at, "'Items' must be a list, or one expression in $(...)")
        elif not isinstance(items, list):
            self.found.error(at, "'Items' must be a list, or one expression in $(...)")
        return {"items": literal(items), **definition}

    def edges(self, at: Location, step: dict[str, Any]) -> dict[str, Any]:
        """Where the path goes: along the edges of `Next`, or with `End` nowhere, else to the next listed step."""
        end = step.get("End") is True
        if not step.get("Next"):
            return {"end": True} if end else {}
        if end:
            self.found.warning((*at, "End"), "'End' has no effect beside 'Next'", on_key=True)
        return {"next": [self.edge(place, edge) for place, edge in entries_of(step, at, "Next")]}

    def edge(self, at: Location, edge: dict[str, Any]) -> dict[str, Any]:
        """One edge; a condition without text is always true."""
        definition = {"step": text_of(edge, "Step")}
        condition = text_of(edge, "Condition")
        if condition.strip():
            written = expression(self.found, (*at, "Condition"), condition, self.names)
            definition["condition"] = written or "True"
        return definition


_TRANSLATIONS: Final[dict[str, Callable[[Steps, Location, dict[str, Any], Names], dict[str, Any]]]] = {
    "prompt": Steps.prompt,
    "action": Steps.action,
    "script": Steps.script,
}
