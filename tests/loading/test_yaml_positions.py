"""YAML as plain data: what scalars mean, what is refused, and where everything stands."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.loading.problems import INVALID, LoadError, Position
from engine.loading.yaml_positions import MAX_DEPTH, Document, load_yaml


def load(text: str) -> Document:
    return load_yaml(text.encode(), "flow.yaml")


def refusal(text: str | bytes) -> str:
    """The one problem of a file nothing can be made of."""
    with pytest.raises(LoadError) as caught:
        load_yaml(text.encode() if isinstance(text, str) else text, "flow.yaml")
    assert len(caught.value.problems) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nUll", "nUll"),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("-7", -7),
        ("+7", 7),
        ("190:20:30", "190:20:30"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-1.", -1.0),
        ("1.5e-3", 0.0015),
        ("18446744073709551615", 2**64 - 1),
        ("2026-01-31", "2026-01-31"),
        ("<<", "<<"),
        ("=", "="),
        ("'5'", "5"),
        ('"true"', "true"),
        ('"a\\tb"', "a\tb"),
        ("!!str", INVALID),
    ],
)
def test_scalars_are_read_by_the_core_schema_of_yaml_1_2(scalar: str, value: object) -> None:
    found = load(f"key: {scalar}\n").data["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "number",
    [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e999", "18446744073709551616", "-9223372036854775809", "9" * 5000],
)
def test_numbers_json_cannot_hold_are_refused_where_they_stand(number: str) -> None:
    document = load(f"a: 1\nb: {number}\n")
    assert document.data == {"a": 1, "b": INVALID}
    (problem,) = document.problems
    assert (problem.line, problem.column) == (2, 4)
    assert "is no number that can be kept" in problem.message


def test_every_forbidden_part_is_told_at_once_and_the_rest_is_read() -> None:
    document = load(
        "a: &anchor 1\n"
        "b: *anchor\n"
        "c: !secret x\n"
        "<<: {d: 1}\n"
        "1: one\n"
        "? [x]\n"
        ": y\n"
        "e: 2\n"
        "e: {deep: [3]}\n"
        "f: last\n"
        "? !t g\n"
        ": 1\n"
    )
    assert document.data == {"a": INVALID, "b": INVALID, "c": INVALID, "e": 2, "f": "last"}
    assert [str(problem) for problem in document.problems] == [
        "flow.yaml:1:4: anchors are not supported; a text that begins with '&' must be in quotes",
        "flow.yaml:2:4: aliases are not supported; write the value out, or put the text '*anchor' in quotes",
        "flow.yaml:3:4: tags are not supported; a text that begins with '!' must be in quotes",
        "flow.yaml:4:1: merge keys ('<<') are not supported; write the entries out",
        "flow.yaml:5:1: a key must be text; put it in quotes: '1'",
        "flow.yaml:6:3: a key must be plain text",
        "flow.yaml:9:1: the key 'e' stands here twice; the first is on line 8",
        "flow.yaml:11:3: a key must be plain text",
    ]


def test_a_missing_key_is_told() -> None:
    assert [str(problem) for problem in load("?\n: 1").problems] == ["flow.yaml:1:2: a key must be text, not empty"]


def test_quoted_keys_may_look_like_anything() -> None:
    assert load("'1': a\n\"true\": b\n'<<': c\non: d\n").data == {"1": "a", "true": "b", "<<": "c", "on": "d"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "flow.yaml: the file is empty"),
        ("# nothing\n", "flow.yaml: the file is empty"),
        (b"\xff\xfea\0", "flow.yaml: not a text file in UTF-8 (byte 1 does not belong)"),
        (b"a\0b", "flow.yaml: a binary file, not a text file"),
        (
            "a: 1\nb: \x07",
            "flow.yaml:2:4: the character U+0007 cannot stand here; write it as an escape in double quotes",
        ),
        ("é: \u2028", "flow.yaml:1:4: the character U+2028 cannot stand here; write it as an escape in double quotes"),
        ("a: 1\n---\nb: 1\n", "flow.yaml:2:1: a second document begins here; a file holds one"),
        (
            "a:\n\tb: 1\n",
            "flow.yaml:2:1: not YAML: found character that cannot start any token; indent with spaces, not with tabs",
        ),
        (
            "a:\n  b: 1\n   c: 2\n",
            "flow.yaml:3:5: not YAML: mapping values are not allowed in this context; "
            "is the indentation right? A text that holds ': ' must be in quotes",
        ),
        (
            "a: {p: ${inputs.x}}\n",
            "flow.yaml:1:9: not YAML: did not find expected ',' or '}'; "
            'inside [ ] or { } a template must be in quotes: "${...}"',
        ),
        (
            "a: *.py\n",
            "flow.yaml:1:5: not YAML: did not find expected alphabetic or numeric character; "
            "a text that begins with '*' must be in quotes",
        ),
        (
            "a: @x\n",
            "flow.yaml:1:4: not YAML: found character that cannot start any token; "
            "a text that begins with '@' must be in quotes",
        ),
        ("a:\n  b: 'x\n\n", "flow.yaml:2:6: the ' that stands here is never closed"),
        ("a: [1, 2\n", "flow.yaml:1:4: the [ that stands here is never closed"),
        ("a: b\n}\n", "flow.yaml:2:1: not YAML: did not find expected key"),
        ("%YAML 3.0\n---\na: 1\n", "flow.yaml:1:1: not YAML: found incompatible YAML document"),
        ('a: "\\ud800"\n', "flow.yaml:1:7: not YAML: found invalid Unicode character escape code"),
    ],
)
def test_what_is_no_yaml_is_one_sentence_with_its_place(text: str | bytes, problem: str) -> None:
    assert refusal(text) == problem


def test_size_depth_and_count_are_limited() -> None:
    assert refusal(b"x" * (2 * 1024 * 1024 + 1)) == "flow.yaml: larger than 2 MiB"
    assert load("[" * MAX_DEPTH + "]" * MAX_DEPTH).problems == []
    assert refusal("[" * 100_000) == f"flow.yaml:1:{MAX_DEPTH + 2}: nested deeper than {MAX_DEPTH} levels"
    assert "more than 250,000 values" in refusal("[" + "1," * 300_000 + "]")


def test_a_byte_order_mark_and_any_line_ends_do_not_shift_positions() -> None:
    for line_end in ("\n", "\r\n", "\r"):
        text = f"\ufeffa: 1{line_end}b:{line_end}  c: x{line_end}"
        document = load(text)
        assert document.data == {"a": 1, "b": {"c": "x"}}
        assert document.positions.key(("a",)) == (1, 1)
        assert document.positions.value(("b", "c")) == (3, 6)


def test_keys_values_and_entries_have_places_of_their_own() -> None:
    positions = load("steps:\n  - name: Ä\n    next: [A, {step: B}]\nend:\n").positions
    assert positions.key(("steps",)) == Position(1, 1)
    assert positions.value(("steps",)) == Position(2, 3)
    assert positions.value(("steps", 0)) == Position(2, 5)
    assert positions.key(("steps", 0)) == Position(2, 5)
    assert positions.key(("steps", 0, "next")) == Position(3, 5)
    assert positions.value(("steps", 0, "next", 1, "step")) == Position(3, 22)
    assert positions.value(("end",)) == Position(4, 5)
    assert positions.value(("steps", 0, "missing", 3)) == Position(2, 5)


@pytest.mark.parametrize(
    ("scalar", "offset", "column"),
    [
        ("plain ${x}", 8, 12),
        ("'single ${x}'", 9, 14),
        ('"double ${x}"', 9, 14),
        ("'it''s ${x}'", 7, 4),
        ('"tab\\t${x}"', 6, 4),
        ("plain on\n  two lines", 4, 4),
        ("'ü€😀 x'", 4, 9),
    ],
)
def test_places_inside_a_text_are_exact_where_they_can_be_counted(scalar: str, offset: int, column: int) -> None:
    assert load(f"a: {scalar}\n").positions.inside(("a",), offset) == (1, column)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "block",
    [
        "|\n  one\n    two ${x}\n  three",
        "|\n\n  é😀 one\n\n\n  two\n\n\n",
        "|2-\n   kept indentation\n  two\n",
        "|+ # remark\n  one\n\n",
        "|\n     deep\n     two\n",
    ],
)
def test_every_character_of_a_literal_block_has_its_place(block: str, newline: str) -> None:
    text = f"a: {block}"
    document = load(text.replace("\n", newline))
    lines = text.split("\n")
    value = document.data["a"]
    assert value.strip()
    for offset, character in enumerate(value.rstrip("\n")):
        line, column = document.positions.inside(("a",), offset)
        if character == "\n":
            assert column >= len(lines[line - 1]) + 1
        else:
            assert lines[line - 1][column - 1] == character


def test_a_folded_block_is_told_where_it_begins() -> None:
    assert load("a: >\n  one\n  two\n").positions.inside(("a",), 5) == (1, 4)


def test_what_is_left_out_at_the_end_stands_in_the_last_line() -> None:
    assert load("---\n").positions.value(()) == (1, 4)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_is_read_as_json_means_it(value: object) -> None:
    escaped = json.dumps(value, ensure_ascii=False)
    if all(character.isprintable() or character in "\n\t" for character in escaped):
        assert load(escaped).data == value


@settings(max_examples=200)
@given(st.text(alphabet="ab:-{}[],\"'#&*!|> \n\t?%@`~1.\\$é\u2028\0", max_size=40))
def test_any_text_is_read_or_refused_with_places_inside_it(text: str) -> None:
    lines = text.splitlines() or [""]
    try:
        problems = load(text).problems
    except LoadError as error:
        problems = error.problems
    for problem in problems:
        if problem.line is not None and problem.column is not None:
            assert 1 <= problem.line <= len(lines) + 1
            assert 1 <= problem.column <= max(map(len, lines)) + 2
