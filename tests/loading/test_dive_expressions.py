"""Risor expressions mean here what they mean to Risor, or are refused at the place where they cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core.expressions import compile_expression
from engine.loading.dive_expressions import Names, translate
from engine.loading.dive_tokens import RisorError

VALUES: dict[str, Any] = {
    "inputs": {"who": "Ann", "n": 7, "in-put": 1, "flag": False},
    "state": {
        "files": ["b.py", "a.py"],
        "x": {"a": 1, "class": {"y": [10, 20, 30]}, "nothing": None},
        "text": " Big news ",
        "f": 2.5,
    },
    "item": {"name": "first"},
}


def names() -> Names:
    return Names(inputs=list(VALUES["inputs"]), stored=list(VALUES["state"]), loop="item")


def value(text: str) -> Any:
    return compile_expression(translate(text, names())).evaluate(VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("who", "Ann"),
        ("files", ["b.py", "a.py"]),
        ("item.name", "first"),
        ("state.item.name", "first"),
        ("state.x.a + inputs.n", 8),
        ("x.class.y[-1]", 30),
        ("x.class.y[1:]", [20, 30]),
        ("x.class.y[:1]", [10]),
        ("x.class.y[0:2]", [10, 20]),
        ('x["a"]', 1),
        ("nil", None),
        ("!true", False),
        ("!flag && who == 'Ann'", True),
        ("!(flag && flag)", True),
        ("flag || n > 3", True),
        ("(flag || true) && n > 3", True),
        ("flag || (true && n > 9)", False),
        ("n > 3 ? 'many' : \"few\"", "many"),
        ("n > 9 ? 1 : n > 5 ? 2 : 3", 2),
        ("if n > 9 { 'a' } else if n > 5 { 'b' } else { 'c' }", "b"),
        ("if n > 9 { 'a' }", None),
        ("x.nothing == nil", True),
        ("x.a != nil", True),
        ("x.a == true", False),
        ("true == flag", False),
        ("n == 7 == true", True),
        ("1 < 2 == true", True),
        ("'a' in [\"a\"]", True),
        ("(n in [1]) == false", True),
        ("'py' in files[0]", True),
        ("-n", -7),
        ("- -n", 7),
        ("2 - -3", 5),
        ("2 - (3 - 4)", 3),
        ("7 / 2", 3),
        ("(0 - 7) / 2", -3),
        ("len(files) / 2.0", 1.0),
        ("f / 2.0", 1.25),
        ("int(n / 2)", 3),
        ("float(n) / 2", 3.5),
        ("n % 4", 3),
        ("-n % 4", -3),
        ("n % -4", 3),
        ("(0 - 8) % 3", -2),
        ("n % 2 != 0", True),
        ("len(files) % 3", 2),
        ("0xff + 0b101", 260),
        ("'Hi {who}, {n + 1} {true}{nil} {x.a}'", "Hi Ann, 8 truenil 1"),
        ("'{who}'", "Ann"),
        ("'{inputs.get(\"none\", 'x}')}'", "x}"),
        ('"Hi {who} \\"q\\" \\u00e9\\n"', 'Hi {who} "q" é\n'),
        ("`a\\b {who} \"'`", "a\\b {who} \"'"),
        ("''", ""),
        ("{}", {}),
        ("{a: 1, 'b': [2,], \"c d\": {who: who},}", {"a": 1, "b": [2], "c d": {"who": "Ann"}}),
        ("{'{who}': 1}", {"Ann": 1}),
        ("inputs.get('n', 0)", 7),
        ("inputs.get('flag')", False),
        ("state.get('f')", 2.5),
        ("inputs.get(who)", None),
        ("x.get('b', 5)", 5),
        ("getattr(x, 'b', 5)", 5),
        ("getattr(x, 'a')", 1),
        ("state.x.keys()", ["a", "class", "nothing"]),
        ("{b: 1, a: 2}.values()", [2, 1]),
        ("{b: 1, a: 2}.items()", [["a", 2], ["b", 1]]),
        ("keys({b: 1, a: 2})", ["a", "b"]),
        ("string(n) + string(true) + string(who) + string(nil)", "7trueAnnnil"),
        ("string(n > 3)", "true"),
        ("len(who) + len([1, 2])", 5),
        ("sorted(files)", ["a.py", "b.py"]),
        ("reversed(files)", ["a.py", "b.py"]),
        ("int('4') + int(2.9)", 6),
        ("any([false, true]) && !all([])", False),
        ("bool('')", False),
        ("text.trim_space().to_upper()", "BIG NEWS"),
        ("text.contains('new') && files.contains('a.py')", True),
        ("who.has_prefix('A') && who.has_suffix('n')", True),
        ("who.trim_prefix('A').trim_suffix('n').trim('n')", ""),
        ("text.fields()", ["Big", "news"]),
        ("'a,b'.split(',')", ["a", "b"]),
        ("', '.join(files)", "b.py, a.py"),
        ("who.replace_all('n', 'm').count('m')", 2),
        ("who.last_index('n')", 2),
        ("strings.to_lower(who) + strings.join(files, '-')", "annb.py-a.py"),
        ("strings.contains(who, 'nn')", True),
        ("n /* a note */ + 1 // the end", 8),
        ("n + # more\n 1", 8),
        ("(n\n + 1)", 8),
        ("n +\n 1", 8),
    ],
)
def test_values(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("files", "state.files"),
        ("who", "inputs.who"),
        ("state.x.class", "state.x['class']"),
        ("inputs.get('n', 1) > 2 && !flag", "get(inputs.n, 1) > 2 and not inputs.flag"),
        ("inputs.get('in-put', 1)", "get(inputs['in-put'], 1)"),
        ("n % 2 == 0", "inputs.n % 2 == 0"),
    ],
)
def test_what_is_written_reads_well(text: str, written: str) -> None:
    assert translate(text, names()) == written


@pytest.mark.parametrize(
    ("marked", "sentence"),
    [
        ("§fils", "unknown name 'fils'; did you mean 'files'?"),
        ("§len", "unknown name 'len'; len is a function, call it: len(...)"),
        ("§documents.get('a').content", "unknown name 'documents'; a document is shown to an agent with Content: "
         "[{Document: NAME}]"),
        ("§time.now()", "unknown name 'time'; use a step with the action Time.Now"),
        ("inputs.§whoo", "there is no input 'whoo'; did you mean 'who'?"),
        ("§lenn(files)", "the function 'lenn' has no counterpart here; did you mean 'len'?"),
        ("§sprintf('%d', n)", "the function 'sprintf' has no counterpart here; put text together with "
         "'... {value} ...'"),
        ("files.§map(n)", "the method 'map' has no counterpart here; it takes a function, and none can be written "
         "here"),
        ("files.§append(1)", "the method 'append' has no counterpart here; it would change the value, and expressions "
         "only read"),
        ("who.§has_prefx('a')", "the method 'has_prefx' has no counterpart here; did you mean 'has_prefix'?"),
        ("strings.§repeat(who, 2)", "the function 'strings.repeat' has no counterpart here"),
        ("§len()", "len() takes 1 argument, not 0"),
        ("§x.get()", "get() takes 1 or 2 arguments, not 0"),
        ("getattr(x, §n)", "getattr() needs the name as text in quotes"),
        ("§files[0](1)", "only functions and methods can be called"),
        ("§func(a) { a }", "a function cannot be written here"),
        ("y §:= 1", "nothing can be assigned here"),
        ("n§++", "nothing can be assigned here"),
        ("n §= 1", "nothing can be assigned here"),
        ("files §| len", "a pipe cannot be written here; call the function: len(items)"),
        ("§try(n)", "'try' has no counterpart here; inputs.get(\"name\", default) asks whether there is a value"),
        ("§for { }", "a loop cannot be written here"),
        ("§import math", "nothing can be imported here"),
        ("§switch n { }", "'switch' cannot be written here; use condition ? a : b"),
        ("§{1, 2}", "a set cannot be written here; write a list"),
        ("§{n}", "a set cannot be written here; write a list"),
        ("n §** 2", "'**' has no counterpart here; multiply instead"),
        ("n§; n", "a second statement begins here; an expression is a single value"),
        ("n\n§n + 1", "a second statement begins here; an expression is a single value"),
        ("n\n§- 1", "a second statement begins here; an expression is a single value"),
        ("n §not in files", "'not' does not belong here"),
        ("§not n", "'not' does not belong here; 'not' is written !"),
        ("n §n", "'n' does not belong here"),
        ("n +§", "the expression ends too early"),
        ("n ? 1§", "the expression ends too early; a choice needs ':' here"),
        ("§", "the expression is empty"),
        ("§(n", "'(' is never closed"),
        ("n§)", "')' closes nothing that is open"),
        ("(n§]", "']' closes no '('"),
        ("§'abc", "the string that starts here is never closed"),
        ("n + §\"abc\n\"", "the string that starts here is never closed"),
        ("§`abc", "the string that starts here is never closed"),
        ("'§{n", "this '{' is never closed; a literal one stands in double quotes"),
        ("'a §{} b'", "'{}' holds no expression; a literal one stands in double quotes"),
        ("'a {§nn}'", "unknown name 'nn'; did you mean 'n'?"),
        ("\"a§\\q\"", "this is no escape; a backslash itself is written twice"),
        ("\"§\\ud800\"", "'\\u' needs the 4 hexadecimal digits of a character"),
        ("§12ab", "this is no number; numbers are written 12, 1.5, 0xff or 0b101"),
        ("§010", "this is no number; numbers are written 12, 1.5, 0xff or 0b101"),
        ("§1e5", "this is no number; numbers are written 12, 1.5, 0xff or 0b101"),
        ("§99999999999999999999", "the number is too large"),
        ("§" + "9" * 400 + ".0", "the number is too large"),
        ("{a §b}", "'b' does not belong here; a mapping needs ':' here"),
        ("n + §~n", "the character '~' means nothing in an expression"),
        ("n.§1", "'1' does not belong here; a name follows a '.'"),
        ("n §/ 2", "Risor drops the fraction when both numbers are whole; write int(a / b) to drop it, or "
         "float(a) / b to keep it"),
        ("flag || n > 1 §&& n < 5", "put parentheses here: Risor takes this for '(flag || (n > 1)) && (n < 5)', but "
         "reads like 'flag || ((n > 1) && (n < 5))'"),
        ("flag §&& n ? 1 : 2", "put parentheses here: Risor takes this for 'flag && (n ? 1 : 2)', but reads like "
         "'(flag && n) ? 1 : 2'"),
        ("§!n in files", "put parentheses here: Risor takes this for '!(n in files)', but reads like "
         "'(!n) in files'"),
        ("n §* 3 % 4", "put parentheses here: Risor takes this for 'n * (3 % 4)', but reads like '(n * 3) % 4'"),
        ("[1, (flag || n §&& n)]", "put parentheses here: Risor takes this for '(flag || n) && n', but reads like "
         "'flag || (n && n)'"),
        ("§" + "(" * 200 + "n" + ")" * 200, "the expression is nested too deeply"),
        ("§" + "n + " * 3000 + "n", "the expression is longer than 10,000 characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_translated(marked: str, sentence: str) -> None:
    text = marked.replace("§", "")
    with pytest.raises(RisorError) as caught:
        translate(text, names())
    assert caught.value.message == sentence
    if "deeply" not in sentence:
        assert caught.value.offset == marked.index("§")


def test_what_a_step_stores_comes_before_an_input_and_the_loop_variable_before_both() -> None:
    scope = Names(inputs=["a", "b"], stored=["a", "b"], loop="b")
    assert translate("[a, b, inputs.a, state.b]", scope) == "[state.a, b, inputs.a, state.b]"


def test_remainders_inside_of_remainders_do_not_grow_without_end() -> None:
    with pytest.raises(RisorError, match="this remainder is too long to be written here; store its parts first"):
        translate("n % (n % (n % (n % (n % n))))".replace("n", "(n + n)"), names())


def test_names_nobody_sets_are_doubtful() -> None:
    scope = names()
    assert translate("state.fils + inputs.get('whoo', 1)", scope) == "state.fils + get(inputs.whoo, 1)"
    assert scope.warnings == [
        ("no step stores 'fils'; did you mean 'files'?", 6),
        ("there is no input 'whoo'; did you mean 'who'?", 24),
    ]


@pytest.mark.parametrize("operator", ["/", "%", "+", "&&"])
def test_long_chains_end_soon(operator: str) -> None:
    """Each part is written once, so that nesting costs no more than it is long."""
    chains = (f" {operator} ".join(["7"] * count) for count in (300, 1600))
    for text in (*chains, "-" * 300 + "7", "'{" * 300 + "7" + "}'" * 300):
        try:
            assert len(translate(text, names())) < 10_000
        except RisorError as problem:
            assert problem.message


# What Risor computes, beside its text

Pair = tuple[str, Any]
SMALL = 2**40


def whole(draw: st.DrawFn, depth: int) -> Pair:
    if depth == 0:
        number = draw(st.integers(0, 20))
        return draw(st.sampled_from([(str(number), number), ("n", 7), ("inputs.n", 7), ("state.x.a", 1)]))
    match draw(st.sampled_from("+-*/%-?l")):
        case "l":
            text, items = draw(st.sampled_from(["files", "who", "state.text"])), 0
            items = {"files": 2, "who": 3, "state.text": 10}[text]
            return f"len({text})", items
        case "?":
            test, chosen, other = truth(draw, depth - 1), whole(draw, depth - 1), whole(draw, depth - 1)
            return f"({test[0]} ? {chosen[0]} : {other[0]})", chosen[1] if test[1] else other[1]
        case operator:
            (left, a), (right, b) = whole(draw, depth - 1), whole(draw, depth - 1)
            assume(abs(a) < SMALL and abs(b) < SMALL and (operator not in "/%" or b != 0))
            if operator == "/":
                return f"int(({left}) / ({right}))", _truncated(a, b)
            results: dict[str, Callable[[], int]] = {
                "+": lambda: a + b,
                "-": lambda: a - b,
                "*": lambda: a * b,
                "%": lambda: a - b * _truncated(a, b),
            }
            return f"(({left}) {operator} ({right}))", results[operator]()


def _truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def truth(draw: st.DrawFn, depth: int) -> Pair:
    if depth == 0:
        return draw(st.sampled_from([("true", True), ("false", False), ("flag", False), ("(who == 'Ann')", True)]))
    match draw(st.sampled_from(["&&", "||", "!", "<", "==", "!=", "in", "nil"])):
        case "!":
            text, known = truth(draw, depth - 1)
            return f"(!({text}))", not known
        case ("&&" | "||") as operator:
            (left, a), (right, b) = truth(draw, depth - 1), truth(draw, depth - 1)
            return f"({left} {operator} {right})", (a and b) if operator == "&&" else (a or b)
        case "in":
            text, known = words(draw, depth - 1)
            return f"(({text}) in files)", known in VALUES["state"]["files"]
        case "nil":
            return draw(st.sampled_from([("(x.nothing == nil)", True), ("(x.a != nil)", True)]))
        case operator:
            (left, a), (right, b) = whole(draw, depth - 1), whole(draw, depth - 1)
            return f"({left} {operator} {right})", {"<": a < b, "==": a == b, "!=": a != b}[operator]


def words(draw: st.DrawFn, depth: int) -> Pair:
    if depth == 0:
        letters = draw(st.text("ab{}'\\\"é ", max_size=4))
        quoted = letters.replace("\\", "\\\\").replace('"', '\\"')
        return draw(st.sampled_from([(f'"{quoted}"', letters), ("who", "Ann"), ("files[0]", "b.py")]))
    (text, known), (other, second) = words(draw, depth - 1), words(draw, depth - 1)
    number, count = whole(draw, 0)
    return draw(
        st.sampled_from(
            [
                (f"(({text}) + {other})", known + second),
                (f"({text}).to_upper()", known.upper()),
                (f"({text}).replace_all('a', {other})", known.replace("a", second)),
                (f"string({number})", str(count)),
                (f"'<{{{text}}}-{{{number}}}>'", f"<{known}-{count}>"),
                (f"','.join([{text}, {other}])", f"{known},{second}"),
                (f"{{k: {text}}}.k", known),
                (f"[{other}, {text}][1]", known),
            ]
        )
    )


@st.composite
def expressions(draw: st.DrawFn) -> Pair:
    make = draw(st.sampled_from([whole, truth, words]))
    return make(draw, draw(st.integers(0, 4)))


@given(expressions())
def test_translations_have_the_value_risor_gives(pair: Pair) -> None:
    text, expected = pair
    try:
        found = value(text)
    except RisorError as problem:  # remainders inside of remainders
        assume("too long" not in problem.message)
        raise
    assert found == expected
    assert type(found) is type(expected)


RISOR_LEVELS = (("in",), ("%",), ("*",), ("+", "-"), ("<", ">"), ("==", "!="), ("&&", "||"))
USUAL_LEVELS = (("*", "%"), ("+", "-"), ("<", ">", "in"), ("==", "!="), ("&&",), ("||",))


def grouped(operands: list[str], operators: list[str], levels: tuple[tuple[str, ...], ...]) -> str:
    """An expression with all its parentheses, its operators taken level by level, from left to right."""
    operands, operators = list(operands), list(operators)
    for level in levels:
        place = 0
        while place < len(operators):
            if operators[place] in level:
                operands[place : place + 2] = [f"({operands[place]} {operators[place]} {operands[place + 1]})"]
                del operators[place]
            else:
                place += 1
    return operands[0]


@given(st.data())
def test_without_parentheses_it_is_what_risor_takes_it_for_or_refused(data: st.DataObject) -> None:
    operators = data.draw(st.lists(st.sampled_from([o for level in RISOR_LEVELS for o in level]), max_size=4))
    operands = data.draw(st.lists(st.sampled_from(["n", "5", "flag"]), min_size=5, max_size=5))[: len(operators) + 1]
    text = operands[0] + "".join(f" {o} {one}" for o, one in zip(operators, operands[1:], strict=True))
    risor, usual = (grouped(operands, operators, levels) for levels in (RISOR_LEVELS, USUAL_LEVELS))
    if risor == usual:
        assert translate(text, names()) == translate(risor, names())
    else:
        with pytest.raises(RisorError, match="put parentheses here"):
            translate(text, names())


@given(st.text("nx.'\"`{}[]()|&!?:,+-*/%<>=0 1\\\n#aé_if else", max_size=30))
def test_nothing_but_a_sentence_comes_of_nonsense(text: str) -> None:
    try:
        compile_expression(translate(text, names()))
    except RisorError as problem:
        assert problem.message
        assert "\n" not in problem.message
        assert 0 <= problem.offset <= len(text)
