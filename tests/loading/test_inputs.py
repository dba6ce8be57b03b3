"""Inputs: types, defaults, what is missing or unknown, and how they are read from text and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.loading.inputs import InputError, bind_inputs, read_input_text, read_inputs_file
from engine.model.workflow import Input, InputType, Step, Workflow


def workflow(*inputs: Input) -> Workflow:
    return Workflow(name="flow", inputs=inputs, steps=(Step(name="A", action="a"),))


def problems_of(declared: Workflow, given: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as caught:
        bind_inputs(declared, given)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


GOOD: list[tuple[InputType, Any]] = [
    ("string", ""),
    ("string", "5"),
    ("integer", 0),
    ("integer", -(2**63)),
    ("number", 5),
    ("number", 0.5),
    ("boolean", False),
    ("array", []),
    ("array", [1, {"a": None}]),
    ("object", {}),
    ("object", {"a": [1]}),
]
BAD: list[tuple[InputType, Any, str]] = [
    ("string", 5, "must be text, not 5"),
    ("string", None, "must be text, not empty"),
    ("string", ["a"], "must be text, not a list"),
    ("integer", True, "must be a whole number, not true"),
    ("integer", 1.0, "must be a whole number, not 1.0"),
    ("integer", "1", "must be a whole number, not '1'"),
    ("number", False, "must be a number, not false"),
    ("number", "x", "must be a number, not 'x'"),
    ("boolean", 1, "must be true or false, not 1"),
    ("boolean", "true", "must be true or false, not 'true'"),
    ("array", {}, "must be a list, not a mapping"),
    ("array", "[]", "must be a list, not '[]'"),
    ("object", [], "must be a mapping, not a list"),
    ("integer", 2**64, "is an integer beyond 64 bits"),
    ("number", float("nan"), "is nan, which JSON cannot hold"),
    ("array", [{1}], "[0] is a set, which has no JSON form"),
    ("string", "\ud800", "has a lone surrogate character"),
]


@pytest.mark.parametrize(("type_name", "value"), GOOD)
def test_values_of_the_declared_type_are_taken_as_they_are(type_name: InputType, value: Any) -> None:
    bound = bind_inputs(workflow(Input(name="x", type=type_name)), {"x": value})
    assert bound == {"x": value}
    assert type(bound["x"]) is type(value)


@pytest.mark.parametrize(("type_name", "value", "problem"), BAD)
def test_other_values_are_named(type_name: InputType, value: Any, problem: str) -> None:
    (told,) = problems_of(workflow(Input(name="x", type=type_name)), {"x": value})
    assert told.removeprefix("input 'x'").strip() == problem


def test_defaults_fill_in_and_required_inputs_are_asked_for() -> None:
    declared = workflow(
        Input(name="plain"),
        Input(name="described", type="array", description="files to read"),
        Input(name="optional", type="integer", required=False),
        Input(name="defaulted", default="src"),
        Input(name="null", type="object", default=None),
        Input(name="insisting", default="x", required=True),
    )
    assert problems_of(declared, {}) == [
        "input 'plain' is required (string)",
        "input 'described' is required (array: files to read)",
        "input 'insisting' is required (string)",
    ]
    assert bind_inputs(declared, {"insisting": "i", "described": [], "plain": "p"}) == {
        "plain": "p",
        "described": [],
        "optional": None,
        "defaulted": "src",
        "null": None,
        "insisting": "i",
    }


def test_null_is_good_only_for_an_optional_input() -> None:
    declared = workflow(Input(name="must"), Input(name="may", required=False))
    assert problems_of(declared, {"must": None, "may": None}) == ["input 'must' must be text, not empty"]


def test_all_problems_are_told_at_once_with_suggestions() -> None:
    declared = workflow(Input(name="root"), Input(name="limit", type="integer"), Input(name="other"))
    assert problems_of(declared, {"rot": "src", "zzz": 1, "limit": "many"}) == [
        "workflow 'flow' has no input 'rot'; did you mean 'root'?",
        "workflow 'flow' has no input 'zzz'",
        "input 'root' is required (string)",
        "input 'limit' must be a whole number, not 'many'",
        "input 'other' is required (string)",
    ]


def test_what_is_bound_is_a_copy_in_json_form() -> None:
    given = {"x": ({"a": [1]},)}
    bound = bind_inputs(workflow(Input(name="x", type="array")), given)
    assert bound == {"x": [{"a": [1]}]}
    given["x"][0]["a"].append(2)
    assert bound == {"x": [{"a": [1]}]}


TEXTS: list[tuple[InputType, str, Any]] = [
    ("string", "5", "5"),
    ("string", "", ""),
    ("string", " a=b ", " a=b "),
    ("integer", "5", 5),
    ("integer", "-07", -7),
    ("number", "5", 5),
    ("number", "-.5e1", -5.0),
    ("boolean", "true", True),
    ("boolean", "false", False),
    ("array", '[1, "a", null]', [1, "a", None]),
    ("object", '{"a": {"b": 1.5}}', {"a": {"b": 1.5}}),
]
BAD_TEXTS: list[tuple[InputType, str, str]] = [
    ("integer", "5.0", "must be a whole number, not '5.0'"),
    ("integer", "1_000", "must be a whole number, not '1_000'"),
    ("integer", " 5", "must be a whole number, not ' 5'"),
    ("integer", "٥", "must be a whole number, not '٥'"),
    ("integer", "9" * 25, f"must be a whole number, not '{'9' * 25}'"),
    ("number", "nan", "must be a number, not 'nan'"),
    ("number", "1e999", "must be a number, not '1e999'"),
    ("boolean", "True", "must be true or false, not 'True'"),
    ("boolean", "1", "must be true or false, not '1'"),
    ("array", "a,b", "must be a list as JSON, not 'a,b'"),
    ("array", "{}", "must be a list as JSON, not '{}'"),
    ("array", "[NaN]", "must be a list as JSON, not '[NaN]'"),
    ("array", "[1e999]", "must be a list as JSON, not '[1e999]'"),
    ("object", '{"a": 1, "a": 2}', 'must be a mapping as JSON, not \'{"a": 1, "a": 2}\''),
    ("object", "null", "must be a mapping as JSON, not 'null'"),
]


@pytest.mark.parametrize(("type_name", "text", "value"), TEXTS)
def test_text_is_read_by_the_declared_type(type_name: InputType, text: str, value: Any) -> None:
    found = read_input_text(Input(name="x", type=type_name), text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("type_name", "text", "problem"), BAD_TEXTS)
def test_text_of_another_type_is_refused(type_name: InputType, text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read_input_text(Input(name="x", type=type_name), text)
    assert caught.value.problems == [f"input 'x' {problem}"]


def test_deeply_nested_json_is_refused_not_crashed_on() -> None:
    with pytest.raises(InputError, match="must be a list as JSON"):
        read_input_text(Input(name="x", type="array"), "[" * 100_000)


def test_a_value_can_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("5\nlines")
    (tmp_path / "list.yaml").write_text("- 1\n- {a: b}\n")
    (tmp_path / "object.json").write_text('{"emoji": "\\ud83d\\ude00"}')
    (tmp_path / "number").write_text("1.5\n")
    assert read_input_text(Input(name="x"), f"@{tmp_path}/text.txt") == "5\nlines"
    assert read_input_text(Input(name="x", type="array"), f"@{tmp_path}/list.yaml") == [1, {"a": "b"}]
    assert read_input_text(Input(name="x", type="object"), f"@{tmp_path}/object.json") == {"emoji": "😀"}
    assert read_input_text(Input(name="x", type="number"), f"@{tmp_path}/number") == 1.5


@pytest.mark.parametrize(
    ("type_name", "name", "content", "problem"),
    [
        (
            "string",
            "gone",
            None,
            "input 'x': FILE: there is no such file; give a text that begins with '@' by --inputs",
        ),
        ("array", "gone", None, "input 'x': FILE: there is no such file"),
        ("string", "bytes", b"\xff", "input 'x': FILE: not text in UTF-8"),
        ("array", "a.json", b"[1,\n 2", "input 'x': FILE:2:3: not JSON: Expecting ',' delimiter"),
        ("array", "a.json", b"[Infinity]", "input 'x': FILE: not JSON: Infinity is no JSON value"),
        ("array", "a.json", b'[{"a": 1, "a": 1}]', "input 'x': FILE: not JSON: the key 'a' stands twice in one object"),
        ("array", "a.json", b"[" * 100_000, "input 'x': FILE: not JSON: nested too deeply"),
        ("array", "a.json", b"\xff", "input 'x': FILE: not text in UTF-8"),
        (
            "array",
            "a.yaml",
            b"a: 1\na: 2",
            "input 'x': FILE:2:1: the key 'a' stands here twice; the first is on line 1",
        ),
        ("array", "a.yaml", b"a: 1", "input 'x' must be a list, not a mapping (FILE)"),
        ("string", "big", b"x" * (2 * 1024 * 1024 + 1), "input 'x': FILE: larger than 2 MiB"),
    ],
)
def test_a_file_that_does_not_hold_the_value_is_named(
    tmp_path: Path, type_name: InputType, name: str, content: bytes | None, problem: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_input_text(Input(name="x", type=type_name), f"@{file}")
    assert [told.partition(";")[0] for told in caught.value.problems] == [
        problem.replace("FILE", str(file)).partition(";")[0]
    ]


def test_a_text_that_begins_with_an_at_sign_has_a_way_in() -> None:
    with pytest.raises(InputError, match="give a text that begins with '@' by --inputs"):
        read_input_text(Input(name="x"), "@somebody")


def test_an_inputs_file_is_json_or_yaml(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('\ufeff{"a": 1, "b": ["\\ud83d\\ude00"]}')
    (tmp_path / "in.yaml").write_text("a: 1\nb: [on]\n")
    assert read_inputs_file(tmp_path / "in.json") == {"a": 1, "b": ["😀"]}
    assert read_inputs_file(tmp_path / "in.yaml") == {"a": 1, "b": ["on"]}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("in.yaml", "- 1\n", "FILE: must be a mapping of input names to values, not a list"),
        ("in.yaml", "", "FILE: the file is empty"),
        ("in.yaml", "a: *b\nc: !d 1\n", "FILE:1:4: aliases are not supported"),
        ("in.json", "{", "FILE:1:2: not JSON: Expecting property name enclosed in double quotes"),
        ("in.json", "[]", "FILE: must be a mapping of input names to values, not a list"),
    ],
)
def test_an_inputs_file_of_another_kind_is_refused(tmp_path: Path, name: str, content: str, problem: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read_inputs_file(tmp_path / name)
    assert caught.value.problems[0].startswith(problem.replace("FILE", str(tmp_path / name)))


def test_all_problems_of_an_inputs_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text("a: *b\nc: !d 1\n")
    with pytest.raises(InputError) as caught:
        read_inputs_file(tmp_path / "in.yaml")
    assert len(caught.value.problems) == 2


def test_a_folder_is_no_inputs_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_inputs_file(tmp_path)
    assert caught.value.problems == [f"{tmp_path}: this is a folder, not a file"]
