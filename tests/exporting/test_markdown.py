"""The report: what it says, and that nothing in it comes from what was recorded but stands in code."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from dive_tui.app.text import display_text
from dive_tui.exporting import Scope, render
from dive_tui.exporting.as_markdown import block, code, fenced
from tests.app.hostile import hostile_strings
from tests.exporting.samples import EVIL, golden, hostile, repeated

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def parts(text: str) -> tuple[list[str], list[str], set[str]]:
    """The texts outside of code, the texts in code, and the types of all tokens, of a Markdown text."""
    plain: list[str] = []
    coded: list[str] = []
    kinds: set[str] = set()
    inside = False

    def look(tokens: list[Token]) -> None:
        nonlocal inside
        for token in tokens:
            kinds.add(token.content if token.type == "html_inline" else token.type)
            if token.type == "html_inline":
                inside = token.content == "<code>"
                if inside:
                    coded.append("")
            elif token.type in ("code_inline", "fence"):
                coded.append(token.content)
            elif token.type in ("text", "text_special") and inside:
                coded[-1] += token.content
            elif token.type in ("text", "text_special"):
                plain.append(token.content)
            look(token.children or [])

    look(MARKDOWN.parse(text))
    return plain, coded, kinds


async def test_the_report_of_a_failure() -> None:
    sample = await golden("failing")
    text = render("markdown", sample.history, sample.summary)
    assert text.startswith("# ✗ `failing failed at Read All: ValueError: notes.txt is no Python file`\n")
    assert "| Took | `6.2 s` |" in text and "| Events | `25` |" in text
    assert "`ValueError`, step `Read All`, path `main-2`, item 2 attempt 1, event 22\n" in text
    assert '### Input of the step\n\n```json\n{\n  "file": "notes.txt"\n}\n```\n' in text
    assert "### Variables just before\n" in text and "Traceback (most recent call last):" in text
    assert "- event 16: `paths.main-2.variables.lines` set to `40`\n" in text.replace('["main-2"]', ".main-2")
    assert "| `main-2` | `Read All` | ✗ failed | 1.2 s | 18-22 | `3 items` |" in text
    assert (
        "| `main-2` | › item 2 attempt 1 | ✗ failed | 500 ms | 21-22 | `ValueError: notes.txt is no Python file` |"
        in text
    )
    assert "## Timeline\n\n```text\nmain " in text
    assert "| 22 | +5.50s | ✗ `step failed` | `main-2 › Read All` | `item 2  ValueError" in text
    assert re.findall("^## (.*)", text, re.MULTILINE) == [
        "Failure", "Inputs", "Steps", "Timeline", "Events 14 to 25",
    ]  # fmt: skip


async def test_the_report_of_a_success_and_of_a_part() -> None:
    sample = await golden("loop")
    text = render("markdown", sample.history, sample.summary)
    assert text.startswith("# ✓ `loop completed`\n") and '## Outputs\n\n```json\n{\n  "n": 3\n}' in text
    assert "Failure" not in text and "visit 2" in text
    part = render("markdown", sample.history, sample.summary, Scope(1, 4, damage="the rest is `gone`"))
    assert "> **Incomplete:** <code>the rest is &#96;gone&#96;</code>" in part
    assert "of which 1 to 4 are told here" in part and "visit 2" not in part and "## Outputs" not in part
    assert "## Events 1 to 4\n" in part
    waiting = await golden("waiting")
    assert "## First failure on the way\n" in render("markdown", waiting.history, waiting.summary)


def test_recorded_text_stands_in_code() -> None:
    sample = hostile()
    plain, coded, kinds = parts(render("markdown", sample.history, sample.summary))
    assert kinds <= {
        "heading_open", "heading_close", "inline", "text", "code_inline", "<code>", "</code>", "table_open",
        "thead_open", "tr_open", "th_open", "th_close", "tr_close", "thead_close", "tbody_open",
        "td_open", "td_close", "tbody_close", "table_close",
        "fence", "paragraph_open", "paragraph_close", "bullet_list_open", "list_item_open",
        "list_item_close", "bullet_list_close", "softbreak",
    }  # fmt: skip
    for word in ("someone", "evil", "script", "tick", "owned", "#12"):
        assert not any(word in text for text in plain)
        assert any(word in text for text in coded)
    assert "\u202e" not in "".join(coded) and "\x1b" not in "".join(coded)


@pytest.mark.parametrize("start", range(4))
def test_no_text_gets_out_of_its_cell(start: int) -> None:
    for text in [EVIL, "|", "`", "\\", "\\|", "a\\", "``x`", "<code>", "", *hostile_strings(100, seed=start)]:
        rows = MARKDOWN.parse(f"| a | b | c |\n| --- | --- | --- |\n| x | {code(text)} | z |\n")
        cells = [token for token in rows if token.type == "inline"][3:]
        assert [cell.content for cell in (cells[0], cells[2])] == ["x", "z"] and len(cells) == 3
        _, coded, _ = parts(f"| a | b | c |\n| --- | --- | --- |\n| x | {code(text)} | z |\n")
        assert coded == [shown] if (shown := display_text(text, max_cells=160).strip()) else not coded


@example("```\nafter")
@example("a\n````\n`````")
@given(st.text(alphabet="a`\n ~|\\<\t", max_size=60))
def test_nothing_in_a_block_ends_it(text: str) -> None:
    tokens = MARKDOWN.parse(block(text) + "\nafter\n")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content.splitlines() == [display_text(line) for line in text.splitlines()]
    assert tokens[2].content == "after"


def test_long_texts_are_cut_and_say_so() -> None:
    assert fenced(["a"]) == "```text\na\n```\n"
    many = "".join(f"line {number}\n" for number in range(500))
    assert block(many).endswith("line 59\n… 440 lines cut\n```\n")
    assert block(many, from_end=True).startswith("```text\n… 440 lines cut\nline 440\n")
    assert "line 499\n```" in block(many, from_end=True)
    assert len(block("x" * 5_000_000)) < 1_000 and "of 4.8 MiB" in block("x" * 5_000_000)
    sample = hostile("y" * 3_000_000)
    assert len(render("markdown", sample.history, sample.summary)) < 40_000


def test_a_long_table_of_steps_is_cut_and_says_so() -> None:
    sample = repeated(1_000)
    text = render("markdown", sample.history, sample.summary)
    assert "… and 800 rows more; the JSON export has everything.\n" in text
    assert "  Count ×1,000 " in text
    assert text.count("| `Count`") == 200
