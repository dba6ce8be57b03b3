"""The inputs of a run: checked against what the workflow declares, and read from text and files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.core.expression_errors import shown_text, suggestion
from engine.core.normalize import normalize
from engine.loading.files import read_limited
from engine.loading.problems import LoadError, Position
from engine.loading.yaml_positions import load_yaml
from engine.model.workflow import Input, Workflow

_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_MOST_DIGITS = 30
_INT64 = range(-(2**63), 2**64)
_REFERENCE = re.compile(r"env:[^\s=\0]+|file:[^\0]*[^\s\0]")
REFERENCE_KEY = "$secret"
NO_REFERENCE = "must be a reference to a secret, env:NAME or file:PATH, not the secret itself"
"""What is wrong with a secret input's value, as the end of a sentence that does not repeat it."""
_WANTED = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


class InputError(ValueError):
    """Inputs that do not fit the workflow. `problems` holds one sentence for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def bind_inputs(workflow: Workflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a run, in the order they are declared: given values, else defaults, else None.

    Values are copied in their JSON form. An integer is good for a number, a boolean for neither; None only for an
    optional input. A secret input takes `env:NAME` or `file:PATH`, which is bound as `{"$secret": "env:NAME"}`; that
    mapping itself is taken, too.

    Raises:
        InputError: unknown, missing and wrongly typed inputs and values without JSON form, all of them.
    """
    declared = {declared.name: declared for declared in workflow.inputs}
    problems = [
        f"workflow {workflow.name!r} has no input {shown_text(str(name))}{suggestion(name, declared)}"
        for name in given
        if name not in declared
    ]
    bound: dict[str, Any] = {}
    for name, wanted in declared.items():
        try:
            bound[name] = _bound(wanted, given)
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        raise InputError(problems)
    return bound


def _bound(wanted: Input, given: Mapping[str, Any]) -> Any:
    """The value of one input; ValueError with a sentence."""
    if wanted.name not in given:
        if wanted.is_required:
            raise ValueError(f"input {wanted.name!r} is required{_explained(wanted)}")
        return _bound_secret(wanted, wanted.default) if wanted.secret else wanted.default
    if wanted.secret:
        return _bound_secret(wanted, given[wanted.name])
    value, _ = normalize(given[wanted.name], f"input {wanted.name!r}")
    problem = mismatch(wanted.type, value)
    if problem and (value is not None or wanted.is_required):
        raise ValueError(f"input {wanted.name!r} {problem}")
    return value


def _bound_secret(wanted: Input, given: Any) -> Any:
    """The reference; the sentence of an error must not repeat what may be the secret itself."""
    if isinstance(given, Mapping) and [*given] == [REFERENCE_KEY]:
        given = given[REFERENCE_KEY]
    if not is_reference(given) and (given is not None or wanted.is_required):
        raise ValueError(f"input {wanted.name!r} {NO_REFERENCE}")
    return None if given is None else {REFERENCE_KEY: given}


def is_reference(value: Any) -> bool:
    """Whether a value says where a secret is: `env:NAME` or `file:PATH`."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def _explained(wanted: Input) -> str:
    about = f"{wanted.type}: {wanted.description}" if wanted.description else wanted.type
    return f" ({about})"


def mismatch(type_name: str, value: Any) -> str | None:
    """Why a value is not of a type, as the end of a sentence (`must be text, not 5`); None when it is."""
    if _is_of_type(type_name, value):
        return None
    return f"must be {_WANTED[type_name]}, not {shown_value(value)}"


def _is_of_type(type_name: str, value: Any) -> bool:
    match type_name:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and value in _INT64
        case _:
            return (isinstance(value, float) and math.isfinite(value)) or _is_of_type("integer", value)


def shown_value(value: Any) -> str:
    """A value of the wrong kind as a sentence names it."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, int) and value not in _INT64:
        return "a number beyond 64 bits"
    return str(value) if isinstance(value, (int, float)) else shown_text(str(value))


def read_input_text(wanted: Input, text: str) -> Any:
    """The value of `-i NAME=TEXT`, read by the input's declared type; `@FILE` reads it from a file.

    Arrays and objects are JSON. A file given for a string is its text, for the other types it holds the value: JSON
    if it is named `*.json`, else YAML.

    Raises:
        InputError: the text is not of that type, or the file cannot be used.
    """
    if wanted.secret:
        return text  # whether it is a reference is told when it is bound; no file is read in its place
    if text.startswith("@"):
        return _read_value_file(wanted, Path(text[1:]))
    value = _parse(wanted.type, text)
    if value is None:
        how = " as JSON" if wanted.type in {"array", "object"} else ""
        raise InputError([f"input {wanted.name!r} must be {_WANTED[wanted.type]}{how}, not {shown_text(text)}"])
    return value


def _parse(type_name: str, text: str) -> Any:
    """The value, or None when the text is not of this type."""
    match type_name:
        case "string":
            return text
        case "boolean":
            return {"true": True, "false": False}.get(text)
        case "integer" | "number" if _INTEGER.fullmatch(text) and len(text) <= _MOST_DIGITS:
            value: Any = int(text)
        case "number" if _NUMBER.fullmatch(text):
            value = float(text)
        case "array" | "object":
            try:
                value = _parse_json(text)
            except ValueError:
                return None
        case _:
            return None
    return value if mismatch(type_name, value) is None else None


def _read_value_file(wanted: Input, path: Path) -> Any:
    try:
        if wanted.type == "string":
            return read_limited(path).decode()
        value = _read_data(path)
    except UnicodeDecodeError:
        raise InputError([f"input {wanted.name!r}: {path}: not text in UTF-8"]) from None
    except LoadError as error:
        hint = "; give a text that begins with '@' by --inputs" if wanted.type == "string" else ""
        raise InputError([f"input {wanted.name!r}: {problem}{hint}" for problem in error.problems]) from None
    if problem := mismatch(wanted.type, value):
        raise InputError([f"input {wanted.name!r} {problem} ({path})"])
    return value


def read_inputs_file(path: Path) -> dict[str, Any]:
    """The inputs in a file: JSON if it is named `*.json`, else YAML; a mapping of names to values.

    Raises:
        InputError: the file cannot be read or is no such mapping; with file, line and column.
    """
    try:
        inputs = _read_data(path)
    except LoadError as error:
        raise InputError(map(str, error.problems)) from None
    if not isinstance(inputs, dict):
        raise InputError([f"{path}: must be a mapping of input names to values, not {shown_value(inputs)}"])
    return inputs


def _read_data(path: Path) -> Any:
    """The value in a JSON or YAML file; LoadError with all its problems."""
    source = read_limited(path)
    if path.suffix.lower() != ".json":
        document = load_yaml(source, str(path))
        if document.problems:
            raise LoadError(document.problems)
        return document.data
    try:
        return _parse_json(source.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise LoadError.about(str(path), "not text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise LoadError.about(str(path), f"not JSON: {error.msg}", Position(error.lineno, error.colno)) from None
    except ValueError as error:
        raise LoadError.about(str(path), f"not JSON: {error}") from None


def _parse_json(text: str) -> Any:
    """Strict JSON: no NaN, no key twice, nothing nested without end. Raises ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key, value in pairs:
        if key in entries:
            raise ValueError(f"the key {shown_text(key)} stands twice in one object")
        entries[key] = value
    return entries


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{shown_text(text)} is too large a number")
    return number
