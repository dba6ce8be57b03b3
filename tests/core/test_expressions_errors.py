"""What expressions refuse, what has no value, and the sentence and column each of them is told with."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest

from engine.core.expressions import ExpressionError, ExpressionSyntaxError, compile_expression

NAMES: dict[str, Any] = {
    "state": {
        "items": [3, 1, 2],
        "score": 0.9,
        "name": "Ann",
        "nothing": None,
        "measures": [{"path": "a.py"}],
        "empty": {},
        "few": {"one": 1, "two": 2},
        "bad": "x" * 10_000,
    },
    "inputs": {"root": "src"},
}


def syntax_error(text: str) -> ExpressionSyntaxError:
    with pytest.raises(ExpressionSyntaxError) as caught:
        compile_expression(text)
    assert caught.value.source == text
    return caught.value


def error(text: str, names: dict[str, Any] = NAMES) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text).evaluate(names)
    assert caught.value.source == text
    return caught.value


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "the expression is empty"),
        (" \n ", 1, "the expression is empty"),
        ("1 +", 4, "the expression ends too early"),
        ("1 +  \n", 4, "the expression ends too early"),
        ("state.score = 1", 1, "cannot assign to attribute here. Maybe you meant '==' instead of '='?"),
        ("(1", 1, "'(' is never closed"),
        ("[1, (2]", 7, "']' closes no '('"),
        ("1)", 2, "')' closes nothing that is open"),
        ("1) + (2", 2, "')' closes nothing that is open"),
        ("a + 'b", 5, "the string that starts here is never closed"),
        ("'a\nb'", 1, "the string that starts here is never closed"),
        ("a && b", 3, "write 'and' instead of '&&'"),
        ("a || b", 3, "write 'or' instead of '||'"),
        ("!a", 1, "write 'not' instead of '!'"),
        ("a ? b : c", 3, "'?' is not part of expressions; a choice is written: a if condition else b"),
        ("${a}", 1, "'$' is not part of expressions; inside ${...} names stand alone"),
        ("a; b", 2, "an expression is a single value; ';' is not part of it"),
        ("a\0b", 2, "a null character is not part of expressions"),
        ("'\ud800'", 2, "half of a surrogate pair is not a character"),
        (r"'\ud800'", 1, "half of a surrogate pair is not a character"),
        (r"a + '\d'", 6, r"'\d' is no escape; a backslash itself is written twice"),
        (r"'\777'", 2, r"'\7' is no escape; a backslash itself is written twice"),
        ("'\\\x1b'", 2, "this is no escape; a backslash itself is written twice"),
        ("1if a else 2", 1, "'1if' is not a number; put a space between a number and a word"),
        ("true", 1, "write True instead of 'true'"),
        ("a == null", 6, "write None instead of 'null'"),
        ("lambda: 1", 1, "lambda is not part of expressions; write a comprehension"),
        ("(x := 1)", 2, "':=' is not part of expressions; they assign nothing"),
        ("x := 1", 1, "':=' is not part of expressions; they assign nothing"),
        ("{1, 2}", 1, "a set is not JSON; write a list"),
        ("{x for x in y}", 1, "a set is not JSON; write a list"),
        ("[*a]", 2, "'*' before a value is not part of expressions; join lists with +"),
        ("len(*a)", 5, "'*' before a value is not part of expressions; join lists with +"),
        ("dict(**a)", 8, "'**' in a call is not part of expressions"),
        ("x for x in y", 1, "a comprehension is written in brackets: [... for ... in ...]"),
        ("len(a) for x in y", 1, "a comprehension is written in brackets: [... for ... in ...]"),
        ("a[1:2, 3]", 3, "a slice stands only in brackets after a value"),
        ("b'x'", 1, "bytes are not JSON"),
        ("2j", 1, "a complex number is not JSON"),
        ("...", 1, "'...' is not JSON"),
        ("1e999", 1, "the number is too large"),
        ("a ** 2", 1, "'**' is not part of expressions; multiply instead"),
        ("a | b", 1, "'|' is not part of expressions; write 'or', or {**a, **b} to put mappings together"),
        ("a & b", 1, "'&' is not part of expressions; write 'and'"),
        ("a << b", 1, "this operator is not part of expressions"),
        ("~a", 1, "'~' is not part of expressions"),
        ("a is b", 6, "'is' asks only for None, True or False; values are compared with =="),
        ("a is 1", 6, "'is' asks only for None, True or False; values are compared with =="),
        ("[x async for x in y]", 14, "async is not part of expressions"),
        ("[x for a.b in y]", 8, "a loop sets plain variables only"),
        ("[x for x, *y in z]", 11, "a loop sets plain variables only"),
        ("lenn(a)", 1, "there is no function 'lenn'; did you mean 'len'?"),
        ("open('/etc/passwd')", 1, "there is no function 'open'"),
        ("__import__('os')", 1, "there is no function '__import__'"),
        ("isinstance(a, b)", 1, "isinstance() is not part of expressions; compare values instead"),
        ("lower(a)", 1, "lower is a method; write value.lower(...)"),
        ("a.lowr()", 1, "there is no method 'lowr'; did you mean 'lower'?"),
        ("a.append(1)", 1, "append() would change the value; expressions only read"),
        ("a.format(b)", 1, "format() is not part of expressions; write an f-string"),
        ("a.__class__()", 1, "there is no method '__class__'"),
        ("a.b.__subclasses__()", 1, "there is no method '__subclasses__'"),
        ("a()()", 1, "only functions and methods can be called"),
        ("(a or b)(1)", 1, "only functions and methods can be called"),
        ("len()", 1, "len() takes 1 argument, not 0"),
        ("abs(1, 2)", 1, "abs() takes 1 argument, not 2"),
        ("max()", 1, "max() takes 1 argument or more, not 0"),
        ("range()", 1, "range() takes 1 to 3 arguments, not 0"),
        ("sorted(a, revers=True)", 18, "sorted() has no argument 'revers'; did you mean 'reverse'?"),
        ("sorted(a, key=len)", 15, "sorted() has no argument 'key'"),
        ("enumerate(a, 1, start=2)", 23, "enumerate() is given 'start' twice"),
        ("get(1 + 1)", 5, "get(a.b, default) asks for a path such as state.a.b, not for a computed value"),
        ("has(a.b[1:2])", 5, "has(a.b) asks for a path such as state.a.b, not for a computed value"),
        ("get(a, 1, 2)", 1, "this form is written get(a.b, default)"),
        ("has(a, 1)", 1, "this form is written has(a.b)"),
        ("get()", 1, "this form is written get(a.b, default)"),
        ("get(a, default=1)", 1, "this form is written get(a.b, default)"),
        ("'ä' + (\n  b +\n  c.nope())", 17, "there is no method 'nope'"),
    ],
)
def test_what_is_not_part_of_the_language(text: str, column: int, message: str) -> None:
    problem = syntax_error(text)
    assert (problem.message, problem.column) == (message, column)


@pytest.mark.parametrize(
    ("text", "column"),
    [("a b", 1), ("a,,b", 3), ("f(a b)", 3), ("a.1", 1), ("'“' + “", 7), ("[a\n b]", 2), ("if", 1), ("1 if 2", 1)],
)
def test_what_python_does_not_parse_has_its_column(text: str, column: int) -> None:
    assert syntax_error(text).column == column


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("f'{a[\"b\"]}' + f'{a['b']}'", 15),  # the quotes of the f-string inside it: newer Pythons would take them
        ("f'{''}'", 1),
        ("f'{a!x}'", 1),
        ("'a' + f'{}'", 7),
        ("f'{'", 1),
        ("f'{a b}'", 1),
        ("f'{\"\\n\"}'", 1),
    ],
)
def test_f_strings_mean_the_same_on_every_python(text: str, column: int) -> None:
    # Newer Pythons point into the string, older ones only at it.
    assert syntax_error(text).column >= column


@pytest.mark.parametrize("text", [r"'\d'", "1if a else 2", "f'\\{a}'", "'\\400'", "a is 'x'"])
def test_no_warning_of_python_reaches_anybody(text: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        syntax_error(text)
    assert caught == []


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("stat.items", 1, "there is no 'stat' here; did you mean 'state'?"),
        ("zzz", 1, "there is no 'zzz' here; there is state, inputs"),
        ("1 + len", 5, "len is a function; call it: len(...)"),
        ("state.mesures", 7, "state has no 'mesures'; did you mean 'measures'?"),
        ("state.Score", 7, "state has no 'Score'; did you mean 'score'?"),
        ("state['mesures']", 7, "state has no 'mesures'; did you mean 'measures'?"),
        ("state.few.three", 11, "state.few has no 'three'; it has 'one', 'two'"),
        ("state.empty.x", 13, "state.empty has no 'x'; it is empty"),
        ("state.values", 7, "state has no 'values'; did you mean the method, .values()?"),
        ("state.few[7]", 11, "state.few has no 7; it has 'one', 'two'"),
        ("state.nothing.x", 15, "state.nothing is None, which has no 'x'; only a mapping has keys"),
        ("state.items.first", 13, "state.items is a list, which has no 'first'; only a mapping has keys"),
        ("state.name.__class__", 12, "state.name is text, which has no '__class__'; only a mapping has keys"),
        ("[m.pth for m in state.measures]", 4, "m has no 'pth'; did you mean 'path'?"),
        ("state.items[3]", 13, "state.items has 3 items, there is no [3]"),
        ("state.name[-4]", 12, "state.name has 3 characters, there is no [-4]"),
        ("state.items['a']", 13, "a list is indexed by a whole number, not text"),
        ("state.items[1.0]", 13, "a list is indexed by a whole number, not a fraction"),
        ("state.score[0]", 13, "a number has no [0]; only a list, text or a mapping has items"),
        ("state[[1]]", 7, "a list cannot be a key"),
        ("state.score[1:]", 13, "only a list or text can be sliced, not a number"),
        ("state.items['a':]", 13, "a slice needs whole numbers, not text"),
        ("state.items[::0]", 1, "a slice needs a step other than 0"),
        ("1 + 'a'", 3, "'+' cannot join a number and text; write str(...) around what is not text, or an f-string"),
        ("[1] + (2,)", 5, "'+' needs two numbers, not a list and a tuple"),
        ("'a' * 3", 5, "'*' multiplies numbers only, not text"),
        ("3 * [1]", 3, "'*' multiplies numbers only, not a list"),
        ("'%s' % 1", 6, "'%' is the remainder of numbers; text is put together with an f-string"),
        ("'a' - 1", 5, "'-' needs two numbers, not text and a number"),
        ("1 / 0", 3, "division by zero"),
        ("1 % (1 - 1)", 3, "division by zero"),
        ("-'a'", 1, "'-' needs a number, not text"),
        ("state.name > 1", 12, "text cannot be compared with a number"),
        ("1 < None", 3, "a number cannot be compared with None"),
        ("{} < {}", 4, "a mapping and a mapping cannot be put in order"),
        ("1 in 2", 3, "'in' needs text, a list or a mapping to look into, not a number"),
        ("1 in 'a'", 3, "text contains only text, not a number"),
        ("([1], 2) in state.items()", 10, "a list or a mapping cannot be a key"),
        ("state.few[None]", 11, "state.few has no None; it has 'one', 'two'"),
        ("[1] not in state", 9, "a list cannot be a key"),
        ("{[1]: 2}", 2, "a list cannot be a key"),
        ("{**[1]}", 4, "'**' needs a mapping, not a list"),
        ("{(1, [2]): 3 for x in [1]}", 2, "a tuple cannot be a key"),
        ("[x for x in 5]", 13, "a number has no items to go through"),
        ("[a for a, b in [[1, 2, 3]]]", 8, "a list of 3 cannot be taken apart into 2 variables"),
        ("[a for a, b in [5]]", 8, "a number cannot be taken apart into 2 variables"),
        ("[x for x in [1] for x in y for y in [1]]", 26, "'y' is used before its loop has set it"),
        ("len(5)", 1, "len() needs text, a list or a mapping, not a number"),
        ("len(x for x in [1])", 1, "len() needs text, a list or a mapping, not an iterator; make a list of it first"),
        ("abs('a')", 1, "abs() needs a number, not text"),
        ("sum(['a'])", 1, "sum() adds numbers, not text"),
        ("sorted([1, 'a'])", 1, "sorted() cannot put a number and text in order"),
        ("max([])", 1, "max() of nothing has no value; give it a default: max(..., default=None)"),
        ("min(1, 'a')", 1, "text cannot be compared with a number"),
        ("max(1, 2, default=3)", 1, "max() takes a default only with one list"),
        ("int('12a')", 1, "int() cannot read '12a' as a whole number"),
        ("int([1])", 1, "int() needs a number, not a list"),
        ("int(1, 2)", 1, "int() with a base needs text, not a number"),
        ("int(float('inf'))", 1, "int() has no whole number for inf"),
        ("float('x')", 1, "float() cannot read 'x' as a number"),
        ("round('a')", 1, "round() needs a number, not text"),
        ("round(float('inf'))", 1, "round() has no whole number for inf"),
        ("round(1, 'a')", 1, "round() needs a whole number, not text"),
        ("range(1.5)", 1, "range() needs a whole number, not a fraction"),
        ("range(1, 2, 0)", 1, "range() needs a step other than 0"),
        ("dict([[1]])", 1, "dict() needs pairs of a key and a value; one has 1 parts"),
        ("dict([[[1], 2]])", 1, "a list cannot be a key"),
        ("reversed(x for x in [1])", 1, "reversed() needs text, a list or a mapping, not an iterator"),
        ("enumerate([1], start='a')", 1, "enumerate() needs a whole number, not text"),
        ("str(x for x in [1])", 1, "an iterator has no text; make a list of it first, with list(...)"),
        ("f'{[zip()]}'", 4, "an iterator has no text; make a list of it first, with list(...)"),
        ("state.score.upper()", 13, "a number has no method 'upper'"),
        ("state.items.upper()", 13, "a list has no method 'upper'"),
        ("state.name.items()", 12, "text has no method 'items'; did you mean 'title'?"),
        ("'a'.upper(1)", 5, "upper() takes no arguments, not 1"),
        ("'a'.replace('b')", 5, "replace() takes 2 to 3 arguments, not 1"),
        ("'a'.replace('b', 1)", 5, "replace() needs text, not a number"),
        ("'a'.split(',', 1, maxsplit=1)", 5, "split() takes no further argument 'maxsplit'"),
        ("'a'.split('')", 5, "split(): empty separator"),
        ("'a'.index('b')", 5, "index(): substring not found"),
        ("'a'.startswith((1,))", 5, "startswith() needs a tuple of texts"),
        ("'a'.ljust(3, 'ab')", 5, "ljust() fills with exactly one character"),
        ("[1].index(2)", 5, "index(): the list does not hold such an item"),
        ("['a'].index('b')", 7, "index(): the list does not hold 'b'"),
        ("','.join([1])", 5, "join() joins texts, but item 0 is a number; write str(...) around it"),
        ("{}.get([1])", 4, "a list cannot be a key"),
        ("f'{zip()!r}'", 4, "an iterator has no text; make a list of it first, with list(...)"),
        ("f'{1:q}'", 4, "'q' is not a simple format; width and precision have at most 3 digits"),
        ("f'{\"a\":d}'", 4, "'d' is not a format for text"),
        ("f'{[1]:>5}'", 4, "a list takes no format; write str(...) around it"),
        ("get(state.items[state.nam])", 23, "state has no 'nam'; did you mean 'name'?"),
        ("get(state[[1]], 0)", 5, "a list cannot be a key"),
        ("{1: 2}", 1, "the result is a mapping with a number as a key; JSON keys are text"),
        ("float('nan')", 1, "the result holds nan, which is not a finite number"),
        ("[1e308 * 10]", 1, "the result holds inf, which is not a finite number"),
        ("18446744073709551615 + 1", 1, "the result holds a whole number beyond 64 bits"),
        ("[-9223372036854775808 - 1]", 1, "the result holds a whole number beyond 64 bits"),
        ("'ä' + (\n  f'é{state.nam}')", 21, "state has no 'nam'; did you mean 'name'?"),
        ("'ä' + (\r\n  state.nam)", 18, "state has no 'nam'; did you mean 'name'?"),
    ],
)
def test_what_has_no_value(text: str, column: int, message: str) -> None:
    problem = error(text)
    assert (problem.message, problem.column) == (message, column)


def test_the_largest_numbers_that_are_stored() -> None:
    text = "[18446744073709551615, -9223372036854775808]"
    assert compile_expression(text).evaluate({}) == [2**64 - 1, -(2**63)]


def test_values_that_are_not_json_are_named_when_they_are_used() -> None:
    names = {"thing": object(), "data": b"x"}
    assert error("thing + 1", names).message == "'+' needs two numbers, not a value of type object and a number"
    assert error("[data]", names).message == "the result holds a value of type bytes, which is not JSON"
    assert error("thing.__class__", names).message.startswith(
        "thing is a value of type object, which has no '__class__'"
    )


@pytest.mark.parametrize(
    "text",
    [
        "int(state.bad)",
        "state[state.bad]",
        "[state.bad].index(state.bad + 'y')",
        f"state.{'y' * 5000}",
        f"{'y' * 5000}",
        f"f'{{1:{'9' * 3000}}}'",
        f"state.name['{'y' * 5000}']",
        "'" + "y" * 5000 + "'.x",
    ],
)
def test_no_sentence_repeats_a_large_value(text: str) -> None:
    problem = error(text)
    assert len(problem.message) < 200
    assert len(str(problem)) < 300
    assert not re.search(r"[xy9]{81}", str(problem))


def test_control_characters_are_escaped_in_sentences() -> None:
    assert "\x1b" not in str(error("state['\x1b[31m'].x"))
    assert "\x1b" not in error("{'\x1b': 1}.x").message
    assert "\x1b" not in error("'a\x1b'.x").message


def test_the_nearest_key_is_looked_for_in_a_bounded_number_of_keys() -> None:
    names = {"state": {f"key{number}": number for number in range(100_000)}}
    problem = error("state.kex3", names)
    assert problem.message == "state has no 'kex3'; did you mean 'key3'?"


def test_the_sentence_is_worded_once() -> None:
    problem = error("state.nope")
    assert problem.message is problem.message


def test_the_sentence_is_worded_only_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(word: object, candidates: object) -> str:
        raise AssertionError("worded too early")

    monkeypatch.setattr("engine.core.expression_paths.suggestion", never)
    problem = error("state.nope")
    with pytest.raises(AssertionError, match="worded too early"):
        _ = problem.message
