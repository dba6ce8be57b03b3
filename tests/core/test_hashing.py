"""Hashes say the same of the same definition, however it is written, and something else of any other."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.hashing import canonical_hash, workflow_hash
from engine.model.workflow import Workflow

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abé☃", max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def turned_round(value: Any) -> Any:
    """The same value with every mapping written in the opposite order."""
    if isinstance(value, dict):
        return {key: turned_round(value[key]) for key in reversed(value)}
    return [turned_round(item) for item in value] if isinstance(value, list) else value


@given(json_values)
def test_the_order_of_keys_does_not_count(value: Any) -> None:
    assert canonical_hash(value) == canonical_hash(turned_round(value))


def test_different_values_hash_differently() -> None:
    values: list[Any] = [
        None,
        False,
        True,
        0,
        1,
        1.0,
        "",
        "1",
        [],
        {},
        [1],
        [[1]],
        {"a": 1},
        {"a": [1]},
        {"b": 1},
        [0, 1],
        [1, 0],
    ]
    assert len({canonical_hash(value) for value in values}) == len(values)


def test_a_hash_names_its_method_which_is_sha256_of_compact_json_with_sorted_keys() -> None:
    text = '{"a":"☃","b":[1,2.5,null]}'
    assert canonical_hash({"b": [1, 2.5, None], "a": "☃"}) == "v1:" + hashlib.sha256(text.encode()).hexdigest()


BASE: dict[str, Any] = {
    "name": "w",
    "inputs": [{"name": "n", "type": "integer", "default": 1}],
    "steps": [{"name": "A", "action": "a", "parameters": {"x": 1, "y": 2}}, {"name": "B", "action": "b"}],
    "outputs": [{"name": "o", "value": "${state.x}"}],
}


def hash_of(**changes: Any) -> str:
    return workflow_hash(Workflow.model_validate(BASE | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"description": "another"},
        {"labels": {"team": "a"}},
        {"start": "A"},
        {"version": ""},
        {"inputs": [{"name": "n", "type": "integer", "default": 1, "required": False, "description": "how many"}]},
        {
            "steps": [
                {"action": "a", "parameters": {"y": 2, "x": 1}, "name": "A", "end": False},
                {"name": "B", "action": "b"},
            ]
        },
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_does_not_affect_a_run_does_not_count(changes: dict[str, Any]) -> None:
    assert hash_of(**changes) == hash_of()


def steps(**of_the_first: Any) -> list[dict[str, Any]]:
    return [BASE["steps"][0] | of_the_first, BASE["steps"][1]]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "v"},
        {"version": "2"},
        {"start": "B", "steps": [*steps()[:1], {"name": "B", "action": "b", "next": ["A"]}]},
        {"inputs": [{"name": "n", "type": "integer", "default": 2}]},
        {"inputs": [{"name": "n", "type": "number", "default": 1}]},
        {"inputs": [{"name": "n", "type": "integer"}]},
        {"inputs": []},
        {"outputs": [{"name": "o", "value": "${state.y}"}]},
        {"outputs": []},
        {"steps": steps(action="b")},
        {"steps": steps(parameters={"x": 1, "y": 3})},
        {"steps": steps(store="x")},
        {"steps": steps(each={"items": [1]})},
        {"steps": steps(next=[{"step": "B", "condition": "True"}])},
        {"steps": steps(next=[{"step": "B", "path": "p"}])},
        {"steps": list(reversed(steps()))},
    ],
    ids=str,
)
def test_whatever_affects_a_run_counts(changes: dict[str, Any]) -> None:
    assert hash_of(**changes) != hash_of()


def test_python_and_yaml_definitions_hash_alike() -> None:
    written = Workflow.model_validate(BASE)
    recorded = Workflow.model_validate(written.to_dict())
    assert workflow_hash(recorded) == workflow_hash(written)
