from __future__ import annotations

import pytest

from engine.core.script_check import MAX_SCRIPT, Script, ScriptSyntaxError, check_script


def refusal(source: str) -> tuple[str, int, int]:
    with pytest.raises(ScriptSyntaxError) as caught:
        check_script(source)
    problem = caught.value
    assert str(problem) == f"{problem.message} (line {problem.line}, column {problem.column})"
    assert "\n" not in problem.message
    return problem.message, problem.line, problem.column


@pytest.mark.parametrize("name", ["state", "inputs"])
@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("% = 1", 1),
        ("%.x = 1", 1),
        ("%['x'] = 1", 1),
        ("%.a['b'].c = 1", 1),
        ("% += [1]", 1),
        ("%.x += 1", 1),
        ("%: int = 1", 1),
        ("a, (b, %) = 1, (2, 3)", 8),
        ("a, *%.x = [1]", 5),
        ("del %.x", 1),
        ("del %", 1),
        ("for % in []: pass", 5),
        ("for %.x in []: pass", 5),
        ("[1 for % in []]", 8),
        ("(% := 3)", 2),
        ("with x as %: pass", 11),
        ("import json as %", 1),
        ("from json import loads as %", 1),
        ("def %(): pass", 1),
        ("class %: pass", 1),
        ("def f(%): pass", 7),
        ("lambda %: 1", 8),
        ("try: pass\nexcept ValueError as %: pass", 1),
        ("match 1:\n    case %: pass", 10),
        ("match 1:\n    case {**%}: pass", 10),
        ("match 1:\n    case [*%]: pass", 11),
        ("def f():\n    global %", 5),
    ],
)
def test_inputs_and_state_are_not_assigned_to(name: str, source: str, column: int) -> None:
    message, line, found = refusal(source.replace("%", name))
    assert message.startswith(f"a script cannot assign to {name}; make the new value its last expression")
    assert "`store`" in message
    assert (line, found) == (source.count("\n") + 1, column)


@pytest.mark.parametrize(
    "source", ["x = state", "x = [*state.a]", "s = state\ns['x'] = 1", "d = {'state': 1}\nd.state"]
)
def test_reading_them_is_what_they_are_for(source: str) -> None:
    assert isinstance(check_script(source), Script)


@pytest.mark.parametrize(
    ("source", "words", "line", "column"),
    [
        ("1 +", "invalid syntax", 1, 4),
        ("x = 1\ny = (", "was never closed", 2, 5),
        ("  1", "unexpected indent", 1, 2),
        ("return 3", "'return' belongs into a function; the value of a script is its last expression", 1, 1),
        ("break", "outside loop", 1, 1),
        ("x = 1\n\nyield x", "yield", 3, 1),
        ("def f():\n    yield 1", "generators with yield; collect the values in a list", 2, 5),
        ("def f():\n    yield from []", "generators with yield", 2, 5),
        ("x = 1\ndel x", "the del statement; use .pop(...)", 2, 1),
        ("try: pass\nexcept* ValueError: pass", "except*", 1, 1),
        ("async def f():\n    async for x in y: pass", "async for", 2, 5),
        ("async def f():\n    async with y: pass", "async with", 2, 5),
        ("async def f():\n    return [x async for x in y]", "async comprehensions", 1, 1),
        ("class A(B): pass", "class inheritance", 1, 1),
        ("class A(metaclass=B): pass", "class inheritance", 1, 1),
        ("class A:\n    @property\n    def x(self): return 1", "@property", 1, 1),
        ("import os", "cannot import os; there are base64, ", 1, 1),
        ("import jsn", "cannot import jsn; did you mean 'json'?", 1, 1),
        ("import json, subprocess", "cannot import subprocess", 1, 1),
        ("from os.path import join", "cannot import os.path", 1, 1),
        ("from math import *", "one by one", 1, 1),
        ("from . import x", "one by one", 1, 1),
        ("é = eval('1')", "scripts do not have eval", 1, 5),
        ("exec('1')", "scripts do not have exec", 1, 1),
        ("f = open", "scripts do not have open", 1, 5),
        ("__import__('os')", "scripts do not have __import__", 1, 1),
        ("def f(eval): pass\neval", "scripts do not have eval", 2, 1),
        ("__dive_value__ = 1", "the name __dive_value__ is taken", 1, 1),
        ("def __dive_key__(a, b): return 7", "the name __dive_key__ is taken", 1, 1),
        ("__dive_key__(state, 'x')", "the name __dive_key__ is taken", 1, 1),
        ("get((state.a), 1)", "stands without parentheses", 1, 1),
        ("has((state.a).b)", "stands without parentheses", 1, 1),
        ("\ud800", "half of a surrogate pair", 1, 1),
        ("x\0", "null", 1, 1),
        ("(" * 300 + ")" * 300, "too many nested parentheses", 1, 201),
        ("-" * 50_000 + "1", "", 1, 1),
        ("x" * (MAX_SCRIPT + 1), "longer than 100,000 characters", 1, 1),
    ],
)
def test_what_cannot_run_is_a_sentence_with_its_place(source: str, words: str, line: int, column: int) -> None:
    message, *place = refusal(source)
    assert words in message
    assert place == [line, column]


