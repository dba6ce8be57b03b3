"""What is true at one moment of a history, as rows: every path, the breakpoints, the watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import human_count
from dive_tui.app.themes import STATUS_TOKENS
from dive_tui.widgets.json.json_text import preview, style_of
from dive_tui.widgets.outline import Outline
from dive_tui.widgets.wait_words import countdown, seconds_until, wait_words
from engine.model.state import PathState
from engine.replay.addressing.addresses import MISSING
from engine.replay.history import History
from engine.replay.session.breakpoints import Breakpoint
from engine.replay.session.watches import WatchValue
from engine.replay.view import path_view

MOST_ENDED = 500
"""Of the paths that have ended the latest are listed, so many at most."""
_VALUE_CELLS = 200

RowKind = Literal["heading", "path", "breakpoint", "watch", "note"]


class NowRow(NamedTuple):
    """One row. Texts may hold anything; styles are palette names."""

    kind: RowKind
    glyph: str = " "
    style: str = "dim"
    """Of the glyph."""
    name: str = ""
    hue: int | None = None
    """Of a path: its number, which chooses its colour."""
    words: tuple[tuple[str, str], ...] = ()
    fact: str = ""
    """Stands at the right end."""
    target: int | None = None
    """The event that a person may want to go to from here."""
    number: int = 0
    """Of a breakpoint."""


class Moment(NamedTuple):
    """What the rows are made from."""

    history: History
    outline: Outline
    sequence: int
    breakpoints: Sequence[Breakpoint]
    watches: Sequence[WatchValue]


def now_rows(moment: Moment, glyphs: Glyphs) -> list[NowRow]:
    """All rows; costs what there are of paths."""
    history, sequence = moment.history, moment.sequence
    state = history.state_at(sequence)
    ended = [
        record
        for record in list(history.index.paths.values())
        if record.started_seq <= sequence and record.id not in state.paths
    ]
    ended.sort(key=lambda record: record.ended_by(sequence) or 0, reverse=True)
    count = f"{human_count(len(state.paths))} open, {human_count(len(ended))} ended"
    rows = [NowRow("heading", name="Paths", fact=f"{state.status}, {count}")]
    rows += [_open_path(moment, path, glyphs) for path in state.paths.values()]
    for record in ended[:MOST_ENDED]:
        status, at = record.status_at(sequence), record.ended_by(sequence)
        rows.append(
            NowRow(
                "path",
                glyphs.status_cell(status),
                STATUS_TOKENS.get(status, "dim"),
                record.id,
                moment.outline.path_number(record.id),
                ((f"{status} @{human_count(at)}" if at else status, "dim"),),
                target=at,
            )
        )
    if len(ended) > MOST_ENDED:
        rows.append(NowRow("note", name=f"and {human_count(len(ended) - MOST_ENDED)} more that ended before"))
    return [*rows, *_breakpoint_rows(moment, glyphs), *_watch_rows(moment, glyphs)]


def _open_path(moment: Moment, path: PathState, glyphs: Glyphs) -> NowRow:
    """`● main  Charge Card  attempt 3`, or what it waits for and how long still at that moment."""
    view = path_view(path)
    status, waits = view["status"], view["waiting_for"]
    words = [(path.current_step, "text")]
    if path.each is not None:
        words.append((f"{human_count(path.each.done)} of {human_count(len(path.each.items))} items", "dim"))
    if path.attempt > 1:
        words.append((f"attempt {path.attempt}", "waiting"))
    if path.visit > 1:
        words.append((f"visit {human_count(path.visit)}", "dim"))
    fact = ""
    if waits:
        words.append((f"waiting: {wait_words(waits)}", "waiting"))
        left = seconds_until(waits.get("due_at"), moment.outline.started + moment.outline.seconds(moment.sequence))
        fact = "" if left is None else countdown(left)
    elif status != "running":
        words.append((status, STATUS_TOKENS.get(status, "dim")))
    return NowRow(
        "path",
        glyphs.status_cell(status),
        STATUS_TOKENS.get(status, "dim"),
        path.id,
        moment.outline.path_number(path.id),
        tuple(words),
        fact,
        target=_began(moment, path.id),
    )


def _began(moment: Moment, path_id: str) -> int | None:
    """Where the step began at which a path stands."""
    record = moment.history.index.paths.get(path_id)
    units = record.units_at(moment.sequence) if record is not None else ()
    return units[-1].started_seq if units else None


def _breakpoint_rows(moment: Moment, glyphs: Glyphs) -> Iterator[NowRow]:
    yield NowRow("heading", name="Breakpoints", fact="" if moment.breakpoints else "b sets one here, B adds one")
    for point in moment.breakpoints:
        glyph, style = (glyphs.breakpoint, "replay") if point.enabled else (glyphs.pending, "dim")
        words = [(point.text, "text" if point.enabled else "dim")]
        if not point.enabled:
            words.append(("off", "waiting"))
        if point.problem:
            words.append((point.problem, "failed"))
        hits = f"{human_count(point.hits)} hit{'' if point.hits == 1 else 's'}"
        yield NowRow("breakpoint", glyph, style, str(point.number), None, tuple(words), hits, number=point.number)


def _watch_rows(moment: Moment, glyphs: Glyphs) -> Iterator[NowRow]:
    yield NowRow("heading", name="Watches", fact="" if moment.watches else "W watches a value")
    for address, value, last_set, previous in moment.watches:
        known = value is not MISSING
        words = ((preview(value, _VALUE_CELLS), style_of(value)) if known else ("not there", "dim"),)
        times = [f"last set #{last_set}"] if last_set else ["never set"]
        times += [f"previous #{previous}"] if previous else []
        changed = last_set == moment.sequence
        sign, style = (glyphs.changed, "changed") if changed else (" ", "dim")
        yield NowRow("watch", sign, style, address, None, words, ", ".join(times), target=last_set)
