"""Checks of templates and conditions: do they parse, and can the names they use exist."""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core.expression_errors import ExpressionProblem, shown_text
from engine.core.expression_functions import FUNCTIONS
from engine.core.expressions import compile_expression
from engine.core.templates import compile_template
from engine.loading.findings import Findings
from engine.loading.graph import Node, contested, listed_edges
from engine.loading.problems import Location
from engine.loading.uses import uses_of

ROOTS = frozenset({"inputs", "state"})


@dataclass(frozen=True)
class Scope:
    """The names a template may use at one place."""

    inputs: Collection[str] | None
    """Declared inputs; None when that cannot be said."""
    stored: Collection[str] | None
    """Variables that steps store; None when that cannot be said."""
    contested: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    roots: frozenset[str] = ROOTS
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Names that exist at other places, and the sentence that says where."""


def check_names(found: Findings, at: Location, definition: Mapping[str, Any], nodes: list[Node]) -> None:
    """Check every template and condition of a definition whose parts may be malformed."""
    scope = Scope(
        inputs=_declared_inputs(definition),
        stored=_stored_variables(definition),
        elsewhere={"paths": "only outputs can use 'paths'"},
    )
    for place, step in _mappings(definition.get("steps"), (*at, "steps")):
        _check_step(found, place, step, scope)
    in_outputs = replace(scope, contested=contested(nodes), roots=ROOTS | {"paths"}, elsewhere={})
    for place, output in _mappings(definition.get("outputs"), (*at, "outputs")):
        check_template(found, (*place, "value"), output.get("value"), in_outputs)


def _declared_inputs(definition: Mapping[str, Any]) -> list[str] | None:
    inputs = definition.get("inputs", [])
    if not isinstance(inputs, list) or not all(isinstance(entry, dict) for entry in inputs):
        return None
    names = [entry.get("name") for entry in inputs]
    return names if all(isinstance(name, str) for name in names) else None


def _stored_variables(definition: Mapping[str, Any]) -> list[str] | None:
    steps = definition.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        return None
    stored = [step["store"] for step in steps if "store" in step]
    return stored if all(isinstance(name, str) for name in stored) else None


def _mappings(value: Any, at: Location) -> Iterator[tuple[Location, dict[str, Any]]]:
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, dict):
            yield (*at, index), entry


def _check_step(found: Findings, at: Location, step: Mapping[str, Any], scope: Scope) -> None:
    each = step.get("each")
    inside = scope
    if isinstance(each, dict):
        variable = each.get("as", "item")
        if isinstance(variable, str):
            _check_loop_variable(found, (*at, "each", "as"), variable)
            inside = replace(scope, roots=scope.roots | {variable})
            where = "the variable of 'each' exists only in the step's 'parameters'"
            scope = replace(scope, elsewhere={**scope.elsewhere, variable: where})
        _check_items(found, (*at, "each", "items"), each.get("items"), scope)
    check_template(found, (*at, "parameters"), step.get("parameters"), inside)
    for place, edge in listed_edges(step, at):
        if isinstance(edge, dict):
            check_condition(found, (*place, "condition"), edge.get("condition"), scope)


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
    """Check the condition of an edge; an empty one and one that is no text have been told already."""
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


def _check_expression(found: Findings, at: Location, offset: int, text: str, scope: Scope) -> None:
    """Check the names in an expression that stands at an offset of the text at a location."""
    names, keys = uses_of(text)
    for name, place in names:
        if name not in scope.roots:
            message = f"unknown name {shown_text(name)}{_root_hint(found, name, scope)}"
            found.error(at, message, offset=offset + place)
    for root, key, place in keys:
        if root in scope.roots:
            _check_access(found, at, offset + place, root, key, scope)


def _root_hint(found: Findings, name: str, scope: Scope) -> str:
    if name in scope.elsewhere:
        return f": {scope.elsewhere[name]}"
    if name in (scope.stored or ()):
        return f"; did you mean {shown_text('state.' + name)}?"
    if name in FUNCTIONS:
        return f"; {name} is a function, call it: {name}(...)"
    if name in (scope.inputs or ()):
        return f"; did you mean {shown_text('inputs.' + name)}?"
    return found.suggestion(name, sorted(scope.roots))


def _check_access(found: Findings, at: Location, offset: int, root: str, key: str, scope: Scope) -> None:
    if root == "inputs" and scope.inputs is not None and key not in scope.inputs:
        message = f"there is no input {shown_text(key)}{found.suggestion(key, scope.inputs)}"
        found.error(at, message, offset=offset)
    elif root == "state" and scope.stored is not None and key not in scope.stored:
        message = f"no step stores {shown_text(key)}{found.suggestion(key, scope.stored)}"
        found.warning(at, message, offset=offset)
    elif root == "state" and key in scope.contested:
        found.warning(at, _contest(key, *scope.contested[key]), offset=offset)


def _contest(variable: str, one: str, other: str) -> str:
    by = f"step {one!r} does" if one == other else f"steps {one!r} and {other!r} do"
    return (
        f"paths that run at the same time both store {variable!r} ({by}), so either value may end up here; "
        f"name the path: paths.NAME.{variable}"
    )
