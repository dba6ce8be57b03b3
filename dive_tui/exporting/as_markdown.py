"""An execution as a report to be read by people: Markdown as issue trackers show it.

Whatever was recorded stands in code, where no Markdown, no HTML and no mention of a person means anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from dive_tui.app.glyphs import UNICODE
from dive_tui.app.text import display_text, ellipsis, human_bytes, human_duration
from dive_tui.cli.printing import json_text, shown_duration
from dive_tui.exporting.facts import Failure, answer, event_lines, facts, failure_of, step_rows
from dive_tui.exporting.formats import Scope
from dive_tui.exporting.timeline import ALIVE, CUT, FAILED, NOTHING, REST, WAIT, WORK, timeline
from engine.model.snapshot import ExecutionSummary
from engine.replay.diffing.diff import Change
from engine.replay.history import History

_MOST_LINES = 60
_MOST_CELLS = 400
"""Of a line in a block."""
_MOST_STEPS = 200
_INLINE = 160
"""Cells of a text within a line."""
_BAR = 48
_LABEL = 26
_LARGE = 1_000_000
"""Characters of a text beyond which only its beginning is looked at."""


def pieces(history: History, summary: ExecutionSummary, scope: Scope) -> Iterator[str]:
    """The report, a section at a time."""
    mark = UNICODE.status(summary.shown_status)
    yield f"# {mark} {code(answer(summary), 200)}\n"
    if scope.damage:
        yield f"\n> **Incomplete:** {code(scope.damage, 400)}\n"
    yield _table(("", ""), [(name, code(value)) for name, value in facts(history, summary, scope)])
    failure = failure_of(history, scope)
    if failure is not None:
        yield from _failure(failure)
    last = len(history) if scope.last is None else min(scope.last, len(history))
    state = history.state_at(last)
    yield from _values("Inputs", state.inputs)
    yield from _values("Outputs", state.outputs)
    yield from _steps(history, scope)
    yield from _timeline(history, scope)
    yield from _events(history, scope)


def _failure(failure: Failure) -> Iterator[str]:
    event = failure.event
    yield f"\n## {failure.title}\n\n"
    where = [
        f"step {code(event.step_name)}" if event.step_name else "",
        f"path {code(event.path_id)}" if event.path_id else "",
    ]
    yield ", ".join(
        [*filter(None, [code(failure.error_type or "error"), *where, failure.attempt]), f"event {event.sequence}"]
    )
    yield "\n\n" + block(failure.message or "(no message)")
    if failure.traceback:
        yield "\n### Traceback\n\n" + block(failure.traceback, "python", from_end=True)
    if failure.parameters is not None:
        yield "\n### Input of the step\n\n" + json_block(failure.parameters)
    if failure.variables:
        yield "\n### Variables just before\n\n" + json_block(failure.variables)
    if failure.changes:
        yield "\n### Last changes before\n\n"
        yield "".join(f"- event {sequence}: {_change(change)}\n" for sequence, change in failure.changes)


def _change(change: Change) -> str:
    old, new = (code(_short_json(value), 100) for value in (change.old, change.new))
    told = {"added": f"set to {new}", "removed": f"removed, was {old}"}.get(change.kind, f"{old} {UNICODE.arrow} {new}")
    return f"{code(change.address)} {told}"


def _values(title: str, value: Any) -> Iterator[str]:
    if value:
        yield f"\n## {title}\n\n" + json_block(value)


def _steps(history: History, scope: Scope) -> Iterator[str]:
    rows = step_rows(history, scope)
    shown = list(islice(rows, _MOST_STEPS))
    if not shown:
        return
    several = len(history.index.paths) > 1
    cells = [
        (
            *([code(row.path, 40)] if several else []),
            f"{UNICODE.within} {row.what}" if row.tried else f"{code(row.step, 60)} {row.what}".rstrip(),
            f"{UNICODE.status(row.status)} {row.status}",
            shown_duration(row.seconds) if row.seconds is not None else "",
            f"{row.first}-{row.last if row.last is not None else ''}",
            code(row.note),
        )
        for row in shown
    ]
    yield "\n## Steps\n"
    yield _table((*(["Path"] if several else []), "Step", "Status", "Took", "Events", "Note"), cells)
    more = sum(1 for _ in rows)
    if more:
        yield f"\n{ellipsis()} and {more:,} rows more; the JSON export has everything.\n"


_CELLS = {
    WORK: UNICODE.eighths[-1], FAILED: UNICODE.attempt_fill, WAIT: UNICODE.wait_fill, REST: UNICODE.idle_fill,
    ALIVE: UNICODE.rail, CUT: UNICODE.idle_break, NOTHING: " ",
}  # fmt: skip


def _timeline(history: History, scope: Scope) -> Iterator[str]:
    bars, more = timeline(history, scope, _BAR)
    if not bars:
        return
    yield "\n## Timeline\n\n"
    lines = []
    for bar in bars:
        cells = "".join(_CELLS[kind] for kind in bar.cells)
        lines.append(
            f"{bar.label(_LABEL)} {UNICODE.status(bar.status)} {human_duration(bar.seconds):>6} {cells}".rstrip()
        )
    lines.append("")
    lines.append(
        f"{_CELLS[WORK]} work  {_CELLS[FAILED]} failed try  {_CELLS[WAIT]} wait  {_CELLS[REST]} between tries  "
        f"{_CELLS[CUT]} left out: nothing ran"
    )
    yield fenced(lines)
    if more:
        yield f"\n{ellipsis()} and {more:,} rows more.\n"


def _events(history: History, scope: Scope) -> Iterator[str]:
    lines = event_lines(history, scope, UNICODE)
    yield f"\n## Events {lines[0].sequence} to {lines[-1].sequence}\n" if lines else ""
    if lines:
        yield _table(
            ("Event", "After", "What", "Where", "Detail"),
            [
                (str(line.sequence), line.elapsed, f"{line.glyph} {code(line.what)}", code(line.where), code(line.said))
                for line in lines
            ],
        )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


# Text that was recorded


def code(text: str, cells: int = _INLINE) -> str:
    """Any text as code within a line, safe in a table, too; an empty one stays empty."""
    shown = display_text(text, max_cells=cells).strip()
    if not shown:
        return ""
    if not re.search(r"[`|\\]", shown):
        return f"`{shown}`"
    # A pipe would end the cell of a table, and what escapes it differs: here nothing is left to be misread.
    return "<code>" + re.sub(r"[^\w ]", lambda found: f"&#{ord(found[0])};", shown, flags=re.ASCII) + "</code>"


def block(text: str, language: str = "text", *, from_end: bool = False) -> str:
    """Any text as a block of code, its middle or end cut when it is long."""
    lines = text[-_LARGE:].splitlines() if from_end else text[:_LARGE].splitlines()
    cut = len(lines) - _MOST_LINES
    if cut > 0:
        kept = lines[-_MOST_LINES:] if from_end else lines[:_MOST_LINES]
        note = f"{ellipsis()} {cut:,} lines cut"
        lines = [note, *kept] if from_end else [*kept, note]
    shown = [display_text(line, max_cells=_MOST_CELLS) for line in lines]
    if len(text) > _LARGE:
        shown.append(f"{ellipsis()} of {human_bytes(len(text))}")
    return fenced(shown, language)


def json_block(value: Any) -> str:
    """A JSON value as an indented block of code."""
    return block(json_text(_plain(value), indented=True), "json")


def fenced(lines: Sequence[str], language: str = "text") -> str:
    """Lines as a block of code that nothing in them ends."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *lines, fence]) + "\n"


def _short_json(value: Any) -> str:
    return json_text(_plain(value))[:1_000]


def _plain(value: Any) -> Any:
    """Mappings of every kind as JSON writers know them."""
    return dict(value) if isinstance(value, Mapping) else value
