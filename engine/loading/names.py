"""Checks of templates and conditions: do they parse, and can the names they use exist."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core.expression_errors import ExpressionProblem, shown_text
from engine.core.expression_functions import FUNCTIONS
from engine.core.expressions import compile_expression
from engine.core.script_check import ScriptSyntaxError
from engine.core.templates import compile_template
from engine.loading.findings import Findings
from engine.loading.graph import Node, contested, listed, path_names, stored_by
from engine.loading.joins import joined_variables
from engine.loading.kinds import kind_of
from engine.loading.problems import Location
from engine.loading.shapes import VARIABLE
from engine.loading.uses import KeyUse, NameUse, offset_in_script, script_uses, uses_of

ROOTS = frozenset({"inputs", "state"})
MAIN = "main"
"""The id of the path every execution begins with."""
_OF_ERROR = ("type", "message", "attempt", "data")
_ELSEWHERE = {
    "paths": "only outputs can use 'paths'",
    "error": "only the condition of a retry policy can use 'error'",
}


@dataclass(frozen=True)
class Scope:
    """The names a template may use at one place."""

    inputs: Collection[str] | None
    """Declared inputs; None when that cannot be said."""
    stored: Collection[str] | None
    """Variables that steps store; None when that cannot be said."""
    secrets: frozenset[str] = frozenset()
    """Inputs that may not be used here, because they are secret."""
    paths: Collection[str] = ()
    """Names of paths."""
    contested: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    roots: frozenset[str] = ROOTS
    elsewhere: Mapping[str, str] = field(default_factory=lambda: _ELSEWHERE)
    """Names that exist at other places, and the sentence that says where."""

    @property
    def with_secrets(self) -> Scope:
        """The same where secret inputs may be used."""
        return replace(self, secrets=frozenset())

    def with_root(self, name: str) -> Scope:
        """The same with one more name."""
        return replace(self, roots=self.roots | {name})


def check_names(
    found: Findings,
    at: Location,
    definition: Mapping[str, Any],
    nodes: list[Node],
    stored: Collection[str] | None,
) -> None:
    """Check every template, condition and script of a definition whose parts may be malformed; `stored` are its
    variables, None when they cannot be said."""
    scope = Scope(_declared_inputs(definition), stored, secret_inputs(definition), path_names(nodes))
    for place, step in _mappings(definition.get("steps"), (*at, "steps")):
        _check_step(found, place, step, scope)
    for place, agent in _mappings(definition.get("agents"), (*at, "agents")):
        where = {"state": "an agent's settings can use 'inputs' only"}
        in_agent = replace(scope.with_secrets, roots=frozenset({"inputs"}), elsewhere={**_ELSEWHERE, **where})
        check_template(found, (*place, "settings"), agent.get("settings"), in_agent)
    in_outputs = replace(scope.with_root("paths"), contested=contested(nodes))
    for place, output in _mappings(definition.get("outputs"), (*at, "outputs")):
        check_template(found, (*place, "value"), output.get("value"), in_outputs)


def _declared_inputs(definition: Mapping[str, Any]) -> list[str] | None:
    inputs = definition.get("inputs", [])
    if not isinstance(inputs, list) or not all(isinstance(entry, dict) for entry in inputs):
        return None
    names = [entry.get("name") for entry in inputs]
    return names if all(isinstance(name, str) for name in names) else None


def secret_inputs(definition: Mapping[str, Any]) -> frozenset[str]:
    """Names of the inputs that are declared secret."""
    declared = (entry for _, entry in _mappings(definition.get("inputs"), ()))
    return frozenset(
        entry["name"] for entry in declared if entry.get("secret") is True and isinstance(entry.get("name"), str)
    )


def stored_variables(definition: Mapping[str, Any], nodes: list[Node]) -> list[str] | None:
    """The variables that steps store and joins add; None when one of them cannot be read."""
    steps = definition.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        return None
    declared = path_names(nodes)
    variables: list[Any] = []
    for step, node in zip(steps, nodes, strict=True):
        variables += stored_by(step)
        variables += joined_variables(step, node.join, declared) if node.join else ()
        variables += [None] if _is_unclear(step) else ()
    return variables if all(isinstance(variable, str) for variable in variables) else None


def _is_unclear(step: Mapping[str, Any]) -> bool:
    """Whether a step may store something under a name that cannot be read."""
    catches = [catch for _, catch in listed(step, "catch", ())]
    stores = [entry["store"] for entry in [step, *catches] if isinstance(entry, dict) and "store" in entry]
    return not all(isinstance(store, (str, dict)) for store in stores)


def _mappings(value: Any, at: Location) -> Iterator[tuple[Location, dict[str, Any]]]:
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, dict):
            yield (*at, index), entry


def _check_step(found: Findings, at: Location, step: Mapping[str, Any], scope: Scope) -> None:
    scope, inside = _scopes(found, at, step, scope)
    parameters = inside if kind_of(step) == "workflow" else inside.with_secrets
    check_template(found, (*at, "parameters"), step.get("parameters"), parameters)
    for key in ("prompt", "content"):
        check_template(found, (*at, key), step.get(key), inside)
    for key in ("wait_signal", "topic", "sleep"):
        check_template(found, (*at, key), step.get(key), scope)
    check_script(found, (*at, "script"), step.get("script"), inside)
    for place, edge in listed(step, "next", at):
        if isinstance(edge, dict):
            check_condition(found, (*place, "condition"), edge.get("condition"), scope)
    for place, policy in listed(step, "retry", at):
        if isinstance(policy, dict):
            check_condition(found, (*place, "condition"), policy.get("condition"), scope.with_root("error"))


def _scopes(found: Findings, at: Location, step: Mapping[str, Any], scope: Scope) -> tuple[Scope, Scope]:
    """What can be used around a step and inside it, where the variable of its `each` exists; `each` is checked."""
    each = step.get("each")
    if not isinstance(each, dict):
        return scope, scope
    inside = scope
    variable = each.get("as", "item")
    if isinstance(variable, str):
        _check_loop_variable(found, (*at, "each", "as"), variable)
        inside = scope.with_root(variable)
        where = "the variable of 'each' exists only in what the step runs: 'parameters', 'prompt', 'content', 'script'"
        scope = replace(scope, elsewhere={**scope.elsewhere, variable: where})
    _check_items(found, (*at, "each", "items"), each.get("items"), scope)
    return scope, inside


def _check_loop_variable(found: Findings, at: Location, variable: str) -> None:
    if variable in ROOTS:
        found.error(at, f"'as' must be another name than {shown_text(variable)}, which it would hide")
    elif keyword.iskeyword(variable):
        found.error(at, f"'as' must be another name: {shown_text(variable)} is a word of the expression language")


def _check_items(found: Findings, at: Location, items: Any, scope: Scope) -> None:
    errors_before = found.errors
    check_template(found, at, items, scope)
    if isinstance(items, str) and found.errors == errors_before and not _is_one_expression(items):
        found.error(at, "'items' must be a list or exactly one template such as \"${state.files}\"")


def _is_one_expression(text: str) -> bool:
    spans = [(offset, len(expression.source)) for _, offset, expression in compile_template(text).expressions]
    return len(spans) == 1 and spans[0][0] == 2 and len(text) == spans[0][1] + 3


def check_template(found: Findings, at: Location, value: Any, scope: Scope) -> None:
    """Check all texts in a value."""
    for place, text in _texts(value, at):
        try:
            template = compile_template(text)
        except ExpressionProblem as problem:
            found.error(place, problem.message, offset=problem.column - 1)
            continue
        for _, offset, expression in template.expressions:
            _check_expression(found, place, offset, expression.source, scope)


def _texts(value: Any, at: Location) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield at, value
    entries: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for key, entry in entries:
        yield from _texts(entry, (*at, key))


def check_condition(found: Findings, at: Location, text: Any, scope: Scope) -> None:
    """Check the condition of an edge or a retry policy; an empty one and one that is no text have been told already."""
    if not isinstance(text, str) or not text:
        return
    if text.lstrip().startswith("${"):
        found.error(at, "a condition is written without ${...}", offset=len(text) - len(text.lstrip()))
        return
    try:
        compile_expression(text)
    except ExpressionProblem as problem:
        found.error(at, problem.message, offset=problem.column - 1)
    else:
        _check_expression(found, at, 0, text, scope)


def check_script(found: Findings, at: Location, text: Any, scope: Scope) -> None:
    """Check a script; an empty one and one that is no text have been told already."""
    if not isinstance(text, str) or not text.strip():
        return
    try:
        names, keys = script_uses(text)
    except ScriptSyntaxError as problem:
        found.error(at, problem.message, offset=offset_in_script(text, problem.line, problem.column))
    else:
        _check_uses(found, at, 0, names, keys, scope)


def _check_expression(found: Findings, at: Location, offset: int, text: str, scope: Scope) -> None:
    """Check the names in an expression that stands at an offset of the text at a location."""
    _check_uses(found, at, offset, *uses_of(text), scope)


def _check_uses(
    found: Findings, at: Location, offset: int, names: Iterable[NameUse], keys: Iterable[KeyUse], scope: Scope
) -> None:
    for name, place in names:
        if name not in scope.roots:
            message = f"unknown name {shown_text(name)}{_root_hint(found, name, scope)}"
            found.error(at, message, offset=offset + place)
    for root, key, place in keys:
        if root in scope.roots:
            _check_access(found, at, offset + place, root, key, scope)


def _root_hint(found: Findings, name: str, scope: Scope) -> str:
    if name in (scope.stored or ()):
        return f"; did you mean {shown_text('state.' + name)}?"
    if name in scope.elsewhere:
        return f": {scope.elsewhere[name]}"
    if name in FUNCTIONS:
        return f"; {name} is a function, call it: {name}(...)"
    if name in (scope.inputs or ()):
        return f"; did you mean {shown_text('inputs.' + name)}?"
    return found.suggestion(name, sorted(scope.roots))


def _check_access(found: Findings, at: Location, offset: int, root: str, key: str, scope: Scope) -> None:
    if root == "inputs" and scope.inputs is not None and key not in scope.inputs:
        message = f"there is no input {shown_text(key)}{found.suggestion(key, scope.inputs)}"
        found.error(at, message, offset=offset)
    elif root == "inputs" and key in scope.secrets:
        allowed = "only the 'parameters' of an action and the 'settings' of an agent can use it"
        found.error(at, f"the input {shown_text(key)} is secret: {allowed}", offset=offset)
    elif root == "state" and scope.stored is not None and key not in scope.stored:
        message = f"no step stores {shown_text(key)}{found.suggestion(key, scope.stored)}"
        found.warning(at, message, offset=offset)
    elif root == "state" and key in scope.contested:
        found.warning(at, _contest(key, *scope.contested[key]), offset=offset)
    elif root == "error" and key not in _OF_ERROR:
        has = f"an error has {', '.join(_OF_ERROR)}, not {shown_text(key)}"
        found.error(at, f"{has}{found.suggestion(key, _OF_ERROR)}", offset=offset)
    elif root == "paths" and VARIABLE.fullmatch(key) and key != MAIN and key not in scope.paths:
        message = f"no edge starts a path {shown_text(key)}{found.suggestion(key, [*scope.paths, MAIN])}"
        found.warning(at, message, offset=offset)


def _contest(variable: str, one: str, other: str) -> str:
    by = f"step {one!r} does" if one == other else f"steps {one!r} and {other!r} do"
    return (
        f"paths that run at the same time both store {variable!r} ({by}), so either value may end up here; "
        f"name the path: paths.NAME.{variable}"
    )
