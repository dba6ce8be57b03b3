"""Expressions mean what Python means by them: generated ones over generated JSON, compared with CPython's `eval`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.expressions import ExpressionError, ExpressionProblem, ExpressionSyntaxError, compile_expression

# Generated expressions keep to one shape of state, so that most of them have a value. `<key>` stands for a step of a
# path: `.key` as expressions write it, `["key"]` as Python does.
KEYS = ("n", "f", "s", "flag", "none", "ns", "words", "rows", "m", "ok", "size")
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6) | st.integers(-5, 5)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(["", "a", "a b", "a,b", "é"])
ROWS = st.fixed_dictionaries({"n": st.integers(-5, 5), "s": TEXTS, "ok": st.booleans()}, optional={"size": st.none()})
STATES = st.fixed_dictionaries(
    {
        "n": NUMBERS,
        "f": st.floats(-10, 10),
        "s": TEXTS,
        "flag": st.booleans(),
        "none": st.none(),
        "ns": st.lists(st.integers(-5, 5), max_size=4),
        "words": st.lists(TEXTS, max_size=3),
        "rows": st.lists(ROWS, max_size=3),
        "m": st.dictionaries(TEXTS, st.integers(-5, 5), max_size=3),
    }
)
VARIABLES = {"number": "i", "text": "w", "row": "r"}


def _filled(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Strategies put into the `%` places of a template, in order."""
    pieces = template.split("%")

    def put(values: tuple[str, ...]) -> str:
        return pieces[0] + "".join(value + piece for value, piece in zip(values, pieces[1:], strict=True))

    return st.tuples(*parts).map(put)


