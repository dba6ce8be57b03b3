"""Attacks: whatever an expression says, it ends with a value or with a sentence, and always with the same one."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from engine.core.expression_methods import METHOD_NAMES
from engine.core.expression_nodes import MAX_NESTING
from engine.core.expression_source import MAX_SOURCE
from engine.core.expression_values import MAX_DEPTH, MAX_ITEMS, MAX_OPERATIONS, MAX_TEXT
from engine.core.expressions import ExpressionError, ExpressionProblem, ExpressionSyntaxError, compile_expression


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


NAMES: dict[str, Any] = {
    "rows": [{"k": "x" * 1000, "n": number} for number in range(1000)],
    "same": [{"k": "x" * 1000, "n": number} for number in range(1000)],
    "numbers": list(range(100_000)),
    "text": "ab" * 400_000,
    "texts": ["y" * 100_000 + str(number) for number in range(10)],
    "few": list(range(2000)),
    "digits": "7" * 1200,
    "mapping": {str(number): number for number in range(1000)},
    "view": MappingProxyType({str(number): number for number in range(1000)}),
    "deep": nested(900),
}
OPERATIONS = f"the expression takes more than {MAX_OPERATIONS:,} operations"
LONG_TEXT = f"a text has more than {MAX_TEXT:,} characters"
BIG_RESULT = f"the result holds more than {MAX_ITEMS:,} values"
BIG_NUMBER = "a number has more than 4,096 bits"
DEEP = f"a value is nested more than {MAX_DEPTH} levels deep"
DOUBLING = " for x in [[x, x]]" * 60
DOUBLING_TUPLES = " for x in [(x, x)]" * 60


def failure(text: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text).evaluate(NAMES)
    return caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "[[[1 for a in range(1000)] for b in range(1000)] for c in range(1000)]",
        "sum(sum(sum(sum(1 for a in range(30)) for b in range(30)) for c in range(30)) for d in range(100))",
        "sum(1 for a in numbers for b in numbers)",
        "len(str([1 for a in numbers for b in numbers]))",
        # Few rounds, each of them large
        "[rows == same for i in few]",
        "[{'a': rows} == {'a': same} for i in few]",
        "[rows in [same] for i in few]",
        "[rows.index(same[999]) for i in few]",
        "[[same].count(rows) for i in few]",
        "[numbers.count(5) for i in few]",
        "[a == b for i in range(100) for a in texts for b in texts]",
        "[max(texts) for i in few]",
        "[sorted(texts) for i in few]",
        "[sorted(numbers) for i in range(3)]",
        "[list(numbers) for i in few]",
        "[numbers + numbers for i in few]",
        "[numbers[1:] for i in few]",
        "[text[1:] for i in few]",
        "[text + 'a' for i in few]",
        "[f'{text}' for i in few]",
        "[f'{text:s}' for i in few]",
        "[f'{text!r}' for i in few]",
        "[str([text]) for i in few]",
        "[text.upper() for i in few]",
        "[text.count('ba') for i in few]",
        "[text.find('zz') for i in few]",
        "[('a ' + texts[0]).split() for i in few]",
        "[(text[:2000]).split('a') for i in range(5000)]",
        "['zz' in text for i in few]",
        "[text.ljust(1999999) for i in few]",
        "[','.join(texts) for i in few]",
        "[text.replace('a', 'b') for i in few]",
        "[99999 in numbers for i in few]",
        "[texts[0] in texts for i in few]",
        "[-1 in (n for n in numbers) for i in few]",
        "['x' in range(100000) for i in few]",
        "[dict(mapping) for i in few]",
        "[dict(mapping.items()) for i in few]",
        "[{**mapping} for i in few]",
        "[mapping.items() == mapping.items() for i in few]",
        "[len(view.items()) for i in few]",
        "[zip(numbers, numbers) for i in few]",
        "[enumerate(numbers) for i in few]",
        "[reversed(numbers) for i in few]",
        "[sum(numbers) for i in few]",
        "[float(digits) for i in range(20000)]",
        "['z'.startswith(t) for t in [('a', 'b')]" + " for t in [t + t]" * 14 + " for i in few]",
        # Little work that makes a value which is very large when all of it is walked
        f"len(str([x for x in [1]{DOUBLING}]))",
        f"[x == y for x in [(1,)]{DOUBLING_TUPLES} for y in [[x]]]",
        f"[{{x: 1}} for x in [(1,)]{DOUBLING_TUPLES}]",
        f"[x in mapping for x in [(1,)]{DOUBLING_TUPLES}]",
        f"[mapping.get(x) for x in [(1,)]{DOUBLING_TUPLES}]",
        f"[get(mapping[x], 1) for x in [(1,)]{DOUBLING_TUPLES}]",
        f"[f'{{x}}' for x in [1]{DOUBLING}]",
        f"[f'{{x!r}}' for x in [1]{DOUBLING}]",
        f"[sorted([x, x]) for x in [1]{DOUBLING}]",
    ],
)
def test_work_is_counted(text: str) -> None:
    assert failure(text) == OPERATIONS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[b for a in [text] for b in [a + a] for c in [b + b]]", LONG_TEXT),
        ("','.join([text for i in range(10)])", LONG_TEXT),
        ("text.replace('a', text)", LONG_TEXT),
        ("text.replace('', text)", LONG_TEXT),
        ("'a'.ljust(99999999999)", LONG_TEXT),
        ("'a'.zfill(99999999999)", LONG_TEXT),
        ("str([text, text, text])", LONG_TEXT),
        ("f'{text}{text}{text}'", LONG_TEXT),
        ("f'{[text]!r}{[text]}{text}'", LONG_TEXT),
        ("[text, text, text]", f"the texts of the result have more than {MAX_TEXT:,} characters"),
        ("[{text: 1}, {text: 1}, {text: 1}]", f"the texts of the result have more than {MAX_TEXT:,} characters"),
        ("[[] for i in range(200001)]", BIG_RESULT),
        (f"[x for x in [1]{DOUBLING}]", BIG_RESULT),
        ("(i for i in range(300000))", BIG_RESULT),
        ("[x * x for x in [10]" + " for x in [x * x]" * 60 + "]", BIG_NUMBER),
        ("1" * 1300, BIG_NUMBER),
        ("sum([" + ", ".join(["9" * 1233] * 2) + "])", BIG_NUMBER),
        ("int('9' + '" + "9" * 1300 + "')", BIG_NUMBER),
        ("int('" + "9" * 3000 + "')", "a numeral has more than 2,000 characters"),
        ("round(5, -1000000000)", "round() takes at most 400 digits"),
        ("round(5, 1000000000)", "round() takes at most 400 digits"),
        ("range(1000000001)", f"range() gives at most {MAX_OPERATIONS:,} numbers"),
        ("range(" + "9" * 300 + ")", f"range() gives at most {MAX_OPERATIONS:,} numbers"),
        ("float(" + "9" * 400 + ")", "the number is too large for float()"),
        ("9" * 400 + " / 3", "the number is too large for a fraction"),
        ("sum([0.5, " + "9" * 400 + "])", "a number is too large to be added to a fraction"),
        ("round(1.7e308, -308)", "the rounded number is too large"),
        ('f"{1:1000000000}"', "'1000000000' is not a simple format; width and precision have at most 3 digits"),
        ('f"{1:.1000000000f}"', "'.1000000000f' is not a simple format; width and precision have at most 3 digits"),
        ('f"{1:{10 * 1000}}"', "'10000' is not a simple format; width and precision have at most 3 digits"),
        ('f"{65:c}"', "'c' is not a simple format; width and precision have at most 3 digits"),
        ('f"{1:n}"', "'n' is not a simple format; width and precision have at most 3 digits"),
        ("deep == [deep]", DEEP),
        ("str(deep)", DEEP),
        ("sorted([deep])", DEEP),
        ("[deep]", f"the result is nested more than {MAX_DEPTH} levels deep"),
    ],
)
def test_sizes_are_bounded(text: str, message: str) -> None:
    if message == BIG_NUMBER and text[0].isdigit():
        with pytest.raises(ExpressionSyntaxError) as caught:
            compile_expression(text)
        assert caught.value.message == message
    else:
        assert failure(text) == message


def test_what_stands_in_the_names_is_never_too_large_to_be_taken_out() -> None:
    assert compile_expression("deep").evaluate(NAMES) is NAMES["deep"]
    assert compile_expression("rows[1].k").evaluate({"rows": [0, {"k": "z" * (MAX_TEXT + 1)}]})[0] == "z"


def test_limits_leave_room_for_work_that_is_large() -> None:
    assert compile_expression("sum(n for n in numbers if n > 5)").evaluate(NAMES) == sum(range(6, 100_000))
    assert len(compile_expression("sorted(numbers, reverse=True)").evaluate(NAMES)) == 100_000
    assert compile_expression("[r.n for r in rows if r.k.upper()]").evaluate(NAMES)[-1] == 999
    assert compile_expression("len(','.join(str(n) for n in numbers))").evaluate(NAMES) == 588_889


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3000 + "1" + ")" * 3000,
        "[" * 3000 + "]" * 3000,
        "{1:" * 1500 + "1" + "}" * 1500,
        "-" * 5000 + "1",
        "not " * 2000 + "1",
        "a" + ".b" * 3000,
        "a" + "[0]" * 3000,
        "a" + ".strip()" * 1000,
        "1" + " + 1" * 2000,
        "1 if 1 else " * 500 + "1",
        "len(" * 1000 + "1" + ")" * 1000,
        "get(" * 500 + "a" + ")" * 500,
        "f'{" * 1000 + "1" + "}'" * 1000,
        "lambda: " * 1000 + "1",
        "[" * 90 + "x for x in y" + "]" * 90 + " if 1 else " + "-" * 200 + "1",
        "x" * (MAX_SOURCE + 1),
    ],
)
def test_deep_and_long_texts_are_refused(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        compile_expression(text)
    assert len(caught.value.message) < 120
    assert 1 <= caught.value.column <= len(text) + 1


def test_a_long_path_that_is_only_asked_for_is_no_danger() -> None:
    assert compile_expression("get(a" + ".b" * 2000 + ", 7)").evaluate({"a": {}}) == 7


def test_the_deepest_expression_that_is_allowed_evaluates() -> None:
    levels = MAX_NESTING - 1
    assert compile_expression("-" * levels + "1").evaluate({}) == -1
    assert compile_expression("[" * MAX_NESTING + "]" * MAX_NESTING).evaluate({}) == nested(MAX_NESTING)
    text = "1"
    for _ in range(levels // 2):
        text = f"[x for x in {text}]" if text != "1" else "[1]"
    assert compile_expression(text).evaluate({}) == [1]
    with pytest.raises(ExpressionSyntaxError, match="nested more than 100 levels deep"):
        compile_expression("-" * MAX_NESTING + "1")


def test_an_evaluation_deep_in_the_stack_ends_with_a_sentence() -> None:
    expression = compile_expression("-" * (MAX_NESTING - 1) + "1")

    def descend() -> Any:
        try:
            return descend()
        except RecursionError:
            return expression.evaluate({})

    try:
        assert descend() == -1
    except ExpressionProblem as problem:
        assert problem.message == "a value is nested too deeply"


@pytest.mark.parametrize(
    "name", ["__class__", "__dict__", "__globals__", "__init__", "mro", "gi_frame", "f_back", "format"]
)
def test_no_attribute_of_a_python_object_is_ever_read(name: str) -> None:
    for base in (
        "text",
        "numbers",
        "(x for x in numbers)",
        "zip()",
        "range(3)",
        "mapping.keys()",
    ):
        with pytest.raises(ExpressionProblem):
            compile_expression(f"({base}).{name}").evaluate(NAMES)
        with pytest.raises(ExpressionProblem):
            compile_expression(f"({base}).{name}()").evaluate(NAMES)
    with pytest.raises(ExpressionError):
        compile_expression(f"f'{{text.{name}}}'").evaluate(NAMES)


def test_methods_are_only_those_that_read() -> None:
    changing = {name for kind in (list, dict) for name in vars(kind) if name not in METHOD_NAMES and name[0] != "_"}
    assert changing >= {
        "append",
        "clear",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "setdefault",
        "sort",
        "update",
    }
    for name in sorted(
        changing | {"format", "format_map", "encode", "translate", "maketrans", "expandtabs", "fromkeys"}
    ):
        with pytest.raises(ExpressionSyntaxError):
            compile_expression(f"x.{name}()")


@pytest.mark.parametrize(
    "text", ["eval('1')", "exec('1')", "open('x')", "print(1)", "getattr(text, 'x')", "type(1)", "vars()"]
)
def test_functions_are_only_those_of_the_language(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_expression(text)


def test_the_same_limit_is_met_every_time() -> None:
    text = "[[a, b] for a in range(2000) for b in range(2000)]"
    problems = set()
    for _ in range(3):
        with pytest.raises(ExpressionError) as caught:
            compile_expression(text).evaluate(NAMES)
        problems.add((caught.value.message, caught.value.column))
    assert problems == {(OPERATIONS, 34)}


def test_a_sentence_about_a_limit_is_not_swallowed_by_asking() -> None:
    # The frame has nothing left when `get` looks up its key; that is an end, not a missing path.
    text = f"[get(mapping[x], 'missing') for x in [(1,)]{DOUBLING_TUPLES}][0]"
    assert failure(text) == OPERATIONS
