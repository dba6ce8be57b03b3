"""Templates: what is put in for `${...}`, where an expression ends, and where problems are told."""

from __future__ import annotations

import json
import pickle
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.expression_values import MAX_DEPTH
from engine.core.expressions import ExpressionProblem
from engine.core.templates import TemplateError, compile_template

NAMES: dict[str, Any] = {
    "state": {
        "files": ["a.py", "b.py"],
        "n": 3,
        "half": 0.5,
        "nothing": None,
        "yes": True,
        "name": "Ann",
        "m": {"é": [1, None]},
    },
    "inputs": {"root": "src"},
}


def render(value: Any) -> Any:
    return compile_template(value).render(NAMES)


def check(value: Any, expected: Any) -> None:
    result = render(value)
    assert result == expected
    assert json.dumps(result) == json.dumps(expected), "1, 1.0 and True are different values"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${state.files}", ["a.py", "b.py"]),
        ("${state.n}", 3),
        ("${state.half}", 0.5),
        ("${state.nothing}", None),
        ("${state.yes}", True),
        ("${ state.name }", "Ann"),
        ("${len(state.files) > 1}", True),
    ],
)
def test_exactly_one_expression_keeps_its_type(text: str, expected: Any) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain { } $ text", "plain { } $ text"),
        ("Dear ${state.name}!", "Dear Ann!"),
        ("${state.name}${inputs.root}", "Annsrc"),
        (" ${state.n}", " 3"),
        ("${state.n}\n", "3\n"),
        ("<${state.nothing}>", "<>"),
        ("<${state.yes}${not state.yes}>", "<truefalse>"),
        ("<${state.half}>", "<0.5>"),
        ("<${state.files}>", '<["a.py","b.py"]>'),
        ("<${state.m}>", '<{"é":[1,null]}>'),
        ("<${'\"'}>", '<">'),
        ("<${['\"']}>", '<["\\""]>'),
    ],
)
def test_in_a_longer_text_values_become_text(text: str, expected: str) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$${state.n}", "${state.n}"),
        ("$${", "${"),
        ("$$${state.n}", "$${state.n}"),
        ("a $${b} ${state.n}", "a ${b} 3"),
        ("${state.n}$${x", "3${x"),
        ("$", "$"),
        ("$$", "$$"),
        ("$ {x} $x {", "$ {x} $x {"),
        ("${'$'}${state.n}", "$3"),
        ("${'${'}", "${"),
    ],
)
def test_what_is_no_expression_stays_as_it_is(text: str, expected: str) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${ {'a': {'b': 1}} }", {"a": {"b": 1}}),
        ("${{'a': 1}}", {"a": 1}),
        ("${'}'}", "}"),
        ("${\"}\" + '}'}", "}}"),
        ("${'''}\n'}'''}", "}\n'}"),
        (r"${'\'}'}", "'}"),
        (r"${r'\'}", None),
        ("${f'{state.n}}}'}", "3}"),
        ("${f\"{ {'a': 1}['a'] }\"}}", "1}"),
        ("${state.n # a comment with }\n} after", "3 after"),
        ("${[\n  state.n,\n]}", [3]),
        ("${{k: v for k, v in [['a', 1]]}['a']} it's }", "1 it's }"),
        ("it's ${state.n} o'clock", "it's 3 o'clock"),
    ],
)
def test_an_expression_ends_at_its_own_brace(text: str, expected: Any) -> None:
    if expected is None:
        with pytest.raises(TemplateError, match="the string that starts here is never closed"):
            compile_template(text)
    else:
        check(text, expected)


def test_values_of_any_shape_are_rendered() -> None:
    check(
        {"path": "${inputs.root}/x", "deep": [{"n": "${state.n}"}, 5, None, 1.5], "${state.n}": "kept", "e": [{}, []]},
        {"path": "src/x", "deep": [{"n": 3}, 5, None, 1.5], "${state.n}": "kept", "e": [{}, []]},
    )
    for constant in (5, 1.5, None, True, [], {}):
        check(constant, constant)


def test_containers_are_new_each_time_and_the_template_is_not_changed() -> None:
    value: Any = {"list": [1, {"n": "${state.n}"}], "constant": {"a": [1]}}
    before = deepcopy(value)
    template = compile_template(value)
    first, second = template.render(NAMES), template.render(NAMES)
    first["list"].append(2)
    first["constant"]["a"].append(2)
    first["list"][1]["x"] = 1
    value["constant"]["a"].append(3)
    assert second == template.render(NAMES) == {"list": [1, {"n": 3}], "constant": {"a": [1]}}
    assert before["constant"] == {"a": [1]}


def test_values_of_names_may_be_shared() -> None:
    assert render("${state.files}") is NAMES["state"]["files"]
    assert render({"a": ["${state.files}"]})["a"][0] is NAMES["state"]["files"]


def test_what_a_template_knows_about_itself() -> None:
    template = compile_template({"a": "x ${state.n} ${ inputs.root}", "b": [1, "${len(file)}"], "c": "$${no}"})
    assert template.roots == {"state", "inputs", "file"}
    assert not template.is_constant
    assert [(path, offset, expression.source) for path, offset, expression in template.expressions] == [
        (("a",), 4, "state.n"),
        (("a",), 15, " inputs.root"),
        (("b", 1), 2, "len(file)"),
    ]
    for constant in ("text", "$${x}", {"a": [1]}, None):
        assert compile_template(constant).is_constant
        assert compile_template(constant).roots == frozenset()
        assert list(compile_template(constant).expressions) == []