def _any_of(options: Iterable[st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    return st.one_of(*options)


def _leaves() -> dict[str, st.SearchStrategy[str]]:
    text_literal = TEXTS.map(repr)
    return {
        "number": st.sampled_from(["0", "1", "-2", "2.5", "state<n>", "state<f>", "i", "r<n>", "len(state<ns>)"]),
        "text": st.one_of(text_literal, st.sampled_from(["state<s>", "w", "r<s>", "state<words>[0]"])),
        "boolean": st.sampled_from(["True", "False", "state<flag>", "r<ok>", "state<none> is None"]),
        "numbers": st.sampled_from(["state<ns>", "[]", "[1, 2, 1]", "range(3)", "state<m>.values()", "[i, 2]"]),
        "texts": st.sampled_from(["state<words>", "[]", "state<m>", "state<s>.split()", "[w]", "state<m>.keys()"]),
        "rows": st.sampled_from(["state<rows>", "[]", "state<rows>[1:]", "[r]"]),
        "mapping": st.sampled_from(["state<m>", "{}", "r", "{'a': 1, 'b': i}", "state<rows>[0]"]),
    }


def _grown(depth: int) -> dict[str, st.SearchStrategy[str]]:
    """Strategies for expressions of each kind, nested up to a depth."""
    kinds = _leaves()
    for _ in range(depth):
        kinds = {kind: st.one_of(leaf, more) for (kind, leaf), more in zip(kinds.items(), _deeper(kinds), strict=True)}
    return kinds


def _deeper(k: dict[str, st.SearchStrategy[str]]) -> list[st.SearchStrategy[str]]:
    n, t, b, ns, ts, rs, m = (k[kind] for kind in ("number", "text", "boolean", "numbers", "texts", "rows", "mapping"))
    anything = st.one_of(n, t, b, ns, ts, rs, m)
    arithmetic, order = (
        st.sampled_from(["+", "-", "*", "/", "//", "%"]),
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    )
    in_field = st.sampled_from(["i", "len(state<ns>)", "state<n>", "r<n>", "(i + 2.5)", "r<ok>"])
    bound = st.one_of(st.just(""), st.sampled_from(["1", "-1", "i"]))
    number = [
        _filled("(% % %)", n, arithmetic, n),
        _filled("-%", n),
        _filled("(% if % else %)", n, b, n),
        _filled("(% and %)", n, n),
        _filled("%(%)", st.sampled_from(["sum", "max", "min", "len"]), ns),
        _filled("%(%, default=%)", st.sampled_from(["max", "min"]), ns, n),
        _filled("%(%)", st.sampled_from(["abs", "int", "float", "round", "bool"]), n),
        _filled("round(%, %)", n, st.sampled_from(["0", "1", "-1", "2"])),
        _filled("len(%)", anything),
        _filled("%[%]", ns, n),
        _filled("list(%)[%]", ns, st.sampled_from(["0", "-1", "2"])),
        _filled("%.count(%)", t, t),
        _filled("%.find(%)", t, t),
        _filled("int(%)", t),
        _filled("sum(% for i in %)", n, ns),
        _filled("max([% for r in %], default=0)", n, rs),
        _filled("%['n']", m),
    ]
    text = [
        _filled("(% + %)", t, t),
        _filled("(% or %)", t, t),
        _filled("%.%()", t, st.sampled_from(["upper", "lower", "strip", "title", "casefold", "capitalize"])),
        _filled("%.replace(%, %)", t, t, t),
        _filled("%.join(%)", t, ts),
        _filled("%.join(% for w in %)", t, t, ts),
        _filled("str(%)", anything),
        _filled("%[%:%]", t, bound, bound),
        _filled("%[%]", t, n),
        _filled("%.%(%)", t, st.sampled_from(["removeprefix", "removesuffix", "lstrip"]), t),
        _filled("f'{%}|{%!r}|{%:>5.1f}|{% :,}|{%:{%}}'", *[in_field] * 6),
        _filled("%.partition(%)[%]", t, t, st.sampled_from(["0", "1", "2"])),
        _filled("%.zfill(%)", t, st.sampled_from(["3", "i"])),
    ]
    boolean = [
        _filled("(% % %)", n, order, n),
        _filled("(% % % % %)", n, order, n, order, n),
        _filled("(% % %)", t, order, t),
        _filled("(% % %)", anything, st.sampled_from(["==", "!=", "<"]), anything),
        _filled("(% in %)", n, ns),
        _filled("(% not in %)", t, ts),
        _filled("(% in %)", t, t),
        _filled("(% in %)", anything, anything),
        _filled("(not %)", anything),
        _filled("(% and % and %)", b, b, b),
        _filled("(% or % or %)", b, b, b),
        _filled("%(% for i in %)", st.sampled_from(["any", "all"]), b, ns),
        _filled("%(% for r in %)", st.sampled_from(["any", "all"]), b, rs),
        _filled("%.%(%)", t, st.sampled_from(["startswith", "endswith"]), t),
        _filled("(% is not None)", anything),
    ]
    numbers = [
        _filled("[% for i in % if %]", n, ns, b),
        _filled("[% for r in %]", n, rs),
        _filled("[% for i in % for i in %]", n, ns, ns),
        _filled("[x for i in % for x in [%, i]]", ns, n),
        _filled("sorted(%, reverse=%)", ns, b),
        _filled("list(reversed(%))", ns),
        _filled("(list(%) + list(%))", ns, ns),
        _filled("(% for i in %)", n, ns),
        _filled("%[%:%]", ns, bound, bound),
        _filled("list(%)[%:%:-1]", ns, bound, bound),
        _filled("[a - b for a, b in zip(%, %)]", ns, ns),
        _filled("[a * b for a, b in enumerate(%)]", ns),
        _filled("range(%)", n),
    ]
    texts = [
        _filled("[% for w in % if %]", t, ts, b),
        _filled("[% for r in %]", t, rs),
        _filled("sorted(%)", ts),
        _filled("%.split(%)", t, t),
        _filled("%.splitlines()", t),
        _filled("list(%)", ts),
        _filled("[k for k, v in %.items() if %]", m, b),
    ]
    rows = [
        _filled("[r for r in % if %]", rs, b),
        _filled("[{**r, 'n': %} for r in %]", n, rs),
        _filled("(% or %)", rs, rs),
        _filled("%[%:]", rs, bound),
    ]
    mapping = [
        _filled("{**%, %: %}", m, t, n),
        _filled("{%: % for w in %}", t, n, ts),
        _filled("{%: % for r in % if %}", t, n, rs, b),
        _filled("dict(zip(%, %))", ts, ns),
        _filled("dict(%, a=%)", m, n),
        _filled("{'k': %, 'l': (%, %)}", anything, anything, anything),
    ]
    return [_any_of(options) for options in (number, text, boolean, numbers, texts, rows, mapping)]


_GROWN = st.one_of(*_grown(3).values())


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Expressions of every kind, their steps of a path still open."""
    return draw(_GROWN)


def _written(template: str, step: str) -> str:
    for key in KEYS:
        template = template.replace(f"<{key}>", step % key)
    return template


def _plain(value: Any) -> Any:
    """CPython's value as JSON has it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    return [_plain(item) for item in value]


# What `eval` can see: what expressions have under the same name. `zip` and the like are CPython's own.
BUILTINS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        abs, all, any, bool, dict, enumerate, float, int, len, list, max, min, range, reversed, round, sorted, str, sum,
        zip,
    )
}  # fmt: skip
OWN_LIMITS = (
    "64 bits",
    "finite number",
    "no text",
    "JSON keys are text",
    "multiplies numbers only",
    "at most 1,000,000",
)
OWN_RULES = (
    "is not a simple format",
    "'+' needs two numbers",
    "'-' needs two numbers",
    "'%' is the remainder",
    "takes no format",
)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # of `eval`, about `0 is None`
@settings(max_examples=10 * settings.default.max_examples)
@given(template=expressions(), state=STATES, i=st.integers(-3, 3), w=TEXTS, r=ROWS)
def test_a_generated_expression_has_the_value_cpython_gives_it(
    template: str, state: dict[str, Any], i: int, w: str, r: dict[str, Any]
) -> None:
    names = {"state": state, "i": i, "w": w, "r": r}
    before = deepcopy(names)
    python = _written(template, "['%s']")
    if "f'" in python and _written(template, ".%s") != python:
        python = _written(template, '["%s"]')
    wanted: Any
    try:
        wanted = _plain(eval(python, {"__builtins__": BUILTINS, **deepcopy(names)}))
    except Exception as problem:
        wanted = problem
    for text in (_written(template, ".%s"), python):
        try:
            value = compile_expression(text).evaluate(names)
        except ExpressionError as problem:
            own = any(words in problem.message for words in (*OWN_LIMITS, *OWN_RULES))
            assert own or isinstance(wanted, Exception), f"{text} is {wanted!r} for CPython: {problem}"
        else:
            assert not isinstance(wanted, Exception), f"{text} is {value!r}, but CPython says {wanted!r}"
            assert json.dumps(value) == json.dumps(wanted), text
    assert names == before


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON_VALUES)
def test_json_written_as_an_expression_is_itself(value: Any) -> None:
    for text in (
        repr(value),
        "value",
        "[value][0]",
        "[x for x in [value]][0]",
        "{'k': value}['k']",
        "value if 1 else 0",
    ):
        assert json.dumps(compile_expression(text).evaluate({"value": value})) == json.dumps(value)