def test_an_error_names_the_first_place_in_a_script_of_any_line_ends() -> None:
    assert refusal("x = 1\r\ny = 2\r\nstate = 3")[1:] == (3, 1)
    assert check_script("x = 1\r\rx").source == "x = 1\n\nx"


def test_roots_are_the_names_it_reads() -> None:
    script = check_script("import math\ntotal = sum(row.n for row in state.rows)\nmath.floor(total * inputs.factor)")
    assert {"state", "inputs", "sum"} <= script.roots
    assert not script.roots & {"math", "paths", "factor"}
    assert "file" in check_script("f'{file.name}'").roots


@pytest.mark.parametrize(
    ("source", "rewritten"),
    [
        ("x = a.b", "x = K(a, 'b')"),
        ("x = a.b.c", "x = K(K(a, 'b'), 'c')"),
        ("x = a.b()", "x = a.b()"),
        ("x = a.b.c(d.e)", "x = K(a, 'b').c(K(d, 'e'))"),
        ("a.b = c.d", "a.b = K(c, 'd')"),
        ("a.b.c += 1", "K(a, 'b').c += 1"),
        ("import math\nx = math.pi", "import math\nx = math.pi"),
        ("from datetime import datetime as d\nx = d.min.year", "from datetime import datetime as d\nx = d.min.year"),
        ("x = a.__class__", "x = a.__class__"),
        ("x = (a\n  # .no\n  .b)", "x = (K(a\n  # .no\n  , 'b'))"),
        ("x = (a).b", "x = K((a), 'b')"),
        ("x = 'é' + a.é", "x = 'é' + K(a, 'é')"),
        ("x = f'{a.b}'", "x = (f\"{K(a, 'b')}\")"),
        ("x = f'{a}' + f'{b!r:>5}'", "x = f'{a}' + f'{b!r:>5}'"),
        ("x = f'''{a.b}\nmid\n'''", "x = (f\"{K(a, 'b')}\\nmid\\n\"\n\n)"),
        ("x = f'''{a.b}\n\n''' + c.d", "x = (f\"{K(a, 'b')}\\n\\n\"\n\n) + K(c, 'd')"),
        (
            "match x:\n  case a.b: y = a.b\n  case A(c=a.b): pass",
            "match x:\n  case a.b: y = K(a, 'b')\n  case A(c=a.b): pass",
        ),
        ("x = get(a.b[c.d], (1, 2))", "x = P(a, 'b', (K(c, 'd')), default= (1, 2))"),
        ("x = has(a.b)", "x = H(a, 'b')"),
        ("x = f'{get(a.b, 1)}{has(a[0])}'", "x = (f\"{P(a, 'b', default=1)}{H(a, 0)}\")"),
        ("def get(x, y): return y\nx = get(a.b, 1)", "def get(x, y): return y\nx = get(K(a, 'b'), 1)"),
        ("x = 1\nx", "x = 1\nV((x))"),
        ("1, 2", "V((1, 2))"),
        ("(1); 2;", "(1); V((2));"),
        ("(a\n.b)", "V(((K(a\n, 'b'))))"),
        ("x = 1", "x = 1"),
        ("", ""),
        ("if x:\n  1", "if x:\n  1"),
    ],
)
def test_the_sandbox_gets_the_script_line_for_line(source: str, rewritten: str) -> None:
    short = check_script(source).rewritten
    for letter in ("key", "path", "has", "value"):
        short = short.replace(f"__dive_{letter}__", letter[0].upper())
    # Which quotes an f-string is written with differs between versions of Python.
    assert short.replace('"', "'") == rewritten.replace('"', "'")
    assert short.count("\n") == source.count("\n")


def test_every_place_of_the_rewritten_text_leads_back() -> None:
    source = "x = 'é'\ny = state.files.first + state.b(2).c + get(state.q, z)\nz"
    script = check_script(source)
    line = script.rewritten.split("\n")[1]
    for word in (" + __dive_key__(state", "(2)", "state, 'q'", " z)", "y = "):
        column = line.index(word) + 1
        plain = word.replace("__dive_key__(", "").replace(", 'q'", ".q")
        assert script.place(2, column) == (2, source.split("\n")[1].index(plain) + 1), word
    assert script.place(1, 5) == (1, 5)
    assert script.place(2, len(line) + 1) == (2, len(source.split("\n")[1]) + 1)
    assert script.place(99, 3) == (99, 3)


def test_the_same_text_is_checked_once() -> None:
    assert check_script("state.a + 1") is check_script("state.a + 1")


def test_an_f_string_that_older_versions_of_python_cannot_write_is_a_sentence() -> None:
    source = "x = 1\ny = f\"\"\"{'''\n''' + a.b}\"\"\""
    try:
        assert check_script(source).rewritten.count("\n") == source.count("\n")
    except ScriptSyntaxError as problem:
        assert str(problem) == "the f-string is too involved; give its parts names first (line 2, column 5)"