@pytest.mark.parametrize(
    ("value", "path", "column", "message"),
    [
        ("a ${state.n", (), 3, "'${' is never closed; a literal one is written '$${'"),
        ("a ${it's", (), 3, "'${' is never closed; a literal one is written '$${'"),
        ("a ${", (), 3, "'${' is never closed; a literal one is written '$${'"),
        ("${[x} and more", (), 5, "'}' closes no '['"),
        ("a ${ {'b': 1 } c", (), 3, "'${' is never closed; a literal one is written '$${'"),
        ("ok ${state.n} ${it's} b", (), 19, "the string that starts here is never closed"),
        ("a ${}", (), 5, "the expression is empty"),
        ("a ${  }", (), 5, "the expression is empty"),
        ("a ${b + }", (), 8, "the expression ends too early"),
        ("a ${b && c}", (), 7, "write 'and' instead of '&&'"),
        ("é ${nope(1)}", (), 5, "there is no function 'nope'"),
        ({"x": [0, {"y": "${1 +\n}"}]}, ("x", 1, "y"), 6, "the expression ends too early"),
    ],
)
def test_a_malformed_template_is_told_with_path_and_column(
    value: Any, path: tuple[Any, ...], column: int, message: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(value)
    problem = caught.value
    assert (problem.message, problem.path, problem.column) == (message, path, column)
    text = value
    for step in path:
        text = text[step]
    assert problem.source == text


@pytest.mark.parametrize(
    ("value", "path", "column", "message"),
    [
        ("${state.nam}", (), 9, "state has no 'nam'; did you mean 'name'?"),
        ("é $${x} ${state.n} ${1 / 0}", (), 24, "division by zero"),
        ({"a": [{"b": "x ${ stat.n}"}]}, ("a", 0, "b"), 6, "there is no 'stat' here; did you mean 'state'?"),
        ("${'a' * 2} and", (), 7, "'*' multiplies numbers only, not text"),
        ("${[x for x in range(300000)]}", (), 3, "the result holds more than 200,000 values"),
    ],
)
def test_an_expression_without_a_value_is_told_with_path_and_column(
    value: Any, path: tuple[Any, ...], column: int, message: str
) -> None:
    template = compile_template(value)
    with pytest.raises(TemplateError) as caught:
        template.render(NAMES)
    problem = caught.value
    assert (problem.message, problem.path, problem.column) == (message, path, column)
    assert isinstance(problem, ExpressionProblem)


def test_a_problem_says_where_it_is_and_survives_pickling() -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template({"a": [{"b": "${state.nam}"}]}).render(NAMES)
    sentence = "a[0].b: state has no 'nam'; did you mean 'name'? (column 9 of '${state.nam}')"
    assert str(caught.value) == sentence
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.path, copy.column) == (sentence, ("a", 0, "b"), 9)


def test_a_rendered_text_is_bounded() -> None:
    names = {"text": "x" * 900_000}
    assert len(compile_template("${text}-${text}").render(names)) == 1_800_001
    with pytest.raises(TemplateError, match="the text has more than 2,000,000 characters"):
        compile_template("${text}${text}${text}").render(names)


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: Any = "${state.n}"
    for _ in range(MAX_DEPTH):
        value = [value]
    rendered = compile_template(value).render(NAMES)
    for _ in range(MAX_DEPTH):
        (rendered,) = rendered
    assert rendered == 3
    with pytest.raises(TemplateError, match="nested more than 200 levels deep"):
        compile_template([value])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(value=JSON_VALUES)
def test_escaped_values_render_to_themselves(value: Any) -> None:
    def escaped(part: Any) -> Any:
        if isinstance(part, str):
            return part.replace("${", "$${") if "$$" not in part else "".join("${'$'}" if c == "$" else c for c in part)
        if isinstance(part, list):
            return [escaped(item) for item in part]
        return {key: escaped(item) for key, item in part.items()} if isinstance(part, dict) else part

    assert json.dumps(render(escaped(value))) == json.dumps(value)


@given(before=st.text("ab $}'\"\n"), value=JSON_VALUES, after=st.text("ab {}'\"#\n"))
def test_literals_of_any_kind_end_where_they_should(before: str, value: Any, after: str) -> None:
    before = before.replace("$", "") + "."
    assert render(f"{before}${{{value!r} == 0}}{after}") == f"{before}{json.dumps(value == 0)}{after}"
    assert json.dumps(render(f"${{[{value!r}]}}")) == json.dumps([value]) if _is_storable(value) else True


def _is_storable(value: Any) -> bool:
    if isinstance(value, list | dict):
        return all(map(_is_storable, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int) or -(2**63) <= value < 2**64


@settings(max_examples=5 * settings.default.max_examples)
@given(text=st.text("ab.${}'\"[]()#\\\n ", max_size=30))
def test_any_text_is_a_template_or_a_sentence_with_a_column(text: str) -> None:
    try:
        compile_template(text).render({"a": {"b": 1}, "b": "x"})
    except TemplateError as problem:
        assert 1 <= problem.column <= len(text) + 1
        assert problem.message
        assert problem.source == text
