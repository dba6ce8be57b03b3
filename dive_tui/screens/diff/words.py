"""What the comparison says in words: its answer in the header, the change under the cursor in full, what is copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import human_count
from dive_tui.feeds.diff_questions import Answer, ExecutionsAnswer, ValuesAnswer
from dive_tui.widgets.dialogs.copy_menu import Offer
from dive_tui.widgets.diff.diff_drawing import Side, sides_of
from dive_tui.widgets.diff.diff_rows import MISSING, Row
from dive_tui.widgets.events.event_words import look_of
from dive_tui.widgets.json.json_text import preview
from dive_tui.widgets.parts import Part, part
from dive_tui.widgets.wait_words import id_words
from engine.replay.diffing.diff import Change
from engine.replay.history import History

_VALUE_CELLS = 60
_FULL_CELLS = 1_200
"""The most of a value that is shown in full."""


def counted(answer: Answer, kept: Sequence[Change]) -> str:
    """How many differences there are: `12 differences`; of executions how many steps differ."""
    if isinstance(answer, ExecutionsAnswer):
        counts = answer.comparison.counts
        number = counts.different + counts.only_left + counts.only_right
        if number:
            return f"{human_count(number)} step{'' if number == 1 else 's'} differ{'s' if number == 1 else ''}"
        return "different"
    more = "+" if answer.differences.more else ""
    return f"{human_count(len(kept))}{more} difference{'' if len(kept) == 1 and not more else 's'}"


def answer_parts(answer: Answer, kept: Sequence[Change], glyphs: Glyphs, *, swapped: bool) -> list[Part]:
    """The header's second half: the verdict as a pill, and where the first difference is."""
    if isinstance(answer, ExecutionsAnswer):
        equal = answer.comparison.equal
    else:
        equal = not kept and not answer.differences.more
    if equal and isinstance(answer, ValuesAnswer) and answer.verdict == "older_reducer":
        return [part((f" {glyphs.retry} OLDER REDUCER ", "pill waiting"), priority=1)]
    if equal:
        return [part((f" {glyphs.completed} EQUAL ", "pill ok"), priority=1)]
    if isinstance(answer, ValuesAnswer) and answer.verdict == "drift":
        pill = part((f" {glyphs.failed} DRIFT ", "pill failed"), priority=1)
        made = [pill, part((counted(answer, kept), "text"), priority=2)]
    else:
        made = [part((f" {glyphs.changed} {counted(answer, kept).upper()} ", "pill changed"), priority=1)]
    first = first_words(answer, kept, glyphs, swapped=swapped)
    if first:
        made.append(part(("first ", "dim"), (first, "text"), priority=4, shrink=14))
    return made


def first_words(answer: Answer, kept: Sequence[Change], glyphs: Glyphs, *, swapped: bool) -> str:
    """The first difference: `Charge Card input.amount 118.2 → 120.0`."""
    if isinstance(answer, ExecutionsAnswer):
        where, what = answer.first
        return f"{where} {what}".strip()
    return change_words(kept[0], glyphs, swapped=swapped) if kept else ""


def change_words(change: Change, glyphs: Glyphs, *, swapped: bool = False, cells: int = _VALUE_CELLS) -> str:
    """A change in one line: `cart.total 10 → 12`."""
    address = change.address or "the value"
    old, new = (change.new, change.old) if swapped else (change.old, change.new)
    if change.kind == "moved":
        return f"{address} moved"
    gone = "added" if swapped else "removed"
    come = "removed" if swapped else "added"
    if change.kind in ("added", "removed"):
        value = change.new if change.kind == "added" else change.old
        return f"{address} {come if change.kind == 'added' else gone}: {preview(value, cells)}"
    return f"{address} {preview(old, cells)} {glyphs.arrow} {preview(new, cells)}"


def told_in_full(
    row: Row, histories: tuple[History | None, History | None], glyphs: Glyphs, *, swapped: bool
) -> list[tuple[str, str]]:
    """A row in full, each sentence with a palette name: its address, both values, the events behind it."""
    made = [(row.address or row.label, "bold bright")]
    left, right = sides_of(row, swapped=swapped)
    if row.kind in ("branch", "stretch"):
        made.append((f"{human_count(row.count)} {'unchanged members' if row.kind == 'stretch' else 'changes'}", "dim"))
    elif left is not MISSING and left is right:
        made.append((_full(left), "text"))
    else:
        made += [(f"{glyphs.removed} {_full(left)}", "removed")] if left is not MISSING else []
        made += [(f"{glyphs.added} {_full(right)}", "added")] if right is not MISSING else []
    made += [(words, "dim") for words in _event_words(row, histories, swapped=swapped)]
    return made


def _full(value: Any) -> str:
    if isinstance(value, Side):
        return f"{value.words}  {value.more}"
    return value[:_FULL_CELLS] if isinstance(value, str) else preview(value, _FULL_CELLS)


def _event_words(row: Row, histories: tuple[History | None, History | None], *, swapped: bool) -> list[str]:
    made = []
    events = list(zip(row.by, histories, strict=True))
    if row.by[0] == row.by[1] and histories[0] is histories[1]:
        events = events[:1]
    for event, history in reversed(events) if swapped else events:
        if event is None or history is None or not 1 <= event <= len(history):
            continue
        columns, place = history.columns, id_words(history.execution_id) if len(events) > 1 else ""
        kind = look_of(columns.kind(event)).words
        words = [place, f"event {human_count(event)}", kind, columns.path(event), columns.step(event)]
        made.append("  ".join(word for word in words if word))
    return made


def offers(row: Row | None, text: str, programs: tuple[str, str], *, swapped: bool) -> list[Offer]:
    """What can be copied: of the row its address and values; all of it as `text` and, with its name, for programs."""
    made = []
    if row is not None and row.address:
        made.append(Offer("address", row.address))
        for name, value in zip(("left value", "right value"), sides_of(row, swapped=swapped), strict=True):
            if value is not MISSING and not isinstance(value, Side):
                made.append(Offer(name, value if isinstance(value, str) else value_json(value)))
    made.append(Offer("differences", text))
    if programs[1]:
        made.append(Offer(*programs))
    return made


def value_json(value: Any) -> str:
    """A value as JSON over several lines."""
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2
    return orjson.dumps(value, default=dict, option=options).decode("utf-8", "replace")
