"""A comparison as text: for people to paste, as JSON for programs, in detail. Writing it may take a while."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from typing import Any

import orjson

from dive_tui.app.glyphs import Glyphs
from dive_tui.feeds.diff import MOST_CHANGES
from dive_tui.feeds.diff_questions import Answer, ExecutionsAnswer, ValuesAnswer
from dive_tui.screens.diff.words import change_words, value_json
from engine.replay.diffing.diff import Change, Differences, diff_values, not_ignored

REPORT_SECONDS = 10.0
"""How long the detailed report may take."""
_VALUE_CELLS = 400


class View(StrEnum):
    """How the differences are shown."""

    SIDE = "Side by side"
    ONE = "One column"
    JSON = "JSON"
    REPORT = "Report"


def views_of(answer: Answer | None, *, narrow: bool) -> list[View]:
    """The views there are, in turn."""
    texts = [View.JSON] if isinstance(answer, ExecutionsAnswer) else [View.JSON, View.REPORT]
    return [*([] if narrow else [View.SIDE]), View.ONE, *texts]


def title_of(view: View, answer: Answer | None) -> str:
    """What a view is called."""
    return "JSON patch" if view is View.JSON and isinstance(answer, ValuesAnswer) else view.value


def text_of(answer: Answer, view: View, ignored: Sequence[str], *, swapped: bool) -> str:
    """A view as text.

    Raises:
        ValueError: there are too many differences for a patch.
        StoreError: an event cannot be read any more.
    """
    if isinstance(answer, ExecutionsAnswer):
        return value_json(answer.comparison.to_dict())
    if view is View.REPORT:
        return _report(answer, swapped=swapped)
    differences = answer.differences
    if swapped:
        differences = diff_values(answer.new, answer.old, limit=MOST_CHANGES)
    kept = Differences(not_ignored(differences.changes, ignored), differences.more)
    return "[\n" + ",\n".join(f"  {_line(each)}" for each in kept.to_patch()) + "\n]"


def _report(answer: ValuesAnswer, *, swapped: bool) -> str:
    from engine.replay.diffing.detail import detailed_report  # loads a large library

    old, new = (answer.new, answer.old) if swapped else (answer.old, answer.new)
    report = detailed_report(old, new, deadline=REPORT_SECONDS)
    note = f"{report.note[:1].upper()}{report.note[1:]}.\n\n" if report.note else ""
    return note + report.text


def as_text(answer: Answer, kept: Sequence[Change], glyphs: Glyphs, *, swapped: bool) -> str:
    """The differences that are not ignored, a line each.

    Raises:
        StoreError: an event cannot be read any more.
    """
    left, right = reversed(answer.sides.names) if swapped else answer.sides.names
    lines = [f"- {left}", f"+ {right}"]
    if isinstance(answer, ExecutionsAnswer):
        lines += [f"first divergence: {' '.join(answer.first)}"] if answer.first[0] else []
        changes = [(each.change, each.by) for each in islice(answer.comparison.changes(), MOST_CHANGES)]
    else:
        by = dict(zip((change.address for change in answer.differences.changes), answer.by, strict=False))
        changes = [(change, by.get(change.address)) for change in kept]
    for change, event in changes:
        sign = _sign(change, swapped=swapped)
        made = f" (by #{event})" if event is not None else ""
        lines.append(f"{sign} {change_words(change, glyphs, swapped=swapped, cells=_VALUE_CELLS)}{made}")
    return "\n".join(lines) + "\n"


def _sign(change: Change, *, swapped: bool) -> str:
    if change.kind not in ("added", "removed"):
        return "~"
    return "+" if (change.kind == "added") != swapped else "-"


def _line(value: Any) -> str:
    return orjson.dumps(value, default=dict, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")
