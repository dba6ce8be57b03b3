"""Secrets: their values reach the action, and nothing that is recorded."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.secrets import MAX_SECRET, SecretBox, SecretError, check_reference

VALUE = "s3cr3t/+ü&pass"
REFERENCE = "env:API_KEY"
SECRET = {"$secret": REFERENCE}
IN_TEXT = '{"$secret":"env:API_KEY"}'
MASK = "[secret env:API_KEY]"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", VALUE)


@pytest.fixture
def box() -> SecretBox:
    return SecretBox([REFERENCE])


@pytest.fixture
def used(box: SecretBox) -> SecretBox:
    box.resolve(SECRET)
    return box


def holding(value: str) -> SecretBox:
    """A box that has resolved one secret of this value."""
    os.environ["API_KEY"] = value
    box = SecretBox([REFERENCE])
    assert box.resolve(SECRET) == value
    return box


# Resolving


def test_references_are_replaced_and_the_given_parameters_stay(box: SecretBox) -> None:
    given_parameters = {"key": SECRET, "deep": [{"header": f"Bearer {IN_TEXT}, {IN_TEXT}"}, 5, None], "other": "text"}
    before = orjson.dumps(given_parameters)
    assert box.resolve(given_parameters) == {
        "key": VALUE,
        "deep": [{"header": f"Bearer {VALUE}, {VALUE}"}, 5, None],
        "other": "text",
    }
    assert orjson.dumps(given_parameters) == before


@pytest.mark.parametrize(
    "parameters",
    [
        {"$secret": "env:HOME"},
        {"$secret": REFERENCE, "more": 1},
        {"$secret": 5},
        'text with {"$secret":"env:HOME"}',
        'text with {"$secret": "env:API_KEY"}',
        {IN_TEXT: "in a key"},
    ],
)
def test_what_was_not_declared_or_is_of_another_form_stays(box: SecretBox, parameters: Any) -> None:
    assert box.resolve(parameters) == parameters


def test_a_value_that_looks_like_a_reference_is_not_resolved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", '{"$secret":"env:OTHER"}')
    monkeypatch.setenv("OTHER", "other")
    box = SecretBox([REFERENCE, "env:OTHER"])
    assert box.resolve(f"x {IN_TEXT}") == 'x {"$secret":"env:OTHER"}'


def test_without_declarations_nothing_is_touched() -> None:
    parameters = {"key": SECRET}
    assert SecretBox([]).resolve(parameters) is parameters


@pytest.mark.parametrize(
    ("content", "value"), [(b"abcdef\n", "abcdef"), (b"abc\ndef\r\n", "abc\ndef"), (b"a\n\n", "a\n"), (b"ab", "ab")]
)
def test_a_file_loses_one_newline_at_its_end(tmp_path: Path, content: bytes, value: str) -> None:
    (tmp_path / "key").write_bytes(content)
    reference = f"file:{tmp_path}/key"
    assert SecretBox([reference]).resolve({"$secret": reference}) == value


def test_a_value_is_read_each_time(box: SecretBox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert box.resolve(SECRET) == VALUE
    monkeypatch.setenv("API_KEY", "another one")
    assert box.resolve(SECRET) == "another one"
    assert box.scrub_text(f"{VALUE} and another one") == f"{MASK} and {MASK}"


def refusal(reference: str) -> str:
    with pytest.raises(SecretError) as caught:
        SecretBox([reference]).resolve({"$secret": reference})
    return str(caught.value)


def test_a_secret_that_is_not_to_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_KEY")
    assert refusal(REFERENCE) == "there is no environment variable 'API_KEY' for the secret 'env:API_KEY'"
    monkeypatch.setenv("API_KEY", "")
    assert refusal(REFERENCE) == "the secret 'env:API_KEY' is empty"
    monkeypatch.setenv("API_KEY", "half \udc80")
    assert refusal(REFERENCE) == "the secret 'env:API_KEY' is not text in UTF-8"
    assert "cannot be read: No such file or directory" in refusal(f"file:{tmp_path}/nope")
    assert "cannot be read: Is a directory" in refusal(f"file:{tmp_path}")
    (tmp_path / "big").write_bytes(b"x" * (MAX_SECRET + 1))
    assert refusal(f"file:{tmp_path}/big").endswith("is larger than 65,536 bytes")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert refusal(f"file:{tmp_path}/binary").endswith("is not text in UTF-8")


@pytest.mark.parametrize("reference", ["hunter2", "env:", "file:", "vault:x", "", "env:A=B", "env:A\0"])
def test_what_is_no_reference_is_refused_and_never_shown(reference: str) -> None:
    with pytest.raises(SecretError) as caught:
        SecretBox([reference])
    assert str(caught.value) == "a secret is given as a reference, env:NAME or file:PATH, never as a value"
    check_reference(REFERENCE)


# Scrubbing


def test_values_are_replaced_in_texts_and_keys(used: SecretBox) -> None:
    value = {f"k {VALUE}": [f"a{VALUE}b", 5, {"x": VALUE}], "plain": True}
    assert used.scrub(value) == {f"k {MASK}": [f"a{MASK}b", 5, {"x": MASK}], "plain": True}


def test_keys_that_become_the_same_are_told_apart(used: SecretBox) -> None:
    assert used.scrub({MASK: 0, VALUE: 1, quote(VALUE): 2}) == {MASK: 0, f"{MASK} (2)": 1, f"{MASK} (3)": 2}


def test_before_anything_was_resolved_nothing_is_looked_at(box: SecretBox) -> None:
    value = {"x": VALUE}
    assert box.scrub(value) is value
    assert box.scrub_text(VALUE) == VALUE


def test_short_values_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert holding("12345").scrub_text("12345") == "12345"
    assert holding("123456").scrub_text("x123456x") == f"x{MASK}x"


@pytest.mark.parametrize(
    "form",
    [
        "pass word/ü+'1",
        "pass%20word%2F%C3%BC%2B%271",
        "pass%20word/%C3%BC%2B%271",
        "pass%20word%2f%c3%bc%2b%271",
        "pass+word%2F%C3%BC%2B%271",
        "pass word/\\u00fc+'1",
        "pass word/\\xfc+'1",
        "cGFzcyB3b3JkL8O8Kycx",
    ],
)
def test_each_form_of_a_value_is_found(form: str) -> None:
    assert holding("pass word/ü+'1").scrub_text(f"<{form}>").startswith(f"<{MASK}")


def test_a_longer_value_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGER", VALUE + "-extended")
    box = SecretBox([REFERENCE, "env:LONGER"])
    box.resolve([SECRET, {"$secret": "env:LONGER"}])
    assert box.scrub_text(f"{VALUE}-extended {VALUE}") == f"[secret env:LONGER] {MASK}"


def test_masks_stay_whole() -> None:
    box = holding("secret")
    assert box.scrub_text("a secret") == f"a {MASK}"
    assert box.scrub_text(f"a {MASK}") == f"a {MASK}"


values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=6, max_size=40)
around = st.text(st.characters(codec="utf-8"), max_size=8)


def forms(value: str, before: str, after: str) -> list[str]:
    """How the value may come back, alone and as a part of something longer."""
    basic = f"{before}{value}{after}".encode()
    return [
        before + value + after,
        before + quote(value, safe="") + after,
        before + quote(value) + after,
        before + quote_plus(value) + after,
        before + quote(value, safe="").lower() + after if value.isascii() and value.islower() else "",
        json.dumps(basic.decode()),
        json.dumps(basic.decode(), ensure_ascii=False),
        base64.b64encode(basic).decode(),
        base64.urlsafe_b64encode(basic).decode(),
        quote(base64.b64encode(basic).decode(), safe=""),
    ]


def pieces(text: str) -> list[str]:
    return text.split(MASK)


@given(values, around, around)
def test_no_form_of_a_value_remains(value: str, before: str, after: str) -> None:
    box = holding(value)
    cores = [value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]]
    for form in forms(value, before, after):
        scrubbed = box.scrub_text(form)
        assert form == "" or scrubbed != form
        assert not any(core in piece for piece in pieces(scrubbed) for core in cores)
        assert box.scrub_text(scrubbed) == scrubbed


@given(values, st.integers(0, 5), around)
def test_base64_of_a_longer_text_shows_no_run_of_the_value(value: str, shift: int, after: str) -> None:
    box = holding(value)
    encoded = base64.b64encode(b"user:"[:shift] + value.encode() + after.encode()).decode()
    left = "".join(pieces(box.scrub_text(encoded)))
    # What is left belongs to the neighbours, but for one character at each end that holds bits of both.
    whole = base64.b64encode(b"user:"[:shift] + after.encode()).decode()
    assert len(left) <= len(whole) + 4


@given(st.recursive(values | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(values, inner)))
def test_scrubbing_keeps_what_holds_no_secret(value: Any) -> None:
    box = holding("a value that nothing else holds \U0001f511")
    assert box.scrub(value) == value
