"""What expressions mean: their values, the names they read, and the shape of results."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from copy import deepcopy
from types import MappingProxyType
from typing import Any

import pytest

from engine.core.expressions import (
    Expression,
    ExpressionError,
    ExpressionProblem,
    ExpressionSyntaxError,
    compile_expression,
)

NAMES: dict[str, Any] = {
    "state": {
        "items": [3, 1, 2],
        "score": 0.9,
        "name": "Ann Lee",
        "nothing": None,
        "flag": True,
        "measures": [{"path": "a.py", "problem": None, "lines": 10}, {"path": "b.py", "problem": "bad", "lines": 7}],
        "keys": {"deep": [{"x": [10, 20]}]},
        "a b": 5,
        "zwölf": 12,
        "__class__": "just a key",
    },
    "inputs": {"root": "src", "limit": 2, "empty": {}},
}


def value(text: str, names: dict[str, Any] = NAMES) -> Any:
    return compile_expression(text).evaluate(names)


def check(text: str, expected: Any) -> None:
    result = value(text)
    assert result == expected
    assert json.dumps(result) == json.dumps(expected), "1, 1.0 and True are different values"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("None", None),
        ("True", True),
        ("12", 12),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-2.5e3", -2500.0),
        ("1e-3", 0.001),
        ("'a' \"b\"", "ab"),
        (r"'\n\x41\u00e9\\\''", "\nAé\\'"),
        (r"r'\d+'", r"\d+"),
        ("'''two\nlines'''", "two\nlines"),
        ("[1, [2], ]", [1, [2]]),
        ("(1, 2)", [1, 2]),
        ("1, 2", [1, 2]),
        ("()", []),
        ("{'a': 1, **{'b': 2}, 'a': 3}", {"a": 3, "b": 2}),
        ("{}", {}),
    ],
)
def test_literals(text: str, expected: Any) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("state.score", 0.9),
        ("state['score']", 0.9),
        ("state.items", [3, 1, 2]),  # the key, not the method of a dict
        ("state.keys.deep[0].x[-1]", 20),
        ("state.measures[1].path", "b.py"),
        ("state['a b']", 5),
        ("state.zwölf", 12),
        ("state.__class__", "just a key"),
        ("state.name[0]", "A"),
        ("state.items[True]", 1),
        ("state.items[inputs.limit]", 2),
        ("state.items[1:]", [1, 2]),
        ("state.items[:-1]", [3, 1]),
        ("state.items[::-1]", [2, 1, 3]),
        ("state.items[None:2]", [3, 1]),
        ("state.name[4:]", "Lee"),
        ("range(10)[2:4]", [2, 3]),
    ],
)
def test_paths_look_up_keys_and_indices(text: str, expected: Any) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("-7 % 3", 2),
        ("+True", 1),
        ("- state.score", -0.9),
        ("0.1 + 0.2", 0.30000000000000004),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("(1,) + (2,)", [1, 2]),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("3 > 2 != 1 >= 1", True),
        ("1 == 1.0", True),
        ("'a' < 'b'", True),
        ("[1, 2] < [1, 3]", True),
        ("[1] == (1,)", False),
        ("'1' == 1", False),
        ("state == {**state}", True),
        ("2 in state.items", True),
        ("2.0 in state.items", True),
        ("'nn' in state.name", True),
        ("'score' in state", True),
        ("4 not in state.items", True),
        ("{'a': 1} in [{'a': 1}]", True),
        ("3 in range(5)", True),
        ("'a' in range(5)", False),
        ("3 in (x + 1 for x in state.items)", True),
        ("('score', 0.9) in state.items()", True),
        ("state.nothing is None", True),
        ("state.flag is not None", True),
        ("state.flag is True", True),
        ("None is state.nothing", True),
        ("not state.nothing", True),
        ("state.nothing or 'default'", "default"),
        ("state.items and state.name", "Ann Lee"),
        ("0 or '' or [] or 'last'", "last"),
        ("1 and 2 and 0 and 3", 0),
        ("'yes' if state.score > 0.5 else 'no'", "yes"),
        ("len(state.items) >= 3 and state.score > 0.8", True),
    ],
)
def test_operators(text: str, expected: Any) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[m.path for m in state.measures if m.problem]", ["b.py"]),
        ("[x * y for x in state.items for y in state.items if x < y]", [3, 2, 6]),
        ("[k for k in inputs]", ["root", "limit", "empty"]),
        ("[[i, k] for i, k in enumerate('ab')]", [[0, "a"], [1, "b"]]),
        ("[a + b + c for a, (b, c) in [[1, [2, 3]]]]", [6]),
        ("{m.path: m.lines for m in state.measures}", {"a.py": 10, "b.py": 7}),
        ("(x for x in state.items)", [3, 1, 2]),
        ("sum(m.lines for m in state.measures)", 17),
        ("[[y for y in range(x)] for x in range(3)]", [[], [0], [0, 1]]),
        ("[x for x in [1] if x for x in [x, 5]]", [1, 5]),
        ("[x for x in 'abc']", ["a", "b", "c"]),
        ("[[x + y for x in [10]][0] for y in [1, 2]]", [11, 12]),
        # Generators run late, and see the variables as they are then, each its own.
        ("[list(g) for g in [(x + y for x in [0]) for y in [1, 2]]]", [[2], [2]]),
        ("[list(g) for h in [[(x + y for x in [0])] for y in [1, 2]] for g in h]", [[2], [2]]),
        ("list(zip((x for x in [1, 2]), (x * 10 for x in [1, 2])))", [[1, 10], [2, 20]]),
        ("any(x > 2 for x in [3, 'text'])", True),
        ("[state for state in [1]] + [state.score]", [1, 0.9]),
    ],
)
def test_comprehensions(text: str, expected: Any) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abs(-3)", 3),
        ("all([])", True),
        ("any([0, 1])", True),
        ("[bool(), bool('x')]", [False, True]),
        ("dict()", {}),
        ("dict([['a', 1]], b=2)", {"a": 1, "b": 2}),
        ("dict(inputs.empty, x=1)", {"x": 1}),
        ("enumerate('ab')", [[0, "a"], [1, "b"]]),
        ("list(enumerate('ab', start=1))", [[1, "a"], [2, "b"]]),
        ("float('1e3')", 1000.0),
        ("[int('12'), int(3.9), int('ff', 16), int('11', base=2), int()]", [12, 3, 255, 3, 0]),
        ("[len('abc'), len([1]), len(state.keys), len(range(5)), len(inputs.items())]", [3, 1, 1, 5, 3]),
        ("list('ab')", ["a", "b"]),
        ("[max(1, 2), max([3, 1]), max([], default=7), max('b', 'a')]", [2, 3, 7, "b"]),
        ("[min(2, 1.0), min(x for x in [3, 1]), min([], default=None)]", [1.0, 1, None]),
        ("max([1, 'a'][:1])", 1),
        ("[list(range(3)), list(range(1, 3)), list(range(5, 0, -2))]", [[0, 1, 2], [1, 2], [5, 3, 1]]),
        ("reversed([1, 2])", [2, 1]),
        ("list(reversed(inputs))", ["empty", "limit", "root"]),
        ("[round(2.5), round(2.567, 2), round(15, -1), round(2.5, ndigits=0)]", [2, 2.57, 20, 2.0]),
        ("sorted(state.items, reverse=True)", [3, 2, 1]),
        ("sorted([m.lines, m.path] for m in state.measures)[0][1]", "b.py"),
        ("[str(), str(1.5), str(None), str([1, 'a']), str('x')]", ["", "1.5", "None", "[1, 'a']", "x"]),
        ("[sum([1, 2]), sum([0.5], 1), sum([True], start=2)]", [3, 1.5, 3]),
        ("sum([0.1] + [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])", 0.9999999999999999),
        ("zip([1, 2], 'ab', [True])", [[1, "a", True]]),
        ("zip()", []),
        # What only asks
        ("get(state.score)", 0.9),
        ("get(state.missing)", None),
        ("get(state.missing.deeper['x'][0], 'default')", "default"),
        ("get(state.nothing, 5)", None),
        ("get(state.nothing.deeper, 5)", 5),
        ("get(state.items[7], -1)", -1),
        ("get(state.items.name, -1)", -1),
        ("get(nowhere, 1 + 1)", 2),
        ("get(state.score, 1 / 0)", 0.9),
        ("[get(m.problem, '?') for m in state.measures + [{}]]", [None, "bad", "?"]),
        ("get({'a': 1}.b, 2)", 2),
        ("[has(state.nothing), has(state.missing), has(state.items[2]), has(state.items[3]), has(nowhere.x)]",
         [True, False, True, False, False]),
        ("has(state['a b'])", True),
    ],
)  # fmt: skip
def test_functions(text: str, expected: Any) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[' a '.strip(), 'xax'.strip('x'), ' a'.lstrip(None), 'a '.rstrip()]", ["a", "a", "a", "a"]),
        ("['aB'.lower(), 'aB'.upper(), 'aB'.swapcase(), 'ß'.casefold(), 'a b'.title(), 'ab'.capitalize()]",
         ["ab", "AB", "Ab", "ss", "A B", "Ab"]),
        ("['a,b,c'.split(','), 'a b'.split(), 'a,b,c'.split(',', 1), 'a,b'.rsplit(sep=',', maxsplit=1)]",
         [["a", "b", "c"], ["a", "b"], ["a", "b,c"], ["a", "b"]]),
        ("'a\\nb\\n'.splitlines(keepends=True)", ["a\n", "b\n"]),
        ("['a.py'.endswith('.py'), 'a.py'.startswith(('b', 'a')), 'abc'.startswith('b', 1)]", [True, True, True]),
        ("['abab'.count('ab'), 'abab'.find('z'), 'abab'.rfind('ab'), 'abab'.index('b'), 'abab'.rindex('b')]",
         [2, -1, 2, 1, 3]),
        ("['a=b=c'.partition('='), 'a=b=c'.rpartition('=')]", [["a", "=", "b=c"], ["a=b", "=", "c"]]),
        ("['a.py'.removesuffix('.py'), 'a.py'.removeprefix('a')]", ["a", ".py"]),
        ("['aXa'.replace('a', 'b'), 'aXa'.replace('a', 'b', 1)]", ["bXb", "bXa"]),
        ("['7'.zfill(3), 'a'.ljust(3), 'a'.rjust(3, '.'), 'a'.center(3, '-')]", ["007", "a  ", "..a", "-a-"]),
        ("['12'.isdigit(), 'ab'.isalpha(), 'a1'.isalnum(), ' '.isspace(), 'A'.isupper(), 'a'.islower()]", [True] * 6),
        ("', '.join(m.path for m in state.measures)", "a.py, b.py"),
        ("[state.items.index(1), state.items.count(3), (1, 2).index(2)]", [1, 1, 1]),
        ("[inputs.get('root'), inputs.get('x'), inputs.get('x', 1)]", ["src", None, 1]),
        ("[inputs.keys(), inputs.values(), inputs.items()]",
         [["root", "limit", "empty"], ["src", 2, {}], [["root", "src"], ["limit", 2], ["empty", {}]]]),
        ("[k for k, v in inputs.items() if v == 2]", ["limit"]),
        ("inputs.keys() == {'limit': 0, 'root': 1, 'empty': 2}.keys()", True),
    ],
)  # fmt: skip
def test_methods(text: str, expected: Any) -> None:
    check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f'{state.name}: {state.score:.2f}'", "Ann Lee: 0.90"),
        ("f'{state.items} {state.nothing} {state.flag}'", "[3, 1, 2] None True"),
        ("f'{{}} {1}{2}'", "{} 12"),
        ("f'{state.name!r:>12}|{7:05d}|{255:#x}|{1234567:,}|{0.256:.1%}'", "   'Ann Lee'|00007|0xff|1,234,567|25.6%"),
        ("f'{1:>{inputs.limit + 1}}'", "  1"),
        ("f'{inputs.limit=}'", "inputs.limit=2"),
        ("f'{\"é\"!a}'", "'\\xe9'"),
        ('f"{state[\'name\']}" " plain"', "Ann Lee plain"),
        ("f'''{\nstate.name\n}'''", "Ann Lee"),
    ],
)
def test_f_strings(text: str, expected: str) -> None:
    check(text, expected)


def test_an_expression_may_span_lines_and_hold_comments() -> None:
    check("  \n len(state.items)  # how many\n  + 1\n\t", 4)
    check("1 # )", 1)


def test_roots_are_the_names_read_from_outside() -> None:
    assert compile_expression("1").roots == frozenset()
    assert compile_expression("state.a + inputs['b'] + len(file)").roots == {"state", "inputs", "file"}
    assert compile_expression("[x + y for x in xs if x for z in x]").roots == {"y", "xs"}
    assert compile_expression("[x for x in x]").roots == {"x"}
    assert compile_expression("get(maybe.a, other) or has(third[key])").roots == {"maybe", "other", "third", "key"}
    assert compile_expression("f'{a:{b}}'.join(c).strip()").roots == {"a", "b", "c"}


def test_a_compiled_expression_is_remembered_and_knows_its_text() -> None:
    expression = compile_expression("state.score")
    assert isinstance(expression, Expression)
    assert expression.source == "state.score"
    assert repr(expression) == "Expression('state.score')"
    assert compile_expression("state.score") is expression


def test_inputs_are_never_changed() -> None:
    before = deepcopy(NAMES)
    for text in (
        "{**state, 'items': 1}",
        "state.items + [1]",
        "sorted(state.items)",
        "list(reversed(state.items))",
        "dict(state, x=1)",
        "[m for m in state.measures]",
        "state.items[:]",
    ):
        value(text)
        assert before == NAMES


def test_values_out_of_the_names_are_shared_and_not_copied() -> None:
    assert value("state.measures") is NAMES["state"]["measures"]
    assert value("state.measures or []") is NAMES["state"]["measures"]
    assert value("[state.measures]")[0] is NAMES["state"]["measures"]
    assert value("state.items[:]") is not NAMES["state"]["items"]


def test_results_are_json_all_the_way_down() -> None:
    check("[(1, (2, range(2))), {'z': zip([1], [2])}]", [[1, [2, [0, 1]]], {"z": [[1, 2]]}])
    check("{'g': [(x for x in [1])], 'v': inputs.keys()}", {"g": [[1]], "v": ["root", "limit", "empty"]})


def test_other_mappings_are_read_like_dicts_and_become_dicts() -> None:
    names = {"state": MappingProxyType({"a": 1, "inner": MappingProxyType({"b": 2})})}
    assert value("state.inner.b + state['a']", names) == 3
    assert value("[[k, 1] for k in state if k in state]", names) == [["a", 1], ["inner", 1]]
    assert value("len(state.items()) + len(dict(state)) + len({**state})", names) == 6
    result = value("state", names)
    assert (type(result), type(result["inner"])) == (dict, dict)
    assert compile_expression("x").evaluate(MappingProxyType({"x": 1})) == 1


def test_problems_are_value_errors_that_survive_pickling() -> None:
    with pytest.raises(ExpressionError) as caught:
        value("state.scor")
    problem = caught.value
    assert isinstance(problem, ExpressionProblem)
    assert isinstance(problem, ValueError)
    copy = pickle.loads(pickle.dumps(problem))
    assert (copy.message, copy.column, copy.source) == ("state has no 'scor'; did you mean 'score'?", 7, "state.scor")
    assert str(copy) == "state has no 'scor'; did you mean 'score'? (column 7 of 'state.scor')"
    assert issubclass(ExpressionSyntaxError, ExpressionProblem)


def test_importing_the_language_loads_only_what_it_needs() -> None:
    program = (
        "import sys, engine.core.expressions, engine.core.templates, engine.core.query, engine.model.durations\n"
        "heavy = {'pydantic', 'textual', 'rich', 'orjson', 'difflib', 'inspect'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