@given(value=JSON_VALUES, other=JSON_VALUES)
def test_comparisons_are_those_of_python(value: Any, other: Any) -> None:
    names = {"a": value, "b": other}
    assert compile_expression("a == b").evaluate(names) is (value == other)
    assert compile_expression("a != b").evaluate(names) is (value != other)
    assert compile_expression("[a] == [b] and {'k': a} == {'k': b}").evaluate(names) is (value == other)
    assert compile_expression("b in [a, 1, b]").evaluate(names) is True
    assert compile_expression("bool(a)").evaluate(names) is bool(value)


TOKENS = [*"a1()[]{}'\"\\:,+*/#\n", ".b", "f'", "if", "for", "in", "not", "lambda"]


@settings(max_examples=5 * settings.default.max_examples)
@given(text=st.text(max_size=40) | st.lists(st.sampled_from(TOKENS), max_size=14).map(" ".join))
def test_any_text_is_an_expression_or_a_sentence_with_a_column(text: str) -> None:
    try:
        compile_expression(text).evaluate({"a": {"b": 1}, "b": [1], "f": "x"})
    except (ExpressionSyntaxError, ExpressionError) as problem:
        assert 1 <= problem.column <= len(text) + 1
        assert problem.message
        assert "\n" not in problem.message
        assert problem.source == text


@pytest.mark.parametrize(
    "text",
    [
        "[x for",
        "f'{",
        "'''",
        "((((",
        "lambda",
        "\x00",
        "\ufeff1",
        "1\f+1",
        "１",
        "a\u2028b",
        "\\",
        "\\\n1",
        "1_",
        "0777",
    ],
)
def test_odd_texts_end_in_order(text: str) -> None:
    for repeated in (text, text * 3, f" {text}\n{text}"):
        try:
            compile_expression(repeated).evaluate({})
        except ExpressionProblem as problem:
            assert 1 <= problem.column <= len(repeated) + 1
